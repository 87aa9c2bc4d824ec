"""From stored events to occurrences: series expanded, exceptions put in place, holes left open (RFC 5545).

Pure, bounded and total: whatever a stranger wrote into a calendar costs little and raises nothing. What
can't be read is told to `on_unreadable`, and the series keeps its first instance.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

from catflap.calendars.datetimes import Moment, instant, read_date, read_moment, zone_or
from catflap.calendars.event_projection import StoredEvent
from catflap.calendars.recurrence.expand import instances
from catflap.calendars.recurrence.occurrence import Occurrence, Template, template
from catflap.calendars.recurrence.rrule import Rule, read_rule

MAX_INSTANCES = 1000
# Wall clocks are searched this much wider than the window, more than clocks ever jump; instants decide.
_MARGIN = timedelta(hours=3)
_LONGEST = timedelta(days=366)

# An instance is known by its instant, that of a whole day by its date.
Instance = datetime | date
Unreadable = Callable[[StoredEvent, str], None]


def occurrences(
    events: Iterable[StoredEvent],
    window_start: datetime,
    window_end: datetime,
    zone: tzinfo,
    on_unreadable: Unreadable = lambda event, reason: None,
) -> list[Occurrence]:
    """What happens in a window, in order of time.

    Args:
        events: Masters, their exceptions (cancelled ones too) and single events, in any order.
        window_start: An occurrence must end after this, or start at it.
        window_end: An occurrence must start before this.
        zone: The reader's, where whole days begin and end.
        on_unreadable: Gets an event and a reason without any of the event's text.
    """
    found: list[Occurrence] = []
    masters: list[StoredEvent] = []
    holes: dict[tuple[int, str], set[Instance]] = defaultdict(set)
    for event in events:
        try:
            if event.series_id:
                original = read_moment(
                    event.resource.get("originalStartTime"), zone_or(event.time_zone, zone)
                )
                holes[event.calendar_id, event.series_id].add(_identity(original))
            if event.recurrence and not event.series_id:
                masters.append(event)
            elif not event.cancelled:
                one = template(event, zone_or(event.time_zone, zone))
                found.append(one.instance(one.start, zone))
        except ValueError as error:
            on_unreadable(event, str(error))
    for event in masters:
        found += _expanded(
            event, holes[event.calendar_id, event.id], window_start, window_end, zone, on_unreadable
        )
    return sorted((one for one in found if _overlaps(one, window_start, window_end)), key=_in_time)


def _overlaps(one: Occurrence, start: datetime, end: datetime) -> bool:
    return one.starts_at < end and (one.ends_at > start or one.starts_at >= start)


def _in_time(one: Occurrence) -> tuple[datetime, bool, str, int, str]:
    return one.starts_at, not one.all_day, one.title, one.calendar_id, one.event_id


def _identity(moment: Moment) -> Instance:
    return instant(moment.wall, moment.zone) if moment.zone else moment.wall.date()


@dataclass
class _Series:
    """The recurrence lines of one master, read."""

    rules: list[Rule] = field(default_factory=list)
    excluded_rules: list[Rule] = field(default_factory=list)
    added: dict[Instance, Moment] = field(default_factory=dict)
    excluded: set[Instance] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def has_first(self, start: Moment) -> bool:
        """DTSTART is an instance by itself, unless every rule had ended before it."""
        ended = [rule.until is not None and rule.until < start.wall for rule in self.rules]
        return not (ended and all(ended)) or bool(self.problems)


def _expanded(
    event: StoredEvent,
    holes: set[Instance],
    window_start: datetime,
    window_end: datetime,
    reader: tzinfo,
    on_unreadable: Unreadable,
) -> Iterator[Occurrence]:
    try:
        shape = template(event, zone_or(event.time_zone, reader))
    except ValueError as error:
        on_unreadable(event, str(error))
        return
    series = _read(event, shape.start)
    # The first instance is no more bound to the window than a single event is.
    starts = {_identity(shape.start): shape.start} if series.has_first(shape.start) else {}
    starts |= series.added
    gone = holes | series.excluded
    try:
        first, last = _search(shape, window_start, window_end, reader)
        for rule in series.rules:
            for wall in instances(rule, shape.start.wall, first, last):
                moment = shape.start if wall == shape.start.wall else Moment(wall, shape.start.zone)
                starts[_identity(moment)] = moment
                if len(starts) > MAX_INSTANCES:
                    raise ValueError("too many instances")
        for rule in series.excluded_rules:
            gone |= {
                _identity(Moment(wall, shape.start.zone))
                for wall in instances(rule, shape.start.wall, first, last)
            }
    except ValueError as error:
        series.problems.append(str(error))
    for identity, start in starts.items():
        if identity not in gone and start.wall.date() not in gone:
            try:
                yield shape.instance(start, reader)
            except ValueError as error:
                series.problems.append(str(error))
    for problem in series.problems[:1]:
        on_unreadable(event, problem)


def _search(
    shape: Template, window_start: datetime, window_end: datetime, reader: tzinfo
) -> tuple[datetime, datetime]:
    """The wall clocks between which an instance that overlaps the window must start."""
    zone = shape.start.zone or reader
    reach = min(shape.length, _LONGEST) + _MARGIN
    first = (window_start - reach).astimezone(zone).replace(tzinfo=None, fold=0)
    return first, (window_end + _MARGIN).astimezone(zone).replace(tzinfo=None, fold=0)


def _read(event: StoredEvent, start: Moment) -> _Series:
    series = _Series()
    for line in event.recurrence:
        name, _, value = line.strip().partition(":")
        name, *parameters = name.upper().split(";")
        try:
            if name == "RRULE":
                series.rules.append(read_rule(value, start.zone))
            elif name == "EXRULE":
                series.excluded_rules.append(read_rule(value, start.zone))
            elif name == "RDATE":
                for moment in _dates(line, value, parameters, start):
                    extra = _in_zone_of(start, moment)
                    series.added[_identity(extra)] = extra
            elif name == "EXDATE":
                series.excluded |= {
                    moment.wall.date() if start.all_day else _identity(moment)
                    for moment in _dates(line, value, parameters, start)
                }
            else:
                raise ValueError("unknown recurrence line")
        except ValueError as error:
            series.problems.append(str(error))
    return series


def _dates(line: str, value: str, parameters: list[str], start: Moment) -> list[Moment]:
    """The values of an EXDATE or RDATE; of a period its beginning.

    Raises:
        ValueError: one of them is no date or date-time.
    """
    named = [line[line.upper().index("TZID=") + 5 :] for part in parameters if part.startswith("TZID=")]
    name = named[0].partition(":")[0].partition(";")[0].strip('"') if named else None
    zone = zone_or(name, start.zone or UTC)
    return [
        read_date(text.strip().upper().partition("/")[0], zone) for text in value.split(",") if text.strip()
    ]


def _in_zone_of(start: Moment, moment: Moment) -> Moment:
    """An RDATE as the series has its instances: on its wall clock, or as a whole day."""
    if start.zone is None:
        return Moment(datetime.combine(moment.wall.date(), start.wall.time()), None)
    if moment.zone is None:
        return Moment(datetime.combine(moment.wall.date(), start.wall.time()), start.zone)
    return Moment(instant(moment.wall, moment.zone).astimezone(start.zone).replace(tzinfo=None), start.zone)
