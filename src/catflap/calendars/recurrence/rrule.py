"""Recurrence rules (RFC 5545, 3.3.10) read from text: what a rule says, before any day is looked at."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from enum import IntEnum
from functools import lru_cache
from typing import Any

from catflap.calendars.datetimes import read_date

_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_MAX_TIMES_A_DAY = 1440


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
class Rule:
    """One RRULE or EXRULE; an empty set means "not restricted".

    Args:
        until: The last wall clock that counts, in the zone of the event; None for no end.
        nth_weekdays: (n, weekday) within the month or year; n counts from the end when negative.
        positions: BYSETPOS within each period.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
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
def read_rule(text: str, zone: tzinfo | None) -> Rule:
    """A rule such as `FREQ=WEEKLY;BYDAY=TU`.

    Args:
        text: What comes after `RRULE:`.
        zone: The event's, to show UNTIL on its wall clock; None for whole days.

    Raises:
        ValueError: it can't be read, or is refused: no meaning, or an absurd number of times a day.
    """
    values: dict[str, str] = {}
    for part in text.strip().rstrip(";").upper().split(";"):
        name, equals, value = part.strip().partition("=")
        if not equals or name in values:
            raise ValueError("malformed rule")
        values[name] = value
    if unknown := values.keys() - _READERS.keys() - {"FREQ", "UNTIL"}:
        raise ValueError(f"{len(unknown)} unknown rule parts")
    try:
        fields: dict[str, Any] = {}
        for name in values.keys() & _READERS.keys():
            field, read = _READERS[name]
            fields[field] = read(values[name])
        plain, nth = fields.pop("byday", (frozenset(), frozenset()))
        until = read_until(values["UNTIL"], zone) if "UNTIL" in values else None
        rule = Rule(Frequency[values["FREQ"]], until=until, weekdays=plain, nth_weekdays=nth, **fields)
    except KeyError:
        raise ValueError("unknown frequency or weekday") from None
    _refuse_absurd(rule)
    return rule


def read_until(text: str, zone: tzinfo | None) -> datetime:
    """Read UNTIL as the last moment that counts, on the event's wall clock.

    In a rule for whole days (`zone` None) the date counts, to its end. In a rule for times a date means
    00:00 UTC of that day, as in Google's own expansion (google-rfc-2445): that day's instance is usually out.

    Raises:
        ValueError: no date or date-time.
    """
    read = read_date(text, zone or UTC)
    if zone is None:
        return datetime.combine(read.wall.date(), time.max)
    try:
        return read.wall.replace(tzinfo=read.zone or UTC).astimezone(zone).replace(tzinfo=None, fold=0)
    except OverflowError:
        return read.wall


def _refuse_absurd(rule: Rule) -> None:
    if rule.interval < 1 or (rule.count is not None and rule.count < 1):
        raise ValueError("no such interval or count")
    if rule.positions and rule.frequency > Frequency.DAILY:
        raise ValueError("BYSETPOS within less than a day")
    times = max(1, len(rule.hours)) * max(1, len(rule.minutes)) * max(1, len(rule.seconds))
    if rule.frequency <= Frequency.DAILY and times > _MAX_TIMES_A_DAY:
        raise ValueError("too many times a day")


def _number(text: str) -> int:
    return int(text[:10])


def _numbers(low: int, high: int, *, signed: bool = False) -> Callable[[str], frozenset[int]]:
    def read(text: str) -> frozenset[int]:
        numbers = frozenset(int(number) for number in text.split(","))
        if not all(low <= (abs(number) if signed else number) <= high for number in numbers):
            raise ValueError("out of range")
        return numbers

    return read


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


_READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "INTERVAL": ("interval", _number),
    "COUNT": ("count", _number),
    "BYMONTH": ("months", _numbers(1, 12)),
    "BYWEEKNO": ("week_numbers", _numbers(1, 53, signed=True)),
    "BYYEARDAY": ("year_days", _numbers(1, 366, signed=True)),
    "BYMONTHDAY": ("month_days", _numbers(1, 31, signed=True)),
    "BYDAY": ("byday", _byday),
    "BYHOUR": ("hours", _numbers(0, 23)),
    "BYMINUTE": ("minutes", _numbers(0, 59)),
    "BYSECOND": ("seconds", _numbers(0, 59)),
    "BYSETPOS": ("positions", _numbers(1, 366, signed=True)),
    "WKST": ("week_start", _WEEKDAYS.__getitem__),
}
