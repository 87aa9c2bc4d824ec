"""Parse recurrence rules (RFC 5545, 3.3.10) into values."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import IntEnum
from functools import lru_cache
from typing import Any

from catflap.calendars.datetimes import parse_ical_date

_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_MAX_TIMES_A_DAY = 1440
_TIMES_OF_DAY = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})


class Frequency(IntEnum):
    """The periods of a rule, longest first."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


@dataclass(frozen=True)
class RecurrenceRule:
    """One RRULE or EXRULE; an empty set means "not restricted".

    Args:
        until: No local time after this is included, in the zone of the event; None for no end.
        until_utc: The same exactly, because local times repeat and are left out when clocks change; None for
            no end and for all-day events.
        nth_weekdays: (n, weekday) within the month or year; n counts from the end when negative.
        positions: BYSETPOS within each period.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    until_utc: datetime | None = None
    months: frozenset[int] = frozenset()
    week_numbers: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    nth_weekdays: frozenset[tuple[int, int]] = frozenset()
    hours: frozenset[int] = frozenset()
    minutes: frozenset[int] = frozenset()
    seconds: frozenset[int] = frozenset()
    positions: frozenset[int] = frozenset()
    week_start: int = 0


@lru_cache(maxsize=4096)
def parse_rrule(text: str, zone: tzinfo | None) -> RecurrenceRule:
    """Parse a rule such as `FREQ=WEEKLY;BYDAY=TU`.

    Args:
        text: What comes after `RRULE:`.
        zone: The event's, to convert UNTIL to its local time; None for all-day events, whose rules have no
            hours, minutes and seconds: they "MUST be ignored" (RFC 5545, 3.3.10).

    Raises:
        ValueError: it can't be parsed, has no meaning, or too many times a day.
    """
    values: dict[str, str] = {}
    for part in text.strip().rstrip(";").upper().split(";"):
        name, equals, value = part.strip().partition("=")
        if not equals or name in values:
            raise ValueError("malformed rule")
        values[name] = value
    if zone is None:
        values = {name: value for name, value in values.items() if name not in _TIMES_OF_DAY}
    if unknown := values.keys() - _PARSERS.keys() - {"FREQ", "UNTIL"}:
        raise ValueError(f"{len(unknown)} unknown rule parts")
    try:
        fields: dict[str, Any] = {}
        for name in values.keys() & _PARSERS.keys():
            field, parse = _PARSERS[name]
            fields[field] = parse(values[name])
        plain, nth = fields.pop("byday", (frozenset(), frozenset()))
        if "UNTIL" in values:
            fields["until"], fields["until_utc"] = parse_until(values["UNTIL"], zone)
        rule = RecurrenceRule(Frequency[values["FREQ"]], weekdays=plain, nth_weekdays=nth, **fields)
    except KeyError:
        raise ValueError("unknown frequency or weekday") from None
    _check_limits(rule)
    return rule


def parse_until(text: str, zone: tzinfo | None) -> tuple[datetime, datetime | None]:
    """Parse UNTIL into `RecurrenceRule.until` and `RecurrenceRule.until_utc`.

    For all-day events (`zone` None) the whole date is included. For timed events a date means 00:00 UTC of
    that day, as in Google's own expansion (google-rfc-2445): that day's instance is usually excluded.

    Raises:
        ValueError: it is neither a date nor a date-time.
    """
    parsed = parse_ical_date(text, zone or UTC)
    if zone is None:
        return datetime.combine(parsed.wall.date(), time.max), None
    try:
        exact = parsed.at(UTC)
        local = exact.astimezone(zone)
        # In the second of two repeated hours, all instances of the first are included.
        local += _offset(local.replace(fold=0)) - _offset(local)
    except (OverflowError, ValueError):
        return parsed.wall, None
    return local.replace(tzinfo=None, fold=0), exact


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta(0)


def _check_limits(rule: RecurrenceRule) -> None:
    if rule.interval < 1 or (rule.count is not None and rule.count < 1):
        raise ValueError("interval or count below 1")
    if rule.positions and rule.frequency > Frequency.DAILY:
        raise ValueError("BYSETPOS within less than a day")
    times = max(1, len(rule.hours)) * max(1, len(rule.minutes)) * max(1, len(rule.seconds))
    if rule.frequency <= Frequency.DAILY and times > _MAX_TIMES_A_DAY:
        raise ValueError("too many times a day")


def _number(text: str) -> int:
    try:
        return int(text[:10])
    except ValueError:
        # The message of the original error quotes the text, and messages of these errors are logged.
        raise ValueError("not a number") from None


def _numbers(low: int, high: int, *, signed: bool = False) -> Callable[[str], frozenset[int]]:
    def parse(text: str) -> frozenset[int]:
        numbers = frozenset(_number(number) for number in text.split(","))
        if not all(low <= (abs(number) if signed else number) <= high for number in numbers):
            raise ValueError("out of range")
        return numbers

    return parse


def _seconds(text: str) -> frozenset[int]:
    """Parse BYSECOND; 60, a leap second, is 59 where clocks have none (RFC 5545, 3.3.12)."""
    return frozenset(min(number, 59) for number in _numbers(0, 60)(text))


def _byday(text: str) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    plain: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for item in text.split(","):
        match = _BYDAY.fullmatch(item)
        if match is None:
            raise ValueError("unknown weekday")
        if match[1] and int(match[1]):
            nth.add((int(match[1]), _WEEKDAYS[match[2]]))
        else:
            plain.add(_WEEKDAYS[match[2]])
    return frozenset(plain), frozenset(nth)


_PARSERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "INTERVAL": ("interval", _number),
    "COUNT": ("count", _number),
    "BYMONTH": ("months", _numbers(1, 12)),
    "BYWEEKNO": ("week_numbers", _numbers(1, 53, signed=True)),
    "BYYEARDAY": ("year_days", _numbers(1, 366, signed=True)),
    "BYMONTHDAY": ("month_days", _numbers(1, 31, signed=True)),
    "BYDAY": ("byday", _byday),
    "BYHOUR": ("hours", _numbers(0, 23)),
    "BYMINUTE": ("minutes", _numbers(0, 59)),
    "BYSECOND": ("seconds", _seconds),
    "BYSETPOS": ("positions", _numbers(1, 366, signed=True)),
    "WKST": ("week_start", _WEEKDAYS.__getitem__),
}
