"""Plans computed from occurrences and preferences."""

import hashlib
import json
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.announcements.facts import Facts
from catflap.announcements.planned import PlannedAnnouncement
from catflap.announcements.planning import HORIZON, plan
from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.speech import private_title
from tests.support.occurrences import HOUR, NOON, QUIET, timed, whole


def test_a_reminder_comes_before_its_appointment() -> None:
    (said,) = plan([timed("Standup", NOON + 3 * HOUR)], QUIET, NOON)
    assert (said.kind, said.play_at) == ("before", NOON + 3 * HOUR - timedelta(minutes=10))
    assert (said.titles, said.event_start) == (("Standup",), "2026-11-24T15:00:00+00:00")
    assert (said.language, said.voice.dialect) == ("en", "kitten")
    assert "Standup" in said.display


def test_a_reminder_without_lead_is_said_at_the_start() -> None:
    (said,) = plan([timed("Standup", NOON)], Preferences(reminder_minutes=(0,), briefing_at=None), NOON)
    assert (said.kind, said.play_at) == ("start", NOON)


def test_several_reminders_are_several_announcements() -> None:
    several = Preferences(reminder_minutes=(60, 10, 0, 10), briefing_at=None)
    found = plan([timed("Standup", NOON + 3 * HOUR)], several, NOON)
    assert [(one.kind, NOON + 3 * HOUR - one.play_at) for one in found] == [
        ("before", HOUR),
        ("before", timedelta(minutes=10)),
        ("start", timedelta(0)),
    ]


def test_the_interval_of_a_plan_includes_its_start_and_not_its_end() -> None:
    lead = timedelta(minutes=10)
    assert len(plan([timed("First", NOON + lead)], QUIET, NOON)) == 1
    assert plan([timed("Past", NOON + lead - timedelta(seconds=1))], QUIET, NOON) == []
    assert plan([timed("Next", NOON + HORIZON + lead)], QUIET, NOON) == []
    assert len(plan([timed("Last", NOON + HORIZON + lead - timedelta(seconds=1))], QUIET, NOON)) == 1


def test_times_are_spoken_in_the_users_time_zone() -> None:
    tokyo = Preferences(zone="Asia/Tokyo", reminder_minutes=(10,), briefing_at=None)
    (said,) = plan([timed("朝会", NOON + 3 * HOUR)], tokyo, NOON)
    assert said.event_start == "2026-11-25T00:00:00+09:00"
    assert (said.language, said.voice.dialect) == ("ja", "kansai")


def test_events_with_one_start_share_one_announcement_per_language() -> None:
    at = NOON + HOUR
    found = plan([timed("Standup", at), timed("朝会", at), timed("Retro", at)], QUIET, NOON)
    assert [(one.language, one.titles) for one in found] == [("en", ("Retro", "Standup")), ("ja", ("朝会",))]


def test_of_many_titles_three_are_spoken_and_all_are_stored() -> None:
    (said,) = plan([timed(f"No. {i}", NOON + HOUR) for i in range(40)], QUIET, NOON)
    assert len(said.titles) == 40
    assert len(said.spoken) < 200
    assert "more" in said.spoken


def test_reminders_with_different_leads_are_separate_announcements() -> None:
    both = Preferences(reminder_minutes=(60, 0), briefing_at=None)
    found = plan([timed("Soon", NOON + HOUR), timed("Later", NOON + 2 * HOUR)], both, NOON)
    assert [one.titles for one in found if one.play_at == NOON + HOUR] == [("Later",), ("Soon",)]


def test_declined_events_are_not_announced() -> None:
    assert plan([timed("Standup", NOON + HOUR, declined=True)], QUIET, NOON) == []


@pytest.mark.parametrize("title", ["Therapy", "検査", ""])
def test_a_private_title_is_in_no_field_of_the_announcement(title: str) -> None:
    (said,) = plan([timed(title, NOON + HOUR, private=True)], QUIET, NOON)
    assert said.titles == (private_title(said.voice.dialect),)
    if title:
        assert title not in f"{said} {said.titles} {said.display} {said.spoken} {said.key}"


def test_the_same_event_in_two_calendars_is_announced_once() -> None:
    at = NOON + HOUR
    by_uid = [timed("Standup", at, uid="u"), timed("My standup", at, uid="u", calendar_id=2)]
    by_title = [timed("Standup", at), timed("Standup", at, calendar_id=2)]
    for twice in (by_uid, by_title, by_title[::-1]):
        (said,) = plan(twice, QUIET, NOON)
        assert said.titles == ("Standup",)


def test_an_event_that_is_private_in_one_calendar_is_private() -> None:
    at = NOON + HOUR
    twice = [timed("Therapy", at, uid="u"), timed("Busy", at, uid="u", calendar_id=2, private=True)]
    (said,) = plan(twice, QUIET, NOON)
    assert said.titles == (private_title("kitten"),)


def test_two_events_of_one_calendar_are_two_even_with_equal_titles() -> None:
    twins = [timed("Review", NOON + HOUR, event_id="a"), timed("Review", NOON + HOUR, event_id="b")]
    (said,) = plan(twins, QUIET, NOON)
    assert said.titles == ("Review", "Review")


def test_a_reminder_expires_soon_after_the_start() -> None:
    leads = Preferences(reminder_minutes=(0, 3, 10, 120), briefing_at=None)
    at = NOON + 3 * HOUR
    found = {at - one.play_at: one.expires_at - at for one in plan([timed("Standup", at)], leads, NOON)}
    assert {lead.seconds // 60: left.total_seconds() / 60 for lead, left in found.items()} == {
        0: 5, 3: 5, 10: 0, 120: -110,
    }  # fmt: skip


def briefings(occurrences: list[Occurrence], **choices: Any) -> list[PlannedAnnouncement]:
    found = plan(occurrences, Preferences(reminder_minutes=(), all_day_at=None, **choices), NOON)
    assert {one.kind for one in found} <= {"briefing"}
    return found


def test_a_day_of_which_no_calendar_is_known_is_not_told_as_empty() -> None:
    chosen = Preferences(evening_at=time(20))
    assert {one.kind for one in plan([], chosen, NOON)} == {"briefing", "evening"}
    assert plan([], chosen, NOON, facts=Facts(has_calendars=False)) == []


def test_the_briefing_names_whole_days_and_counts_appointments() -> None:
    tomorrow = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
    (said,) = briefings(
        [
            whole("Trip", date(2026, 11, 23), days=4),
            timed("Standup", tomorrow),
            timed("Retro", tomorrow + HOUR),
        ]
    )
    assert (said.play_at, said.expires_at) == (
        datetime(2026, 11, 25, 8, tzinfo=UTC),
        datetime(2026, 11, 25, 10, tzinfo=UTC),
    )
    assert (said.titles, said.event_start) == (("Trip",), "2026-11-25")
    assert "2 appointments" in said.display
    assert "9:30" in said.display


def test_a_day_with_nothing_says_so() -> None:
    (said,) = briefings([])
    assert (said.titles, said.event_start, said.language) == ((), "2026-11-25", "en")


def test_the_briefing_is_in_the_language_of_the_day() -> None:
    day = date(2026, 11, 25)
    (said,) = briefings([whole("勤労感謝の日", day)])
    assert (said.language, said.voice.dialect) == ("ja", "kansai")


def test_two_languages_are_two_briefings_and_only_one_counts() -> None:
    day = date(2026, 11, 25)
    found = briefings(
        [
            whole("勤労感謝の日", day),
            whole("Holiday", day),
            timed("Standup", datetime(2026, 11, 25, 9, tzinfo=UTC)),
        ]
    )
    assert [(one.language, one.titles) for one in found] == [("en", ("Holiday",)), ("ja", ("勤労感謝の日",))]
    assert ["appointment" in one.display or "予定" in one.display for one in found] == [True, False]


def test_appointments_that_began_before_the_briefing_are_not_counted() -> None:
    early = timed("Run", datetime(2026, 11, 25, 6, tzinfo=UTC))
    (said,) = briefings([early])
    assert "6" not in said.spoken


def test_the_briefing_is_at_its_time_in_the_users_time_zone() -> None:
    (said,) = briefings([], zone="America/Los_Angeles", briefing_at=time(7, 15))
    assert said.play_at == datetime(2026, 11, 24, 15, 15, tzinfo=UTC)
    assert said.event_start == "2026-11-24"


def test_there_is_no_briefing_if_it_is_switched_off() -> None:
    assert briefings([whole("Trip", date(2026, 11, 25))], briefing_at=None) == []


def test_a_private_all_day_event_is_named_by_its_placeholder() -> None:
    (said,) = briefings([whole("検査入院", date(2026, 11, 25), private=True)])
    assert said.titles == (private_title("kansai"),)
    assert "検査" not in said.display + said.spoken


minutes = st.integers(-60, 60 * 72)
titles = st.sampled_from(["Standup", "Retro", "朝会", "歯医者に行く", "", "1:1 with 山田", "🎉"])
somewhere = st.builds(
    lambda title, ahead, calendar, event, declined, private: timed(
        title,
        NOON + timedelta(minutes=ahead),
        calendar_id=calendar,
        event_id=event,
        uid=event,
        declined=declined,
        private=private,
    ),
    titles, minutes, st.integers(1, 2), st.uuids().map(str), st.booleans(), st.booleans(),
)  # fmt: skip
days = st.builds(
    lambda title, ahead, length: whole(title, date(2026, 11, 24) + timedelta(days=ahead), length),
    titles, st.integers(-3, 4), st.integers(1, 4),
)  # fmt: skip
calendar = st.lists(somewhere | days, max_size=12, unique_by=lambda one: one.event_id)
choices = st.builds(
    lambda leads, zone, at: Preferences(
        zone=zone, reminder_minutes=tuple(leads), briefing_at=at, all_day_at=None
    ),
    st.lists(st.sampled_from([0, 1, 10, 60, 1440]), max_size=3),
    st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]),
    st.none() | st.times(),
)


@given(calendar, choices)
@settings(max_examples=150, deadline=None, database=None)
def test_each_reminder_in_the_interval_is_announced_exactly_once(
    occurrences: list[Occurrence], chosen: Preferences
) -> None:
    one_calendar = [one for one in occurrences if one.calendar_id == 1]
    expected: Counter[tuple[datetime, str]] = Counter()
    for one in one_calendar:
        for lead in set(chosen.reminder_minutes):
            play_at = one.starts_at - timedelta(minutes=lead)
            if not one.all_day and not one.declined and NOON <= play_at < NOON + HORIZON:
                expected[play_at, one.starts_at.astimezone(chosen.time_zone).isoformat()] += 1
    said = Counter(
        (one.play_at, one.event_start)
        for one in plan(one_calendar, chosen, NOON)
        if one.kind != "briefing"
        for _ in one.titles
    )
    assert said == expected


@given(calendar, choices, st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None, database=None)
def test_the_order_of_occurrences_changes_nothing(
    occurrences: list[Occurrence], chosen: Preferences, random: Any
) -> None:
    shuffled = list(occurrences)
    random.shuffle(shuffled)
    assert plan(shuffled, chosen, NOON) == plan(occurrences, chosen, NOON)


@given(calendar, choices, st.lists(st.integers(1, 24 * 60), max_size=4))
@settings(max_examples=80, deadline=None, database=None)
def test_the_plans_of_adjacent_intervals_are_the_plan_of_the_whole(
    occurrences: list[Occurrence], chosen: Preferences, cuts: list[int]
) -> None:
    bounds = sorted({0, 24 * 60, *cuts})
    slices = [
        one
        for begin, end in pairwise(bounds)
        for one in plan(occurrences, chosen, NOON + timedelta(minutes=begin), timedelta(minutes=end - begin))
    ]
    assert slices == plan(occurrences, chosen, NOON)
    assert len({one.key for one in slices}) == len(slices)


@given(calendar, choices)
@settings(max_examples=80, deadline=None, database=None)
def test_each_day_has_one_briefing_for_each_language(
    occurrences: list[Occurrence], chosen: Preferences
) -> None:
    found = [one for one in plan(occurrences, chosen, NOON, 4 * HORIZON) if one.kind == "briefing"]
    assert len({(one.event_start, one.language) for one in found}) == len(found)
    spoken_day = {one.event_start for one in found}
    assert len(spoken_day) == (4 if chosen.briefing_at else 0)
    for one in found:
        assert NOON <= one.play_at < one.expires_at


def test_the_key_depends_on_the_event_and_not_on_the_text() -> None:
    (before,) = plan([timed("Standup", NOON + HOUR, event_id="e")], QUIET, NOON)
    (after,) = plan([timed("Stand-up!", NOON + HOUR, event_id="e")], QUIET, NOON)
    (moved,) = plan([timed("Standup", NOON + 2 * HOUR, event_id="e")], QUIET, NOON)
    assert before.key == after.key != moved.key
    assert before.spoken != after.spoken


def test_the_keys_of_the_first_release_are_still_the_same() -> None:
    # What a device has said must not be said again after an upgrade.
    chosen = Preferences(reminder_minutes=(10, 0), briefing_at=None)
    found = plan([timed("Standup", NOON + HOUR, event_id="e")], chosen, NOON)
    about = [[1, "e", "2026-11-24T13:00:00+00:00"]]
    spoken_day = [
        ["before", "2026-11-24T12:50:00+00:00", 10, "en", about],
        ["start", "2026-11-24T13:00:00+00:00", 0, "en", about],
    ]
    keys = [hashlib.sha256(json.dumps(one).encode()).hexdigest() for one in spoken_day]
    assert [one.key for one in found] == keys


def test_neighbours_are_worded_differently_and_another_event_changes_no_text() -> None:
    day = [timed("Standup", NOON + hour * HOUR / 2) for hour in range(1, 9)]
    found = plan(day, QUIET, NOON)
    assert all(one.display != other.display for one, other in pairwise(found))
    more = plan([*day, timed("Lunch", NOON + 5 * HOUR / 4)], QUIET, NOON - HOUR)
    assert {one.key: one.display for one in found}.items() < {one.key: one.display for one in more}.items()
