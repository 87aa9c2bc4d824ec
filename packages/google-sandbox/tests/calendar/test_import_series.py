"""Series in iCalendar files: exceptions, changed instances, ends, and which version of an event counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox_support.expansion import (
    EMAIL,
    calendar,
    event,
    imported,
    masters,
    shown,
    starts,
)

BERLIN = ";TZID=Europe/Berlin:"
HOUR = "DURATION:PT1H"


def test_this_and_future_moves_and_renames_all_that_follow() -> None:
    text = calendar(
        event("walk", f"{BERLIN}20261102T080000", HOUR, "RRULE:FREQ=DAILY;COUNT=6"),
        event(
            "walk",
            f"{BERLIN}20261104T100000",
            "DURATION:PT2H",
            f"RECURRENCE-ID;RANGE=THISANDFUTURE{BERLIN}20261104T080000",
            title="walk late",
        ),
    )
    assert shown(text) == [
        ("walk", "2026-11-02 07:00", "2026-11-02 08:00"),
        ("walk", "2026-11-03 07:00", "2026-11-03 08:00"),
        ("walk late", "2026-11-04 09:00", "2026-11-04 11:00"),
        ("walk late", "2026-11-05 09:00", "2026-11-05 11:00"),
        ("walk late", "2026-11-06 09:00", "2026-11-06 11:00"),
        ("walk late", "2026-11-07 09:00", "2026-11-07 11:00"),
    ]


def test_this_and_future_of_an_excluded_instance_moves_the_later_ones_alone() -> None:
    text = calendar(
        event("a", f"{BERLIN}20261130T100000", "RRULE:FREQ=DAILY;COUNT=4", f"EXDATE{BERLIN}20261201T100000"),
        event("a", f"{BERLIN}20261201T150000", f"RECURRENCE-ID;RANGE=THISANDFUTURE{BERLIN}20261201T100000"),
    )
    assert starts(text) == ["2026-11-30 09:00", "2026-12-02 14:00", "2026-12-03 14:00"]


def test_this_and_future_in_another_zone_stays_on_the_clock_of_the_series() -> None:
    text = calendar(
        event("a", f"{BERLIN}20261012T100000", "RRULE:FREQ=WEEKLY;COUNT=4"),
        event("a", ":20261019T100000Z", f"RECURRENCE-ID;RANGE=THISANDFUTURE{BERLIN}20261019T100000"),
    )
    assert starts(text) == ["2026-10-12 08:00", "2026-10-19 10:00", "2026-10-26 11:00", "2026-11-02 11:00"]


def test_a_former_version_of_the_whole_series_does_not_come_back_as_an_instance() -> None:
    text = calendar(
        event("a", ":20261102T100000Z", "RRULE:FREQ=WEEKLY;UNTIL=20261110T000000Z", "SEQUENCE:2"),
        event("a", ":20261207T100000Z", "RRULE:FREQ=WEEKLY", "RECURRENCE-ID:20261207T100000Z", "SEQUENCE:1"),
    )
    assert starts(text) == ["2026-11-02 10:00", "2026-11-09 10:00"]


def test_this_and_future_makes_a_series_of_its_own_as_google_does() -> None:
    text = calendar(
        event("walk", f"{BERLIN}20261102T080000", HOUR, "RRULE:FREQ=WEEKLY;BYDAY=MO"),
        event(
            "walk", f"{BERLIN}20261117T100000", f"RECURRENCE-ID;RANGE=THISANDFUTURE{BERLIN}20261116T080000"
        ),
    )
    sandbox, report = imported(text)
    first, second = masters(sandbox)
    assert report.imported == 2
    assert first["recurrence"] == ["RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261116T065959Z"]
    assert second["recurrence"] == ["RRULE:FREQ=WEEKLY;BYDAY=TU"]
    assert second["id"] == f"{first['id']}_R20261116T080000"


def test_this_and_future_keeps_exceptions_single_changes_and_later_ranges() -> None:
    at = "RECURRENCE-ID"
    future = "RECURRENCE-ID;RANGE=THISANDFUTURE"
    text = calendar(
        event("a", f"{BERLIN}20261102T080000", "RRULE:FREQ=DAILY;COUNT=9", f"EXDATE{BERLIN}20261105T080000"),
        event("a", f"{BERLIN}20261104T090000", f"{future}{BERLIN}20261104T080000", title="b"),
        event("a", f"{BERLIN}20261106T200000", f"{at}{BERLIN}20261106T080000", title="once"),
        event("a", f"{BERLIN}20261108T100000", f"{future}{BERLIN}20261108T080000", title="c"),
    )
    assert [(title, start) for title, start, _ in shown(text)] == [
        ("a", "2026-11-02 07:00"),
        ("a", "2026-11-03 07:00"),
        ("b", "2026-11-04 08:00"),
        ("once", "2026-11-06 19:00"),
        ("b", "2026-11-07 08:00"),
        ("c", "2026-11-08 09:00"),
        ("c", "2026-11-09 09:00"),
        ("c", "2026-11-10 09:00"),
    ]


def test_this_and_future_of_the_first_instance_changes_the_whole_series() -> None:
    text = calendar(
        event("a", ";VALUE=DATE:20261102", "RRULE:FREQ=WEEKLY;COUNT=3"),
        event(
            "a", ";VALUE=DATE:20261103", "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20261102", title="b"
        ),
    )
    assert [row[:2] for row in shown(text)] == [("b", "2026-11-03"), ("b", "2026-11-10"), ("b", "2026-11-17")]


def test_this_and_future_may_turn_whole_days_into_times_and_back() -> None:
    future = "RECURRENCE-ID;RANGE=THISANDFUTURE"
    day = calendar(
        event("a", ";VALUE=DATE:20261102", "RRULE:FREQ=WEEKLY;COUNT=3"),
        event("a", f"{BERLIN}20261109T100000", f"{future};VALUE=DATE:20261109"),
    )
    assert starts(day) == ["2026-11-02", "2026-11-09 09:00", "2026-11-16 09:00"]
    timed = calendar(
        event("a", f"{BERLIN}20261102T100000", "RRULE:FREQ=WEEKLY;COUNT=3"),
        event("a", ";VALUE=DATE:20261110", f"{future}{BERLIN}20261109T100000"),
    )
    assert starts(timed) == ["2026-11-02 09:00", "2026-11-10", "2026-11-17"]


def test_this_and_future_cancelled_ends_the_series() -> None:
    text = calendar(
        event("a", ":20261102T100000Z", "RRULE:FREQ=WEEKLY"),
        event(
            "a", ":20261116T100000Z", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261116T100000Z", "STATUS:CANCELLED"
        ),
    )
    assert starts(text) == ["2026-11-02 10:00", "2026-11-09 10:00"]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_highest_sequence_counts_and_then_the_newest_stamp(is_reversed: bool) -> None:
    def version(title: str, sequence: int, stamp: str, at: str) -> str:
        text = event("a", f":20261202T{at}Z", f"SEQUENCE:{sequence}", title=title)
        return text.replace("20260101T000000Z", stamp)

    versions = [
        version("old", 0, "20260901T000000Z", "110000"),
        version("new", 2, "20260301T000000Z", "150000"),
        version("middle", 2, "20260201T000000Z", "140000"),
    ]
    if is_reversed:
        versions.reverse()
    assert [row[:2] for row in shown(calendar(*versions))] == [("new", "2026-12-02 15:00")]
    assert imported(calendar(*versions))[1].imported == 1


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_newest_version_of_a_changed_instance_counts(is_reversed: bool) -> None:
    changes = [
        event("a", f":20261109T{hour}0000Z", "RECURRENCE-ID:20261109T100000Z", f"SEQUENCE:{n}", title=str(n))
        for n, hour in ((1, 12), (3, 14), (2, 13))
    ]
    if is_reversed:
        changes.reverse()
    text = calendar(*changes, event("a", ":20261102T100000Z", "RRULE:FREQ=WEEKLY;COUNT=2"))
    assert [row[:2] for row in shown(text)] == [("a", "2026-11-02 10:00"), ("3", "2026-11-09 14:00")]


def test_an_instance_that_is_excluded_and_changed_is_excluded() -> None:
    text = calendar(
        event("a", f"{BERLIN}20261104T100000", "RRULE:FREQ=WEEKLY;COUNT=3", f"EXDATE{BERLIN}20261111T100000"),
        event("a", f"{BERLIN}20261111T150000", f"RECURRENCE-ID{BERLIN}20261111T100000", title="moved"),
    )
    assert starts(text) == ["2026-11-04 09:00", "2026-11-18 09:00"]


@pytest.mark.parametrize(
    ("exdate", "is_excluded"),
    [
        (";VALUE=DATE:20261202", True),
        (":20261202T000000Z", True),
        (":20261202T000000", True),
        (f"{BERLIN}20261202T000000", True),
        (":20261201T230000Z", False),
        (":20261202T090000Z", False),
    ],
)
def test_an_exdate_names_a_whole_day_by_its_date_or_its_midnight_as_written(
    exdate: str, is_excluded: bool
) -> None:
    text = calendar(event("a", ";VALUE=DATE:20261130", "RRULE:FREQ=DAILY;COUNT=4", f"EXDATE{exdate}"))
    left = {f"2026-12-0{day}" for day in (1, 2, 3)} | {"2026-11-30"}
    assert starts(text) == sorted(left - {"2026-12-02"} if is_excluded else left)
    assert bool(imported(text)[1].assumed) is not is_excluded


@pytest.mark.parametrize(
    "exdate",
    [
        f"{BERLIN}20261111T100000",
        ":20261111T090000Z",
        ":20261111T100000",
        ";TZID=Asia/Tokyo:20261111T180000",
        ";VALUE=DATE:20261111",
        ";VALUE=DATE-TIME:20261111T090000Z",
    ],
)
def test_an_exdate_of_any_kind_excludes_the_timed_instance_it_names(exdate: str) -> None:
    text = calendar(event("a", f"{BERLIN}20261104T100000", "RRULE:FREQ=WEEKLY;COUNT=3", f"EXDATE{exdate}"))
    assert starts(text, "Asia/Tokyo") == ["2026-11-04 09:00", "2026-11-18 09:00"]


@pytest.mark.parametrize(
    "original", [";VALUE=DATE:20261111", ":20261111T090000Z", ":20261111T100000", f"{BERLIN}20261111T100000"]
)
def test_a_recurrence_id_of_any_kind_replaces_the_timed_instance_it_names(original: str) -> None:
    text = calendar(
        event("a", f"{BERLIN}20261104T100000", "RRULE:FREQ=WEEKLY;COUNT=3"),
        event("a", f"{BERLIN}20261111T150000", f"RECURRENCE-ID{original}"),
    )
    assert starts(text, "Asia/Tokyo") == ["2026-11-04 09:00", "2026-11-11 14:00", "2026-11-18 09:00"]


@pytest.mark.parametrize("original", [";VALUE=DATE:20261109", ":20261109T000000", ":20261108T230000Z"])
def test_a_recurrence_id_of_any_kind_replaces_the_whole_day_it_names(original: str) -> None:
    text = calendar(
        event("a", ";VALUE=DATE:20261102", "RRULE:FREQ=WEEKLY;COUNT=3"),
        event("a", ";VALUE=DATE:20261110", f"RECURRENCE-ID{original}"),
    )
    assert starts(text, "Europe/Berlin") == ["2026-11-02", "2026-11-10", "2026-11-16"]


@pytest.mark.parametrize(
    ("start", "until", "count"),
    [
        (f"{BERLIN}20261130T100000", "20261202T090000Z", 3),
        (f"{BERLIN}20261130T100000", "20261202T085959Z", 2),
        (f"{BERLIN}20261130T110000", "20261202T110000", 3),
        (f"{BERLIN}20261130T120000", "20261202", 2),  # 00:00 UTC of that day, as Google and dateutil
        (":20261130T120000", "20261202T120000Z", 3),
        (";VALUE=DATE:20261130", "20261202", 3),
        (";VALUE=DATE:20261130", "20261201T230000Z", 2),  # the date as written
        (";VALUE=DATE:20261130", "20261202T000000", 3),
        (":20261130T120000Z", "20261101T000000Z", 0),
    ],
)
def test_until_of_each_kind_ends_a_series(start: str, until: str, count: int) -> None:
    assert len(starts(calendar(event("a", start, f"RRULE:FREQ=DAILY;UNTIL={until}")))) == count


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;BYDAY=MO, WE, FR;COUNT=3", ["11-30", "12-02", "12-04"]),
        ("freq=weekly;byday=mo,we;count=3", ["11-30", "12-02", "12-07"]),
        ("COUNT=2;BYDAY=MO;FREQ=WEEKLY;", ["11-30", "12-07"]),
        (" FREQ = DAILY ; COUNT = 2 ;; ", ["11-30", "12-01"]),
        ("FREQ=DAILY;COUNT=10;UNTIL=20261202T110000Z", ["11-30", "12-01", "12-02"]),
        ("FREQ=DAILY;COUNT=2;UNTIL=20261222T110000Z", ["11-30", "12-01"]),
        ("FREQ=DAILY;COUNT=-1;UNTIL=20261201T110000Z", ["11-30", "12-01"]),
        ("FREQ=DAILY;UNTIL=;COUNT=2", ["11-30", "12-01"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", ["11-30", "12-31", "01-29"]),
        ("FREQ=YEARLY;INTERVAL=1;BYMONTH=11;BYMONTHDAY=-1;COUNT=2;WKST=su", ["11-30", "11-30"]),
        ("RRULE:FREQ=DAILY;COUNT=2", ["11-30", "12-01"]),
        ("FREQ=DAILY;UNTIL=2026-12-01T09:00:00Z", ["11-30", "12-01"]),
        ("FREQ=DAILY;COUNT=2;X-NOTE=none;RSCALE=GREGORIAN;SKIP=OMIT", ["11-30", "12-01"]),
    ],
)
def test_a_rule_may_be_spelled_in_many_ways(rule: str, days: list[str]) -> None:
    text = calendar(event("a", f"{BERLIN}20261130T100000", f"RRULE:{rule}"))
    assert [start[5:10] for start in starts(text)] == days
    assert imported(text)[1].skipped == []


def test_a_rule_says_count_or_until_as_google_wants_it() -> None:
    rule = "RRULE:FREQ=DAILY;COUNT=10;UNTIL=20261202T110000Z"
    sandbox, _ = imported(calendar(event("a", f"{BERLIN}20261130T120000", rule)))
    assert masters(sandbox)[0]["recurrence"] == ["RRULE:FREQ=DAILY;UNTIL=20261202T110000Z"]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ=WEEKLY;UNTL=20270101",
        "FREQ=SOMETIMES",
        "FREQ=DAILY;INTERVAL=0",
        "BYDAY=MO",
        "FREQ=DAILY;COUNT=0",
    ],
)
def test_a_rule_that_cannot_be_read_leaves_the_first_instance_and_is_reported(rule: str) -> None:
    text = calendar(event("a", f"{BERLIN}20261130T100000", f"RRULE:{rule}"), event("b", ":20261202T120000Z"))
    assert starts(text) == ["2026-11-30 09:00", "2026-12-02 12:00"]
    report = imported(text)[1]
    assert report.imported == 2
    assert [uid for uid, _ in report.skipped] == (["a"] if rule else [])


def test_several_rules_are_a_union_and_excluded_rules_remove_instances() -> None:
    text = calendar(
        event(
            "a",
            f"{BERLIN}20261130T100000",
            "RRULE:FREQ=WEEKLY;COUNT=3",
            "RRULE:FREQ=DAILY;COUNT=4",
            "EXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2",
        )
    )
    assert [start[5:10] for start in starts(text)] == ["12-01", "12-03", "12-07", "12-14"]


def test_an_rdate_may_be_a_period_with_a_length_of_its_own() -> None:
    text = calendar(
        event(
            "a",
            f"{BERLIN}20261130T100000",
            HOUR,
            "RRULE:FREQ=DAILY;COUNT=2",
            "RDATE;VALUE=PERIOD:20261205T090000Z/PT3H,20261206T090000Z/20261206T093000Z",
            "RDATE;VALUE=DATE:20261207",
        )
    )
    assert [row[1:] for row in shown(text)] == [
        ("2026-11-30 09:00", "2026-11-30 10:00"),
        ("2026-12-01 09:00", "2026-12-01 10:00"),
        ("2026-12-05 09:00", "2026-12-05 12:00"),
        ("2026-12-06 09:00", "2026-12-06 09:30"),
        ("2026-12-07 09:00", "2026-12-07 10:00"),
    ]


def test_rules_finer_than_a_day_are_expanded_around_the_window() -> None:
    text = calendar(
        event("old", f"{BERLIN}20060101T080000", "DURATION:PT5M", "RRULE:FREQ=HOURLY;INTERVAL=6"),
        event("second", ":20060101T000000Z", "RRULE:FREQ=SECONDLY"),
    )
    sandbox, report = imported(text)
    assert (report.imported, report.skipped) == (2, [])
    low, high = (datetime(2026, 12, day, 7, tzinfo=UTC) for day in (2, 3))
    found = sandbox.events(EMAIL, time_min=low, time_max=high)
    times = [one["start"]["dateTime"][11:16] for one in found if one["summary"] == "old"]
    assert times == ["08:00", "14:00", "20:00", "02:00"]
    assert 0 < len(found) - len(times) <= 20_000


def test_whole_days_ignore_the_times_of_a_rule() -> None:
    text = calendar(
        event("a", ";VALUE=DATE:20261202", "RRULE:FREQ=DAILY;COUNT=2;BYHOUR=8,20"),
        event("b", ";VALUE=DATE:20261202", "RRULE:FREQ=HOURLY"),
    )
    assert starts(text) == ["2026-12-02", "2026-12-02", "2026-12-03"]
    assert [uid for uid, _ in imported(text)[1].skipped] == ["b"]
