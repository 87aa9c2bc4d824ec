"""Generated series with extra, excluded, moved and cancelled instances, as iCalendar and as resources."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from hypothesis import reject
from hypothesis import strategies as st

from tests.support.recurrence_rules import rules

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo")
# Days around clock changes of these zones, a leap day, and the turn of a year with 53 weeks.
DAYS = tuple(
    map(
        date.fromisoformat,
        ("2024-02-28", "2025-03-28", "2025-10-24", "2026-03-06", "2026-10-30", "2026-12-29"),
    )
)


@dataclass(frozen=True)
class Moved:
    """An exception: an instance, named by its original start, at another time and of another length."""

    original: datetime
    start: datetime
    length: timedelta


@dataclass(frozen=True)
class GeneratedSeries:
    """A series in local time; `zone` None is all-day, with times at midnight and lengths of whole days."""

    zone: str | None
    start: datetime
    length: timedelta
    rules: tuple[str, ...]
    added: tuple[datetime, ...] = ()
    excluded: tuple[datetime, ...] = ()
    moved: tuple[Moved, ...] = ()
    cancelled: tuple[datetime, ...] = ()

    @property
    def has_hours(self) -> bool:
        """Whether there may be several instances a day."""
        return any("HOUR" in rule for rule in self.rules)

    def ical(self) -> str:
        """Return the iCalendar object, with each EXDATE in UTC (see `recurrence_lines`)."""
        rules = [f"RRULE:{rule}" for rule in self.rules]
        dates = [f"RDATE{self._ical(one)}" for one in self.added]
        excluded = [f"EXDATE{self._ical(one, in_utc=True)}" for one in self.excluded]
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:generated"]
        lines += self._vevent("series", self.start, self.length, [*rules, *dates, *excluded])
        for one in self.moved:
            lines += self._vevent(
                "moved", one.start, one.length, [f"RECURRENCE-ID{self._ical(one.original)}"]
            )
        for original in self.cancelled:
            more = [f"RECURRENCE-ID{self._ical(original)}", "STATUS:CANCELLED"]
            lines += self._vevent("cancelled", original, self.length, more)
        return "\r\n".join([*lines, "END:VCALENDAR", ""])

    def resources(self) -> Iterator[dict[str, Any]]:
        """Yield the event resources of the Calendar API: the master, then its exceptions."""
        yield {"id": "series", "summary": "series", "recurrence": self.recurrence_lines()} | self._times(
            self.start, self.length
        )
        for number, one in enumerate(self.moved):
            times = self._times(one.start, one.length)
            yield {"id": f"moved{number}", "summary": "moved", **self._exception(one.original), **times}
        for number, original in enumerate(self.cancelled):
            yield {"id": f"cancelled{number}", "status": "cancelled", **self._exception(original)}

    def recurrence_lines(self) -> list[str]:
        """Return `recurrence` of the master; unlike in iCalendar each EXDATE is in the zone of the series."""
        lines = [f"RRULE:{rule}" for rule in self.rules]
        lines += [f"RDATE{self._ical(one, in_utc=number % 2 == 1)}" for number, one in enumerate(self.added)]
        return lines + [f"EXDATE{self._ical(one)}" for one in self.excluded]

    def _exception(self, original: datetime) -> dict[str, Any]:
        return {"recurringEventId": "series", "originalStartTime": self._time(self._exact(original))}

    def _vevent(self, title: str, start: datetime, length: timedelta, more: Sequence[str]) -> Iterable[str]:
        exact = self._exact(start)
        times = [f"DTSTART{self._ical(exact)}", f"DTEND{self._ical(self._exact_end(start, length))}"]
        return ["BEGIN:VEVENT", "UID:series", f"SUMMARY:{title}", *times, *more, "END:VEVENT"]

    def _times(self, start: datetime, length: timedelta) -> dict[str, Any]:
        return {"start": self._time(self._exact(start)), "end": self._time(self._exact_end(start, length))}

    def _exact(self, wall: datetime) -> datetime:
        """Return a local time that exists: one in a gap is shown by clocks as after it."""
        if self.zone is None:
            return wall
        zone = ZoneInfo(self.zone)
        return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)

    def _exact_end(self, wall: datetime, length: timedelta) -> datetime:
        if self.zone is None:
            return wall + length
        return (self._exact(wall).astimezone(UTC) + length).astimezone(ZoneInfo(self.zone))

    def _time(self, at: datetime) -> dict[str, str]:
        if self.zone is None:
            return {"date": at.date().isoformat()}
        return {"dateTime": at.isoformat(), "timeZone": self.zone}

    def _ical(self, wall: datetime, *, in_utc: bool = False) -> str:
        """Return the parameters and the value of a date property."""
        if self.zone is None:
            return f";VALUE=DATE:{wall:%Y%m%d}"
        if in_utc or self.zone == "UTC" or wall.fold:
            return f":{wall.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC):%Y%m%dT%H%M%SZ}"
        return f";TZID={self.zone}:{wall:%Y%m%dT%H%M%S}"


@st.composite
def generated_series(draw: st.DrawFn) -> GeneratedSeries:
    zone = draw(st.sampled_from([*ZONES, None]))
    day = draw(st.sampled_from(DAYS)) + timedelta(days=draw(st.integers(-3, 3)))
    minutes = 0 if zone is None else draw(st.integers(0, 16) | st.integers(0, 95)) * 15
    start = datetime.combine(day, time()) + timedelta(minutes=minutes)
    unit = timedelta(days=1) if zone is None else timedelta(minutes=30)
    length = unit * draw(st.sampled_from([1, 1, 2, 5, 100]) if zone else st.sampled_from([1, 1, 3, 40]))
    chosen = draw(st.lists(rules("DAILY" if zone is None else "HOURLY"), min_size=1, max_size=2))
    chosen = [draw(_ended(rule, start, zone)) for rule in chosen]
    added = draw(st.lists(st.integers(-100, 400).map(lambda n: start + n * unit), max_size=3, unique=True))
    instances = {start, *added, *(one for rule in chosen for one in _instances(rule, start, 70))}
    in_utc = {_in_utc(one, zone): one for one in instances}
    named = [
        one for one in sorted(instances) if {_in_utc(one, zone), in_utc.get(one, one)} & instances <= {one}
    ]
    named = named[:30]
    some_instances = st.lists(st.sampled_from(named), max_size=3, unique=True) if named else st.just([])
    excluded, moved, cancelled = draw(st.tuples(some_instances, some_instances, some_instances))
    return GeneratedSeries(
        zone,
        start,
        length,
        tuple(chosen),
        tuple(added),
        tuple(excluded),
        tuple(
            Moved(one, one + unit * draw(st.integers(-200, 200)), unit * draw(st.integers(1, 4)))
            for one in moved
            if one not in excluded
        ),
        tuple(one for one in cancelled if one not in (*excluded, *moved)),
    )


@st.composite
def _ended(draw: st.DrawFn, rule: str, start: datetime, zone: str | None) -> str:
    """Sometimes end a rule by UNTIL: at one of its instances, or anywhere."""
    if "COUNT" in rule or draw(st.booleans()):
        return rule
    anywhere = st.integers(0, 20_000).map(lambda n: start + n * timedelta(hours=1))
    found = _instances(rule, start, 30)
    until = draw(st.sampled_from(found) | anywhere if found else anywhere)
    if zone is None:
        return f"{rule};UNTIL={until:%Y%m%d}"
    return f"{rule};UNTIL={until.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _in_utc(wall: datetime, zone: str | None) -> datetime:
    """Return the naive UTC time of an instance.

    recurring-ical-events lets an EXDATE or a RECURRENCE-ID of 15:00 UTC exclude an instance at 15:00 of any
    zone, too. So none is generated for an instance whose UTC time is the local time of another.
    """
    return wall.replace(tzinfo=ZoneInfo(zone or "UTC")).astimezone(UTC).replace(tzinfo=None)


def _instances(rule: str, start: datetime, most: int) -> list[datetime]:
    bare = ";".join(part for part in rule.split(";") if not part.startswith("UNTIL"))
    try:
        return list(islice(rrulestr(bare, dtstart=start), most))
    except ValueError:
        # "Invalid combination": recurring-ical-events raises an error for a rule that matches nothing.
        reject()
