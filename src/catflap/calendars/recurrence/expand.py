"""The wall clocks a recurrence rule names between two moments, found without walking there from its start.

python-dateutil can't be bounded: a rule that matches nothing runs to the year 9999 inside one step (half a
second each), and every question begins at DTSTART. Here each day is judged by itself, so a question costs
what its window costs. The tests hold the answers against dateutil's.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from functools import lru_cache
from itertools import product

from catflap.calendars.recurrence.byday import fits, week_begin
from catflap.calendars.recurrence.rrule import Frequency, Rule

MAX_STEPS = 5_000
# COUNT must be counted from the start on; once per rule, then the end is remembered.
MAX_COUNTING_STEPS = 20_000
_FOREVER = datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 (a wall clock has no zone)
_UNITS = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}


class TooMuchWork(ValueError):
    """The rule would take more steps than any honest one."""


def instances(rule: Rule, start: datetime, first: datetime, last: datetime) -> Iterator[datetime]:
    """The instances of `rule` from `first` to `last`, both included, in order.

    Args:
        rule: What to expand.
        start: DTSTART's wall clock, which fills in what the rule leaves open; an instance only where it fits.
        first: Wall clock of the earliest instance wanted.
        last: Wall clock of the latest instance wanted.

    Raises:
        TooMuchWork: after more steps than an honest rule needs.
    """
    rule = _filled(rule, start)
    if rule.count is not None:
        until, known_to = _end_by_count(rule, start)
        if until is None and last > known_to:
            raise TooMuchWork("COUNT")
        last = min(last, until or last)
    last = min(last, rule.until or last)
    for wall in _walk(rule, start, max(first, start), last, MAX_STEPS):
        if wall > last:
            return
        if wall >= first:
            yield wall


@lru_cache(maxsize=4096)
def _end_by_count(rule: Rule, start: datetime) -> tuple[datetime | None, datetime]:
    """The last instance COUNT allows and that same moment; or None and up to when there surely are more."""
    reached = start
    try:
        endless = replace(rule, count=None)
        walk = _walk(endless, start, start, _FOREVER, MAX_COUNTING_STEPS)
        for number, wall in enumerate(walk, 1):
            reached = wall
            if number == rule.count:
                return wall, wall
    except TooMuchWork:
        return None, reached
    return None, _FOREVER


def _walk(rule: Rule, start: datetime, first: datetime, last: datetime, max_steps: int) -> Iterator[datetime]:
    """Instances in order from the day of `first` to the day of `last`, none before `start`."""
    if first > last:
        return
    steps = 0
    for days in _periods(rule, start.date(), first.date(), last.date()):
        chosen: list[datetime] = []
        for day in map(date.fromordinal, days):
            if rule.months and day.month not in rule.months:
                continue
            for moment in _times(rule, start, day) if fits(rule, day) else (None,):
                steps += 1
                if steps > max_steps:
                    raise TooMuchWork("steps")
                if moment is None:
                    continue
                wall = datetime.combine(day, moment)
                if rule.positions:
                    chosen.append(wall)
                elif wall >= start:
                    yield wall
        yield from (wall for wall in _at_positions(chosen, rule.positions) if wall >= start)


def _filled(rule: Rule, start: datetime) -> Rule:
    """The rule with what DTSTART implies where the rule says nothing about days (RFC 5545, 3.3.10)."""
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


def _periods(rule: Rule, start: date, first: date, last: date) -> Iterator[range]:
    """The days (ordinals) of each period the interval hits, trimmed to the window unless BYSETPOS counts."""
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


def _index(rule: Rule, start: date, day: date) -> int:
    """How many periods `day` is after the one `start` is in."""
    match rule.frequency:
        case Frequency.YEARLY:
            return day.year - start.year
        case Frequency.MONTHLY:
            return (day.year - start.year) * 12 + day.month - start.month
        case Frequency.WEEKLY:
            return (day.toordinal() - week_begin(rule, start)) // 7
    return day.toordinal() - start.toordinal()


def _days(rule: Rule, start: date, index: int) -> range | None:
    """The days of a period, as ordinals; None beyond the year 9999."""
    match rule.frequency:
        case Frequency.YEARLY:
            year, month, months = start.year + index, 1, 12
        case Frequency.MONTHLY:
            year, month = divmod(start.year * 12 + start.month - 1 + index, 12)
            month, months = month + 1, 1
        case Frequency.WEEKLY:
            begin = week_begin(rule, start) + index * 7
            return _possible(begin, begin + 7)
        case _:
            begin = start.toordinal() + index
            return _possible(begin, begin + 1)
    if year > date.max.year:
        return None
    length = sum(monthrange(year, month + i)[1] for i in range(months))
    begin = date(year, month, 1).toordinal()
    return range(begin, begin + length)


def _possible(begin: int, end: int) -> range | None:
    days = range(max(begin, 1), min(end, date.max.toordinal() + 1))
    return days if days else None


def _times(rule: Rule, start: datetime, day: date) -> Iterator[time | None]:
    """The times of `day` the rule names, in order; None for a step that led nowhere."""
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
        fits = (not rule.hours or hour in rule.hours) and (
            unit == 3600 or not rule.minutes or minute in rule.minutes
        )
        fits = fits and (unit > 1 or not rule.seconds or second in rule.seconds)
        if not fits:
            yield None
            continue
        minutes = [minute] if unit < 3600 else sorted(rule.minutes) or [start.minute]
        seconds = [second] if unit == 1 else sorted(rule.seconds) or [start.second]
        yield from (time(hour, *rest) for rest in product(minutes, seconds))


def _set_times(rule: Rule, start: datetime) -> Iterator[time]:
    seconds = sorted(rule.seconds) or [start.second]
    minutes = sorted(rule.minutes) or [start.minute]
    for hour, minute, second in product(sorted(rule.hours) or [start.hour], minutes, seconds):
        yield time(hour, minute, second)


def _at_positions(chosen: list[datetime], positions: frozenset[int]) -> list[datetime]:
    """BYSETPOS: the n-th of a period, counted from its end when negative."""
    size = len(chosen)
    picked = {position - 1 if position > 0 else size + position for position in positions}
    return [chosen[index] for index in sorted(picked) if 0 <= index < size]
