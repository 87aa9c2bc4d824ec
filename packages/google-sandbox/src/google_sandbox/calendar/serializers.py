"""Serialisation of events: time zone, attendee limit, and what of a cancelled event is shown.

Source: calendar.v3 discovery document, Event `status`. A cancelled instance of a series that goes on shows
only what is guaranteed, so that no client comes to rely on more. A deleted event keeps its details on its
organizer's calendar and for those who were invited, so that it can be restored, but not in an incremental
synchronisation that does not ask for `showDeleted`. AclRule `role` says who sees private events as busy times
only; which fields are left then is a choice.
"""

from __future__ import annotations

from datetime import tzinfo

from google_sandbox.calendar.calendar_store import Resource, SandboxCalendar
from google_sandbox.calendar.sharing import rank
from google_sandbox.models import SandboxAccount
from google_sandbox.timestamps import parse_timestamp

KNOWN_TO_ALL = (
    *("kind", "etag", "id", "status", "created", "updated", "iCalUID", "sequence", "eventType"),
    *("start", "end", "recurrence", "recurringEventId", "originalStartTime", "transparency", "organizer"),
)


def visible_event(account: SandboxAccount, calendar: SandboxCalendar, event: Resource) -> Resource:
    """Return the part of an event that an account may see.

    Who only sees free and busy times, and of private events everybody below `writer` who is not invited.
    """
    role = calendar.role_of(account)
    private = event.get("visibility") in ("private", "confidential")
    invited = any(
        str(guest.get("email", "")).lower() == account.email for guest in event.get("attendees", ())
    )
    if role == "freeBusyReader" or (private and not invited and rank(role) < rank("writer")):
        return {name: event[name] for name in KNOWN_TO_ALL if name in event} | {"visibility": "private"}
    return event


def event_resource(event: Resource, where: tzinfo, most_guests: int | None = None) -> Resource:
    """Return an event with its times in a zone."""
    event = {**event}
    for name in ("start", "end", "originalStartTime"):
        when = event.get(name)
        if when and "dateTime" in when:
            text = parse_timestamp(when["dateTime"]).astimezone(where).isoformat(timespec="seconds")
            event[name] = {**when, "dateTime": text.replace("+00:00", "Z")}
    guests = event.get("attendees")
    if guests and most_guests is not None and len(guests) > most_guests:
        event["attendees"] = [guest for guest in guests if guest.get("self")][:most_guests]
        event["attendeesOmitted"] = True
    return event


def cancelled(calendar: SandboxCalendar, event: Resource, where: tzinfo, details: bool) -> Resource:
    """Return a cancelled event; `details` says whether more than its id is shown."""
    master = event.get("recurringEventId")
    of_live_series = bool(master and calendar.live(master))
    if details and not of_live_series and _keeps_details(calendar, event):
        return event_resource(event, where)
    bare = {name: event[name] for name in ("kind", "etag", "id") if name in event} | {"status": "cancelled"}
    if of_live_series:
        when = {"originalStartTime": event["originalStartTime"]}
        bare |= {"recurringEventId": master, **event_resource(when, where)}
    return bare


def _keeps_details(calendar: SandboxCalendar, event: Resource) -> bool:
    organizer = event.get("organizer") or {}
    invited = any(guest.get("self") for guest in event.get("attendees", ()))
    return invited or str(organizer.get("email", "")).lower() == calendar.id.lower()
