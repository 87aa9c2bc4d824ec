"""Occurrences: single instances of events, as a calendar view shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from catflap.calendars.datetimes import EventDateTime, parse_event_datetime, text_of
from catflap.calendars.event_projection import StoredEvent
from catflap.google.calendar import popup_minutes

_ONE_DAY = timedelta(days=1)
# Further from the limits of `datetime` than any zone and any reminder, so that readers can calculate with it.
_EARLIEST = datetime(1, 3, 1, tzinfo=UTC)
_LATEST = datetime(9999, 11, 1, tzinfo=UTC)
_UNCERTAIN = frozenset({"tentative", "needsAction"})


@dataclass(frozen=True)
class Occurrence:
    """One instance of an event, single or recurring.

    Args:
        calendar_id: The row of `app.calendars`.
        event_id: Google's id of the series, the single event or the exception.
        uid: The iCalendar UID, the same in every calendar the event is in; "" when unknown.
        title: "" for one that has none or that this user may not see.
        all_day: Whether it has dates instead of times.
        starts_at: For a whole day its midnight in the reader's zone.
        ends_at: Exclusive.
        day: The first day of an all-day occurrence, else None.
        private: Whether it was marked as private, as Google does where a user may see busy times only.
        declined: Whether the user declined the invitation.
        end_day: The day after its last, else None.
        event_type: Google's `eventType`, such as `default` or `workingLocation`.
        tentative: Not certain: the event itself is tentative, or its invitation is answered by "maybe" or
            not yet.
        reminders: How many minutes ahead Google shows a reminder; those of a whole day count from midnight.
        birthday: Google's type of birthday, such as `birthday` or `self`; "" for what is none.
        place: Where it is, as somebody wrote it; "" if nobody did.
        conference_link: The https address of its video conference; "" without one.
        attendee_count: How many people were invited, the user included; 0 if nobody was, None if so many that
            Google does not list them.
        is_organizer: Whether the user organises it.
        organizer: The name of somebody else who does; "" if it is not known.
        busy: Whether it blocks time, Google's `transparency` of `opaque`.
        instance: Identifies it within its calendar wherever it is moved to: the id of a single event, or that
            of the series and the original start.
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
    place: str = field(default="", repr=False)
    conference_link: str = field(default="", repr=False)
    attendee_count: int | None = 0
    is_organizer: bool = False
    organizer: str = field(default="", repr=False)
    busy: bool = True
    instance: str = ""

    @property
    def is_meeting(self) -> bool:
        """Whether the user is busy with others then: people were invited, or there is a video conference."""
        with_others = self.attendee_count is None or self.attendee_count > 1 or bool(self.conference_link)
        return self.busy and not self.all_day and with_others

    def covers(self, day: date) -> bool:
        """Return whether this is an all-day occurrence that includes `day`."""
        return self.day is not None and self.end_day is not None and self.day <= day < self.end_day


@dataclass(frozen=True)
class ParsedEvent:
    """An event with its start and duration parsed: what all instances of one event have in common."""

    event: StoredEvent
    start: EventDateTime
    duration: timedelta

    def occurrence_at(self, start: EventDateTime, reader: tzinfo) -> Occurrence:
        """Return the occurrence that begins at `start`.

        Raises:
            ValueError: it is outside the years 1 to 9999, or begins within two months of their limits.
        """
        resource = self.event.resource
        event_type = text_of(resource, "eventType") or "default"
        try:
            end = EventDateTime(start.wall + self.duration, None) if start.all_day else None
            starts_at = start.at(reader)
            ends_at = end.at(reader) if end else starts_at + self.duration
        except OverflowError:
            raise ValueError("year out of range") from None
        if not _EARLIEST <= starts_at <= _LATEST:
            raise ValueError("year out of range")
        return Occurrence(
            calendar_id=self.event.calendar_id,
            event_id=self.event.id,
            title=text_of(resource, "summary").strip(),
            starts_at=starts_at,
            ends_at=min(ends_at, _LATEST),
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
            place=text_of(resource, "location").strip(),
            conference_link=text_of(resource, "conferenceLink"),
            attendee_count=None if "attendeesOmitted" in resource else resource.get("attendeeCount", 0),
            is_organizer=_organizer(resource).get("self") is True,
            organizer=text_of(_organizer(resource), "displayName"),
            busy=text_of(resource, "transparency") != "transparent",
            instance=_instance(self.event, start, reader),
        )


def _instance(event: StoredEvent, start: EventDateTime, reader: tzinfo) -> str:
    """Return what identifies an occurrence that begins at `start`, as Google's ids of instances do."""
    if series := event.series_id:
        try:
            start = parse_event_datetime(event.resource.get("originalStartTime"), reader)
        except ValueError:
            return event.id
    elif not event.resource.get("recurrence"):
        return event.id
    original = start.wall.date() if start.all_day else start.at(reader).astimezone(UTC)
    return f"{series or event.id} {original.isoformat()}"


def parse_event(event: StoredEvent, fallback: tzinfo) -> ParsedEvent:
    """Parse the start and the duration of an event.

    Args:
        event: A master, a single event or an exception.
        fallback: The zone of times that name no zone.

    Raises:
        ValueError: its start can't be parsed.
    """
    start = parse_event_datetime(event.resource.get("start"), fallback)
    return ParsedEvent(event, start, _duration(event.resource, start, fallback))


def _duration(resource: Mapping[str, Any], start: EventDateTime, fallback: tzinfo) -> timedelta:
    shortest = _ONE_DAY if start.all_day else timedelta(0)
    try:
        end = parse_event_datetime(resource.get("end"), fallback)
        if start.all_day:
            return max(end.wall - start.wall, shortest) if end.all_day else shortest
        return max(end.at(fallback) - start.at(fallback), shortest)
    except ValueError:
        return shortest


def _answer(resource: Mapping[str, Any]) -> str:
    """Return the user's own `responseStatus`; "" when they are not invited."""
    attendees = resource.get("attendees")
    for attendee in attendees if isinstance(attendees, list) else []:
        if isinstance(attendee, Mapping) and attendee.get("self") is True:
            return text_of(attendee, "responseStatus")
    return ""


def _private(resource: Mapping[str, Any], event_type: str) -> bool:
    """Return whether it was marked as private; Google marks every birthday so by itself."""
    return event_type != "birthday" and text_of(resource, "visibility") in ("private", "confidential")


def _organizer(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return resource.get("organizer") or {}


def _birthday(resource: Mapping[str, Any]) -> str:
    properties = resource.get("birthdayProperties")
    # A missing `birthdayProperties` means a plain birthday (Calendar API, `birthdayProperties.type`).
    return (text_of(properties, "type") if isinstance(properties, Mapping) else "") or "birthday"


def _reminders(event: StoredEvent, *, all_day: bool) -> tuple[int, ...]:
    """Return an event's own reminders, else the defaults of its calendar.

    The Calendar API has no default reminders for all-day events: those of a calendar are for timed events.
    """
    reminders = event.resource.get("reminders")
    if not isinstance(reminders, Mapping) or reminders.get("useDefault") is True:
        return () if all_day else event.default_reminders
    return popup_minutes(reminders.get("overrides"))
