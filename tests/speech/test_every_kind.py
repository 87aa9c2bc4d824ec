"""Every kind of announcement in every dialect: complete, short enough, varied, and safe with any title."""

import re
from datetime import datetime, timedelta

import pytest

from catflap.speech import Title, Utterance, dialects, say_countdown, say_late, say_leave, say_moved
from catflap.speech.phrasebooks import phrasebook
from catflap.speech.sentences import fits
from tests.support.announcement_kinds import AT, TODAY, kinds

DIALECTS = [dialect.id for dialect in dialects()]
ORDINARY = {"ja": ["会議", "歯医者に行く"], "en": ["Weekly sync", "Dentist"]}
HOSTILE = {
    "braces": "{titles} {0} {{}} %s %(x)s {time!r}",
    "quotes": "」「”“\"'」",
    "ten thousand characters": "Lunch & 会議 " * 1000,
    "ten thousand letters": "x" * 10_000,
    "ten thousand kanji": "漢字会議" * 2500,
    "emoji only": "😀🎂👩‍👩‍👧",
    "right to left": "مرحبا بالعالم",
    "override": "\u202egnitem\u202c",
    "NUL": "会議\x00室\x00",
    "only NUL": "\x00",
    "SSML": '<speak><audio src="file:///etc/passwd"/>a</speak>',
    "shell": "$(reboot); `id` | cat > /dev/null",
    "lone surrogate": "\ud83d",
    "empty": "",
}


def language(dialect: str) -> str:
    return phrasebook(dialect).dialect.language


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_is_complete_and_short_enough_and_a_retry_says_the_same(dialect: str) -> None:
    for name, say in kinds(dialect, ORDINARY[language(dialect)]):
        assert say(4) == say(4)
        for seed in range(5):
            said = say(seed)
            assert not set("{}") & set(said.display + said.spoken), name
            assert not re.search("  |[!?][^ 」]|[.,:;][^ \\d]", said.display), (name, said.display)
            assert fits(said), (name, said.spoken)
            assert (said.dialect, said.language) == (dialect, language(dialect))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_five_consecutive_seeds_say_five_texts(dialect: str) -> None:
    for name, say in kinds(dialect, ORDINARY[language(dialect)], all_minutes=(1, 15, 90)):
        assert len({say(seed).spoken for seed in range(5_955_121, 5_955_126)}) == 5, name


@pytest.mark.slow
@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE.keys())
def test_any_title_is_safe_in_every_kind(title: str) -> None:
    for dialect in ("tsugaru", "pirate"):
        for name, say in kinds(
            dialect, [title, Title(title, tentative=True)], all_minutes=(0, 15, 1440), all_timed=(2,)
        ):
            said = say(3)
            assert not set("{}<>`$|\x00") & set(said.spoken), name
            assert not set("\x00\u202e\u202c\ud83d\n") & set(said.display), name
            assert fits(said), (dialect, name, said.spoken)
            said.display.encode()
            said.spoken.encode()


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_many_long_titles_fit_into_a_sound(dialect: str) -> None:
    words = {
        "ja": "第二四半期予算進捗確認会議と長い題名",
        "en": "Quarterly budget planning of the whole department",
    }
    titles = [Title(f"{words[language(dialect)]} {number}", tentative=True) for number in range(5)]
    late = datetime.fromisoformat("2026-11-24T23:37+09:00")
    for name, say in kinds(dialect, titles, late, all_minutes=(0, 59, 1440), all_timed=(12,)):
        for seed in range(5):
            assert fits(say(seed)), (name, say(seed).spoken)


@pytest.mark.parametrize("dialect", [one for one in DIALECTS if language(one) == "en"])
def test_no_english_time_is_read_as_digits(dialect: str) -> None:
    """Recognisers hear "at 3 30 PM" as "free thirty PM"."""
    digits = re.compile(r"\d[ :]\d\d\b|\d ?[AaPp]\.?[Mm]\b|\d\d\d|thirty")
    for minute in range(0, 24 * 60, 61):
        at = datetime.fromisoformat("2026-11-24T00:00+09:00") + timedelta(minutes=minute)
        for name, say in kinds(dialect, ["Dentist"], at, all_minutes=(30, 150), all_timed=(1, 2)):
            assert not digits.search(say(minute).spoken), (name, say(minute).spoken)


def test_what_started_just_now_is_neither_early_nor_late() -> None:
    for dialect in DIALECTS:
        now = say_late(dialect, ["会議"], 0, 1)
        assert now == say_late(dialect, ["会議"], -1, 1) == say_countdown(dialect, ["会議"], 0, 1)
        assert not re.search(r"\d", now.spoken)


def test_spans_are_said_as_a_person_does() -> None:
    def both(utterance: Utterance) -> tuple[str, str]:
        return utterance.display, utterance.spoken

    assert both(say_countdown("plain", ["Sync"], 1)) == (
        "1 minute left until “Sync”.",
        "One minute left until Sync.",
    )
    assert both(say_countdown("standard", ["会議"], 5))[1] == "「会議」まで、のこり5分です。"
    assert both(say_late("plain", ["Sync"], 15))[1] == "Sync started a quarter of an hour ago."
    assert both(say_late("plain", ["Sync"], 3))[1] == "Sync started 3 minutes ago."
    assert (
        both(say_leave("plain", ["Dentist"], AT, 30))[1]
        == "Time to leave for Dentist. It's half an hour away."
    )
    assert (
        both(say_leave("standard", ["歯医者"], AT, 90))[1]
        == "「歯医者」に出かける時間です。道のりは1時間半です。"
    )


def test_a_move_to_another_day_names_it() -> None:
    tomorrow, later = AT + timedelta(days=1), AT + timedelta(days=2)
    assert say_moved("plain", ["Sync"], AT, TODAY, 1).spoken == (
        "A change of plan: Sync, now at half past ten this morning."
    )
    assert say_moved("plain", ["Sync"], tomorrow, TODAY, 1).display.endswith("now at 10:30 am tomorrow.")
    assert "on Thursday, November 26" in say_moved("plain", ["Sync"], later, TODAY, 1).display
    assert "明日の10:30" in say_moved("kansai", ["会議"], tomorrow, TODAY).display
    assert "11月26日、木曜日の午前10時半" in say_moved("kansai", ["会議"], later, TODAY).spoken
