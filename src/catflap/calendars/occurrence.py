"""One instance of an event: what a calendar shows as one box."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from catflap.calendars.moments import Moment, read_moment, text_of
from catflap.calendars.stored import StoredEvent

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Occurrence:
    """One instance of an event.

    Args:
        calendar_id: The row of `app.calendars`.
        event_id: Google's id of the series, the single event or the exception.
        uid: The iCalendar UID, the same in every calendar the event is in; "" when unknown.
        title: "" for one that has none or that is not shown to this reader.
        starts_at: For a whole day its midnight in the reader's zone.
        ends_at: Exclusive.
        day: The first day of an all-day occurrence, else None.
        end_day: The day after its last, else None.
        event_type: Google's `eventType`, such as `default` or `workingLocation`.
    """

    calendar_id: int
    event_id: str
    title: str = field(repr=False)
    starts_at: datetime
    ends_at: datetime
    all_day: bool
    day: date | None
    private: bool
    declined: bool
    end_day: date | None = None
    uid: str = ""
    event_type: str = "default"

    def covers(self, day: date) -> bool:
        """Whether this is an all-day occurrence that has `day` among its days."""
        return self.day is not None and self.end_day is not None and self.day <= day < self.end_day


@dataclass(frozen=True)
class Template:
    """What all instances of one event have in common."""

    event: StoredEvent
    start: Moment
    length: timedelta

    def instance(self, start: Moment, reader: tzinfo) -> Occurrence:
        """The occurrence that begins at `start`.

        Raises:
            ValueError: beyond the years 1 to 9999.
        """
        resource = self.event.resource
        try:
            end = Moment(start.wall + self.length, None) if start.all_day else None
            starts_at = start.at(reader)
            ends_at = end.at(reader) if end else starts_at + self.length
        except OverflowError:
            raise ValueError("beyond the calendar") from None
        return Occurrence(
            calendar_id=self.event.calendar_id,
            event_id=self.event.id,
            title=text_of(resource, "summary").strip(),
            starts_at=starts_at,
            ends_at=ends_at,
            all_day=start.all_day,
            day=start.wall.date() if start.all_day else None,
            private=text_of(resource, "visibility") in ("private", "confidential"),
            declined=_declined(resource),
            end_day=end.wall.date() if end else None,
            uid=text_of(resource, "iCalUID"),
            event_type=text_of(resource, "eventType") or "default",
        )


def template(event: StoredEvent, fallback: tzinfo) -> Template:
    """How the instances of `event` look.

    Args:
        event: A master, a single event or an exception.
        fallback: The zone of times that name none.

    Raises:
        ValueError: its start can't be read.
    """
    start = read_moment(event.resource.get("start"), fallback)
    return Template(event, start, _length(event.resource, start, fallback))


def _length(resource: Mapping[str, Any], start: Moment, fallback: tzinfo) -> timedelta:
    shortest = _ONE_DAY if start.all_day else timedelta(0)
    try:
        end = read_moment(resource.get("end"), fallback)
        if start.all_day:
            return max(end.wall - start.wall, shortest) if end.all_day else shortest
        return max(end.at(fallback) - start.at(fallback), shortest)
    except ValueError:
        return shortest


def _declined(resource: Mapping[str, Any]) -> bool:
    attendees = resource.get("attendees")
    return any(
        attendee.get("self") is True and attendee.get("responseStatus") == "declined"
        for attendee in (attendees if isinstance(attendees, list) else [])
        if isinstance(attendee, Mapping)
    )
