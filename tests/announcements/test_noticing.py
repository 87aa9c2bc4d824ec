"""Which changes of occurrences are noticed between two plans."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from catflap.announcements.facts import OccurrenceChange
from catflap.announcements.noticing import (
    MOST_KNOWN,
    Noticed,
    detect_changes,
    merge_changes,
    seen_occurrences,
)
from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from tests.support.occurrences import HOUR, NOON, timed, whole

ONE = {1: 0, 2: 0}
USUAL = Preferences()
ZONED = Preferences(zone="Asia/Tokyo")


def event(title: str, starts_at: datetime, **more: Any) -> Occurrence:
    return timed(title, starts_at, **{"instance": title, **more})


def instance(
    title: str, original: datetime, starts_at: datetime | None = None, series: str = ""
) -> Occurrence:
    """An instance of a series, whose id is the title; `original` is its start by the rule."""
    return timed(title, starts_at or original, instance=f"{series or title} {original.isoformat()}")


def noticed(
    before: list[Occurrence],
    now: list[Occurrence],
    *,
    later: timedelta = timedelta(minutes=5),
    generations: dict[int, int] = ONE,
    preferences: Preferences = USUAL,
    then: Preferences | None = None,
) -> list[tuple[str, str, datetime, datetime | None]]:
    """What the plan `later` notices of what the plan of noon saw."""
    seen = seen_occurrences(before, then or preferences, ONE, NOON)
    found = detect_changes(seen, NOON, now, generations, preferences, NOON + later)
    return [(one.change, one.title, one.starts_at, one.moved_to) for _, one in found]


def test_an_event_that_starts_at_another_time_was_moved() -> None:
    for other in (NOON + HOUR, NOON + 5 * HOUR, NOON + 20 * HOUR, NOON + timedelta(days=9)):
        was = NOON + 3 * HOUR
        assert noticed([event("Tea", was)], [event("Tea", other)]) == [("moved", "Tea", was, other)]
    assert noticed([event("Tea", NOON + HOUR)], [event("Tea", NOON + HOUR, ends_at=NOON + 9 * HOUR)]) == []


def test_an_event_that_is_gone_was_cancelled() -> None:
    was = NOON + 3 * HOUR
    assert noticed([event("Tea", was)], []) == [("cancelled", "Tea", was, None)]
    assert noticed([instance("Tea", was)], []) == [("cancelled", "Tea", was, None)]


def test_a_new_event_is_no_change() -> None:
    assert noticed([], [event("Tea", NOON + HOUR)]) == []


def test_an_instance_of_a_series_keeps_its_identity_when_it_is_moved() -> None:
    was, to = NOON + 3 * HOUR, NOON + 4 * HOUR
    tomorrow = instance("Tea", was + timedelta(days=1))
    found = noticed([instance("Tea", was), tomorrow], [instance("Tea", was, to), tomorrow])
    assert found == [("moved", "Tea", was, to)]


@pytest.mark.parametrize("new_id", ["Tea", "Tea_R20261124T160000"], ids=["changed", "split"])
def test_a_series_that_was_shifted_was_moved_on_each_day(new_id: str) -> None:
    days = [NOON + 3 * HOUR + timedelta(days=day) for day in range(3)]
    before = [instance("Tea", day) for day in days]
    after = [instance("Tea", day + HOUR, series=new_id) for day in days]
    # The plan saw today and tomorrow.
    assert noticed(before, after) == [("moved", "Tea", day, day + HOUR) for day in days[:2]]


def test_a_series_of_two_a_day_is_shifted_in_order() -> None:
    early, late = NOON + HOUR, NOON + 3 * HOUR
    before = [instance("Tea", early), instance("Tea", late)]
    after = [instance("Tea", early + HOUR / 2), instance("Tea", late + HOUR / 2)]
    assert noticed(before, after) == [
        ("moved", "Tea", early, early + HOUR / 2),
        ("moved", "Tea", late, late + HOUR / 2),
    ]
    assert noticed(before, [after[0]]) == [], "which of the two is left can't be told"
    assert noticed(before, [before[0]]) == [("cancelled", "Tea", late, None)]


def test_an_earlier_instance_of_the_day_is_not_where_a_cancelled_one_went() -> None:
    morning, was = NOON - 5 * HOUR, NOON + 3 * HOUR
    assert noticed([instance("Tea", morning), instance("Tea", was)], [instance("Tea", morning)]) == [
        ("cancelled", "Tea", was, None)
    ]


def test_an_event_that_repeats_or_no_longer_does_is_the_same() -> None:
    was = NOON + 3 * HOUR
    assert noticed([event("Tea", was)], [instance("Tea", was)]) == []
    assert noticed([instance("Tea", was)], [event("Tea", was)]) == []


def test_an_event_that_became_one_of_the_whole_day_is_neither_moved_nor_cancelled() -> None:
    was = NOON + 3 * HOUR
    assert noticed([event("Tea", was)], [whole("Tea", date(2026, 11, 24), instance="Tea")]) == []
    daily = whole("Tea", date(2026, 11, 24), instance="Tea 2026-11-24")
    assert noticed([instance("Tea", was)], [daily]) == []


@pytest.mark.parametrize(
    "generations", [{}, {2: 0}, {1: 1, 2: 0}], ids=["no calendar", "another calendar", "a full sync"]
)
def test_nothing_is_cancelled_by_what_happens_to_a_calendar(generations: dict[int, int]) -> None:
    assert noticed([event("Tea", NOON + HOUR)], [], generations=generations) == []


@pytest.mark.parametrize(
    "changed",
    [{"declined": True}, {"tentative": True}, {"event_type": "focusTime"}],
    ids=["declined", "tentative", "another type"],
)
def test_what_is_no_longer_announced_is_neither_moved_nor_cancelled(changed: dict[str, Any]) -> None:
    skips = Preferences(tentative="skip")
    was, to = NOON + HOUR, NOON + 2 * HOUR
    for start in (was, to):
        assert noticed([event("Tea", was)], [event("Tea", start, **changed)], preferences=skips) == []


def test_a_preference_that_leaves_events_out_cancels_nothing() -> None:
    one = [event("Tea", NOON + HOUR, tentative=True), event("Focus", NOON + HOUR, event_type="focusTime")]
    then = Preferences(event_types=("focusTime",))
    assert noticed(one, one, preferences=Preferences(tentative="skip"), then=then) == []


def test_what_was_not_announced_is_not_missed() -> None:
    assert noticed([event("Tea", NOON + HOUR, declined=True)], []) == []
    assert noticed([event("Tea", NOON + HOUR, declined=True)], [event("Tea", NOON + 2 * HOUR)]) == []


def test_what_is_over_is_not_told() -> None:
    was = NOON + HOUR
    assert noticed([event("Tea", was)], [], later=2 * HOUR) == []
    assert noticed([event("Tea", was)], [event("Tea", was + timedelta(minutes=5))], later=2 * HOUR) == []
    assert noticed([event("Tea", was)], [event("Tea", was + 5 * HOUR)], later=2 * HOUR) != []
    assert noticed([event("Tea", was)], [], later=HOUR + timedelta(minutes=5)) != []


def test_the_end_of_the_next_day_in_the_zone_of_the_user_bounds_what_is_seen() -> None:
    # At noon in UTC it is nine in the evening in Tokyo; the next day ends there 27 hours later.
    last = NOON + timedelta(hours=26, minutes=59)
    assert noticed([event("Tea", last)], [], preferences=ZONED) != []
    assert noticed([event("Tea", last + timedelta(minutes=1))], [], preferences=ZONED) == []


def test_titles_of_private_events_are_not_kept() -> None:
    was, to = NOON + HOUR, NOON + 2 * HOUR
    (seen,) = seen_occurrences([event("Doctor", was, private=True)], Preferences(), ONE, NOON)
    assert (seen.title, seen.private) == ("", True)
    for before, after in ((True, True), (True, False), (False, True)):
        (found,) = noticed([event("Doctor", was, private=before)], [event("Doctor", to, private=after)])
        assert found == ("moved", "", was, to)


def test_an_event_in_two_calendars_is_cancelled_once_in_both() -> None:
    was = NOON + HOUR
    mine, hers = event("Tea", was, instance="a"), event("Tea", was, instance="b", calendar_id=2)
    assert noticed([mine, hers], [hers]) == []
    seen = seen_occurrences([mine, hers], Preferences(), ONE, NOON)
    found = detect_changes(seen, NOON, [], ONE, Preferences(), NOON)
    removed, added = merge_changes((), found, ())
    assert (removed, [one.calendar_id for one in added]) == ([], [1])


@pytest.mark.parametrize("private_ones", [{1}, {2}])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_cancelled_event_that_was_private_in_one_calendar_is_private(
    private_ones: set[int], at_once: bool
) -> None:
    both = [
        event("Doctor", NOON + HOUR, instance="same", calendar_id=of, private=of in private_ones)
        for of in (1, 2)
    ]
    seen = seen_occurrences(both, Preferences(), ONE, NOON)
    found = detect_changes(seen, NOON, [], ONE, Preferences(), NOON)
    known: list[OccurrenceChange] = []
    for some in [found] if at_once else [[one] for one in found]:
        removed, added = merge_changes(known, some, ())
        known = [*(one for one in known if one not in removed), *added]
    assert [(one.title, one.is_private, one.calendar_id) for one in known] == [("", True, 1)]


def test_a_calendar_that_changes_all_the_time_leaves_a_limited_number_of_changes() -> None:
    known: list[OccurrenceChange] = []
    for step in range(3):
        now = NOON + step * timedelta(minutes=1)
        seen = [event(f"{step} {n}", NOON + HOUR) for n in range(400)]
        found = detect_changes(seen_occurrences(seen, USUAL, ONE, now), now, [], ONE, USUAL, now)
        removed, added = merge_changes(known, found, ())
        known = [*(one for one in known if one not in removed), *added]
    assert len(known) == MOST_KNOWN
    assert sum(one.noticed_at == NOON + timedelta(minutes=2) for one in known) == 400


def test_an_event_that_went_to_another_calendar_is_the_same() -> None:
    was, to = NOON + HOUR, NOON + 2 * HOUR
    assert noticed([event("Tea", was)], [event("Tea", was, calendar_id=2)]) == []
    assert noticed([event("Tea", was)], [event("Tea", to, calendar_id=2)]) == [("moved", "Tea", was, to)]


def _steps(*starts: datetime | None, told: int = 0) -> list[OccurrenceChange]:
    """What there is to tell after an event was at `starts` in turn, of which the first `told` are heard."""
    known: list[OccurrenceChange] = []
    for step, (was, to) in enumerate(pairwise(starts)):
        if was is None:
            continue
        now = NOON + step * timedelta(minutes=5)
        seen = seen_occurrences([event("Tea", was)], Preferences(), ONE, NOON)
        after = [] if to is None else [event("Tea", to)]
        found = detect_changes(seen, NOON, after, ONE, Preferences(), now)
        removed, added = merge_changes(known, found, known[:told])
        known = [*(one for one in known if one not in removed), *added]
    return known


def test_what_changes_again_before_it_is_told_is_one_change() -> None:
    first, second, third = NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR
    (moved,) = _steps(first, second, third)
    assert (moved.starts_at, moved.moved_to) == (first, third)
    assert moved.noticed_at == NOON + timedelta(minutes=5)
    assert _steps(first, second, first) == []
    (gone,) = _steps(first, second, None)
    assert (gone.change, gone.starts_at, gone.moved_to) == ("cancelled", first, None)


def test_what_changes_again_after_it_was_told_is_told_again() -> None:
    first, second = NOON + HOUR, NOON + 2 * HOUR
    moved, back = _steps(first, second, first, told=1)
    assert [(one.starts_at, one.moved_to) for one in (moved, back)] == [(first, second), (second, first)]
    _, gone = _steps(first, second, None, told=1)
    assert (gone.change, gone.starts_at) == ("cancelled", second)


def test_calendars_that_are_read_one_after_the_other_notice_one_move() -> None:
    was, to = NOON + HOUR, NOON + 2 * HOUR
    mine, hers = event("Tea", was, instance="a"), event("Tea", was, instance="b", calendar_id=2)
    seen = seen_occurrences([mine, hers], Preferences(), ONE, NOON)
    late = replace(hers, starts_at=to)
    first = detect_changes(seen, NOON, [mine, late], ONE, Preferences(), NOON)
    _, known = merge_changes((), first, ())
    seen = seen_occurrences([mine, late], Preferences(), ONE, NOON)
    second: list[Noticed] = detect_changes(
        seen, NOON, [replace(mine, starts_at=to), late], ONE, Preferences(), NOON + timedelta(minutes=1)
    )
    removed, added = merge_changes(known, second, ())
    assert removed == []
    assert {one.noticed_at for one in (*known, *added)} == {NOON}
