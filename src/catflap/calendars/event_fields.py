"""Fields of an event that Catflap writes, as the Calendar API's event resource and back.

Texts are for Google alone: no error names more than the field.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, TypedDict
from zoneinfo import ZoneInfo

from catflap.calendars.datetimes import parse_event_datetime, text_of
from catflap.errors import BadRequest

Transparency = Literal["opaque", "transparent"]
Visibility = Literal["default", "public", "private", "confidential"]
ReminderMethod = Literal["email", "popup"]
# The Calendar API's own rule for ids that clients choose: base32hex (RFC 4648 section 7) in lower case.
EVENT_ID = "^[a-v0-9]{5,1024}$"
_RECURRENCE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)[;:][!-~]+", re.IGNORECASE)
_REPEATS = ("RRULE", "RDATE")


@dataclass(frozen=True)
class Reminder:
    """A reminder of Google's, `minutes` before the start."""

    method: ReminderMethod
    minutes: int


class EventFields(TypedDict, total=False):
    """Fields to write. In a change, a field that is left out stays as it is.

    Times with a `ZoneInfo` keep its name; a `date` is an event of whole days, and `end` is the day after the
    last. `recurrence` has lines of RFC 5545 (RRULE, RDATE, EXDATE, EXRULE). Without `reminders` those of the
    calendar apply. None removes what is set.
    """

    title: str | None
    place: str | None
    description: str | None
    start: date | datetime
    end: date | datetime
    recurrence: list[str] | None
    reminders: list[Reminder] | None
    transparency: Transparency | None
    visibility: Visibility | None
    attendees: list[str]


@dataclass(frozen=True)
class Attendee:
    """An attendee and their answer: `needsAction`, `declined`, `tentative` or `accepted`."""

    email: str = field(repr=False)
    response: str


@dataclass(frozen=True)
class Event:
    """An event as Google has it after a write.

    Attributes:
        id: Google's id, or that of an instance.
        etag: for `If-Match`.
        link: its page in Google Calendar.
        start: a `date` for whole days; None if Google sends a time that can't be read, as `end`.
        recurrence: lines of RFC 5545; empty for a single event.
        reminders: None where those of the calendar apply.
        is_new: whether this call inserted it; an earlier one did if not.
    """

    id: str
    etag: str
    link: str
    title: str = field(repr=False)
    place: str = field(repr=False)
    description: str = field(repr=False)
    start: date | datetime | None
    end: date | datetime | None
    recurrence: tuple[str, ...]
    reminders: tuple[Reminder, ...] | None
    transparency: str
    visibility: str
    attendees: tuple[Attendee, ...]
    is_new: bool = False


def invalid_event(message: str) -> BadRequest:
    """Return the error for fields that make no event; `message` names fields and no values."""
    return BadRequest("event_invalid", message)


def to_resource(fields: EventFields) -> dict[str, Any]:
    """Return the members of the event resource for `events.insert` and `events.patch`.

    Raises:
        BadRequest: `event_invalid`.
    """
    _check_times(fields)
    resource: dict[str, Any] = {
        theirs: fields[ours]  # type: ignore[literal-required]
        for ours, theirs in _RENAMED.items()
        if ours in fields
    }
    if "start" in fields:
        resource["start"] = _event_datetime(fields["start"], "start")
    if "end" in fields:
        resource["end"] = _event_datetime(fields["end"], "end")
    if "recurrence" in fields:
        resource["recurrence"] = _recurrence(fields)
    if "reminders" in fields:
        resource["reminders"] = _reminders(fields["reminders"])
    if "attendees" in fields:
        resource["attendees"] = [{"email": email} for email in fields["attendees"]]
    _check_encodable(resource)
    return resource


_RENAMED = {
    "title": "summary",
    "place": "location",
    "description": "description",
    "transparency": "transparency",
    "visibility": "visibility",
}


_OURS = {theirs: ours for ours, theirs in _RENAMED.items()}


def from_resource(resource: Mapping[str, Any], *, is_new: bool = False) -> Event:
    """Return what Google answered; a malformed member counts as absent, because nothing depends on it."""
    attendees = [one for one in _list(resource.get("attendees")) if isinstance(one, dict)]
    return Event(
        id=resource["id"],
        etag=resource["etag"],
        link=text_of(resource, "htmlLink"),
        title=text_of(resource, "summary"),
        place=text_of(resource, "location"),
        description=text_of(resource, "description"),
        start=_read_time(resource.get("start")),
        end=_read_time(resource.get("end")),
        recurrence=tuple(line for line in _list(resource.get("recurrence")) if isinstance(line, str)),
        reminders=_read_reminders(resource.get("reminders")),
        transparency=text_of(resource, "transparency") or "opaque",
        visibility=text_of(resource, "visibility") or "default",
        attendees=tuple(Attendee(text_of(one, "email"), text_of(one, "responseStatus")) for one in attendees),
        is_new=is_new,
    )


def content_hash(*parts: object) -> str:
    """Return the SHA-256 of JSON values, by which a repeated request is recognised."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check_encodable(resource: Mapping[str, Any]) -> None:
    for name, value in resource.items():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            # JSON, from which callers have their texts, can spell it.
            raise invalid_event(f"{_OURS.get(name, name)}: has half of a surrogate pair.") from None


def _check_times(fields: EventFields) -> None:
    if "start" not in fields or "end" not in fields:
        return
    start, end = fields["start"], fields["end"]
    if isinstance(start, datetime) and isinstance(end, datetime):
        if None in (start.utcoffset(), end.utcoffset()):
            raise invalid_event("start, end: a time needs an offset or a time zone.")
        # Within one zone Python compares local times, which a clock change can turn round.
        if _in_utc(end, "end") < _in_utc(start, "start"):
            raise invalid_event("end: must not be before the start.")
    elif isinstance(start, datetime) or isinstance(end, datetime):
        raise invalid_event("start, end: both must be times, or both must be dates.")
    elif end <= start:
        raise invalid_event("end: is the day after the last one, so it must be after the start.")


def _in_utc(value: datetime, name: str) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise invalid_event(f"{name}: must be between the years 1 and 9999 in UTC.") from None


def _event_datetime(value: date | datetime, name: str) -> dict[str, str | None]:
    """Return an `EventDateTime`; every member is there, because a patch merges objects."""
    if not isinstance(value, datetime):
        return {"date": value.isoformat(), "dateTime": None, "timeZone": None}
    if value.utcoffset() is None:
        raise invalid_event(f"{name}: a time needs an offset or a time zone.")
    zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
    return {"date": None, "dateTime": value.isoformat(timespec="seconds"), "timeZone": zone}


def _recurrence(fields: EventFields) -> list[str] | None:
    lines = fields["recurrence"]
    if not lines:
        return None
    if not all(_RECURRENCE.fullmatch(line) for line in lines):
        raise invalid_event("recurrence: send lines of RRULE, RDATE, EXDATE or EXRULE (RFC 5545).")
    if not any(line.upper().startswith(_REPEATS) for line in lines):
        raise invalid_event("recurrence: one line must be RRULE or RDATE.")
    start = fields.get("start")
    if isinstance(start, datetime) and not isinstance(start.tzinfo, ZoneInfo):
        raise invalid_event("recurrence: the start needs a time zone, because an offset changes in a year.")
    return lines


def _reminders(reminders: list[Reminder] | None) -> dict[str, Any]:
    if reminders is None:
        return {"useDefault": True, "overrides": []}
    overrides = [{"method": one.method, "minutes": one.minutes} for one in reminders]
    return {"useDefault": False, "overrides": overrides}


def _read_time(value: object) -> date | datetime | None:
    try:
        read = parse_event_datetime(value, UTC)
    except ValueError:
        return None
    return read.wall.date() if read.zone is None else read.wall.replace(tzinfo=read.zone)


def _read_reminders(value: object) -> tuple[Reminder, ...] | None:
    if not isinstance(value, dict) or value.get("useDefault") is True:
        return None
    return tuple(
        Reminder(one["method"], one["minutes"])
        for one in _list(value.get("overrides"))
        if isinstance(one, dict)
        and one.get("method") in ("email", "popup")
        and type(one.get("minutes")) is int
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
