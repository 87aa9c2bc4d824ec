"""Validation of events that clients write, and the defaults that Calendar fills in.

Source: calendar.v3 discovery document, Events. It refuses wrong types at the first level with a 400, as
Google does, and drops the fields a client cannot write.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from google_sandbox.calendar.calendar_store import Resource, SandboxCalendar
from google_sandbox.calendar.event_times import instant
from google_sandbox.calendar.recurrence import Series
from google_sandbox.errors import ApiError
from google_sandbox.models import SandboxAccount
from google_sandbox.timestamps import parse_date, parse_timestamp, zone

EVENT_ID = re.compile(r"[a-v0-9]{5,1024}")
TEXT = ("summary", "description", "location", "colorId", "iCalUID", "hangoutLink")
CHOICES = {
    "status": ("confirmed", "tentative", "cancelled"),
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
    "eventType": ("default", "birthday", "focusTime", "fromGmail", "outOfOffice", "workingLocation"),
}
FLAGS = (
    "anyoneCanAddSelf",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "privateCopy",
    "locked",
    "attendeesOmitted",
)
OBJECTS = (
    "start",
    "end",
    "originalStartTime",
    "reminders",
    "extendedProperties",
    "source",
    "gadget",
    "conferenceData",
    "organizer",
    "creator",
    "birthdayProperties",
    "focusTimeProperties",
    "outOfOfficeProperties",
    "workingLocationProperties",
)
LISTS = ("recurrence", "attendees", "attachments")
WRITABLE = frozenset((*TEXT, *CHOICES, *FLAGS, *OBJECTS, *LISTS, "id", "sequence")) - {
    "creator",
    "locked",
    "originalStartTime",
    "privateCopy",
}
DEFAULTS = {"transparency": "opaque", "visibility": "default"}


def invalid(message: str, reason: str = "invalid") -> ApiError:
    """Return a 400 about the body."""
    return ApiError(400, reason, message)


def check_types(body: Resource) -> Resource:
    """Return the writable part of a body; `null` stands for "leave it out".

    Raises:
        ApiError: 400, for a value of the wrong type.
    """
    written = {name: value for name, value in body.items() if name in WRITABLE}
    for name, value in written.items():
        if value is not None and not _type_fits(name, value):
            raise invalid(f"Invalid value for field '{name}'.")
    return written


def _type_fits(name: str, value: Any) -> bool:
    if name in TEXT or name == "id":
        return isinstance(value, str)
    if name in CHOICES:
        return value in CHOICES[name]
    if name in FLAGS:
        return isinstance(value, bool)
    if name in OBJECTS:
        return isinstance(value, dict)
    if name == "recurrence":
        return isinstance(value, list) and all(isinstance(line, str) for line in value)
    if name in LISTS:
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return isinstance(value, int) and not isinstance(value, bool)


def complete(event: Resource, calendar: SandboxCalendar, account: SandboxAccount) -> Resource:
    """Check an event as a whole and fill in what Calendar fills in.

    Raises:
        ApiError: 400, if times, recurrence, reminders or guests make no sense.
    """
    event = {k: v for k, v in event.items() if v is not None and DEFAULTS.get(k) != v}
    event["start"] = _time(event, "start", calendar)
    event["end"] = _time(event, "end", calendar)
    if ("date" in event["start"]) != ("date" in event["end"]):
        raise invalid("Start and end times must either both be date or both be dateTime.")
    begin, finish = (instant(event[name], calendar.zone) for name in ("start", "end"))
    if finish < begin:
        raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")
    if event["end"].get("date") == event["start"].get("date", ""):
        event["end"] = {"date": (parse_date(event["start"]["date"]) + timedelta(days=1)).isoformat()}
    if event.get("recurrence"):
        _check_recurrence(event, calendar)
    else:
        event.pop("recurrence", None)
    event["reminders"] = _reminders(event.get("reminders"))
    if event.get("attendees"):
        event["attendees"] = [_attendee(guest, account) for guest in event["attendees"]]
    event.setdefault("status", "confirmed")
    event.setdefault("eventType", "default")
    event.setdefault("sequence", 0)
    event["creator"] = event.get("creator") or {"email": account.email, "self": True}
    event["organizer"] = event.get("organizer") or _organizer(calendar, account)
    event.setdefault("iCalUID", f"{event['id']}@google.com")
    return event


def _organizer(calendar: SandboxCalendar, account: SandboxAccount) -> Resource:
    if calendar.id == account.email:
        return {"email": account.email, "self": True}
    return {"email": calendar.id, "displayName": calendar.summary, "self": True}


def _time(event: Resource, name: str, calendar: SandboxCalendar) -> Resource:
    when = event.get(name)
    if not when:
        raise ApiError(400, "required", f"Missing {name} time.")
    day, moment, where = when.get("date"), when.get("dateTime"), when.get("timeZone")
    if (day is None) == (moment is None) or not all(
        v is None or isinstance(v, str) for v in (day, moment, where)
    ):
        raise invalid(f"Invalid {name} time.")
    try:
        where_zone = zone(where) if where else None
        if day is not None:
            return {"date": parse_date(day).isoformat()}
        if event.get("recurrence") and not where:
            raise ApiError(400, "required", f"Missing time zone definition for {name} time.")
        format_timestamp = parse_timestamp(str(moment), where_zone)
    except ValueError:
        raise invalid(f"Invalid {name} time.") from None
    local = format_timestamp.astimezone(where_zone or calendar.zone)
    text = local.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return {"dateTime": text, "timeZone": where or calendar.time_zone}


def _check_recurrence(event: Resource, calendar: SandboxCalendar) -> None:
    try:
        if len(event["recurrence"]) > 500 or not any(
            line.strip().upper().startswith(("RRULE", "RDATE")) for line in event["recurrence"]
        ):
            raise ValueError("no rule")
        if Series(event["start"], event["end"], event["recurrence"], calendar.zone).is_subdaily:
            raise ValueError("finer than a day")
    except ValueError:
        raise invalid("Invalid recurrence rule.") from None


def _reminders(given: Any) -> Resource:
    if not given:
        return {"useDefault": True}
    overrides = given.get("overrides") or []
    use_default = given.get("useDefault", False)
    if not isinstance(use_default, bool) or not isinstance(overrides, list) or len(overrides) > 5:
        raise invalid("Invalid value for field 'reminders'.")
    if use_default and overrides:
        raise ApiError(
            400,
            "cannotUseDefaultRemindersAndSpecifyOverride",
            "Cannot specify both default reminders and overrides at the same time.",
            domain="calendar",
        )
    for override in overrides:
        minutes = override.get("minutes") if isinstance(override, dict) else None
        fits = isinstance(minutes, int) and not isinstance(minutes, bool) and 0 <= minutes <= 40320
        if not fits or override.get("method") not in ("email", "popup"):
            raise invalid("Invalid value for field 'reminders.overrides'.")
    kept = [{"method": o["method"], "minutes": o["minutes"]} for o in overrides]
    return {"useDefault": use_default, **({"overrides": kept} if kept else {})}


def _attendee(guest: Resource, account: SandboxAccount) -> Resource:
    email = guest.get("email")
    if not isinstance(email, str) or "@" not in email:
        raise invalid("Invalid attendee email.")
    answer = guest.get("responseStatus", "needsAction")
    if answer not in ("needsAction", "declined", "tentative", "accepted"):
        raise invalid("Invalid value for field 'attendees.responseStatus'.")
    kept: Resource = {"email": email, "responseStatus": answer}
    for name, kind in (("displayName", str), ("comment", str), ("optional", bool), ("resource", bool)):
        if isinstance(guest.get(name), kind):
            kept[name] = guest[name]
    extra = guest.get("additionalGuests")
    if isinstance(extra, int) and not isinstance(extra, bool) and 0 <= extra < 1000:
        kept["additionalGuests"] = extra
    if email.lower() == account.email:
        kept["self"] = True
    return kept
