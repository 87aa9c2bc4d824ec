"""VEVENT components: identity, version, start and end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property

from google_sandbox.calendar.ical.components import Component
from google_sandbox.calendar.ical.report import ImportReport, Unreadable
from google_sandbox.calendar.ical.values import Moment, duration, integer, read_moment
from google_sandbox.calendar.ical.zones import FileZones, Zone, known_zone

DAY = timedelta(days=1)
UNKNOWN_ZONE = "its time zone is not known; the times were read in the calendar's"


@dataclass(eq=False)
class Event:
    """One VEVENT.

    Args:
        component: Its properties.
        uid: Its UID; for an event without one, a text made of its content that identifies it.
        zones: The zones of its VCALENDAR.
        default: The zone of floating times: the VCALENDAR's X-WR-TIMEZONE, else the calendar's.
        is_default_guessed: Whether X-WR-TIMEZONE names an unknown zone.
        is_cancelled: Whether it, or the VCALENDAR's METHOD, says so.
        report: Where to tell what cannot be read.
    """

    component: Component
    uid: str
    zones: FileZones
    default: Zone
    is_default_guessed: bool
    is_cancelled: bool
    report: ImportReport

    @property
    def shown_uid(self) -> str:
        """The UID to report."""
        return self.component.text("UID")

    @cached_property
    def version(self) -> tuple[int, datetime]:
        """SEQUENCE, then DTSTAMP: the greater is the newer (RFC 5545, 3.8.7.4)."""
        stamp = self.instant("DTSTAMP") or self.instant("LAST-MODIFIED")
        return integer(self.component.text("SEQUENCE")), stamp or datetime.min.replace(tzinfo=UTC)

    @cached_property
    def recurrence_id(self) -> Moment | None:
        """RECURRENCE-ID.

        Raises:
            Unreadable: if it cannot be read.
        """
        line = self.component.first("RECURRENCE-ID")
        return read_moment(line) if line else None

    @property
    def is_this_and_future(self) -> bool:
        """Whether RECURRENCE-ID stands for all later instances, too."""
        line = self.component.first("RECURRENCE-ID")
        return line is not None and line.parameter("RANGE").upper() == "THISANDFUTURE"

    @cached_property
    def start(self) -> Moment:
        """DTSTART.

        Raises:
            Unreadable: if it is missing or cannot be read.
        """
        line = self.component.first("DTSTART")
        if line is not None:
            return read_moment(line)
        if self.is_cancelled and self.recurrence_id:
            return self.recurrence_id  # a cancellation need not say when it would have been
        raise Unreadable("it has no DTSTART")

    def instant(self, name: str) -> datetime | None:
        """Return a property that must be in UTC as an instant, None if it is not there or unreadable."""
        line = self.component.first(name)
        try:
            moment = read_moment(line) if line else None
        except Unreadable:
            return None
        if moment is None:
            return None
        return moment.wall.replace(tzinfo=UTC)

    def zone_of(self, moment: Moment, fallback: Zone) -> Zone:
        """Return the zone a moment is in; `fallback` for floating times and unknown zones."""
        if isinstance(moment.value, datetime) and moment.value.tzinfo:
            return known_zone("UTC")
        if moment.is_day or not moment.tzid:
            if fallback is self.default and self.is_default_guessed and not moment.is_day:
                self.report.assume(self.shown_uid, UNKNOWN_ZONE)
            return fallback
        found = self.zones.named(moment.tzid)
        if found is None:
            if problem := self.zones.problem(moment.tzid):
                self.report.skip(self.shown_uid, problem)
            self.report.assume(self.shown_uid, UNKNOWN_ZONE)
            return fallback
        if found.problem:
            self.report.skip(self.shown_uid, found.problem)
        return found

    def span(self, fallback: Zone) -> Span:
        """Return when it begins and ends.

        Raises:
            Unreadable: if DTSTART is missing or cannot be read.
        """
        where = self.zone_of(self.start, fallback)
        if self.start.is_day:
            return Span(self.start.wall, self._day_length(), where, True)
        begin = self.start.wall
        end, end_zone = self._end(begin, where)
        return Span(begin, max(timedelta(0), end - _utc(begin, where.tz)), where, False, end_zone)

    def _end(self, begin: datetime, where: Zone) -> tuple[datetime, Zone]:
        if line := self.component.first("DTEND"):
            try:
                moment = read_moment(line)
                end_zone = self.zone_of(moment, where)
                return _utc(moment.wall, end_zone.tz), end_zone
            except Unreadable as problem:
                self.report.skip(self.shown_uid, str(problem))
        length = self._duration()
        # Whole days keep the wall clock, hours and minutes are exact (RFC 5545, 3.3.6).
        if length % DAY == timedelta(0):
            return _utc(begin + length, where.tz), where
        return _utc(begin, where.tz) + length, where

    def _day_length(self) -> timedelta:
        if line := self.component.first("DTEND"):
            try:
                end = read_moment(line).wall
                last = (
                    end.date()
                    if end == datetime.combine(end.date(), datetime.min.time())
                    else end.date() + DAY
                )
                return max(DAY, last - self.start.wall.date())
            except Unreadable as problem:
                self.report.skip(self.shown_uid, str(problem))
        return max(DAY, -(-self._duration() // DAY) * DAY)

    def _duration(self) -> timedelta:
        line = self.component.first("DURATION")
        if line is None:
            return timedelta(0)
        try:
            return duration(line.value)
        except ValueError:
            self.report.skip(self.shown_uid, "its DURATION cannot be read")
            return timedelta(0)


@dataclass(frozen=True, slots=True)
class Span:
    """When an event happens.

    Args:
        begin: Its wall clock; midnight of a whole day.
        length: Elapsed time; whole days for whole-day events.
        where: The zone of `begin`.
        is_day: Whether it is a whole-day event.
        end_zone: The zone its end is written in, None for that of its start.
    """

    begin: datetime
    length: timedelta
    where: Zone
    is_day: bool
    end_zone: Zone | None = None

    @property
    def instant(self) -> datetime:
        """The beginning in UTC; of a whole day its midnight in UTC."""
        return self.begin.replace(tzinfo=UTC) if self.is_day else _utc(self.begin, self.where.tz)


def _utc(wall: datetime, tz: tzinfo) -> datetime:
    try:
        return wall.replace(tzinfo=tz).astimezone(UTC)
    except (OverflowError, ValueError):
        raise Unreadable("its times are outside the calendar") from None


def day_of(moment: Moment, where: Zone) -> date:
    """Return the whole day a RECURRENCE-ID with a time stands for.

    Midnight as it is written names the day; so does an instant that is midnight in the calendar's zone.
    """
    if not isinstance(moment.value, datetime):
        return moment.value
    wall = moment.wall
    if moment.value.tzinfo and wall.time() != datetime.min.time():
        local = moment.value.astimezone(where.tz).replace(tzinfo=None)
        wall = local if local.time() == datetime.min.time() else wall
    return wall.date()
