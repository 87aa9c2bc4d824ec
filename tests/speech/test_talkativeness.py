"""Brief, normal and chatty: how much is said of reminders, of a day and of the next."""

import re
from datetime import datetime, timedelta

import pytest

from catflap.announcements.planned import phrase_seed
from catflap.speech import (
    Title,
    dialects,
    say_all_day,
    say_before,
    say_briefing,
    say_evening,
    say_leave,
    say_start,
)
from catflap.speech.phrasebooks import phrasebook
from catflap.speech.sentences import fits, speech_cost
from tests.support.phrases import has_phrase

AT = datetime.fromisoformat("2026-11-24T10:30+09:00")
TODAY = AT.date()
TOMORROW = TODAY + timedelta(days=1)
DIALECTS = [dialect.id for dialect in dialects()]
LISTED = [
    (AT, Title("Weekly sync")),
    (AT + timedelta(hours=1), Title("Review", private=True)),
    (AT + timedelta(hours=4), Title("Dentist", tentative=True)),
    (AT + timedelta(hours=8), Title("Dinner")),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("minutes", [0, 1, 10, 59, 60, 150])
def test_brief_says_less_than_normal_and_chatty_adds_a_remark(dialect: str, minutes: int) -> None:
    title = {"ja": "会議", "en": "Weekly sync"}[phrasebook(dialect).dialect.language]
    for seed in range(5):
        brief = say_before(dialect, [title], AT, minutes, seed, "brief")
        normal = say_before(dialect, [title], AT, minutes, seed)
        chatty = say_before(dialect, [title], AT, minutes, seed, "chatty")
        assert title in brief.display
        assert speech_cost(brief) <= speech_cost(normal), (brief.spoken, normal.spoken)
        assert chatty.display.startswith(normal.display)
        assert has_phrase(chatty.display.removeprefix(normal.display), "remark", dialect)


def test_no_remark_makes_an_announcement_too_long() -> None:
    title = "A visit of all the cousins from the far north, if they come"
    left_out = []
    for dialect in ("butler", "cowboy"):
        for seed in range(5):
            normal = say_before(dialect, [title, "Tea"], AT, 23 * 60 + 59, seed)
            chatty = say_before(dialect, [title, "Tea"], AT, 23 * 60 + 59, seed, "chatty")
            assert fits(chatty)
            left_out.append(chatty == normal)
    assert {*left_out} == {True, False}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_remark_and_phrase_meet_in_all_combinations(dialect: str) -> None:
    days = [AT + timedelta(days=number) for number in range(25)]
    said = {say_start(dialect, ["X"], AT, phrase_seed(at), "chatty").spoken for at in days}
    assert len(said) == 25


def test_a_remark_of_a_dialect_is_none_of_its_other_phrases() -> None:
    for dialect in DIALECTS:
        phrases = phrasebook(dialect).phrases
        others = [phrase.display for kind in phrases if kind != "remark" for phrase in phrases[kind]]
        for remark in phrases["remark"]:
            assert not any(remark.display in other for other in others), (dialect, remark.display)


def test_a_brief_briefing_has_no_greeting() -> None:
    assert say_briefing("plain", TODAY, [], 3, AT, (), 0, "brief").display == (
        "Today, 3 appointments, starting at 10:30 am."
    )
    assert say_briefing("plain", TODAY, ["Holiday"], 0, None, (), 0, "brief").display == "Today: “Holiday”."
    assert say_briefing("plain", TODAY, [], 0, None, (), 0, "brief").display == "Nothing today."
    assert say_briefing("kansai", TODAY, [], 1, AT, (), 0, "brief").display == "今日は1件、10:30からやで。"
    assert say_evening("plain", TOMORROW, [], 0, None, 0, "brief").display == "Nothing tomorrow."
    assert say_evening("kansai", TOMORROW, [], 2, AT, 0, "brief").display == "明日は2件、10:30からやで。"


def test_the_evening_tells_of_tomorrow() -> None:
    tomorrow = AT + timedelta(days=1)
    assert say_evening("plain", TOMORROW, [], 3, tomorrow).display == (
        "Good evening. 3 appointments tomorrow, the first at 10:30 am."
    )
    assert say_evening("plain", TOMORROW, [], 1, tomorrow).spoken == (
        "Good evening. One appointment tomorrow, at half past ten in the morning."
    )
    assert (
        say_evening("plain", TOMORROW, ["Holiday"], 0, None).display == "Good evening. Tomorrow: “Holiday”."
    )
    assert say_evening("plain", TOMORROW, [], 0, None).display == (
        "Good evening. Nothing on the calendar tomorrow. Sleep well."
    )
    assert say_evening("kansai", TOMORROW, ["祝日"], 2, tomorrow).display == (
        "こんばんは。明日は「祝日」やで。明日の予定は2件、最初は10:30からやで。"
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("timed", [0, 1, 3])
def test_every_variant_of_the_evening_says_tomorrow_once_it_tells_of_it(dialect: str, timed: int) -> None:
    word = {"ja": "明日", "en": "tomorrow"}[phrasebook(dialect).dialect.language]
    for seed in range(5):
        for talk in ("brief", "normal"):
            said = say_evening(dialect, TOMORROW, [], timed, AT if timed else None, seed, talk)
            assert word in said.display.lower()
            assert not re.search("today|今日は[^も]*[件予]", said.display)


def test_a_chatty_day_names_each_appointment_with_its_time() -> None:
    two = say_briefing("plain", TODAY, [], 2, AT, (), 0, "chatty", LISTED[:2])
    assert two.display == (
        "Good morning. It's Tuesday, November 24. "
        "Today, 2 appointments: “Weekly sync” at 10:30 am and an appointment at 11:30 am."
    )
    one = say_evening("plain", TOMORROW, [], 1, AT, 0, "chatty", LISTED[:1])
    assert one.display == "Good evening. Tomorrow, one appointment: “Weekly sync” at 10:30 am."
    japanese = say_briefing("kansai", TODAY, [], 3, AT, (), 0, "chatty", LISTED[:3])
    assert japanese.display.endswith(
        "今日の予定は3件やで。10:30から「Weekly sync」、11:30から予定、"
        "14:30からあるかもしれへん「Dentist」や。"
    )


def test_what_does_not_fit_is_counted() -> None:
    many = [(AT + timedelta(minutes=30 * number), Title(f"会議{number}")) for number in range(12)]
    said = say_briefing("kansai", TODAY, [], 12, AT, (), 0, "chatty", many).display
    named = len(re.findall("「会議", said))
    assert named >= 4
    assert f"ほか{12 - named}件や。" in said
    long = [(at, Title("Quarterly budget planning of the whole department")) for at, _ in many]
    said = say_evening("butler", TOMORROW, [], 12, AT, 3, "chatty", long).spoken
    assert "and 11 more" in said


def test_the_part_of_the_day_is_said_where_it_changes() -> None:
    at = [AT, AT + timedelta(minutes=15), AT + timedelta(hours=4), AT + timedelta(hours=5)]
    listed = [(one, Title("X")) for one in at]
    said = say_briefing("plain", TODAY, [], 4, AT, (), 0, "chatty", listed).spoken
    assert "X at half past ten, X at quarter to eleven, X at half past two in the afternoon and" in said


def test_only_a_chatty_day_has_the_list() -> None:
    for say in (say_briefing, say_evening):
        for talk in ("brief", "normal"):
            arguments = ("plain", TODAY, [], 4, AT)
            assert say(*arguments, seed=2, talk=talk, listed=LISTED) == say(*arguments, seed=2, talk=talk)


def test_sentences_of_a_day_take_turns() -> None:
    days = [AT + timedelta(days=number) for number in range(25)]
    said = [say_briefing("plain", TODAY, ["X"], 2, AT, (), phrase_seed(at)).spoken for at in days]
    assert len(set(said)) == 25
    all_day = [say_all_day("plain", ["X"], TODAY, TODAY, phrase_seed(at)).spoken for at in days[:5]]
    assert len(set(all_day)) == 5


def test_leaving_the_day_before_names_the_day() -> None:
    for dialect in ("plain", "kansai"):
        for seed in range(5):
            said = say_leave(dialect, ["X"], AT, 24 * 60, seed).display
            assert re.search("1 day|1日", said)
