"""RRULE, EXRULE, RDATE and EXDATE of a VEVENT, all resolved to the wall clock of its DTSTART."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from google_sandbox.calendar.ical.events import Event, Span
from google_sandbox.calendar.ical.series import Recurrence
from google_sandbox.calendar.ical.values import Moment, read_moments
from google_sandbox.calendar.rules import Rule, read_rule

ISO_UNTIL = re.compile(r"UNTIL=\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?", re.IGNORECASE)
TIMES = ("BYHOUR", "BYMINUTE", "BYSECOND")
TIMED_EXDATE = "an EXDATE of it has a time other than midnight, which names no whole day"


def read_recurrence(event: Event, span: Span) -> tuple[Recurrence, dict[datetime, timedelta]]:
    """Return the recurrence set of an event, and the lengths of instances that are periods.

    What cannot be read is reported and left out.
    """
    excluded = [moment for moment, _ in _moments(event, "EXDATE")]
    added: list[datetime] = []
    lengths: dict[datetime, timedelta] = {}
    for moment, end in _moments(event, "RDATE"):
        wall = _wall(event, span, moment)
        added.append(wall)
        if end is not None and not span.is_day:
            lengths[wall] = _length(event, span, wall, end)
    recurrence = Recurrence(
        span.begin,
        span.where,
        span.is_day,
        rules=tuple(_rules(event, "RRULE", span.is_day)),
        excluded_rules=tuple(_rules(event, "EXRULE", span.is_day)),
        added=tuple(added),
        excluded=tuple(_excluded(event, span, excluded)),
        excluded_days=tuple(m.wall.date() for m in excluded if m.is_day and not span.is_day),
    )
    return recurrence, {wall: length for wall, length in lengths.items() if length != span.length}


def _rules(event: Event, name: str, is_day: bool) -> Iterator[Rule]:
    for line in event.component.lines.get(name, ()):
        if not line.value.strip():
            continue
        try:
            rule = read_rule(ISO_UNTIL.sub(lambda found: re.sub("[-:]", "", found[0]), line.value))
            if is_day and rule.is_subdaily:
                raise ValueError("whole days cannot repeat more often than daily")
            yield replace(rule, parts=_without_times(rule)) if is_day else rule
        except ValueError as error:
            event.report.skip(event.shown_uid, f"its {name} cannot be read: {error}")


def _without_times(rule: Rule) -> dict[str, str]:
    """The parts of a rule for whole days, where those about times must be ignored (RFC 5545, 3.3.10)."""
    return {name: value for name, value in rule.parts.items() if name not in TIMES}


def _moments(event: Event, name: str) -> Iterator[tuple[Moment, timedelta | Moment | None]]:
    for line in event.component.lines.get(name, ()):
        for found in read_moments(line):
            if found is None:
                event.report.skip(event.shown_uid, f"its {name} cannot be read")
            else:
                yield found


def _excluded(event: Event, span: Span, moments: list[Moment]) -> Iterator[datetime]:
    for moment in moments:
        if not span.is_day:
            if not moment.is_day:
                yield _wall(event, span, moment)
        elif moment.wall.time() == time():
            yield moment.wall
        else:
            event.report.assume(event.shown_uid, TIMED_EXDATE)


def _wall(event: Event, span: Span, moment: Moment) -> datetime:
    if span.is_day:
        return datetime.combine(moment.wall.date(), time())
    if moment.is_day:
        return datetime.combine(moment.wall.date(), span.begin.time())
    where = event.zone_of(moment, span.where)
    if where.tz is span.where.tz:
        return moment.wall
    return _instant(event, span, moment).astimezone(span.where.tz).replace(tzinfo=None)


def _instant(event: Event, span: Span, moment: Moment) -> datetime:
    return moment.wall.replace(tzinfo=event.zone_of(moment, span.where).tz).astimezone(UTC)


def _length(event: Event, span: Span, wall: datetime, end: timedelta | Moment) -> timedelta:
    if isinstance(end, timedelta):
        return max(timedelta(0), end)
    begin = wall.replace(tzinfo=span.where.tz).astimezone(UTC)
    return max(timedelta(0), _instant(event, span, end) - begin)
