"""Properties of plans over generated days, preferences and facts."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.announcements.planned import PlannedAnnouncement, occurrence_reference
from catflap.announcements.planning import HORIZON, plan
from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from tests.support.generated_days import ZONES, days, events, preferences
from tests.support.occurrences import NOON

MINUTE = timedelta(minutes=1)


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
