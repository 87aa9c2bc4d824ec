"""Quiet hours and silence in meetings."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.announcements.appointments import appointments
from catflap.announcements.holding import Holding
from catflap.announcements.planning import plan
from catflap.announcements.preferences import CalendarPreferences, InMeetings, Preferences
from tests.support.occurrences import HOUR, NOON, timed, whole

NIGHT = {"quiet_from": time(22), "quiet_until": time(7)}
MINUTE = timedelta(minutes=1)


def held(occurrences: list[Any], **choices: Any) -> list[tuple[str, tuple[str, ...], str | None]]:
    preferences = Preferences(**{"briefing_at": None, **choices})
    return [(one.kind, one.titles, one.held_for) for one in plan(occurrences, preferences, NOON)]


@pytest.mark.parametrize(
    ("at", "reason"),
    [(time(21, 59), None), (time(22), "quiet"), (time(3), "quiet"), (time(6, 59), "quiet"), (time(7), None)],
)
def test_quiet_hours_hold_from_their_beginning_until_before_their_end(at: time, reason: str | None) -> None:
    holding = Holding([], Preferences(zone="Asia/Tokyo", **NIGHT))
    local = datetime.combine(NOON.date(), at, Preferences(zone="Asia/Tokyo").time_zone)
    assert holding.held_for(local.astimezone(UTC), "before") == reason


def test_quiet_hours_may_begin_and_end_on_one_day() -> None:
    nap = Holding([], Preferences(quiet_from=time(13), quiet_until=time(15)))
    assert [nap.held_for(NOON + hours * HOUR, "start") for hours in (0, 1, 2, 3)] == [
        None,
        "quiet",
        "quiet",
        None,
    ]


def test_quiet_hours_of_no_length_hold_nothing() -> None:
    assert Holding([], Preferences(quiet_from=time(12), quiet_until=time(12))).held_for(NOON, "start") is None


def test_an_event_with_the_word_or_of_a_chosen_calendar_is_announced_at_night() -> None:
    at = NOON + 14 * HOUR
    events = [
        timed("Party", at),
        timed("URGENT: server", at),
        timed("Medicine", at, calendar_id=2),
    ]
    loud = {2: CalendarPreferences(ignores_quiet=True)}
    found = held(events, reminder_minutes=(10,), quiet_word="urgent", calendars=loud, **NIGHT)
    assert sorted(found) == [
        ("before", ("Medicine", "URGENT: server"), None),
        ("before", ("Party",), "quiet"),
    ]


def test_the_briefing_is_held_like_all_else() -> None:
    late_riser = {"quiet_from": time(22), "quiet_until": time(10)}
    assert [reason for _, _, reason in held([], briefing_at=time(8), **late_riser)] == ["quiet"]


@pytest.mark.parametrize(
    ("kind", "ahead", "choice", "reason"),
    [
        ("before", 30, "speak", None),
        ("before", 30, "reminders", None),
        ("before", 30, "last_minutes", "meeting"),
        ("before", 10, "last_minutes", None),
        ("before", 10, "silent", "meeting"),
        ("briefing", 30, "speak", None),
        ("briefing", 5, "reminders", "meeting"),
        ("briefing", 5, "last_minutes", "meeting"),
        ("moved", 30, "reminders", "meeting"),
        ("start", 0, "silent", None),
        ("snoozed", 30, "silent", None),
    ],
)
def test_a_meeting_holds_what_was_chosen(
    kind: Any, ahead: int, choice: InMeetings, reason: str | None
) -> None:
    meeting = timed("Review", NOON, attendee_count=3)
    preferences = Preferences(in_meetings=choice)
    holding = Holding(appointments([meeting], preferences), preferences)
    assert holding.held_for(meeting.ends_at - ahead * MINUTE, kind) == reason


@pytest.mark.parametrize(
    ("event", "is_meeting"),
    [
        ({"attendee_count": 2}, True),
        ({"attendee_count": None}, True),
        ({"conference_link": "https://meet.example/a"}, True),
        ({"attendee_count": 1}, False),
        ({}, False),
        ({"attendee_count": 9, "busy": False}, False),
        ({"attendee_count": 9, "declined": True}, False),
        ({"attendee_count": 9, "ends_at": NOON + 9 * HOUR}, False),
    ],
)
def test_a_meeting_is_busy_with_others_and_no_conference_of_days(
    event: dict[str, Any], is_meeting: bool
) -> None:
    preferences = Preferences(in_meetings="silent")
    holding = Holding(appointments([timed("Review", NOON, **event)], preferences), preferences)
    assert (holding.held_for(NOON + HOUR / 2, "before") == "meeting") is is_meeting


def test_an_all_day_event_with_guests_is_no_meeting() -> None:
    preferences = Preferences(in_meetings="silent")
    trip = whole("Trip", NOON.date(), attendee_count=4)
    assert Holding(appointments([trip], preferences), preferences).held_for(NOON, "before") is None


def test_a_meeting_does_not_hold_its_own_announcements() -> None:
    meeting = timed("Review", NOON + HOUR, attendee_count=3)
    other = timed("Retro", NOON + HOUR + 10 * MINUTE)
    found = held([meeting, other], reminder_minutes=(0,), repeat_minutes=2, in_meetings="silent")
    reasons = {(kind, titles): reason for kind, titles, reason in found}
    assert reasons["again", ("Review",)] is None
    assert reasons["start", ("Retro",)] == "meeting"


def test_what_starts_when_a_meeting_ends_is_announced() -> None:
    back_to_back = [timed(str(n), NOON + n * HOUR, attendee_count=2) for n in range(1, 4)]
    found = held(back_to_back, reminder_minutes=(10, 0), in_meetings="silent")
    assert [reason for kind, _, reason in found if kind == "start"] == [None, None, None]
    assert [reason for kind, _, reason in found if kind == "before"] == [None, "meeting", "meeting"]


instants = st.integers(0, 48 * 60).map(lambda minutes: NOON + minutes * MINUTE)
meetings = st.lists(
    st.builds(
        lambda at, minutes: timed("Meeting", at, ends_at=at + minutes * MINUTE, attendee_count=2),
        instants,
        st.integers(0, 400),
    ),
    max_size=8,
)
times = st.none() | st.tuples(st.times(), st.times())


@given(
    meetings,
    times,
    st.sampled_from(["reminders", "last_minutes", "silent"]),
    instants,
    st.sampled_from(["before", "moved"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
)
@settings(max_examples=80, deadline=None, database=None)
def test_the_first_free_time_is_free_and_everything_before_it_is_held(
    found: Any, quiet: Any, choice: Any, at: datetime, kind: Any, zone: str
) -> None:
    begin, end = quiet or (None, None)
    preferences = Preferences(zone=zone, quiet_from=begin, quiet_until=end, in_meetings=choice)
    holding = Holding(appointments(found, preferences), preferences)
    free = holding.first_time(at, kind)
    assert holding.held_for(free, kind) is None
    if choice != "last_minutes":
        while at < free:
            assert holding.held_for(at, kind) is not None
            at += MINUTE


@pytest.mark.parametrize(
    ("zone", "evening"),
    [
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 12, tzinfo=UTC)),
        ("America/Sao_Paulo", datetime(2018, 2, 17, 23, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 24, 22, tzinfo=UTC)),
        ("America/Havana", datetime(2026, 11, 1, 2, tzinfo=UTC)),
    ],
)
def test_what_is_held_in_a_night_in_which_clocks_are_set_back_is_told_as_soon_as_it_may_be(
    zone: str, evening: datetime
) -> None:
    for end in (time(0, 30), time(1, 45), time(2, 15), time(23, 30)):
        preferences = Preferences(zone=zone, quiet_from=time(22), quiet_until=end)
        holding = Holding([], preferences)
        for minutes in range(0, 6 * 60, 7):
            at = evening + minutes * MINUTE
            free = holding.first_time(at, "moved")
            while at < free:
                assert holding.held_for(at, "moved") == "quiet"
                at += MINUTE


@pytest.mark.parametrize(
    ("at", "hours"), [(time(19), 2), (time(21), 1), (time(21, 59), 1 / 60), (time(8), 2)]
)
def test_what_lasts_for_hours_ends_where_the_quiet_hours_begin(at: time, hours: float) -> None:
    preferences = Preferences(briefing_at=at, evening_at=at, all_day_at=at, **NIGHT)
    found = plan([whole("Trip", NOON.date() + timedelta(days=1))], preferences, NOON)
    assert {(one.expires_at - one.play_at) / HOUR for one in found} == {hours}
