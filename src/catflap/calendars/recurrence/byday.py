"""Which days a recurrence rule lets through; each day is judged by itself (RFC 5545, 3.3.10)."""

from calendar import monthrange
from datetime import date

from catflap.calendars.recurrence.rrule import Frequency, Rule


def fits(rule: Rule, day: date) -> bool:
    """Whether every restriction on days lets `day` through; they all narrow the days of a period."""
    return (
        (not rule.month_days or _counted(day.day, monthrange(day.year, day.month)[1], rule.month_days))
        and (not (rule.weekdays or rule.nth_weekdays) or _weekday_fits(rule, day))
        and (not rule.year_days or _counted(_year_day(day), _year_length(day.year), rule.year_days))
        and (not rule.week_numbers or _week_fits(rule, day))
    )


def _counted(number: int, length: int, wanted: frozenset[int]) -> bool:
    """Whether the number is wanted, counted from the beginning or, negative, from the end."""
    return number in wanted or number - length - 1 in wanted


def _weekday_fits(rule: Rule, day: date) -> bool:
    weekday = day.weekday()
    if weekday in rule.weekdays:
        return True
    if rule.frequency > Frequency.MONTHLY:
        # A number means nothing within a week or a day (RFC 5545, 3.3.10).
        return any(weekday == other for _, other in rule.nth_weekdays)
    within_year = rule.frequency is Frequency.YEARLY and not rule.months
    number = _year_day(day) if within_year else day.day
    length = _year_length(day.year) if within_year else monthrange(day.year, day.month)[1]
    return ((number - 1) // 7 + 1, weekday) in rule.nth_weekdays or (
        -((length - number) // 7) - 1,
        weekday,
    ) in rule.nth_weekdays


def _week_fits(rule: Rule, day: date) -> bool:
    """Week 1 is the first with four days in its year (RFC 5545, 3.3.10; ISO 8601 for Monday)."""
    middle = week_begin(rule, day) + 3
    year = date.fromordinal(min(middle, date.max.toordinal())).year
    weeks = (_first_week(rule, year + 1) - _first_week(rule, year)) // 7
    return _counted((middle - 3 - _first_week(rule, year)) // 7 + 1, weeks, rule.week_numbers)


def _first_week(rule: Rule, year: int) -> int:
    """The ordinal on which week 1 of `year` begins: the week that holds January 4."""
    january_4 = date(min(year, date.max.year), 1, 4)
    return week_begin(rule, january_4) + (364 if year > date.max.year else 0)


def _year_day(day: date) -> int:
    return day.toordinal() - date(day.year, 1, 1).toordinal() + 1


def _year_length(year: int) -> int:
    return date(year, 12, 31).toordinal() - date(year, 1, 1).toordinal() + 1


def week_begin(rule: Rule, day: date) -> int:
    """The ordinal of the first day of the week `day` is in."""
    return day.toordinal() - (day.weekday() - rule.week_start) % 7
