"""Test single days against the BY… rule parts of a recurrence rule (RFC 5545, 3.3.10)."""

from calendar import monthrange
from datetime import date

from catflap.calendars.recurrence.rrule import Frequency, RecurrenceRule


def matches_byrules(rule: RecurrenceRule, day: date) -> bool:
    """Return whether `day` matches every BY… part on days: all of them narrow the days of a period."""
    return (
        (not rule.month_days or _matches_signed(day.day, monthrange(day.year, day.month)[1], rule.month_days))
        and (not (rule.weekdays or rule.nth_weekdays) or _matches_byday(rule, day))
        and (not rule.year_days or _matches_signed(_year_day(day), _year_length(day.year), rule.year_days))
        and (not rule.week_numbers or _matches_byweekno(rule, day))
    )


def _matches_signed(number: int, length: int, wanted: frozenset[int]) -> bool:
    """Return whether `number` is in `wanted`; negative numbers there count from the end (`length`)."""
    return number in wanted or number - length - 1 in wanted


def _matches_byday(rule: RecurrenceRule, day: date) -> bool:
    weekday = day.weekday()
    if weekday in rule.weekdays:
        return True
    if rule.frequency > Frequency.MONTHLY:
        # A number has no meaning within a week or a day (RFC 5545, 3.3.10).
        return any(weekday == other for _, other in rule.nth_weekdays)
    within_year = rule.frequency is Frequency.YEARLY and not rule.months
    number = _year_day(day) if within_year else day.day
    length = _year_length(day.year) if within_year else monthrange(day.year, day.month)[1]
    return ((number - 1) // 7 + 1, weekday) in rule.nth_weekdays or (
        -((length - number) // 7) - 1,
        weekday,
    ) in rule.nth_weekdays


def _matches_byweekno(rule: RecurrenceRule, day: date) -> bool:
    """Week 1 is the first with four days in its year (RFC 5545, 3.3.10; ISO 8601 for Monday)."""
    middle = week_start_ordinal(rule, day) + 3
    year = date.fromordinal(min(middle, date.max.toordinal())).year
    weeks = (_first_week(rule, year + 1) - _first_week(rule, year)) // 7
    return _matches_signed((middle - 3 - _first_week(rule, year)) // 7 + 1, weeks, rule.week_numbers)


def _first_week(rule: RecurrenceRule, year: int) -> int:
    """Return the ordinal of the first day of week 1 of `year`: the week with January 4."""
    january_4 = date(min(year, date.max.year), 1, 4)
    return week_start_ordinal(rule, january_4) + (364 if year > date.max.year else 0)


def _year_day(day: date) -> int:
    return day.toordinal() - date(day.year, 1, 1).toordinal() + 1


def _year_length(year: int) -> int:
    return date(year, 12, 31).toordinal() - date(year, 1, 1).toordinal() + 1


def week_start_ordinal(rule: RecurrenceRule, day: date) -> int:
    """Return the ordinal of the first day of the week of `day`."""
    return day.toordinal() - (day.weekday() - rule.week_start) % 7
