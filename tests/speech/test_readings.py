"""Readings of times, titles and phrases by OpenJTalk (golden ones of phrases: tests/cli/test_phrases.py)."""

import re
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from catflap.speech import dialects, say_before, say_start
from catflap.speech.engines.transliteration import transliterate
from catflap.speech.japanese import reading, title_reading
from catflap.speech.spoken_times import format_date, format_duration, format_time
from tests.support.kana import kana

HERE = Path(__file__).parent
WORDS = tomllib.loads((HERE / "golden_words.toml").read_text(encoding="utf-8"))
JAPANESE = [dialect.id for dialect in dialects() if dialect.language == "ja"]


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
