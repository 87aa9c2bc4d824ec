"""Readings of times, titles and phrases by OpenJTalk (golden ones of phrases: tests/cli/test_phrases.py)."""

import re
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from catflap.speech import dialects, say_before, say_start
from catflap.speech.engines.transliteration import transliterate
from catflap.speech.japanese import reading, title_reading
from catflap.speech.phrasebooks import phrasebook
from catflap.speech.spoken_times import format_date, format_duration, format_time
from tests.support.kana import kana

HERE = Path(__file__).parent
WORDS = tomllib.loads((HERE / "golden_words.toml").read_text(encoding="utf-8"))
JAPANESE = [dialect.id for dialect in dialects() if dialect.language == "ja"]
VALUES = {"titles": "「会議」", "title": "「会議」", "time": "午後3時半", "span": "10分"} | {
    "day": "今日",
    "date": "11月24日、火曜日",
    "count": "3",
    "list": "午後3時半から「会議」",
}
OTHER_VALUES = {
    "titles": ("「会議」と「面談」、ほか1件", "予定", "あるかもしれない「会議」", "「歯医者に行く」の予定"),
    "time": ("正午", "12時半", "午前レイジ5分", "午後7時20分", "明日の午前9時", "11月30日、月曜日の午後1時"),
    "span": ("1分", "2分", "15分", "1時間", "2時間半", "3時間10分", "2日と5時間", "14日"),
    "count": ("1", "2", "5", "10", "14"),
    "list": ("午前9時から「面談」、12時半から「会議」、ほか1件",),
    "day": ("明日", "12月1日、火曜日"),
    "date": ("12月1日、火曜日", "1月20日、水曜日"),
}


@pytest.mark.parametrize("dialect", JAPANESE)
def test_a_phrase_is_read_the_same_with_any_value(dialect):
    """Not as 「2時間半ばい」, which OpenJTalk takes for ニジカンナカバイ."""
    for variants in phrasebook(dialect).phrases.values():
        for spoken in (phrase.spoken for phrase in variants):
            usual = kana(spoken.format_map(VALUES))
            for name, others in OTHER_VALUES.items():
                for other in others if f"{{{name}}}" in spoken else ():
                    unit = "件" if name == "count" else ""
                    expected = usual.replace(kana(VALUES[name] + unit), kana(other + unit))
                    assert kana(spoken.format_map(VALUES | {name: other})) == expected


@pytest.mark.parametrize(("minutes", "read"), WORDS["minutes"].items())
def test_a_span_is_counted_as_people_count(minutes, read):
    assert kana("あと" + format_duration(int(minutes), "ja").spoken) == "アト" + read


@pytest.mark.parametrize(("clock", "read"), WORDS["clock"].items())
def test_a_time_of_day_has_hours_and_minutes(clock, read):
    moment = datetime.fromisoformat(f"2026-11-24T{clock}+09:00")
    assert kana(format_time(moment, moment.date(), "ja").spoken) == read


def test_days_of_the_month_have_their_own_names():
    names = (
        "ツイタチ",
        "フツカ",
        "ミッカ",
        "ヨッカ",
        "イツカ",
        "ムイカ",
        "ナノカ",
        "ヨーカ",
        "ココノカ",
        "トーカ",
    )
    for ahead, name in enumerate(names):
        spoken = format_date(date(2026, 11, 1) + timedelta(days=ahead), "ja").spoken
        assert kana(spoken).startswith("ジューイチガツ" + name)
    assert kana(format_date(date(2026, 11, 20), "ja").spoken) == "ジューイチガツハツカキンヨービ"


@pytest.mark.parametrize(("title", "read"), WORDS["titles"].items())
def test_a_title_is_read_as_a_person_would(title, read):
    assert kana(title_reading(title, 60)) == read


@pytest.mark.parametrize("dialect", JAPANESE)
def test_no_latin_letter_reaches_the_japanese_engine(dialect):
    at = datetime.fromisoformat("2026-11-24T10:30+09:00")
    titles = ["Quarterly OKR review", "zsh ünd Öl", "x", "O'Neill's Straße"]
    for utterance in (say_start(dialect, titles, at), say_before(dialect, titles, at, 10)):
        assert not re.search("[A-Za-zÀ-ÿ]", transliterate(reading(utterance.spoken)))


def test_titles_ending_in_a_verb_get_a_noun_before_the_time():
    at = datetime.fromisoformat("2026-11-24T10:30+09:00")
    assert kana(say_start("kansai", ["歯医者に行く"], at).spoken).startswith(
        "ホナハイシャニイクノヨテーノジカンヤデ"
    )
    assert kana(say_start("kansai", ["打ち合わせ"], at).spoken).startswith("ホナウチアワセノジカンヤデ")


def test_several_titles_are_joined():
    at = datetime.fromisoformat("2026-11-24T10:30+09:00")
    two = say_start("hakata", ["会議", "面談"], at)
    assert kana(two.spoken).startswith("カイギトメンダンノジカンタイ")
    five = say_start("hakata", ["会議", "面談", "散歩", "昼寝", "夕飯"], at)
    assert kana(five.spoken).startswith("カイギトメンダントサンポホカニケンノジカンタイ")


@pytest.mark.parametrize(
    ("title", "spoken"),
    [
        ("田中さんと1on1", "田中さんと、ワンオンワン"),
        ("田中さん 1:1", "田中さん、ワンオンワン"),
        ("1on1 山田さん", "ワンオンワン、山田さん"),
        ("定例1on1です", "定例、ワンオンワンです"),
        ("1対1", "ワンオンワン"),
        ("「1on1」", "ワンオンワン"),
    ],
)
def test_there_is_a_pause_around_one_on_one(title, spoken):
    assert title_reading(title, 60) == spoken
