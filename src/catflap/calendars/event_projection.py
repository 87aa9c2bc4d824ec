"""Project Google event resources onto the few fields that are stored; everything else is dropped."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, NamedTuple, TypeGuard
from urllib.parse import urlsplit

from catflap.calendars.datetimes import parse_event_datetime, text_of
from catflap.google.calendar import popup_minutes
from catflap.store.text import sanitize_text

MAX_TITLE = 500
_MAX_PLACE = 500
_MAX_NAME = 200
_TIMES = ("start", "end", "originalStartTime")
_TEXTS = ("id", "status", "iCalUID", "recurringEventId", "transparency", "visibility", "eventType", "updated")
_MAX_TEXT = 1024
# The characters of a URI (RFC 3986, 2), because browsers read others, such as a backslash, in their own way.
_HTTPS = re.compile(r"https://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,1016}")
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
        """Google's id of the event."""
        return text_of(self.resource, "id")

    @property
    def series_id(self) -> str:
        """The id of the series that this is an exception of; "" for a master or a single event."""
        return text_of(self.resource, "recurringEventId")

    @property
    def recurrence(self) -> tuple[str, ...]:
        """The RRULE, EXRULE, RDATE and EXDATE lines of a master."""
        lines = self.resource.get("recurrence")
        return tuple(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else ()

    @property
    def cancelled(self) -> bool:
        """Whether the event, or this instance of its series, was deleted."""
        return self.resource.get("status") == "cancelled"


class EventRow(NamedTuple):
    """A row of `app.events` without the calendar's id, as a sync writes it; `resource` is JSON."""

    google_id: str
    recurring_event_id: str | None
    recurs: bool
    starts_at: datetime
    ends_at: datetime | None
    resource: str


@dataclass(frozen=True)
class EventInterval:
    """The interval, in UTC, in which an event row is relevant to a query."""

    starts_at: datetime
    ends_at: datetime


def event_row(
    item: Mapping[str, Any], zone: tzinfo, horizon: datetime, on_unreadable: Callable[[str, str], None]
) -> tuple[str, EventRow | None]:
    """Return the id of a Google event and the row to store; None when the event is to be deleted.

    Args:
        item: An event resource with an `id`.
        zone: The zone of its calendar.
        horizon: Events that ended before are not stored.
        on_unreadable: Called with the id of an event that can't be stored and a reason, which has none of
            its text.
    """
    resource = project_event(item)
    series = resource.get("recurringEventId")
    recurs = bool(resource.get("recurrence")) and not series
    if resource.get("status") == "cancelled" and not (series and "originalStartTime" in resource):
        return resource["id"], None
    try:
        interval = event_interval(resource, zone)
    except ValueError as error:
        on_unreadable(resource["id"], str(error))
        return resource["id"], None
    if not recurs and interval.ends_at < horizon:
        return resource["id"], None
    ends_at = None if recurs else interval.ends_at
    # As text, because a whole calendar of parsed resources takes five times the memory.
    stored = json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
    return resource["id"], EventRow(resource["id"], series, recurs, interval.starts_at, ends_at, stored)


def project_event(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a Google event that are stored, sanitised for PostgreSQL.

    They have Google's names and forms, with these differences: of the attendees only the user's own answer
    is there, and how many people were invited as `attendeeCount`, unless there were too many to list
    (`attendeesOmitted`); `conferenceLink` is the address of the video conference; of an organizer who is
    somebody else only the name is there.
    """
    fields: dict[str, Any] = {
        name: sanitize_text(value, _MAX_TEXT)
        for name in _TEXTS
        if isinstance(value := resource.get(name), str) and value
    }
    if title := text_of(resource, "summary"):
        fields["summary"] = sanitize_text(title, MAX_TITLE)
    if place := text_of(resource, "location"):
        fields["location"] = sanitize_text(place, _MAX_PLACE)
    if link := _conference_link(resource):
        fields["conferenceLink"] = link
    for name in _TIMES:
        if isinstance(moment := resource.get(name), Mapping):
            parts = ("date", "dateTime", "timeZone")
            fields[name] = {
                part: sanitize_text(text_of(moment, part), 64) for part in parts if text_of(moment, part)
            }
    if lines := _recurrence(resource.get("recurrence")):
        fields["recurrence"] = lines
    if isinstance(reminders := resource.get("reminders"), Mapping):
        fields["reminders"] = _reminders(reminders)
    if isinstance(birthday := resource.get("birthdayProperties"), Mapping) and text_of(birthday, "type"):
        # The contact, a link into the person's address book, stays at Google.
        fields["birthdayProperties"] = {"type": sanitize_text(text_of(birthday, "type"), 32)}
    return fields | _people(resource)


def event_interval(resource: Mapping[str, Any], zone: tzinfo) -> EventInterval:
    """Return the interval of a single event or an exception.

    That of an exception covers its original start as well as its new time, because it also removes the
    original instance from its series.

    Raises:
        ValueError: its times can't be parsed.
    """
    moments = [parse_event_datetime(resource[name], zone).at(zone) for name in _TIMES if resource.get(name)]
    if not moments:
        raise ValueError("invalid or missing time")
    return EventInterval(min(moments), max(moments))


def _recurrence(lines: object) -> list[str]:
    if not isinstance(lines, list):
        return []
    texts = [sanitize_text(line, _MAX_RECURRENCE) for line in lines if isinstance(line, str)]
    return texts if sum(map(len, texts)) <= _MAX_RECURRENCE else ["RRULE:TOO-LONG"]


def _reminders(reminders: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `reminders` with pop-up overrides only; those by e-mail are not stored."""
    minutes = [{"method": "popup", "minutes": one} for one in popup_minutes(reminders.get("overrides"))]
    return {"useDefault": reminders.get("useDefault") is True} | ({"overrides": minutes} if minutes else {})


def _people(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of the attendees and the organizer."""
    fields: dict[str, Any] = {}
    listed = resource.get("attendees")
    attendees = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    answers = (text_of(one, "responseStatus") for one in attendees if one.get("self") is True)
    if answer := next(answers, ""):
        fields["attendees"] = [{"self": True, "responseStatus": sanitize_text(answer, 32)}]
    if resource.get("attendeesOmitted") is True:
        fields["attendeesOmitted"] = True
    elif people := sum(one.get("resource") is not True for one in attendees):
        fields["attendeeCount"] = people
    if isinstance(organizer := resource.get("organizer"), Mapping):
        if organizer.get("self") is True:
            fields["organizer"] = {"self": True}
        elif name := text_of(organizer, "displayName"):
            fields["organizer"] = {"displayName": sanitize_text(name, _MAX_NAME)}
    return fields


def _conference_link(resource: Mapping[str, Any]) -> str:
    """Return the address of the video conference, else that of Google Meet; "" without a plain https one."""
    conference = resource.get("conferenceData")
    entries = conference.get("entryPoints") if isinstance(conference, Mapping) else None
    links = [
        entry.get("uri")
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, Mapping) and entry.get("entryPointType") == "video"
    ]
    return next((link for link in (*links, resource.get("hangoutLink")) if _is_https(link)), "")


def _is_https(link: object) -> TypeGuard[str]:
    if not isinstance(link, str) or not _HTTPS.fullmatch(link):
        return False
    try:
        parts = urlsplit(link)
        # A user name looks like the host to people.
        return bool(parts.hostname) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
