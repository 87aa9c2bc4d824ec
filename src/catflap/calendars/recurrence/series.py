"""Expand stored events into occurrences: recurring events, exceptions and cancelled instances (RFC 5545).

A pure function with bounded cost that never raises, since anybody may write into a shared calendar. What
can't be parsed is reported to `on_unreadable`, and the series keeps its first instance.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from catflap.calendars.datetimes import (
    EventDateTime,
    parse_event_datetime,
    parse_ical_date,
    parse_ical_duration,
    to_utc,
    zone_or,
)
from catflap.calendars.event_projection import StoredEvent
from catflap.calendars.recurrence.expand import expand
from catflap.calendars.recurrence.occurrence import Occurrence, ParsedEvent, parse_event
from catflap.calendars.recurrence.rrule import RecurrenceRule, parse_rrule

MAX_INSTANCES = 1000
# Local times are searched this much wider than the window, more than any zone transition.
_MARGIN = timedelta(hours=3)
_LONGEST = timedelta(days=366)

# An instance is identified by its start in UTC, that of an all-day event by its date (RECURRENCE-ID).
RecurrenceId = datetime | date
OnUnreadable = Callable[[StoredEvent, str], None]


def expand_events(
    events: Iterable[StoredEvent],
    window_start: datetime,
    window_end: datetime,
    zone: tzinfo,
    on_unreadable: OnUnreadable = lambda event, reason: None,
) -> list[Occurrence]:
    """Return the occurrences in a window, in order of time.

    Args:
        events: Masters, their exceptions (cancelled ones too) and single events, in any order.
        window_start: An occurrence must end after this, or start at it.
        window_end: An occurrence must start before this.
        zone: The reader's, where whole days begin and end.
        on_unreadable: Called with an event and a reason, which has none of the event's text.
    """
    found: list[Occurrence] = []
    masters: list[StoredEvent] = []
    exception_ids: dict[tuple[int, str], set[RecurrenceId]] = defaultdict(set)
    for event in events:
        try:
            if event.series_id:
                original = parse_event_datetime(
                    event.resource.get("originalStartTime"), zone_or(event.time_zone, zone)
                )
                exception_ids[event.calendar_id, event.series_id].add(_recurrence_id(original))
            if event.recurrence and not event.series_id:
                masters.append(event)
            elif not event.cancelled:
                single = parse_event(event, zone_or(event.time_zone, zone))
                found.append(single.occurrence_at(single.start, zone))
        except ValueError as error:
            on_unreadable(event, str(error))
    for event in masters:
        found += _expand_master(
            event, exception_ids[event.calendar_id, event.id], window_start, window_end, zone, on_unreadable
        )
    return sorted((one for one in found if _overlaps(one, window_start, window_end)), key=_sort_key)


def _overlaps(one: Occurrence, start: datetime, end: datetime) -> bool:
    return one.starts_at < end and (one.ends_at > start or one.starts_at >= start)


def _sort_key(one: Occurrence) -> tuple[datetime, bool, str, int, str]:
    return one.starts_at, not one.all_day, one.title, one.calendar_id, one.event_id


def _recurrence_id(moment: EventDateTime) -> RecurrenceId:
    return to_utc(moment.wall, moment.zone) if moment.zone else moment.wall.date()


@dataclass
class _RecurrenceSet:
    """The parsed recurrence lines of one master event: its recurrence set (RFC 5545, 3.8.5)."""

    rules: list[RecurrenceRule] = field(default_factory=list)
    excluded_rules: list[RecurrenceRule] = field(default_factory=list)
    added: dict[RecurrenceId, EventDateTime] = field(default_factory=dict)
    # Only of those added as a PERIOD.
    durations: dict[RecurrenceId, timedelta] = field(default_factory=dict)
    excluded: set[RecurrenceId] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def includes_dtstart(self, start: EventDateTime) -> bool:
        """Return whether DTSTART is an instance: always, unless every rule ended before it."""
        ended = [_has_ended(rule, start) for rule in self.rules]
        return not (ended and all(ended)) or bool(self.problems)


def _has_ended(rule: RecurrenceRule, start: EventDateTime) -> bool:
    """Return whether UNTIL is before `start`."""
    if rule.until_utc and start.zone:
        return rule.until_utc < to_utc(start.wall, start.zone)
    return rule.until is not None and rule.until < start.wall


def _expand_master(
    event: StoredEvent,
    exception_ids: set[RecurrenceId],
    window_start: datetime,
    window_end: datetime,
    reader: tzinfo,
    on_unreadable: OnUnreadable,
) -> Iterator[Occurrence]:
    try:
        master = parse_event(event, zone_or(event.time_zone, reader))
    except ValueError as error:
        on_unreadable(event, str(error))
        return
    series = _parse_recurrence(event, master.start)
    # The first instance, like a single event, is filtered by the window in `expand_events`.
    starts = {_recurrence_id(master.start): master.start} if series.includes_dtstart(master.start) else {}
    starts |= series.added
    excluded = exception_ids | series.excluded
    try:
        first, last = _search_range(master, window_start, window_end, reader)
        for rule in series.rules:
            for moment in _instances(rule, master.start, first, last):
                starts[_recurrence_id(moment)] = moment
                if len(starts) > MAX_INSTANCES:
                    raise ValueError("too many instances")
        for rule in series.excluded_rules:
            excluded |= set(map(_recurrence_id, _instances(rule, master.start, first, last)))
    except ValueError as error:
        series.problems.append(str(error))
    for recurrence_id, start in starts.items():
        if recurrence_id not in excluded and start.wall.date() not in excluded:
            try:
                duration = series.durations.get(recurrence_id)
                instance = master if duration is None else replace(master, duration=duration)
                yield instance.occurrence_at(start, reader)
            except ValueError as error:
                series.problems.append(str(error))
    for problem in series.problems[:1]:
        on_unreadable(event, problem)


def _instances(
    rule: RecurrenceRule, start: EventDateTime, first: datetime, last: datetime
) -> Iterator[EventDateTime]:
    """Yield the instances of a rule between two local times; those of an all-day event are at midnight."""
    for wall in expand(rule, start.wall, first, last):
        if start.all_day:
            yield EventDateTime(datetime.combine(wall.date(), time()), None)
            continue
        moment = start if wall == start.wall else EventDateTime(wall, start.zone)
        if not _has_ended(rule, moment):
            yield moment


def _search_range(
    master: ParsedEvent, window_start: datetime, window_end: datetime, reader: tzinfo
) -> tuple[datetime, datetime]:
    """Return the local times between which an instance that overlaps the window must start."""
    zone = master.start.zone or reader
    margin = min(master.duration, _LONGEST) + _MARGIN
    first = (window_start - margin).astimezone(zone).replace(tzinfo=None, fold=0)
    return first, (window_end + _MARGIN).astimezone(zone).replace(tzinfo=None, fold=0)


def _parse_recurrence(event: StoredEvent, start: EventDateTime) -> _RecurrenceSet:
    series = _RecurrenceSet()
    for line in event.recurrence:
        name, _, value = line.strip().partition(":")
        name, *parameters = name.upper().split(";")
        try:
            if name == "RRULE":
                series.rules.append(parse_rrule(value, start.zone))
            elif name == "EXRULE":
                series.excluded_rules.append(parse_rrule(value, start.zone))
            elif name == "RDATE":
                for moment, duration in _parse_dates(line, value, parameters, start):
                    extra = _in_zone_of(start, moment)
                    series.added[_recurrence_id(extra)] = extra
                    if duration is not None and not start.all_day:
                        series.durations[_recurrence_id(extra)] = duration
            elif name == "EXDATE":
                series.excluded |= {
                    moment.wall.date() if start.all_day else _recurrence_id(moment)
                    for moment, _ in _parse_dates(line, value, parameters, start)
                }
            else:
                raise ValueError("unknown recurrence line")
        except ValueError as error:
            series.problems.append(str(error))
    return series


def _parse_dates(
    line: str, value: str, parameters: list[str], start: EventDateTime
) -> list[tuple[EventDateTime, timedelta | None]]:
    """Parse the values of an EXDATE or RDATE; of a PERIOD (RFC 5545, 3.3.9) the duration, too.

    Raises:
        ValueError: one of them is neither a date nor a date-time nor a period.
    """
    named = [line[line.upper().index("TZID=") + 5 :] for part in parameters if part.startswith("TZID=")]
    name = named[0].partition(":")[0].partition(";")[0].strip('"') if named else None
    zone = zone_or(name, start.zone or UTC)
    return [_parse_period(text.strip().upper(), zone) for text in value.split(",") if text.strip()]


def _parse_period(text: str, zone: tzinfo) -> tuple[EventDateTime, timedelta | None]:
    first, slash, rest = text.partition("/")
    begin = parse_ical_date(first, zone)
    if not slash:
        return begin, None
    if rest.startswith(("P", "+P")):
        return begin, parse_ical_duration(rest)
    return begin, max(parse_ical_date(rest, zone).at(zone) - begin.at(zone), timedelta(0))


def _in_zone_of(start: EventDateTime, moment: EventDateTime) -> EventDateTime:
    """Convert an RDATE to the zone of the series, or to a date for an all-day series."""
    if start.zone is None:
        return EventDateTime(datetime.combine(moment.wall.date(), start.wall.time()), None)
    if moment.zone is None:
        return EventDateTime(datetime.combine(moment.wall.date(), start.wall.time()), start.zone)
    return EventDateTime(
        to_utc(moment.wall, moment.zone).astimezone(start.zone).replace(tzinfo=None), start.zone
    )
