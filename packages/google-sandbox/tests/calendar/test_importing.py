"""Real and generated calendars, compared with an independent expansion of the same files."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox_support.expansion import calendar, european, event, imported, ours, theirs, vtimezone

CALENDARS = Path(__file__).resolve().parents[5] / "shared" / "data" / "calendars"
FILES = sorted(CALENDARS.glob("*.ics")) if CALENDARS.is_dir() else []
OWN = sorted((Path(__file__).parents[1] / "data").glob("*.ics"))
# What the library does otherwise, or with intent not at all.
OTHERWISE = {
    "bad_rrule_missing_until_event",  # it shows nothing; here the first instance stays
    "end_before_start_event",  # it exchanges DTSTART and DTEND; here DTSTART counts
    "issue_132_swapped_start_and_end",  # the same
    "issue_201_mixed_datetime_and_date",  # it makes times of a DTSTART that is a day
    "issue_201_test_matrix",  # the same
}
THEIRS = sorted(
    path
    for path in (Path(recurring_ical_events.__file__).parent / "test" / "calendars").glob("*.ics")
    if path.stem not in OTHERWISE
)
LOW = datetime(2010, 1, 1, tzinfo=UTC)
HIGH = datetime(2027, 6, 1, tzinfo=UTC)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def test_the_real_calendars_are_there() -> None:
    if not FILES:
        pytest.skip(f"LOUDLY: no real calendars in {CALENDARS.name}; only our own are compared")


@pytest.mark.parametrize("path", [*OWN, *FILES], ids=lambda path: path.stem)
def test_a_real_calendar_expands_as_the_independent_library_says(path: Path) -> None:
    sandbox, report = imported(path.read_bytes())
    assert report.imported > 0
    assert report.skipped == []
    assert ours(sandbox, LOW, HIGH) == theirs(path.read_bytes(), LOW, HIGH)


@pytest.mark.parametrize("path", THEIRS, ids=lambda path: path.stem)
def test_the_librarys_own_calendars_expand_as_it_says(path: Path) -> None:
    low, high = datetime(2000, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    sandbox, _ = imported(path.read_bytes())
    assert ours(sandbox, low, high) == theirs(path.read_bytes(), low, high)


def test_the_library_brings_its_calendars() -> None:
    assert len(THEIRS) > 50


# --- generated calendars: a zone that exists nowhere, floating times and whole days ---


def _offset(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


@st.composite
def zones(draw: st.DrawFn) -> str:
    standard = draw(st.integers(-44, 52)) * 15
    if draw(st.booleans()):
        only = ("STANDARD", "19700101T000000", _offset(standard), _offset(standard), "")
        return vtimezone("Somewhere", only)
    summer = standard + draw(st.sampled_from([30, 60, 60, 120]))
    begin, end = draw(st.sampled_from([(3, 10), (4, 9), (10, 3)]))
    rules = [
        f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={draw(st.sampled_from(['-1', '1', '2']))}SU"
        for month in (begin, end)
    ]
    return vtimezone(
        "Somewhere",
        ("DAYLIGHT", "19700104T020000", _offset(standard), _offset(summer), rules[0]),
        ("STANDARD", "19700105T030000", _offset(summer), _offset(standard), rules[1]),
    )


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.sampled_from([1, 1, 2, 3]))}"]
    if frequency == "WEEKLY" and draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True))
        parts.append(f"BYDAY={','.join(chosen)}")
    if frequency == "MONTHLY" and draw(st.booleans()):
        parts.append(f"BYDAY={draw(st.sampled_from(['1', '-1', '3']))}{draw(st.sampled_from(DAYS))}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    return ";".join(parts)


@st.composite
def series(draw: st.DrawFn, uid: str) -> list[str]:
    """A series, and perhaps EXDATEs and changed instances in the same zone."""
    kind = draw(st.sampled_from([";TZID=Somewhere:", ":", ";VALUE=DATE:"]))
    start = datetime(2026, 1, 1, 6) + timedelta(  # noqa: DTZ001 - a wall clock
        days=draw(st.integers(0, 364)), minutes=draw(st.integers(0, 15 * 4)) * 15
    )

    def written(moment: datetime) -> str:
        return f"{kind}{moment:%Y%m%d}" if "DATE" in kind else f"{kind}{moment:%Y%m%dT%H%M%S}"

    rule = draw(rules())
    length = "DURATION:P1D" if "DATE" in kind else f"DURATION:PT{draw(st.integers(1, 90))}M"
    step = timedelta(days=7) if "WEEKLY" in rule else timedelta(days=1)
    numbers = draw(st.lists(st.integers(1, 30), max_size=4, unique=True))
    lines = [length, f"RRULE:{rule}"]
    overrides = []
    for place, number in enumerate(numbers):
        instance = start + number * step
        if place % 2 == 0:
            lines.append(f"EXDATE{written(instance)}")
        else:
            moved = instance + timedelta(days=draw(st.integers(0, 2)), hours=0 if "DATE" in kind else 1)
            overrides.append(
                event(uid, written(moved), length, f"RECURRENCE-ID{written(instance)}", title="changed")
            )
    return [event(uid, written(start), *lines), *overrides]


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_generated_calendar_expands_as_the_independent_library_says(data: Any) -> None:
    components = [data.draw(zones())]
    for number in range(data.draw(st.integers(1, 3))):
        components += data.draw(series(f"uid-{number}"))
    text = calendar(*components)
    low, high = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    zone = data.draw(st.sampled_from(["UTC", "Asia/Tokyo", "Europe/Berlin"]))
    sandbox, report = imported(text, zone)
    assert report.skipped == []
    mine, other = ours(sandbox, low, high), theirs(text, low, high, zone)
    # What touches an edge of the window depends on the reader's zone; the library has none.
    inside = [row for row in {*mine, *other} if "2026-01-03" < row[1] < "2027-12-29"]
    assert {row: mine[row] for row in inside} == {row: other[row] for row in inside}


@pytest.mark.slow
@given(zones(), st.integers(0, 364), rules(), st.integers(1, 20), st.sampled_from([-60, 45, 120]))
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_generated_changes_of_this_and_future_are_as_the_independent_library_says(
    zone: str, day: int, rule: str, number: int, minutes: int
) -> None:
    start = datetime(2026, 1, 1, 9) + timedelta(days=day)  # noqa: DTZ001 - a wall clock
    at = start + timedelta(days=7 * number)
    if "WEEKLY" in rule:
        rule = (
            re.sub(r";BYDAY=[^;]*", "", rule)
            .replace("INTERVAL=2", "INTERVAL=1")
            .replace("INTERVAL=3", "INTERVAL=1")
        )
    else:
        rule = re.sub("^FREQ=[A-Z]+;INTERVAL=.", "FREQ=DAILY;INTERVAL=1", re.sub(r";BYDAY=[^;]*", "", rule))
    moved = at + timedelta(minutes=minutes)
    text = calendar(
        zone,
        event("s", f";TZID=Somewhere:{start:%Y%m%dT%H%M%S}", "DURATION:PT30M", f"RRULE:{rule}"),
        event(
            "s",
            f";TZID=Somewhere:{moved:%Y%m%dT%H%M%S}",
            "DURATION:PT20M",
            f"RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Somewhere:{at:%Y%m%dT%H%M%S}",
            title="later",
        ),
    )
    low, high = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    sandbox, _ = imported(text)
    mine, other = ours(sandbox, low, high), theirs(text, low, high)
    inside = [row for row in {*mine, *other} if "2026-01-03" < row[1] < "2027-12-29"]
    assert {row: mine[row] for row in inside} == {row: other[row] for row in inside}


def test_the_zone_of_the_generated_calendars_is_like_none_that_exists() -> None:
    text = calendar(
        european("Somewhere", "+0115", "+0200"),
        event("w", ";TZID=Somewhere:20260902T093000", "DURATION:PT30M", "RRULE:FREQ=WEEKLY"),
    )
    low, high = datetime(2026, 9, 1, tzinfo=UTC), datetime(2028, 9, 1, tzinfo=UTC)
    sandbox, report = imported(text)
    assert ours(sandbox, low, high) == theirs(text, low, high)
    ((uid, reason),) = report.assumed
    assert uid == "w"
    assert "one by one" in reason
