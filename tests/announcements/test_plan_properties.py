"""Properties of plans over generated days, preferences and facts."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.announcements.facts import Facts, OccurrenceChange, Snooze
from catflap.announcements.planned import PlannedAnnouncement, occurrence_reference
from catflap.announcements.planning import HORIZON, plan
from catflap.announcements.preferences import CalendarPreferences, Place, Preferences
from catflap.calendars import Occurrence
from tests.support.occurrences import NOON, timed, whole

MINUTE = timedelta(minutes=1)
ZONES = ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]

some_minutes = st.lists(st.sampled_from([0, 1, 5, 10, 60, 1440]), max_size=3).map(tuple)
# Beside whole minutes, because Google has seconds.
instants = st.integers(-12 * 60, 72 * 60).map(lambda minutes: NOON + minutes * MINUTE) | st.integers(
    0, 86400
).map(lambda seconds: NOON + timedelta(seconds=seconds))


@st.composite
def events(draw: st.DrawFn) -> Occurrence:
    identity = draw(st.uuids().map(str))
    common = {
        "calendar_id": draw(st.integers(1, 3)),
        "event_id": identity,
        "instance": identity,
        "uid": draw(st.sampled_from([identity, "shared"])),
        "private": draw(st.booleans()),
        "declined": draw(st.booleans()),
        "tentative": draw(st.booleans()),
        "reminders": draw(some_minutes),
    }
    title = draw(st.sampled_from(["Standup", "urgent: server", "朝会", "歯医者に行く", "", "🎉", "x{time}"]))
    if draw(st.integers(0, 4)) == 0:
        day = date(2026, 11, 24) + timedelta(days=draw(st.integers(-2, 4)))
        return whole(title, day, draw(st.integers(1, 4)), **common)
    starts_at = draw(instants)
    return timed(
        title,
        starts_at,
        ends_at=starts_at + draw(st.integers(0, 600)) * MINUTE,
        place=draw(st.sampled_from(["", "Clinic North", "gym"])),
        attendee_count=draw(st.sampled_from([0, 1, 5, None])),
        busy=draw(st.booleans()),
        **common,
    )


@st.composite
def preferences(draw: st.DrawFn) -> Preferences:
    quiet = draw(st.none() | st.tuples(st.times(), st.times())) or (None, None)
    own = st.builds(CalendarPreferences, st.none() | some_minutes, st.booleans(), st.booleans())
    return Preferences(
        zone=draw(st.sampled_from(ZONES)),
        reminder_minutes=draw(some_minutes),
        briefing_at=draw(st.none() | st.times()),
        reminders_from=draw(st.sampled_from(["preferences", "google"])),
        tentative=draw(st.sampled_from(["maybe", "skip"])),
        evening_at=draw(st.none() | st.times()),
        all_day_at=draw(st.none() | st.times()),
        countdown_minutes=draw(st.lists(st.integers(1, 60), max_size=2).map(tuple)),
        repeat_minutes=draw(st.none() | st.integers(1, 30)),
        places=draw(st.sampled_from([(), (Place("clinic", 30), Place("Gym", 10))])),
        quiet_from=quiet[0],
        quiet_until=quiet[1],
        quiet_word=draw(st.sampled_from(["", "urgent"])),
        in_meetings=draw(st.sampled_from(["speak", "reminders", "last_minutes", "silent"])),
        talkativeness=draw(st.sampled_from(["brief", "normal", "chatty"])),
        says_private_titles=draw(st.booleans()),
        says_moved=draw(st.booleans()),
        says_cancelled=draw(st.booleans()),
        calendars=draw(st.dictionaries(st.integers(1, 3), own, max_size=2)),
    )


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Occurrence], Facts]:
    found = draw(st.lists(events(), max_size=10, unique_by=lambda one: one.event_id))
    timed_ones = [one for one in found if not one.all_day]
    chosen = draw(st.lists(st.sampled_from(timed_ones), max_size=3)) if timed_ones else []
    changes = [
        OccurrenceChange(
            draw(st.sampled_from(["moved", "cancelled"])),
            one.calendar_id,
            draw(st.sampled_from([one.instance, "gone"])),
            one.title,
            one.private,
            one.starts_at - timedelta(hours=1),
            one.starts_at,
            NOON + draw(st.integers(-60, 60)) * MINUTE,
        )
        for one in chosen
    ]
    return found, Facts(
        acknowledged=frozenset(occurrence_reference(one) for one in chosen[:1]),
        snoozes=tuple(Snooze(occurrence_reference(one), draw(instants)) for one in chosen[1:]),
        changes=tuple(
            replace(one, moved_to=one.moved_to if one.change == "moved" else None) for one in changes
        ),
        needs_consent=draw(st.booleans()),
    )


@given(days(), preferences(), st.lists(st.integers(1, 24 * 60), max_size=4))
@settings(max_examples=60, deadline=None, database=None)
def test_the_plans_of_adjacent_intervals_are_the_plan_of_the_whole(day: Any, chosen: Any, cuts: Any) -> None:
    occurrences, facts = day
    bounds = sorted({0, 24 * 60, *cuts})
    slices = [
        one
        for begin, end in pairwise(bounds)
        for one in plan(occurrences, chosen, NOON + begin * MINUTE, (end - begin) * MINUTE, facts)
    ]
    assert slices == plan(occurrences, chosen, NOON, HORIZON, facts)


@given(days(), preferences(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None, database=None)
def test_the_order_of_occurrences_changes_nothing(day: Any, chosen: Preferences, random: Any) -> None:
    occurrences, facts = day
    shuffled = random.sample(occurrences, len(occurrences))
    assert plan(shuffled, chosen, NOON, HORIZON, facts) == plan(occurrences, chosen, NOON, HORIZON, facts)


@given(days(), preferences())
@settings(max_examples=60, deadline=None, database=None)
def test_each_announcement_has_its_own_key_a_text_and_a_lifetime(day: Any, chosen: Preferences) -> None:
    occurrences, facts = day
    found = plan(occurrences, chosen, NOON, 3 * HORIZON, facts)
    assert len({one.key for one in found}) == len(found)
    for one in found:
        assert NOON <= one.play_at < one.expires_at
        assert one.display and one.spoken
        assert "{titles}" not in one.display


@given(days(), preferences())
@settings(max_examples=60, deadline=None, database=None)
def test_nothing_is_said_of_an_occurrence_twice_at_once(day: Any, chosen: Preferences) -> None:
    occurrences, facts = day
    found = plan(occurrences, chosen, NOON, HORIZON, facts)
    told = Counter((one.kind, one.play_at, about) for one in found for about in one.occurrences)
    assert all(times == 1 for times in told.values())
    # A snooze is stored with an acknowledgement. How long the way is, is something else.
    snoozed = facts.acknowledged | {one.occurrence for one in facts.snoozes}
    found = plan(occurrences, chosen, NOON, HORIZON, replace(facts, acknowledged=snoozed))
    played = [one for one in found if one.held_for is None and one.kind != "leave"]
    told = Counter((one.play_at, about) for one in played for about in one.occurrences)
    assert all(times == 1 for times in told.values())


@given(days(), preferences())
@settings(max_examples=60, deadline=None, database=None)
def test_declined_and_private_events_are_not_told(day: Any, chosen: Preferences) -> None:
    occurrences, facts = day
    hidden = [replace(one, title=f"canary {one.title}", private=True) for one in occurrences]
    discreet = replace(chosen, says_private_titles=False)
    no_titles = replace(
        facts, changes=tuple(replace(one, title="", is_private=True) for one in facts.changes)
    )
    for one in plan(hidden, discreet, NOON, HORIZON, no_titles):
        assert "canary" not in f"{one.display} {one.spoken} {one.titles}"
    declined = [replace(one, declined=True) for one in occurrences]
    kinds = {one.kind for one in plan(declined, chosen, NOON, HORIZON, facts)}
    assert kinds <= {"briefing", "evening", "cancelled", "reconsent"}


@given(days(), preferences())
@settings(max_examples=60, deadline=None, database=None)
def test_quiet_hours_hold_all_but_what_was_excepted(day: Any, chosen: Preferences) -> None:
    occurrences, facts = day
    strict = replace(chosen, quiet_word="", calendars={})
    for one in plan(occurrences, strict, NOON, HORIZON, facts):
        assert (one.held_for == "quiet") is (one.kind != "snoozed" and _is_quiet(one, strict))
        if one.held_for == "meeting":
            assert strict.in_meetings != "speak"


def _is_quiet(one: PlannedAnnouncement, chosen: Preferences) -> bool:
    begin, end = chosen.quiet_from, chosen.quiet_until
    if begin is None or end is None:
        return False
    local = one.play_at.astimezone(chosen.time_zone).time()
    inside = [begin <= local, local < end]
    return all(inside) if begin <= end else any(inside)


@given(days(), preferences(), events())
@settings(max_examples=60, deadline=None, database=None)
def test_another_event_changes_only_what_is_about_it(day: Any, chosen: Preferences, new: Occurrence) -> None:
    """Apart from announcements of whole days, of the same moment, and what a new meeting holds or delays."""
    occurrences, facts = day
    chosen = replace(chosen, in_meetings="speak")
    new = replace(new, uid="alone", title="Something new", calendar_id=1)
    before = plan(occurrences, chosen, NOON, HORIZON, facts)
    after = {one.key: one for one in plan([*occurrences, new], chosen, NOON, HORIZON, facts)}
    own = {one.play_at for one in after.values() if occurrence_reference(new) in one.occurrences}
    for one in before:
        if one.kind not in ("briefing", "evening", "reconsent") and one.play_at not in own:
            assert after[one.key] == one
            assert after[one.key].spoken == one.spoken


@given(days(), preferences(), st.sampled_from(ZONES))
@settings(max_examples=50, deadline=None, database=None)
def test_a_move_to_another_zone_makes_no_reminder_a_new_one(day: Any, chosen: Preferences, zone: str) -> None:
    occurrences, facts = day
    occurrences = [one for one in occurrences if not one.all_day]
    chosen = replace(chosen, quiet_from=None, quiet_until=None)
    here = plan(occurrences, chosen, NOON, HORIZON, facts)
    there = plan(occurrences, replace(chosen, zone=zone), NOON, HORIZON, facts)
    of_days = ("briefing", "evening", "reconsent")
    assert [one.key for one in here if one.kind not in of_days] == [
        one.key for one in there if one.kind not in of_days
    ]


def test_a_time_that_a_clock_change_skips_or_repeats_is_told_once() -> None:
    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        start = datetime.combine(day, time(), UTC) - timedelta(hours=6)
        chosen = Preferences(zone="Europe/Berlin", reminder_minutes=(), briefing_at=time(2, 30))
        assert [one.event_start for one in plan([], chosen, start)] == [day.isoformat()]
