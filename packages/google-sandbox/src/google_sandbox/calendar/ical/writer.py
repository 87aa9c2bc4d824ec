"""The VEVENTs of one UID as Google would hold them: a master, its instances, and series split off it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from google_sandbox.calendar.calendar_store import Resource, SandboxCalendar
from google_sandbox.calendar.event_times import instance_suffix
from google_sandbox.calendar.ical.events import Event, Span, day_of
from google_sandbox.calendar.ical.recurrences import read_recurrence
from google_sandbox.calendar.ical.resources import Clock, Times, texts_of
from google_sandbox.calendar.ical.series import SECOND, Recurrence
from google_sandbox.calendar.ical.values import Moment
from google_sandbox.calendar.ical.versions import newest
from google_sandbox.calendar.ical.zones import known_zone
from google_sandbox.calendar.instances import series_of
from google_sandbox.calendar.recurrence import Expansion

DAY = timedelta(days=1)
LISTED = "its instances are listed one by one"


@dataclass(frozen=True)
class Piece:
    """A part of a series that one VEVENT describes.

    Args:
        id: The id of its event resource.
        event: The VEVENT.
        span: Its first instance.
        recurrence: Its instances.
        since: The wall clock, in the series of the file, from which it holds.
        shift: How far it moves the instances of the series of the file.
    """

    id: str
    event: Event
    span: Span
    recurrence: Recurrence
    since: datetime
    shift: timedelta = timedelta(0)

    def suffix(self, wall: datetime) -> str:
        """Return the end of the id of an instance."""
        instant = self.recurrence.instant(wall)
        return instance_suffix(instant.date() if self.recurrence.is_day else instant)

    def original(self, wall: datetime) -> Span:
        """Return an unchanged instance."""
        return replace(self.span, begin=wall, end_zone=None)


class UidWriter:
    """Writes the events of one UID into a list of resources.

    Args:
        event_id: The id of the master's resource.
        calendar: The calendar, which may have the master already.
        clock: Turns times into Google's.
    """

    def __init__(self, event_id: str, calendar: SandboxCalendar, clock: Clock) -> None:
        self.id = event_id
        self.resources: list[Resource] = []
        self.imported = 0
        self._calendar = calendar
        self._clock = clock

    def write(self, events: list[Event]) -> None:
        """Make the resources of all VEVENTs of the UID.

        Raises:
            Unreadable: if the event's times are outside the calendar.
            ValueError: if its instances cannot be computed.
        """
        masters = [event for event in events if event.recurrence_id is None]
        overrides = [event for event in events if event.recurrence_id is not None]
        if masters:
            self._write_series(newest(masters), overrides)
        else:
            self._write_orphans(overrides)

    def _write_series(self, master: Event, overrides: list[Event]) -> None:
        span = master.span(master.default)
        recurrence, lengths = read_recurrence(master, span)
        chosen = self._chosen(overrides, recurrence, master)
        if master.is_cancelled or not (chosen or recurrence.repeats or recurrence.is_excluded(span.begin)):
            self._add(master, self.id, self._clock.single(span))
            return
        ranges = {w: e for w, e in chosen.items() if e.is_this_and_future and recurrence.repeats}
        pieces = list(self._pieces(master, span, recurrence, ranges))
        if not pieces:  # cancelled from its first instance on
            resource = self._add(master, self.id, self._clock.single(span))
            resource["status"] = "cancelled"
            return
        for piece in pieces:
            self._add_piece(piece)
        for wall, length in lengths.items():
            if wall not in chosen and not recurrence.is_excluded(wall):
                piece = _piece_at(pieces, wall)
                longer = replace(piece.original(wall + piece.shift), length=length)
                self._add_instance(piece, wall + piece.shift, piece.event, longer)
        for wall, override in chosen.items():
            if wall not in ranges:
                piece = _piece_at(pieces, wall)
                self._add_instance(piece, wall + piece.shift, override, override.span(span.where))
                self.imported += 1

    def _chosen(self, overrides: list[Event], recurrence: Recurrence, master: Event) -> dict[datetime, Event]:
        """The newest override of each instance that is not excluded, by its wall clock in the series."""
        by_wall: dict[datetime, list[Event]] = {}
        for override in overrides:
            assert override.recurrence_id is not None
            wall = _original(override, override.recurrence_id, recurrence.expansion, recurrence, master)
            if not _is_obsolete(override, wall, recurrence, master):
                by_wall.setdefault(wall, []).append(override)
        chosen = {wall: newest(found) for wall, found in sorted(by_wall.items())}
        return {
            wall: event
            for wall, event in chosen.items()
            if event.is_this_and_future or not recurrence.is_excluded(wall)
        }

    def _pieces(
        self, master: Event, span: Span, recurrence: Recurrence, ranges: dict[datetime, Event]
    ) -> Iterable[Piece]:
        ends = [*ranges, None]
        if ends[0] is None or ends[0] > min([recurrence.first, *recurrence.added]):
            yield Piece(self.id, master, span, _until(recurrence, ends[0]), datetime.min)  # noqa: DTZ901 - wall clock
            head_is_empty = False
        else:
            head_is_empty = True
        for (wall, event), end in zip(ranges.items(), ends[1:], strict=True):
            if event.is_cancelled:
                self.imported += 1
                continue
            yield self._moved_piece(event, wall, end, span, recurrence, is_first=head_is_empty)
            head_is_empty = False

    def _moved_piece(
        self,
        event: Event,
        wall: datetime,
        end: datetime | None,
        span: Span,
        recurrence: Recurrence,
        is_first: bool,
    ) -> Piece:
        own = event.span(span.where)
        if not (own.is_day or span.is_day):
            # The clock of the series goes on (RFC 5545, 3.2.13: all are moved by the same time).
            local = own.instant.astimezone(span.where.tz).replace(tzinfo=None)
            own = replace(own, begin=local, where=span.where)
        shift = own.begin - wall
        horizon = self._clock.horizon(recurrence)
        moved = recurrence.moved(wall, own.begin, own.where, own.is_day, self._clock.recent, horizon)
        if recurrence.is_endless and not moved.rules:
            event.report.assume(event.shown_uid, f"{LISTED} until {max(moved.added, default=own.begin).year}")
        suffix = f"{wall:%Y%m%d}" if recurrence.is_day else f"{wall:%Y%m%dT%H%M%S}"
        piece_id = self.id if is_first else f"{self.id}_R{suffix}"
        return Piece(piece_id, event, own, _until(moved, end + shift if end else None), wall, shift)

    def _add_piece(self, piece: Piece) -> None:
        times = self._clock.series(piece.span, piece.recurrence)
        if not piece.recurrence.repeats:
            lone = replace(piece.recurrence, added=(piece.recurrence.first,))
            times = self._clock.series(piece.span, lone)
        if times.listed_until is not None:
            reason = (
                f"no IANA zone has the offsets of its time zone; {LISTED} until {times.listed_until.year}"
            )
            piece.event.report.assume(piece.event.shown_uid, reason)
        resource = self._add(piece.event, piece.id, times)
        if piece.id != self.id:
            resource["iCalUID"] = f"{piece.id}@google.com"

    def _add_instance(self, piece: Piece, wall: datetime, event: Event, span: Span) -> None:
        times = self._clock.single(span)
        instance_id = f"{piece.id}_{piece.suffix(wall)}"
        resource = self._add(event, instance_id, times, counted=False)
        resource["recurringEventId"] = piece.id
        resource["originalStartTime"] = self._clock.single(piece.original(wall)).start

    def _add(self, event: Event, event_id: str, times: Times, counted: bool = True) -> Resource:
        resource = {**texts_of(event, event_id), **times.fields()}
        self.resources.append(resource)
        self.imported += counted
        return resource

    def _write_orphans(self, overrides: list[Event]) -> None:
        """Instances of a series that is in the calendar already, or nowhere."""
        master = self._calendar.live(self.id)
        series = series_of(self._calendar, master) if master and master.get("recurrence") else None
        by_id: dict[str, list[tuple[Event, Span, Resource]]] = {}
        for event in overrides:
            fallback = event.default
            if series is not None and master is not None and not series.all_day:
                fallback = known_zone(master["start"].get("timeZone") or self._calendar.time_zone)
            moment = event.recurrence_id
            assert moment is not None
            is_day = series.all_day if series is not None else moment.is_day
            where = event.zone_of(moment, fallback)
            begin = datetime.combine(day_of(moment, event.default), time()) if is_day else moment.wall
            if series is not None and moment.is_day and not is_day:
                begin, where = _first_of_day(series, moment.wall), fallback
            original = Span(begin, timedelta(0) if not is_day else DAY, where, is_day)
            instant = original.instant
            suffix = instance_suffix(instant.date() if is_day else instant)
            span = event.span(fallback)
            by_id.setdefault(f"{self.id}_{suffix}", []).append(
                (event, span, self._clock.single(original).start)
            )
        for event_id, found in by_id.items():
            event = newest(one for one, _, _ in found)
            span, when = next((s, w) for one, s, w in found if one is event)
            resource = self._add(event, event_id, self._clock.single(span))
            resource |= {"recurringEventId": self.id, "originalStartTime": when}


def _until(recurrence: Recurrence, end: datetime | None) -> Recurrence:
    return recurrence if end is None else recurrence.before(end)


def _piece_at(pieces: list[Piece], wall: datetime) -> Piece:
    return [piece for piece in pieces if piece.since <= wall][-1] if pieces[0].since <= wall else pieces[0]


def _is_obsolete(override: Event, wall: datetime, recurrence: Recurrence, master: Event) -> bool:
    """Whether an override is an older version of the whole series, with an instance the newer one has not.

    recurring_ical_events decides likewise (its issue 253).
    """
    is_series = any(name in override.component.lines for name in ("RRULE", "RDATE", "EXDATE"))
    is_older = override.version[0] < master.version[0]
    return is_series and is_older and not recurrence.expansion.between(wall, wall + SECOND)


def _original(
    override: Event, moment: Moment, expansion: Expansion, recurrence: Recurrence, master: Event
) -> datetime:
    """The wall clock, in the series, of the instance a RECURRENCE-ID names.

    A day names that day's instance of a timed series. A time that is no instance, but would be on the clock
    of the series, names that one: some writers put the series' wall clock beside another zone.
    """
    if recurrence.is_day:
        return datetime.combine(day_of(moment, master.default), time())
    if moment.is_day:
        return _first_of_day(expansion, moment.wall)
    instant = moment.wall.replace(tzinfo=override.zone_of(moment, recurrence.where).tz).astimezone(UTC)
    exact = recurrence.wall(instant)
    for wall in (exact, moment.wall):
        if expansion.is_excluded(wall) or expansion.between(wall, wall + SECOND):
            return wall
    return exact


def _first_of_day(expansion: Expansion, day: datetime) -> datetime:
    found = expansion.between(day, day + DAY)
    return found[0] if found else datetime.combine(day.date(), expansion.first.time())
