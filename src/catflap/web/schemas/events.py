"""Events to insert and to change in a user's Google calendar, and what Google answered."""

from datetime import date, datetime
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, WithJsonSchema

from catflap.calendars import Event, EventFields, Reminder, is_zone
from catflap.calendars.event_fields import EVENT_ID, ReminderMethod, Transparency, Visibility, invalid_event
from catflap.errors import BadRequest
from catflap.google.calendar import MAX_REMINDER_MINUTES, MAX_REMINDERS
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, StrictBody, text_like

_ID = "5 to 1024 of the characters a to v and 0 to 9, such as the hexadecimal digits of a UUID."
_LOCAL = "RFC 3339; without an offset, it is local time in `time_zone`."
_RECURRENCE = "Lines of RFC 5545: RRULE, RDATE, EXDATE, EXRULE."
_DEFAULT_REMINDERS = "null for the calendar's own reminders, [] for none."

_When = date | datetime
EventId = Annotated[
    Text, Field(pattern=EVENT_ID, description=_ID, examples=["3f2504e04f8941d39a0c0305e82c3301"])
]
Title = Annotated[Text, Field(max_length=1024, examples=["Dentist"])]
Place = Annotated[Text, Field(max_length=1024, examples=["Station Street 5"])]
Description = Annotated[Text, Field(max_length=8192)]
Email = Annotated[Text, Field(pattern="^[^@\\s]{1,64}@[^@\\s]{1,255}$", examples=["alice@example.com"])]
Recurrence = Annotated[
    list[Annotated[Text, Field(max_length=2000)]],
    Field(max_length=50, description=_RECURRENCE, examples=[["RRULE:FREQ=WEEKLY;COUNT=10"]]),
]
_Day = Annotated[
    date,
    Field(strict=False),
    text_like(r"\d{4}-\d\d-\d\d$", "a date such as 2026-11-24"),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-24"]}),
]
_DateTime = Annotated[
    datetime,
    Field(strict=False),
    text_like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "a date and time as RFC 3339"),
    WithJsonSchema({"type": "string", "description": _LOCAL, "examples": ["2026-11-24T09:50:00"]}),
]


class EventTime(StrictBody):
    """Start or end: `date` for whole days, or `date_time` with an offset, a `time_zone` or both."""

    date: _Day | None = Field(None, description="The end is the day after the last one.")
    date_time: _DateTime | None = None
    time_zone: Annotated[Text, Field(max_length=64, examples=["Europe/Berlin"])] | None = Field(
        None, description="An IANA time zone; required when the event recurs."
    )

    def value(self, name: str) -> _When:
        """Return the date, or the time in its zone.

        Raises:
            BadRequest: `event_invalid`, `zone_unknown`.
        """
        if (self.date is None) == (self.date_time is None):
            raise invalid_event(f"{name}: send either date or date_time.")
        if self.date_time is None:
            assert self.date is not None
            if self.time_zone is not None:
                raise invalid_event(f"{name}: a date has no time zone.")
            return self.date
        return _in_zone(self.date_time, self.time_zone, name)


def _in_zone(at: datetime, time_zone: str | None, name: str) -> datetime:
    if time_zone is None:
        if at.tzinfo is None:
            raise invalid_event(f"{name}: a time needs an offset or a time zone.")
        return at
    if not is_zone(time_zone):
        raise BadRequest("zone_unknown", f"{name}: send the name of an IANA time zone.")
    try:
        return at.astimezone(ZoneInfo(time_zone)) if at.tzinfo else at.replace(tzinfo=ZoneInfo(time_zone))
    except OverflowError:
        raise invalid_event(f"{name}: must be between the years 1 and 9999.") from None


class EventReminder(StrictBody):
    """A reminder by Google, `minutes` before the start."""

    method: ReminderMethod
    minutes: int = Field(ge=0, le=MAX_REMINDER_MINUTES, examples=[10])


class EventChanges(StrictBody):
    """Fields of an event to change: what is left out stays, and null removes it."""

    title: Title | None = None
    place: Place | None = None
    description: Description | None = None
    start: EventTime | None = None
    end: EventTime | None = None
    recurrence: Recurrence | None = None
    reminders: list[EventReminder] | None = Field(
        None, max_length=MAX_REMINDERS, description=_DEFAULT_REMINDERS
    )
    transparency: Transparency | None = Field(None, description="null for `opaque`.")
    visibility: Visibility | None = Field(None, description="null for `default`.")

    def fields(self) -> EventFields:
        """Return the fields that were sent.

        Raises:
            BadRequest: `event_invalid`, `zone_unknown`.
        """
        sent = {name: getattr(self, name) for name in self.model_fields_set - {"id"}}
        for name in sent.keys() & {"start", "end"}:
            if sent[name] is None:
                raise invalid_event(f"{name}: can't be removed.")
            sent[name] = sent[name].value(name)
        if reminders := sent.get("reminders"):
            sent["reminders"] = [Reminder(one.method, one.minutes) for one in reminders]
        found: EventFields = sent  # type: ignore[assignment]
        return found


class EventBody(EventChanges):
    """An event to insert."""

    id: EventId
    start: EventTime
    end: EventTime
    attendees: list[Email] = Field([], max_length=200, description="Email addresses.")


class EventTimeResource(Answer):
    """Start or end of an event: `date`, or `date_time` and mostly `time_zone`."""

    date: str | None = Field(examples=[None])
    date_time: str | None = Field(examples=["2026-11-24T09:50:00+01:00"])
    time_zone: str | None = Field(examples=["Europe/Berlin"])

    @classmethod
    def of(cls, at: _When) -> Self:
        """Build it from a date or a time."""
        if not isinstance(at, datetime):
            return cls(date=at.isoformat(), date_time=None, time_zone=None)
        zone = at.tzinfo.key if isinstance(at.tzinfo, ZoneInfo) else None
        return cls(date=None, date_time=at.isoformat(), time_zone=zone)


class ReminderResource(Answer):
    """A reminder by Google, `minutes` before the start."""

    method: str = Field(examples=["popup"])
    minutes: int = Field(examples=[10])


class AttendeeResource(Answer):
    """An attendee and their answer."""

    email: str
    response: str = Field(examples=["needsAction"])


class EventResource(Answer):
    """An event as Google has it now."""

    id: str = Field(examples=["3f2504e04f8941d39a0c0305e82c3301"])
    etag: str = Field(
        description="For `If-Match`; the header `ETag` has it too.", examples=['"3181161784712000"']
    )
    link: str = Field(description="Its page in Google Calendar.")
    title: str
    place: str
    description: str
    start: EventTimeResource | None
    end: EventTimeResource | None
    recurrence: list[str]
    reminders: list[ReminderResource] | None = Field(description=_DEFAULT_REMINDERS)
    transparency: str = Field(examples=["opaque"])
    visibility: str = Field(examples=["default"])
    attendees: list[AttendeeResource]

    @classmethod
    def of(cls, event: Event) -> Self:
        """Build it from a written event."""
        reminders = event.reminders
        return cls(
            id=event.id,
            etag=event.etag,
            link=event.link,
            title=event.title,
            place=event.place,
            description=event.description,
            start=None if event.start is None else EventTimeResource.of(event.start),
            end=None if event.end is None else EventTimeResource.of(event.end),
            recurrence=list(event.recurrence),
            reminders=None
            if reminders is None
            else [ReminderResource(method=one.method, minutes=one.minutes) for one in reminders],
            transparency=event.transparency,
            visibility=event.visibility,
            attendees=[AttendeeResource(email=one.email, response=one.response) for one in event.attendees],
        )
