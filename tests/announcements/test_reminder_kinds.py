"""Countdowns, times to leave, repeats, snoozed and all-day announcements, choices of single calendars."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from catflap.announcements.facts import NO_FACTS, Facts, Snooze
from catflap.announcements.planned import occurrence_reference
from catflap.announcements.planning import HORIZON, plan
from catflap.announcements.preferences import CalendarPreferences, Place, Preferences
from catflap.calendars import Occurrence
from catflap.speech import private_title
from tests.support.occurrences import HOUR, NOON, timed, whole

AT = NOON + 3 * HOUR
MINUTE = timedelta(minutes=1)
# What differs between two announcements in the same words.
WITHOUT_SPAN = re.compile(r"(\d+ (hours?|minutes?)( and )?)+|\d+:\d+ pm")


def said(occurrences: list[Occurrence], facts: Facts = NO_FACTS, **choices: Any) -> list[tuple[str, float]]:
    """Return the kind of each announcement and how many minutes after `AT` it is."""
    preferences = Preferences(**{"briefing_at": None, "reminder_minutes": (10, 0), **choices})
    found = plan(occurrences, preferences, NOON, HORIZON, facts)
    return [(one.kind, (one.play_at - AT) / MINUTE) for one in found]


def test_a_reminder_and_the_start_are_announced_unless_chosen_otherwise() -> None:
    found = plan([timed("Standup", AT)], Preferences(briefing_at=None), NOON)
    assert [(one.kind, one.play_at) for one in found] == [("before", AT - 10 * MINUTE), ("start", AT)]


def test_countdowns_are_said_beside_reminders_and_never_twice_at_once() -> None:
    found = said([timed("Standup", AT)], countdown_minutes=(10, 5, 2))
    assert found == [("before", -10), ("countdown", -5), ("countdown", -2), ("start", 0)]
    found = said([timed("Standup", AT)], reminder_minutes=(10,), countdown_minutes=(5,), repeat_minutes=5)
    assert found[:3] == [("before", -10), ("countdown", -5), ("again", 0)]


def test_a_countdown_survives_snooze_and_acknowledgement() -> None:
    event = timed("Standup", AT)
    reference = occurrence_reference(event)
    facts = Facts(frozenset({reference}), (Snooze(reference, AT - 4 * MINUTE),))
    found = said([event], facts, countdown_minutes=(5,), repeat_minutes=2)
    assert found == [("before", -10), ("countdown", -5), ("snoozed", -4), ("start", 0)]


def test_the_time_to_leave_is_said_for_the_longest_place_that_matches() -> None:
    places = (Place("clinic", 20), Place("Clinic North", 45), Place("gym", 5))
    events = [
        timed("Dentist", AT, place="CLINIC NORTH, 2nd floor"),
        timed("Call", AT, conference_link="https://meet.example/gym"),
        whole("Trip", date(2026, 11, 25), place="Clinic North"),
    ]
    assert said(events, places=places, reminder_minutes=(), all_day_at=None) == [("leave", -45)]


def test_a_start_is_repeated_until_somebody_acknowledges_it() -> None:
    event = timed("Standup", AT)
    repeats = [("start", 0), *(("again", 3 * count) for count in range(1, 6))]
    assert said([event], reminder_minutes=(0,), repeat_minutes=3) == repeats
    acknowledged = Facts(frozenset({occurrence_reference(event)}))
    assert said([event], acknowledged, reminder_minutes=(0,), repeat_minutes=3) == [("start", 0)]


@pytest.mark.parametrize("every", [1, 2, 3, 4, 5, 9, 10, 25])
@pytest.mark.parametrize("minute", range(5))
def test_each_repeat_is_said_in_other_words(every: int, minute: int) -> None:
    event = timed("X", AT + minute * MINUTE, ends_at=AT + 4 * HOUR)
    preferences = Preferences(
        briefing_at=None, reminder_minutes=(0,), repeat_minutes=every, dialect_en="plain"
    )
    texts = [one.display for one in plan([event], preferences, NOON) if one.kind == "again"]
    assert len({WITHOUT_SPAN.sub("", text) for text in texts}) == 5


@pytest.mark.parametrize("countdown", [(5, 2), (5, 1), (10, 5), (15, 5), (10, 2)])
def test_each_countdown_is_said_in_other_words(countdown: tuple[int, ...]) -> None:
    preferences = Preferences(
        briefing_at=None, reminder_minutes=(0,), countdown_minutes=countdown, dialect_en="plain"
    )
    found = plan([timed("X", AT)], preferences, NOON)
    texts = [WITHOUT_SPAN.sub("", one.display) for one in found if one.kind == "countdown"]
    assert len(set(texts)) == 2


@pytest.mark.parametrize("leads", [(30, 10), (15, 5), (10, 5), (20, 10), (30, 15)])
def test_reminders_of_one_time_or_one_event_differ_by_their_words(leads: tuple[int, int]) -> None:
    later = timed("X", AT + (leads[0] - leads[1]) * MINUTE)
    preferences = Preferences(briefing_at=None, reminder_minutes=leads, dialect_en="plain")
    found = [
        one for one in plan([timed("X", AT), later], preferences, NOON) if one.kind in ("before", "start")
    ]
    for groups in ("play_at", "event_start"):
        texts: dict[Any, list[str]] = {}
        for one in found:
            texts.setdefault(getattr(one, groups), []).append(WITHOUT_SPAN.sub("", one.display))
        assert all(len(set(same)) == len(same) for same in texts.values()), texts


def test_acknowledging_one_of_two_goes_on_repeating_the_other() -> None:
    one, other = timed("Standup", AT), timed("Retro", AT)
    preferences = Preferences(briefing_at=None, reminder_minutes=(0,), repeat_minutes=5)
    facts = Facts(frozenset({occurrence_reference(one)}))
    found = plan([one, other], preferences, NOON, HORIZON, facts)
    assert {one.titles for one in found if one.kind == "again"} == {("Retro",)}


def test_nothing_is_repeated_after_the_event_or_without_a_reminder() -> None:
    short = timed("Standup", AT, ends_at=AT + 7 * MINUTE)
    assert said([short], reminder_minutes=(0,), repeat_minutes=3) == [
        ("start", 0),
        ("again", 3),
        ("again", 6),
    ]
    assert said([timed("Standup", AT)], reminder_minutes=(), repeat_minutes=3) == []


def test_an_acknowledged_event_that_moves_is_announced_anew() -> None:
    acknowledged = Facts(frozenset({occurrence_reference(timed("Standup", AT - HOUR, event_id="e"))}))
    found = said([timed("Standup", AT, event_id="e")], acknowledged, reminder_minutes=(0,), repeat_minutes=20)
    assert ("again", 20) in found


@pytest.mark.parametrize(("ahead", "words"), [(4, "4 minutes"), (0, "Standup"), (-7, "7 minutes ago")])
def test_a_snoozed_announcement_tells_the_time_that_is_left(ahead: int, words: str) -> None:
    event = timed("Standup", AT)
    facts = Facts(snoozes=(Snooze(occurrence_reference(event), AT - ahead * MINUTE),))
    chosen = Preferences(briefing_at=None, reminder_minutes=(), dialect_en="plain")
    (found,) = plan([event], chosen, NOON, HORIZON, facts)
    assert (found.kind, found.play_at) == ("snoozed", AT - ahead * MINUTE)
    assert words in found.display


@pytest.mark.parametrize("late", [-29, 0, 29])
def test_what_is_snoozed_until_the_next_reminder_is_said_once(late: int) -> None:
    event = timed("Standup", AT)
    snoozed_until = AT + timedelta(seconds=late)
    facts = Facts(snoozes=(Snooze(occurrence_reference(event), snoozed_until),))
    chosen = Preferences(briefing_at=None, reminder_minutes=(10, 0))
    found = plan([event], chosen, NOON, HORIZON, facts)
    assert [one.kind for one in found] == ["before", "start"]
    night = replace(chosen, quiet_from=time(0), quiet_until=time(23, 59))
    played = [one.kind for one in plan([event], night, NOON, HORIZON, facts) if one.held_for is None]
    assert played == ["snoozed"]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"briefing_at": None}, [("all_day", datetime(2026, 11, 25, 9, tzinfo=UTC))]),
        (
            {"briefing_at": None, "all_day_at": time(7, 30)},
            [("all_day", datetime(2026, 11, 25, 7, 30, tzinfo=UTC))],
        ),
        ({"briefing_at": None, "all_day_at": None}, []),
        ({"briefing_at": time(8)}, [("briefing", datetime(2026, 11, 25, 8, tzinfo=UTC))]),
    ],
)
def test_all_day_events_are_told_at_a_sane_hour_of_their_first_day(choices: Any, expected: Any) -> None:
    trip = whole("Trip", date(2026, 11, 25), days=3)
    found = plan([trip], Preferences(**choices), NOON)
    assert [(one.kind, one.play_at) for one in found] == expected
    later = plan([trip], Preferences(**choices), NOON + HORIZON)
    assert [one.kind for one in later] == ["briefing" for kind, _ in expected if kind == "briefing"]


def test_a_calendar_may_have_its_own_reminders_and_hide_its_titles() -> None:
    own = {2: CalendarPreferences((30,), says_titles=False), 3: CalendarPreferences(())}
    events = [
        timed(title, AT, calendar_id=number) for number, title in ((1, "Work"), (2, "Therapy"), (3, "Bins"))
    ]
    preferences = Preferences(briefing_at=None, reminder_minutes=(10,), calendars=own)
    found = plan(events, preferences, NOON)
    assert [(one.titles, (AT - one.play_at) / MINUTE) for one in found] == [
        ((private_title("kitten"),), 30),
        (("Work",), 10),
    ]


def test_reminders_of_a_calendar_count_before_those_of_google() -> None:
    own = {1: CalendarPreferences((5,))}
    events = [timed("Own", AT, reminders=(60,)), timed("Google's", AT, reminders=(60,), calendar_id=2)]
    preferences = Preferences(briefing_at=None, reminders_from="google", calendars=own)
    found = plan(events, preferences, NOON)
    assert [(one.titles, (AT - one.play_at) / MINUTE) for one in found] == [
        (("Google's",), 60),
        (("Own",), 5),
    ]


def test_private_titles_are_said_only_to_those_who_chose_it() -> None:
    event = timed("Therapy", AT, private=True)
    for says, title in ((True, "Therapy"), (False, private_title("kitten"))):
        chosen = Preferences(briefing_at=None, reminder_minutes=(10,), says_private_titles=says)
        (found,) = plan([event], chosen, NOON)
        assert found.titles == (title,)


@pytest.mark.parametrize(("every", "repeats"), [(1, [1, 2, 3, 4, 5]), (20, [20, 40]), (30, [30])])
def test_repeats_follow_the_last_reminder_as_long_as_the_event_lasts(every: int, repeats: list[int]) -> None:
    found = said([timed("Standup", AT)], reminder_minutes=(20, 10, 0), repeat_minutes=every)
    assert [at for kind, at in found if kind == "again"] == repeats


def test_the_evening_tells_of_the_next_day() -> None:
    tomorrow = [timed("Standup", NOON + 22 * HOUR), timed("Retro", NOON + 25 * HOUR)]
    chosen = Preferences(briefing_at=None, reminder_minutes=(), evening_at=time(21), dialect_en="plain")
    (found,) = plan([timed("Today", NOON + 11 * HOUR), *tomorrow], chosen, NOON)
    assert (found.kind, found.play_at, found.event_start) == ("evening", NOON + 9 * HOUR, "2026-11-25")
    assert "2 appointments" in found.display
    assert "10" in found.display


def test_a_day_without_titles_is_told_in_the_language_of_most_of_them() -> None:
    chosen = Preferences(reminder_minutes=())
    (mixed,) = plan([timed("朝会", NOON - HOUR), timed("会議", NOON - HOUR)], chosen, NOON)
    (tokyo,) = plan([], Preferences(reminder_minutes=(), zone="Asia/Tokyo"), NOON)
    (counted,) = plan([timed("朝会", NOON + 21 * HOUR)], chosen, NOON)
    assert [one.language for one in (mixed, tokyo, counted)] == ["ja", "ja", "ja"]
    assert [one.language for one in plan([], chosen, NOON)] == ["en"]


def test_a_day_is_told_once_also_if_its_language_changes() -> None:
    chosen = Preferences(reminder_minutes=())
    (before,) = plan([timed("Standup", NOON - HOUR)], chosen, NOON)
    events = [timed("Standup", NOON - HOUR), timed("朝会", NOON - HOUR), timed("会議", NOON - HOUR)]
    (after,) = plan(events, chosen, NOON)
    assert (before.language, after.language) == ("en", "ja")
    assert before.key == after.key


def test_a_day_is_told_once_also_after_a_move_to_another_zone() -> None:
    (there,) = plan([], Preferences(reminder_minutes=(), zone="Europe/Berlin"), NOON)
    (here,) = plan([], Preferences(reminder_minutes=(), zone="Europe/London"), NOON)
    assert there.play_at != here.play_at
    assert there.key == here.key
