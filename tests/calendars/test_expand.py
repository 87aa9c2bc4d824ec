"""Expansion of recurrence rules, compared with python-dateutil, and its limits."""

# ruff: noqa: DTZ001 (wall clocks have no zone)

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.calendars.recurrence.expand import MAX_STEPS, ExpansionLimitExceeded, expand
from catflap.calendars.recurrence.rrule import parse_rrule, parse_until
from tests.support.recurrence_rules import rules

START = datetime(2024, 1, 10, 9, 30)


@given(rules(), st.integers(0, 600_000), st.integers(-5, 900), st.sampled_from([1, 7, 90]))
@settings(max_examples=150, deadline=None, database=None)
def test_the_instances_in_a_window_are_those_of_dateutil(
    text: str, minutes: int, ahead: int, length: int
) -> None:
    start = datetime(2024, 1, 1) + timedelta(minutes=minutes)
    if "HOURLY" in text or "MINUTELY" in text:
        ahead, length = min(ahead, 40), 1
    first = start + timedelta(days=ahead)
    last = first + timedelta(days=length)
    try:
        found = list(expand(parse_rrule(text, UTC), start, first, last))
    except ExpansionLimitExceeded:
        return
    assert found == _by_dateutil(text, start, first, last)


def _by_dateutil(text: str, start: datetime, first: datetime, last: datetime) -> list[datetime]:
    found: list[datetime] = []
    try:
        every = iter(rrulestr(text, dtstart=start))
    except ValueError:
        return found
    for wall in every:
        if wall > last:
            break
        if wall >= first:
            found.append(wall)
    return found


def test_a_window_far_from_the_start_costs_no_more_than_a_near_one() -> None:
    rule = parse_rrule("FREQ=DAILY", UTC)
    far = START + timedelta(days=MAX_STEPS * 100)
    assert list(expand(rule, START, far, far + timedelta(days=1))) == [far, far + timedelta(days=1)]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=MINUTELY;INTERVAL=2;BYMINUTE=31",
        "FREQ=YEARLY;INTERVAL=9999999999",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
    ],
)
def test_a_rule_that_never_matches_finds_nothing_and_ends(text: str) -> None:
    far = START + timedelta(days=700)
    assert list(expand(parse_rrule(text, UTC), START, far, far + timedelta(days=1))) == []


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=1000000",
        "FREQ=SECONDLY;BYHOUR=3",
        "FREQ=DAILY;COUNT=1000000;BYHOUR=1,2,3,4,5,6,7,8,9,10,11,12",
        "FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU,WE,TH,FR;BYMINUTE="
        + ",".join(map(str, range(60)))
        + ";BYHOUR="
        + ",".join(map(str, range(24))),
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO;COUNT=3",
    ],
)
def test_a_rule_that_needs_too_many_steps_is_an_error(text: str) -> None:
    far = START + timedelta(days=9000)
    with pytest.raises(ExpansionLimitExceeded):
        list(expand(parse_rrule(text, UTC), START, far, far + timedelta(days=3)))


def test_the_year_9999_is_handled() -> None:
    start = datetime(9999, 12, 30, 9)
    for frequency in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY"):
        rule = parse_rrule(f"FREQ={frequency};COUNT=9", UTC)
        assert next(expand(rule, start, start, datetime(9999, 12, 31, 23))) == start


def test_plain_and_numbered_weekdays_add_up() -> None:
    # dateutil wants both at once, which is never (RFC 5545, 3.3.10 lists them as alternatives).
    rule = parse_rrule("FREQ=MONTHLY;BYDAY=1MO,FR", UTC)
    found = expand(rule, datetime(2026, 11, 1, 9), datetime(2026, 11, 1), datetime(2026, 11, 30, 23))
    assert [wall.day for wall in found] == [2, 6, 13, 20, 27]


def test_the_first_week_has_the_days_before_dtstart_too() -> None:
    # "A set of recurrence instances starts at the beginning of the interval" (RFC 5545, 3.3.10): the first
    # of that week is Monday, before DTSTART. dateutil takes Saturday.
    rule = parse_rrule("FREQ=WEEKLY;INTERVAL=5;BYDAY=MO,SA;BYSETPOS=1", UTC)
    thursday = datetime(2024, 2, 29, 9)
    found = expand(rule, thursday, thursday, datetime(2024, 4, 30))
    assert list(found) == [datetime(2024, 4, 1, 9)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "FREQ=",
        "FREQ=FORTNIGHTLY",
        "INTERVAL=2",
        "FREQ=DAILY;FREQ=WEEKLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=many",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;BYDAY=",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;UNTIL=20261301",
        "FREQ=DAILY;BYEASTER=1",
        "FREQ=HOURLY;BYSETPOS=1",
        "FREQ=DAILY;WKST=1",
        "FREQ=DAILY;BYHOUR=" + "9" * 5000,
        "FREQ=DAILY;BYMINUTE=" + ",".join(map(str, range(60))) + ";BYSECOND=" + ",".join(map(str, range(60))),
        "FREQ=DAILY;\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_an_invalid_rule_raises_value_error_only(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rrule(text, UTC)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None, database=None)
def test_any_text_is_a_rule_or_a_value_error(text: str) -> None:
    for start in ("", "FREQ=WEEKLY;", "FREQ=DAILY;UNTIL=", "FREQ=YEARLY;BYDAY="):
        try:
            parse_rrule(start + text, UTC)
        except ValueError:
            continue


def test_until_is_converted_to_the_local_time_of_the_event() -> None:
    end_of_day = datetime(2026, 3, 25, 23, 59, 59, 999999)
    assert parse_until("20260325T130000Z", None) == (end_of_day, None)
    assert parse_until("20260325", None) == (end_of_day, None)
    assert parse_until("20260325", UTC) == (datetime(2026, 3, 25), datetime(2026, 3, 25, tzinfo=UTC))
    tokyo = parse_until("20260325", ZoneInfo("Asia/Tokyo"))
    assert tokyo == (datetime(2026, 3, 25, 9), datetime(2026, 3, 25, tzinfo=UTC))
    assert parse_until("20260325T130000", UTC)[0] == datetime(2026, 3, 25, 13)


def test_until_in_the_second_of_two_repeated_hours_includes_the_first() -> None:
    local, exact = parse_until("20261025T013000Z", ZoneInfo("Europe/Berlin"))
    assert (local, exact) == (datetime(2026, 10, 25, 3, 30), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_the_second_60_is_59() -> None:
    # "Implementations that do not support leap seconds" (RFC 5545, 3.3.12)
    assert parse_rrule("FREQ=DAILY;BYSECOND=60", UTC).seconds == {59}


@pytest.mark.parametrize("part", ["BYHOUR=9", "BYMINUTE=30", "BYSECOND=5", "BYHOUR=99"])
def test_a_rule_on_dates_has_no_times_of_a_day(part: str) -> None:
    # "MUST be ignored" where DTSTART is a date (RFC 5545, 3.3.10)
    assert parse_rrule(f"FREQ=DAILY;{part}", None) == parse_rrule("FREQ=DAILY", None)
