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

START = datetime(2024, 1, 10, 9, 30)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def some(values: range | tuple[str, ...] | list[int], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True).map(
        lambda chosen: ",".join(map(str, chosen))
    )


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules that match something within a few years: dateutil walks to the year 9999 for the others."""
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]))
    services = {"FREQ": frequency, "INTERVAL": str(draw(st.sampled_from([1, 1, 5, 11])))}
    month_days = some([*range(1, 29), *range(-28, 0)])
    if frequency in ("YEARLY", "MONTHLY"):
        kind = draw(st.sampled_from(["", "BYDAY", "BYMONTHDAY", "NTH", "BYYEARDAY", "BYWEEKNO"]))
        if kind == "BYMONTHDAY":
            services[kind] = draw(month_days)
        elif kind == "BYDAY":
            services[kind] = draw(some(DAYS))
        elif kind == "NTH":
            numbers = st.sampled_from(["1", "+2", "4", "-1", "-3"])
            services["BYDAY"] = draw(st.builds(str.__add__, numbers, st.sampled_from(DAYS)))
        elif kind == "BYYEARDAY" and frequency == "YEARLY":
            services[kind] = draw(some([*range(1, 360), *range(-360, 0)]))
        elif kind == "BYWEEKNO" and frequency == "YEARLY":
            services[kind] = draw(some([*range(1, 53), *range(-52, 0)]))
        if kind in ("", "BYDAY", "BYMONTHDAY", "NTH") and draw(st.booleans()):
            services["BYMONTH"] = draw(some(range(1, 13), 6))
        if draw(st.booleans()):
            services["BYSETPOS"] = draw(st.sampled_from(["1", "-1", "1,-1"]))
    else:
        if draw(st.booleans()):
            services["BYDAY"] = draw(some(DAYS))
        if draw(st.booleans()):
            services["BYMONTH"] = draw(some(range(1, 13), 6))
    if draw(st.booleans()):
        services["BYHOUR"] = draw(some(range(24)))
    if draw(st.booleans()):
        services["BYMINUTE"] = draw(some(range(60)))
    if draw(st.booleans()):
        services["WKST"] = draw(st.sampled_from(DAYS))
    if draw(st.booleans()):
        services["COUNT"] = str(draw(st.integers(1, 60)))
    return ";".join(f"{name}={value}" for name, value in services.items())


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
    found = []
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
    from_utc = parse_until("20260325T130000Z", None)
    assert from_utc == datetime(2026, 3, 25, 23, 59, 59, 999999)
    assert parse_until("20260325", None) == datetime(2026, 3, 25, 23, 59, 59, 999999)
    assert parse_until("20260325", UTC) == datetime(2026, 3, 25)
    assert parse_until("20260325", ZoneInfo("Asia/Tokyo")) == datetime(2026, 3, 25, 9)
    assert parse_until("20260325T130000", UTC) == datetime(2026, 3, 25, 13)
