"""One instance of an event: what a calendar shows as one box."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from catflap.calendars.datetimes import Moment, read_moment, text_of
from catflap.calendars.event_projection import StoredEvent
from catflap.google.calendar import popup_minutes

_ONE_DAY = timedelta(days=1)
_UNCERTAIN = frozenset({"tentative", "needsAction"})


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
        tentative: Not certain: the event itself is tentative, or its invitation is answered by "maybe" or
            not yet.
        reminders: How many minutes ahead Google shows a reminder; those of a whole day count from midnight.
        birthday: Google's type of birthday, such as `birthday` or `self`; "" for what is none.
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
    tentative: bool = False
    reminders: tuple[int, ...] = ()
    birthday: str = ""

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
        event_type = text_of(resource, "eventType") or "default"
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
            private=_private(resource, event_type),
            declined=_answer(resource) == "declined",
            end_day=end.wall.date() if end else None,
            uid=text_of(resource, "iCalUID"),
            event_type=event_type,
            tentative=text_of(resource, "status") == "tentative" or _answer(resource) in _UNCERTAIN,
            reminders=_reminders(self.event, all_day=start.all_day),
            birthday=_birthday(resource) if event_type == "birthday" else "",
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


def _answer(resource: Mapping[str, Any]) -> str:
    """The person's own answer to an invitation; "" when they are not invited."""
    attendees = resource.get("attendees")
    for attendee in attendees if isinstance(attendees, list) else []:
        if isinstance(attendee, Mapping) and attendee.get("self") is True:
            return text_of(attendee, "responseStatus")
    return ""


def _private(resource: Mapping[str, Any], event_type: str) -> bool:
    """Whether the person chose to hide it; Google itself makes every birthday private."""
    return event_type != "birthday" and text_of(resource, "visibility") in ("private", "confidential")


def _birthday(resource: Mapping[str, Any]) -> str:
    properties = resource.get("birthdayProperties")
    # Without properties Google means a plain birthday (Calendar API, `birthdayProperties.type`).
    return (text_of(properties, "type") if isinstance(properties, Mapping) else "") or "birthday"


def _reminders(event: StoredEvent, *, all_day: bool) -> tuple[int, ...]:
    """An event's own reminders, else those of its calendar.

    Google's API has no default reminders for whole days: those of a calendar are for timed events.
    """
    reminders = event.resource.get("reminders")
    if not isinstance(reminders, Mapping) or reminders.get("useDefault") is True:
        return () if all_day else event.default_reminders
    return popup_minutes(reminders.get("overrides"))
