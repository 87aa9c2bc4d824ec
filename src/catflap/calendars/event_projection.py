"""An event as the copy keeps it: the few fields Mia needs, and nothing else of a person's diary."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from catflap.calendars.datetimes import read_moment, text_of
from catflap.google.calendar import popup_minutes

MAX_TITLE = 500
_TIMES = ("start", "end", "originalStartTime")
_TEXTS = ("id", "status", "iCalUID", "recurringEventId", "transparency", "visibility", "eventType")
_MAX_TEXT = 1024
_MAX_RECURRENCE = 64 * 1024


@dataclass(frozen=True)
class StoredEvent:
    """A row of `app.events`, with the zone and the default reminders (in minutes) of its calendar."""

    calendar_id: int
    resource: Mapping[str, Any] = field(repr=False)
    time_zone: str
    default_reminders: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        return text_of(self.resource, "id")

    @property
    def series_id(self) -> str:
        """The id of the series this is an exception of; "" for a master or a single event."""
        return text_of(self.resource, "recurringEventId")

    @property
    def recurrence(self) -> tuple[str, ...]:
        lines = self.resource.get("recurrence")
        return tuple(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else ()

    @property
    def cancelled(self) -> bool:
        return self.resource.get("status") == "cancelled"


@dataclass(frozen=True)
class Span:
    """From when to when a row can matter, in UTC."""

    starts_at: datetime
    ends_at: datetime


def kept(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Google event that are stored, made safe for PostgreSQL."""
    small: dict[str, Any] = {
        name: clean(value, _MAX_TEXT)
        for name in _TEXTS
        if isinstance(value := resource.get(name), str) and value
    }
    if title := text_of(resource, "summary"):
        small["summary"] = clean(title, MAX_TITLE)
    for name in _TIMES:
        if isinstance(moment := resource.get(name), Mapping):
            parts = ("date", "dateTime", "timeZone")
            small[name] = {part: clean(text_of(moment, part), 64) for part in parts if text_of(moment, part)}
    if lines := _recurrence(resource.get("recurrence")):
        small["recurrence"] = lines
    if isinstance(reminders := resource.get("reminders"), Mapping):
        small["reminders"] = _reminders(reminders)
    if isinstance(birthday := resource.get("birthdayProperties"), Mapping) and text_of(birthday, "type"):
        # The contact, a link into the person's address book, stays at Google.
        small["birthdayProperties"] = {"type": clean(text_of(birthday, "type"), 32)}
    if answer := _own_answer(resource.get("attendees")):
        small["attendees"] = [{"self": True, "responseStatus": answer}]
    return small


def span(resource: Mapping[str, Any], zone: tzinfo) -> Span:
    """When an event that is no series can matter.

    An exception matters from the earlier to the later of where it was and where it is, because it also
    makes a hole in its series.

    Raises:
        ValueError: its times can't be read.
    """
    moments = [read_moment(resource[name], zone).at(zone) for name in _TIMES if resource.get(name)]
    if not moments:
        raise ValueError("no time")
    return Span(min(moments), max(moments))


def _recurrence(lines: object) -> list[str]:
    if not isinstance(lines, list):
        return []
    texts = [clean(line, _MAX_RECURRENCE) for line in lines if isinstance(line, str)]
    return texts if sum(map(len, texts)) <= _MAX_RECURRENCE else ["RRULE:TOO-LONG"]


def _reminders(reminders: Mapping[str, Any]) -> dict[str, Any]:
    """As Google has them, but only those for a screen: Mia has nothing to do with e-mails."""
    minutes = [{"method": "popup", "minutes": one} for one in popup_minutes(reminders.get("overrides"))]
    return {"useDefault": reminders.get("useDefault") is True} | ({"overrides": minutes} if minutes else {})


def _own_answer(attendees: object) -> str:
    for attendee in attendees if isinstance(attendees, list) else []:
        if isinstance(attendee, Mapping) and attendee.get("self") is True:
            return clean(text_of(attendee, "responseStatus"), 32)
    return ""


def clean(text: str, limit: int) -> str:
    """PostgreSQL takes neither NUL nor lone surrogates, and JSON can spell both."""
    return text[:limit].replace("\0", "").encode("utf-8", "replace").decode()
