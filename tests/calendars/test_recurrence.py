"""Recurring events, exceptions and cancelled instances, from resources as Google returns them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.calendars.event_projection import StoredEvent, project_event
from catflap.calendars.recurrence.occurrence import Occurrence
from catflap.calendars.recurrence.series import MAX_INSTANCES, expand_events

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def event(
    start: str, *recurrence: str, zone: str = "Europe/Berlin", hours: int = 1, **more: Any
) -> StoredEvent:
    """A timed event at a wall clock such as `2026-11-02T09:00`."""
    begin = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    resource = {
        "id": "series",
        "summary": "Stand-up",
        "start": {"dateTime": begin.isoformat(), "timeZone": zone},
        "end": {"dateTime": (begin + timedelta(hours=hours)).isoformat(), "timeZone": zone},
        **({"recurrence": list(recurrence)} if recurrence else {}),
        **more,
    }
    return StoredEvent(1, project_event(resource), "UTC")


def all_day(start: str, end: str, *recurrence: str, **more: Any) -> StoredEvent:
    resource = {"id": "day", "summary": "Holiday", "start": {"date": start}, "end": {"date": end}, **more}
    return StoredEvent(
        1, project_event(resource | ({"recurrence": list(recurrence)} if recurrence else {})), "UTC"
    )


def exception(original: str, start: str | None, zone: str = "Europe/Berlin", **more: Any) -> StoredEvent:
    at = datetime.fromisoformat(original).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    told = {
        "id": f"series_{at:%Y%m%dT%H%M%SZ}",
        "recurringEventId": "series",
        "originalStartTime": {"dateTime": at.isoformat(), "timeZone": "UTC"},
        **more,
    }
    if start is None:
        return StoredEvent(1, project_event({**told, "status": "cancelled"}), "UTC")
    return event(start, zone=zone, **told)


def within(
    *events: StoredEvent, start: datetime = NOVEMBER, end: datetime = DECEMBER, zone: str = "UTC"
) -> list[Occurrence]:
    def unexpected(_: StoredEvent, reason: str) -> None:
        raise AssertionError(reason)

    return expand_events(events, start, end, ZoneInfo(zone), unexpected)


def starts(found: list[Occurrence]) -> list[str]:
    return [f"{one.starts_at:%m-%dT%H:%M}" for one in found]


WEEKLY = event("2026-10-05T09:00", "RRULE:FREQ=WEEKLY")


def test_the_local_time_stays_when_the_offset_changes() -> None:
    found = within(WEEKLY, start=datetime(2026, 10, 19, tzinfo=UTC), end=datetime(2026, 11, 3, tzinfo=UTC))
    assert starts(found) == ["10-19T07:00", "10-26T08:00", "11-02T08:00"]


def test_an_instance_in_a_gap_uses_the_offset_before_it() -> None:
    nightly = event("2026-03-27T02:30", "RRULE:FREQ=DAILY;COUNT=4")
    march = within(nightly, start=datetime(2026, 3, 27, tzinfo=UTC), end=datetime(2026, 4, 2, tzinfo=UTC))
    assert starts(march) == ["03-27T01:30", "03-28T01:30", "03-29T01:30", "03-30T00:30"]


def test_an_instance_in_a_repeated_hour_occurs_once() -> None:
    nightly = event("2026-10-24T02:30", "RRULE:FREQ=DAILY;COUNT=3")
    october = within(nightly, start=datetime(2026, 10, 23, tzinfo=UTC))
    assert starts(october) == ["10-24T00:30", "10-25T00:30", "10-26T01:30"]


@pytest.mark.parametrize(("offset", "hour"), [("+02:00", "00:30"), ("+01:00", "01:30")])
@pytest.mark.parametrize("lines", [[], ["RRULE:FREQ=DAILY;COUNT=1"]])
def test_the_offset_selects_one_of_two_repeated_hours(offset: str, hour: str, lines: list[str]) -> None:
    times = {"dateTime": f"2026-10-25T02:30:00{offset}", "timeZone": "Europe/Berlin"}
    night = StoredEvent(1, {"id": "night", "start": times, "end": times, "recurrence": lines}, "UTC")
    assert starts(within(night, start=datetime(2026, 10, 24, tzinfo=UTC))) == [f"10-25T{hour}"]


def test_a_moved_instance_is_where_it_was_moved_to_and_not_where_it_was() -> None:
    moved = exception("2026-11-09T09:00", "2026-11-10T15:00", summary="Stand-up, late")
    found = within(WEEKLY, moved)
    assert starts(found) == ["11-02T08:00", "11-10T14:00", "11-16T08:00", "11-23T08:00", "11-30T08:00"]
    assert found[1].title == "Stand-up, late"


def test_an_instance_moved_out_of_the_window_is_not_at_its_old_time() -> None:
    assert starts(within(WEEKLY, exception("2026-11-09T09:00", "2027-01-04T09:00"))) == [
        "11-02T08:00", "11-16T08:00", "11-23T08:00", "11-30T08:00",
    ]  # fmt: skip


def test_an_instance_moved_into_the_window_is_found_there() -> None:
    day = datetime(2026, 11, 12, tzinfo=UTC)
    moved = exception("2027-01-04T09:00", "2026-11-12T10:00")
    assert starts(within(WEEKLY, moved, start=day, end=day + timedelta(days=1))) == ["11-12T09:00"]


def test_a_cancelled_instance_does_not_occur() -> None:
    assert "11-09T08:00" not in starts(within(WEEKLY, exception("2026-11-09T09:00", None)))
    assert len(within(WEEKLY, exception("2026-11-09T09:00", None))) == 4


def test_an_exception_applies_to_its_own_calendar_only() -> None:
    hole = exception("2026-11-09T09:00", None)
    assert len(within(WEEKLY, StoredEvent(2, hole.resource, "UTC"))) == 5


def test_an_exception_without_its_series_is_a_single_occurrence() -> None:
    assert starts(within(exception("2026-11-09T09:00", "2026-11-10T15:00"))) == ["11-10T14:00"]


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE;TZID=Europe/Berlin:20261109T090000",
        "EXDATE;TZID=America/New_York:20261109T030000",
        "EXDATE:20261109T080000Z",
        "EXDATE:20261109T090000",
        "EXDATE;VALUE=DATE:20261109",
        'EXDATE;TZID="Europe/Berlin":20261109T090000',
        "exdate;tzid=Europe/Berlin:20261109T090000",
        "EXDATE:20250101T000000Z,20261109T080000Z,20260101T000000Z",
        "EXRULE:FREQ=MONTHLY;BYDAY=2MO",
    ],
)
def test_an_exdate_may_be_in_any_zone(line: str) -> None:
    found = within(event("2026-10-05T09:00", "RRULE:FREQ=WEEKLY", line))
    assert starts(found) == ["11-02T08:00", "11-16T08:00", "11-23T08:00", "11-30T08:00"]


def test_an_exdate_that_matches_no_instance_has_no_effect() -> None:
    line = "EXDATE;TZID=Europe/Berlin:20261109T150000"
    assert len(within(event("2026-10-05T09:00", "RRULE:FREQ=WEEKLY", line))) == 5


def test_several_rules_and_extra_dates_add_up_and_double_nothing() -> None:
    found = within(
        event(
            "2026-11-03T09:00",
            "RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20261117T080000Z",
            "RRULE:FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=9;UNTIL=20261112T080000Z",
            "RDATE;TZID=Europe/Berlin:20261120T100000,20261103T090000",
            "RDATE:20261121T100000Z",
            "RDATE;VALUE=PERIOD:20261122T100000Z/PT1H",
        )
    )
    assert starts(found) == [
        "11-03T08:00", "11-05T08:00", "11-10T08:00", "11-12T08:00", "11-17T08:00",
        "11-20T09:00", "11-21T10:00", "11-22T10:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20261116T080000Z", "11-16T08:00"),
        ("20261116T075959Z", "11-09T08:00"),
        ("20261116T090000", "11-16T08:00"),
        ("20261117", "11-16T08:00"),
        ("20261116", "11-09T08:00"),
    ],
)
def test_until_is_compared_in_its_own_zone(until: str, last: str) -> None:
    assert starts(within(event("2026-10-05T09:00", f"RRULE:FREQ=WEEKLY;UNTIL={until}")))[-1] == last


@pytest.mark.parametrize(
    ("at", "until", "last"),
    [
        # Clocks in Berlin show 02:00 to 03:00 twice on October 25; an instance is in the first of them.
        ("2026-10-23T02:45", "20261025T013000Z", "10-25T00:45"),
        ("2026-10-23T02:45", "20261025T004500Z", "10-25T00:45"),
        ("2026-10-23T02:45", "20261025T004400Z", "10-24T00:45"),
        # They leave out 02:00 to 03:00 on March 29; an instance there is as late as one at 03:30.
        ("2026-03-27T02:30", "20260329T013000Z", "03-29T01:30"),
        ("2026-03-27T02:30", "20260329T011000Z", "03-28T01:30"),
    ],
)
def test_until_is_exact_where_clocks_change(at: str, until: str, last: str) -> None:
    series = event(at, f"RRULE:FREQ=DAILY;UNTIL={until}")
    assert starts(within(series, start=datetime(2026, 3, 1, tzinfo=UTC)))[-1] == last


def test_an_extra_date_with_a_period_has_a_duration_of_its_own() -> None:
    lines = [
        "RDATE;VALUE=PERIOD:20261103T100000Z/PT2H30M,20261104T100000Z/20261104T101500Z",
        "RDATE;VALUE=PERIOD;TZID=Europe/Berlin:20261105T100000/P1DT1H",
        "RDATE:20261107T100000Z",
    ]
    found = within(event("2026-11-02T09:00", *lines))
    assert [one.ends_at - one.starts_at for one in found] == [
        timedelta(hours=1), timedelta(hours=2, minutes=30), timedelta(minutes=15), timedelta(hours=25),
        timedelta(hours=1),
    ]  # fmt: skip


@pytest.mark.parametrize("rule", ["FREQ=DAILY;COUNT=3;BYHOUR=9,17", "FREQ=HOURLY;COUNT=60"])
def test_all_day_instances_begin_at_midnight_whatever_the_rule_says(rule: str) -> None:
    found = within(all_day("2026-11-02", "2026-11-03", f"RRULE:{rule}"), zone="Asia/Tokyo")
    assert starts(found) == ["11-01T15:00", "11-02T15:00", "11-03T15:00"]


def test_a_series_that_ends_before_its_start_has_no_instances() -> None:
    assert within(event("2026-11-05T09:00", "RRULE:FREQ=WEEKLY;UNTIL=20261101T000000Z")) == []


def test_all_day_events_begin_at_midnight_of_the_reader() -> None:
    trip = all_day("2026-11-23", "2026-11-27")
    (seen,) = within(trip, zone="Asia/Tokyo")
    assert (seen.day, seen.end_day) == (date(2026, 11, 23), date(2026, 11, 27))
    assert seen.starts_at == datetime(2026, 11, 22, 15, tzinfo=UTC)
    assert [seen.covers(date(2026, 11, day)) for day in (22, 23, 26, 27)] == [False, True, True, False]


def test_occurrences_that_overlap_the_window_are_found_and_adjacent_ones_are_not() -> None:
    long = event("2026-11-02T09:00", zone="UTC", hours=48)
    noon = datetime(2026, 11, 3, 12, tzinfo=UTC)
    assert len(within(long, start=noon, end=noon + timedelta(hours=1))) == 1
    assert within(long, start=datetime(2026, 11, 4, 9, tzinfo=UTC)) == []
    assert within(long, end=datetime(2026, 11, 2, 9, tzinfo=UTC)) == []
    instant = event("2026-11-02T09:00", zone="UTC", hours=0)
    assert len(within(instant, start=datetime(2026, 11, 2, 9, tzinfo=UTC))) == 1


def test_a_long_instance_of_a_series_is_found_in_its_middle() -> None:
    weekend = event("2026-10-02T18:00", "RRULE:FREQ=WEEKLY", hours=60)
    sunday = datetime(2026, 11, 8, 12, tzinfo=UTC)
    assert starts(within(weekend, start=sunday, end=sunday + timedelta(hours=1))) == ["11-06T17:00"]


def test_a_private_or_declined_event_says_so() -> None:
    mine = {"attendees": [{"self": True, "responseStatus": "declined"}], "visibility": "private"}
    (seen,) = within(event("2026-11-02T09:00", **mine))
    assert (seen.declined, seen.private) == (True, True)
    others = [{"email": "other@example.com", "responseStatus": "declined"}]
    (seen,) = within(event("2026-11-02T09:00", attendees=others, visibility="public"))
    assert (seen.declined, seen.private) == (False, False)


@pytest.mark.parametrize(
    "line",
    [
        "RRULE:garbage",
        "RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=TU;COUNT=2",
        "FREQ=WEEKLY",
        "X-RULE:FREQ=WEEKLY",
        "RDATE:soon",
        "RDATE;VALUE=PERIOD:20261103T100000Z/P",
        "RDATE;VALUE=PERIOD:20261103T100000Z/PT",
        "RDATE;VALUE=PERIOD:20261103T100000Z/P999999999W",
        "RDATE;VALUE=PERIOD:20261103T100000Z/later",
        "EXDATE;TZID=Europe/Berlin:2026-11-09",
        "RRULE:" + "A" * 70_000,
    ],
)
def test_with_an_invalid_rule_the_first_instance_is_kept_and_the_rule_reported(line: str) -> None:
    reports: list[str] = []
    odd = event("2026-11-02T09:00", line)
    found = expand_events([odd], NOVEMBER, DECEMBER, UTC, lambda _, reason: reports.append(reason))
    assert starts(found) == ["11-02T08:00"]
    assert len(reports) == 1
    assert "Stand-up" not in reports[0]


def test_one_event_has_at_most_a_thousand_instances() -> None:
    reports: list[str] = []
    minutely = event("2026-11-02T09:00", "RRULE:FREQ=MINUTELY")
    found = expand_events([minutely], NOVEMBER, DECEMBER, UTC, lambda _, reason: reports.append(reason))
    assert len(found) == MAX_INSTANCES + 1
    assert reports == ["too many instances"]


@pytest.mark.parametrize(
    "start",
    [
        {},
        {"dateTime": "9999-12-31T23:59:59-12:00"},
        {"dateTime": "0001-01-01T00:00:00+14:00"},
        {"dateTime": "2026-02-30T09:00:00Z"},
        {"date": "9999-12-31"},
        {"date": "tomorrow"},
        {"dateTime": 5},
        None,
    ],
)
@pytest.mark.parametrize("lines", [[], ["RRULE:FREQ=DAILY"]])
def test_an_event_with_an_invalid_time_is_skipped_alone(start: Any, lines: list[str]) -> None:
    bad = StoredEvent(1, {"id": "bad", "start": start, "end": start, "recurrence": lines}, "UTC")
    reports: list[str] = []
    found = expand_events([bad, WEEKLY], NOVEMBER, DECEMBER, UTC, lambda one, _: reports.append(one.id))
    assert len(found) == 5
    assert reports == ["bad"]


def test_an_unknown_zone_falls_back_to_the_offset_that_was_written() -> None:
    times = {"dateTime": "2026-11-02T09:00:00+03:00", "timeZone": "Middle/Earth"}
    odd = {"id": "odd", "start": times, "end": times, "recurrence": ["RRULE:FREQ=WEEKLY"]}
    assert starts(within(StoredEvent(1, odd, "Also/Unknown")))[:2] == ["11-02T06:00", "11-09T06:00"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
times = st.fixed_dictionaries(
    {}, optional={"date": st.dates().map(str) | anything, "dateTime": st.datetimes().map(str) | anything,
                  "timeZone": st.sampled_from(["Asia/Tokyo", "../etc", ""]) | anything},
)  # fmt: skip
lines = st.lists(
    st.sampled_from(["RRULE:", "EXDATE:", "RDATE;TZID=Asia/Tokyo:", ""]).flatmap(
        lambda name: (
            st.sampled_from(["FREQ=DAILY", "FREQ=YEARLY;BYWEEKNO=-1", "20261109T090000Z"]).map(name.__add__)
            | st.text(max_size=30).map(name.__add__)
        )
    ),
    max_size=3,
)
resources = st.fixed_dictionaries(
    {"id": st.text(max_size=5)},
    optional={
        "start": times | anything,
        "end": times | anything,
        "originalStartTime": times | anything,
        "recurrence": lines | anything,
        "recurringEventId": st.just("series") | anything,
        "status": st.sampled_from(["confirmed", "cancelled"]) | anything,
        "summary": anything,
        "attendees": anything,
        "reminders": anything,
        "visibility": anything,
    },
)


@given(st.lists(resources, max_size=4))
@settings(max_examples=200, deadline=None, database=None)
def test_no_event_resource_raises_an_error(found: list[dict[str, Any]]) -> None:
    events = [StoredEvent(1, project_event(resource), "UTC") for resource in found]
    for one in expand_events(events, NOVEMBER, DECEMBER, ZoneInfo("Asia/Tokyo")):
        assert one.starts_at < DECEMBER
        assert one.ends_at >= NOVEMBER
