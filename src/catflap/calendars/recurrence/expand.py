"""Expand a recurrence rule between two local times, without iterating from its start.

python-dateutil can't be bounded: a rule that matches nothing runs to the year 9999 inside one step, and every
query begins at DTSTART. Here each day is tested by itself, so the cost of a query is that of its window. The
tests compare the results with dateutil's; docs/decisions/0005 has figures.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from functools import lru_cache
from itertools import product

from catflap.calendars.recurrence.byday import matches_byrules, week_start_ordinal
from catflap.calendars.recurrence.rrule import Frequency, RecurrenceRule

MAX_STEPS = 5_000
# COUNT has to be counted from DTSTART on; the last instance is cached per rule.
MAX_COUNT_STEPS = 20_000
_LAST_DATETIME = datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 (local time has no zone)
_UNITS = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}


class ExpansionLimitExceeded(ValueError):
    """The rule needs more steps than the limit for one query."""


def expand(rule: RecurrenceRule, start: datetime, first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield the instances of `rule` from `first` to `last`, both included, in order.

    Args:
        rule: What to expand.
        start: DTSTART in local time, for what the rule leaves open; an instance only if it matches the rule.
        first: Local time of the earliest instance wanted.
        last: Local time of the latest instance wanted.

    Raises:
        ExpansionLimitExceeded: after `MAX_STEPS` steps, or `MAX_COUNT_STEPS` for COUNT.
    """
    rule = _with_dtstart_defaults(rule, start)
    if rule.count is not None:
        until, known_to = _end_by_count(rule, start)
        if until is None and last > known_to:
            raise ExpansionLimitExceeded("too many steps to count the instances")
        last = min(last, until or last)
    last = min(last, rule.until or last)
    for wall in _iterate(rule, start, max(first, start), last, MAX_STEPS):
        if wall > last:
            return
        if wall >= first:
            yield wall


@lru_cache(maxsize=4096)
def _end_by_count(rule: RecurrenceRule, start: datetime) -> tuple[datetime | None, datetime]:
    """Return the last instance that COUNT allows, twice; or None and the time up to which there are more."""
    reached = start
    try:
        uncounted = replace(rule, count=None)
        walls = _iterate(uncounted, start, start, _LAST_DATETIME, MAX_COUNT_STEPS)
        for number, wall in enumerate(walls, 1):
            reached = wall
            if number == rule.count:
                return wall, wall
    except ExpansionLimitExceeded:
        return None, reached
    return None, _LAST_DATETIME


def _iterate(
    rule: RecurrenceRule, start: datetime, first: datetime, last: datetime, max_steps: int
) -> Iterator[datetime]:
    """Yield instances in order from the day of `first` to the day of `last`, none before `start`."""
    if first > last:
        return
    steps = 0
    for days in _periods(rule, start.date(), first.date(), last.date()):
        chosen: list[datetime] = []
        for day in map(date.fromordinal, days):
            if rule.months and day.month not in rule.months:
                continue
            for moment in _times(rule, start, day) if matches_byrules(rule, day) else (None,):
                steps += 1
                if steps > max_steps:
                    raise ExpansionLimitExceeded("too many steps")
                if moment is None:
                    continue
                wall = datetime.combine(day, moment)
                if rule.positions:
                    chosen.append(wall)
                elif wall >= start:
                    yield wall
        yield from (wall for wall in _at_positions(chosen, rule.positions) if wall >= start)


def _with_dtstart_defaults(rule: RecurrenceRule, start: datetime) -> RecurrenceRule:
    """Return the rule with the days that DTSTART implies if it has no BY… part on days (RFC 5545, 3.3.10)."""
    if rule.week_numbers or rule.year_days or rule.month_days or rule.weekdays or rule.nth_weekdays:
        return rule
    match rule.frequency:
        case Frequency.YEARLY:
            months = rule.months or frozenset({start.month})
            return replace(rule, months=months, month_days=frozenset({start.day}))
        case Frequency.MONTHLY:
            return replace(rule, month_days=frozenset({start.day}))
        case Frequency.WEEKLY:
            return replace(rule, weekdays=frozenset({start.weekday()}))
    return rule


def _periods(rule: RecurrenceRule, start: date, first: date, last: date) -> Iterator[range]:
    """Yield the days (ordinals) of each period of the interval, cut to the window unless BYSETPOS is set."""
    interval = rule.interval if rule.frequency <= Frequency.DAILY else 1
    index = -(-_index(rule, start, first) // interval) * interval if first > start else 0
    while True:
        days = _days(rule, start, index)
        if days is None or days.start > last.toordinal():
            return
        index += interval
        if rule.positions:
            yield days
        else:
            yield range(max(days.start, first.toordinal()), min(days.stop, last.toordinal() + 1))


def _index(rule: RecurrenceRule, start: date, day: date) -> int:
    """Return how many periods `day` is after the one that `start` is in."""
    match rule.frequency:
        case Frequency.YEARLY:
            return day.year - start.year
        case Frequency.MONTHLY:
            return (day.year - start.year) * 12 + day.month - start.month
        case Frequency.WEEKLY:
            return (day.toordinal() - week_start_ordinal(rule, start)) // 7
    return day.toordinal() - start.toordinal()


def _days(rule: RecurrenceRule, start: date, index: int) -> range | None:
    """Return the days of a period, as ordinals; None beyond the year 9999."""
    match rule.frequency:
        case Frequency.YEARLY:
            year, month, months = start.year + index, 1, 12
        case Frequency.MONTHLY:
            year, month = divmod(start.year * 12 + start.month - 1 + index, 12)
            month, months = month + 1, 1
        case Frequency.WEEKLY:
            begin = week_start_ordinal(rule, start) + index * 7
            return _clamp_range(begin, begin + 7)
        case _:
            begin = start.toordinal() + index
            return _clamp_range(begin, begin + 1)
    if year > date.max.year:
        return None
    length = sum(monthrange(year, month + i)[1] for i in range(months))
    begin = date(year, month, 1).toordinal()
    return range(begin, begin + length)


def _clamp_range(begin: int, end: int) -> range | None:
    days = range(max(begin, 1), min(end, date.max.toordinal() + 1))
    return days if days else None


def _times(rule: RecurrenceRule, start: datetime, day: date) -> Iterator[time | None]:
    """Yield the times of `day` that match the rule, in order; None for a step without a match."""
    unit = _UNITS.get(rule.frequency)
    if unit is None:
        yield from _set_times(rule, start)
        return
    per_day = 86_400 // unit
    passed = (day.toordinal() - start.toordinal()) * per_day - (
        (start.hour * 3600 + start.minute * 60 + start.second) // unit
    )
    for number in range(-passed % rule.interval, per_day, rule.interval):
        hour, rest = divmod(number * unit, 3600)
        minute, second = divmod(rest, 60)
        matches = (not rule.hours or hour in rule.hours) and (
            unit == 3600 or not rule.minutes or minute in rule.minutes
        )
        matches = matches and (unit > 1 or not rule.seconds or second in rule.seconds)
        if not matches:
            yield None
            continue
        minutes = [minute] if unit < 3600 else sorted(rule.minutes) or [start.minute]
        seconds = [second] if unit == 1 else sorted(rule.seconds) or [start.second]
        yield from (time(hour, *rest) for rest in product(minutes, seconds))


def _set_times(rule: RecurrenceRule, start: datetime) -> Iterator[time]:
    seconds = sorted(rule.seconds) or [start.second]
    minutes = sorted(rule.minutes) or [start.minute]
    for hour, minute, second in product(sorted(rule.hours) or [start.hour], minutes, seconds):
        yield time(hour, minute, second)


def _at_positions(chosen: list[datetime], positions: frozenset[int]) -> list[datetime]:
    """Select the n-th instances of a period (BYSETPOS), counted from its end when negative."""
    size = len(chosen)
    picked = {position - 1 if position > 0 else size + position for position in positions}
    return [chosen[index] for index in sorted(picked) if 0 <= index < size]
