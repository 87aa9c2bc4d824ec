"""Create, change, delete and move events, for handlers and admin methods.

It raises what Google answers (duplicate ids, changes of the event type) and knows nothing about requests.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from google_sandbox.calendar.calendar_store import Resource, SandboxCalendar
from google_sandbox.calendar.instances import find_instance
from google_sandbox.calendar.validation import EVENT_ID, check_types, complete, invalid
from google_sandbox.errors import ApiError
from google_sandbox.models import SandboxAccount

TYPES = ("focusTime", "outOfOffice", "workingLocation")
STRICTNESS = {"public": 0, "default": 1, "private": 2, "confidential": 2}
BASE32 = "0123456789abcdefghijklmnopqrstuv"


def derived_id(*parts: str) -> str:
    """Return an event id that depends on these texts alone, in Calendar's alphabet."""
    number = int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:17], "big")
    return "".join(BASE32[(number >> shift) & 31] for shift in range(130, 0, -5))


def not_found() -> ApiError:
    """Return Calendar's 404."""
    return ApiError(404, "notFound", "Not Found")


def insert(calendar: SandboxCalendar, account: SandboxAccount, body: Resource, now: datetime) -> Resource:
    """Add an event.

    Raises:
        ApiError: 400 for an event that makes no sense, 409 for an id that exists.
    """
    event = check_types(body)
    chosen = event.get("id")
    if chosen is not None and not EVENT_ID.fullmatch(chosen):
        raise invalid("Invalid resource id value.")
    event["id"] = chosen or derived_id(calendar.id, str(calendar.changes), str(len(calendar.records)))
    if event["id"] in calendar.records:
        raise ApiError(409, "duplicate", "The requested identifier already exists.")
    event["htmlLink"] = f"https://www.google.com/calendar/event?eid={event['id']}"
    return calendar.put(complete(event, calendar, account), now)


def current(calendar: SandboxCalendar, event_id: str, cancelled_too: bool = False) -> Resource:
    """Return an event or an instance of a series.

    Raises:
        ApiError: 404, if there is none.
    """
    record = calendar.records.get(event_id)
    event = record.resource if record else find_instance(calendar, event_id)
    if event is None or (event["status"] == "cancelled" and not cancelled_too):
        raise not_found()
    return event


def change(
    calendar: SandboxCalendar,
    account: SandboxAccount,
    event_id: str,
    body: Resource,
    now: datetime,
    whole: bool,
) -> Resource:
    """Change an event: field by field (patch), or all of it (`whole`, update).

    Raises:
        ApiError: 404, or 400 for a result that makes no sense.
    """
    event = current(calendar, event_id, cancelled_too=True)
    written = check_types(body)
    if written.get("id") not in (None, event_id):
        raise invalid("The event id cannot be changed.")
    if written.get("eventType", event.get("eventType", "default")) != event.get("eventType", "default"):
        raise ApiError(400, "eventTypeRestriction", "Event type cannot be changed.", domain="calendar")
    if written.get("iCalUID") not in (None, event.get("iCalUID")):
        raise invalid("Invalid iCalUID value.")
    kept_always = (
        "id",
        "iCalUID",
        "creator",
        "organizer",
        "htmlLink",
        "recurringEventId",
        "originalStartTime",
    )
    base = {k: v for k, v in event.items() if k in kept_always or not whole}
    merged = {**_merge(base, written), "id": event_id}
    if written.get("status") == "cancelled":
        return cancel(calendar, event_id, now)
    if event["status"] == "cancelled" and "status" not in written and not whole:
        merged["status"] = "cancelled"
        return calendar.put(merged, now)
    if master := calendar.live(event.get("recurringEventId", "")):
        merged["visibility"] = _visibility_of_series(calendar, master, merged, now)
    merged["sequence"] = max(_sequence(written), event.get("sequence", 0)) + _moved(event, merged)
    if "recurringEventId" in event:
        merged.pop("recurrence", None)
    result = calendar.put(complete(merged, calendar, account), now)
    if event.get("recurrence") and "recurringEventId" not in event:
        _drop_lost_exceptions(calendar, event, result, now)
        if event.get("visibility") != result.get("visibility"):
            _show_instances_as(calendar, result, now)
    return result


def cancel(calendar: SandboxCalendar, event_id: str, now: datetime) -> Resource:
    """Delete an event, a series or one instance.

    Raises:
        ApiError: 404, or 410 if it is deleted already.
    """
    event = current(calendar, event_id, cancelled_too=True)
    if event["status"] == "cancelled":
        raise ApiError(410, "deleted", "Resource has been deleted")
    for exception in calendar.exceptions_of(event_id).values():
        if exception["status"] != "cancelled":
            calendar.put({**exception, "status": "cancelled"}, now)
    return calendar.put({**event, "status": "cancelled"}, now)


def move(calendar: SandboxCalendar, target: SandboxCalendar, event: Resource, now: datetime) -> Resource:
    """Move an event, with the changed instances of a series, to another calendar and return the moved one.

    What stays behind is a cancelled event of another organizer, of which only the id is shown.
    """
    organizer = {"email": target.id}
    instances = list(calendar.exceptions_of(event["id"]).values())
    cancel(calendar, event["id"], now)
    for each in (event, *instances):
        calendar.put({**each, "status": "cancelled", "organizer": organizer}, now)
    result = target.put({**event, "organizer": {**organizer, "self": True}}, now)
    for each in instances:
        target.put({**each, "organizer": {**organizer, "self": True}}, now)
    return result


def _visibility_of_series(
    calendar: SandboxCalendar, master: Resource, instance: Resource, now: datetime
) -> str:
    """Return the visibility an instance gets: all instances share it, and one alone can only tighten it."""
    wanted, shared = (str(event.get("visibility") or "default") for event in (instance, master))
    if STRICTNESS[wanted] <= STRICTNESS[shared]:
        return shared
    _show_instances_as(calendar, calendar.put({**master, "visibility": wanted}, now), now)
    return wanted


def _show_instances_as(calendar: SandboxCalendar, master: Resource, now: datetime) -> None:
    """Copy the visibility of a series to its changed instances."""
    for exception in calendar.exceptions_of(master["id"]).values():
        kept = {name: value for name, value in exception.items() if name != "visibility"}
        own = {"visibility": master["visibility"]} if "visibility" in master else {}
        if exception["status"] != "cancelled" and {**kept, **own} != exception:
            calendar.put({**kept, **own}, now)


def _sequence(written: Resource) -> int:
    value = written.get("sequence")
    return value if isinstance(value, int) else 0


def _moved(event: Resource, merged: Resource) -> int:
    return int(any(event.get(name) != merged.get(name) for name in ("start", "end", "recurrence")))


def _merge(base: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    base = base if isinstance(base, dict) else {}
    merged = {**base, **{name: _merge(base.get(name), value) for name, value in change.items()}}
    return {name: value for name, value in merged.items() if value is not None}


def _drop_lost_exceptions(
    calendar: SandboxCalendar, before: Resource, after: Resource, now: datetime
) -> None:
    exceptions = calendar.exceptions_of(after["id"])
    if not exceptions or (before["start"], before.get("recurrence")) == (
        after["start"],
        after.get("recurrence"),
    ):
        return
    for suffix, exception in exceptions.items():
        if exception["status"] != "cancelled" and find_instance(calendar, f"{after['id']}_{suffix}") is None:
            calendar.put({**exception, "status": "cancelled"}, now)
