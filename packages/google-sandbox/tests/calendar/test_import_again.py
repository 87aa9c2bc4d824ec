"""Cancelled and repeated imports, and the lengths and limits of imported events."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox_support.expansion import (
    EMAIL,
    calendar,
    european,
    event,
    imported,
    masters,
    shown,
    starts,
)

BERLIN = ";TZID=Europe/Berlin:"
HOUR = "DURATION:PT1H"


def test_a_series_that_is_cancelled_shows_nothing() -> None:
    text = calendar(
        event("a", ":20261102T100000Z", "RRULE:FREQ=WEEKLY", "STATUS:CANCELLED"),
        event("a", ":20261109T120000Z", "RECURRENCE-ID:20261109T100000Z"),
    )
    assert starts(text) == []


def test_a_cancellation_takes_back_what_was_imported_before() -> None:
    sandbox, _ = imported(
        calendar(
            event("a", ":20261102T100000Z", "RRULE:FREQ=WEEKLY;COUNT=3"), event("b", ":20261102T110000Z")
        )
    )
    cancel = calendar(
        "BEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20261109T100000Z\nSEQUENCE:1\nEND:VEVENT",
        event("b", ":20261102T110000Z", "SEQUENCE:1"),
        head="METHOD:CANCEL",
    )
    report = sandbox.import_ical(EMAIL, cancel)
    assert (report.imported, report.skipped) == (2, [])
    assert shown(sandbox) == [
        ("a", "2026-11-02 10:00", "2026-11-02 10:00"),
        ("a", "2026-11-16 10:00", "2026-11-16 10:00"),
    ]


def test_importing_again_changes_in_place_and_takes_back_former_changes() -> None:
    series = event("a", ":20261102T100000Z", "RRULE:FREQ=WEEKLY;COUNT=4")
    changed = calendar(
        series,
        event("a", ":20261109T120000Z", "RECURRENCE-ID:20261109T100000Z", title="moved"),
        event("a", ":20261116T150000Z", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261116T100000Z", title="late"),
    )
    sandbox, _ = imported(changed)
    before = shown(sandbox)
    sandbox.import_ical(EMAIL, changed)
    assert shown(sandbox) == before
    sandbox.import_ical(EMAIL, calendar(series))
    assert shown(sandbox) == shown(calendar(series))


def test_a_changed_instance_comes_to_a_series_that_is_in_the_calendar_already() -> None:
    sandbox, _ = imported(calendar(event("a", f"{BERLIN}20261102T100000", "RRULE:FREQ=WEEKLY;COUNT=2")))
    change = event("a", ":20261109T150000", "RECURRENCE-ID:20261109T100000", title="moved")
    assert sandbox.import_ical(EMAIL, calendar(change)).imported == 1
    assert [row[:2] for row in shown(sandbox)] == [("a", "2026-11-02 09:00"), ("moved", "2026-11-09 14:00")]


def test_a_changed_instance_without_its_series_is_an_event() -> None:
    text = calendar(event("a", f"{BERLIN}20261109T150000", f"RECURRENCE-ID{BERLIN}20261109T100000"))
    assert starts(text) == ["2026-11-09 14:00"]


def test_a_changed_instance_of_an_event_that_does_not_repeat_replaces_it() -> None:
    text = calendar(
        event("a", ":20261109T100000Z"),
        event("a", ":20261109T150000Z", "RECURRENCE-ID:20261109T100000Z", title="b"),
    )
    assert [row[:2] for row in shown(text)] == [("b", "2026-11-09 15:00")]


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        (["DTEND:20261202T110000Z"], "2026-12-02 11:00"),
        (["DTEND:20261202T090000Z"], "2026-12-02 10:00"),
        (["DURATION:-PT1H"], "2026-12-02 10:00"),
        (["DURATION:PT90M"], "2026-12-02 11:30"),
        (["DTEND;VALUE=DATE:20261203"], "2026-12-03 00:00"),
        (["DTEND:20261202T110000Z", "DURATION:PT5H"], "2026-12-02 11:00"),
        (["DTEND:never", "DURATION:PT5H"], "2026-12-02 15:00"),
        ([], "2026-12-02 10:00"),
    ],
)
def test_a_timed_event_ends_at_dtend_else_after_its_duration_and_never_before_it_begins(
    lines: list[str], end: str
) -> None:
    assert shown(calendar(event("a", ":20261202T100000Z", *lines))) == [("a", "2026-12-02 10:00", end)]


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        (["DTEND;VALUE=DATE:20261204"], "2026-12-04"),
        (["DTEND;VALUE=DATE:20261202"], "2026-12-03"),
        (["DTEND;VALUE=DATE:20261101"], "2026-12-03"),
        (["DURATION:P2D"], "2026-12-04"),
        (["DURATION:PT36H"], "2026-12-04"),
        (["DTEND:20261203T120000Z"], "2026-12-04"),
        ([], "2026-12-03"),
    ],
)
def test_a_whole_day_event_lasts_whole_days(lines: list[str], end: str) -> None:
    start = ";TZID=Europe/Berlin;VALUE=DATE:20261202"
    assert shown(calendar(event("a", start, *lines))) == [("a", "2026-12-02", end)]


def test_a_daily_series_that_began_long_ago_goes_on() -> None:
    sandbox, _ = imported(calendar(event("pills", ":19200101T080000Z", "RRULE:FREQ=DAILY")))
    low, high = (datetime(2026, 12, day, tzinfo=UTC) for day in (2, 4))
    assert len(sandbox.events(EMAIL, time_min=low, time_max=high)) == 2


def test_instances_listed_one_by_one_reach_years_ahead_and_fit_into_an_event() -> None:
    text = calendar(
        european("Odd", "+0115", "+0200"),
        event("pills", ";TZID=Odd:19700101T080000", HOUR, "RRULE:FREQ=DAILY"),
        event("drops", ";TZID=Odd:19700101T080000", HOUR, "RRULE:FREQ=HOURLY;INTERVAL=12"),
    )
    sandbox, _ = imported(text)
    low, high = (datetime(year, 6, 2, 11, tzinfo=UTC) for year in (2027, 2028))
    assert len(sandbox.events(EMAIL, time_min=low, time_max=high)) == 366 * 3
    assert all(sum(map(len, master["recurrence"])) < 64 * 1024 for master in masters(sandbox))


def test_a_change_that_no_rule_describes_is_listed_and_reported() -> None:
    text = calendar(
        event("a", f"{BERLIN}20261130T100000", "RRULE:FREQ=DAILY;BYHOUR=10,16"),
        event("a", f"{BERLIN}20261201T113000", f"RECURRENCE-ID;RANGE=THISANDFUTURE{BERLIN}20261201T100000"),
    )
    assert starts(text)[:5] == [
        "2026-11-30 09:00",
        "2026-11-30 15:00",
        "2026-12-01 10:30",
        "2026-12-01 16:30",
        "2026-12-02 10:30",
    ]
    ((uid, reason),) = imported(text)[1].assumed
    assert (uid, reason[:35]) == ("a", "its instances are listed one by one")
