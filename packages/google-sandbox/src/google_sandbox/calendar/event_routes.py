"""The events endpoints of Calendar v3.

Source: calendar.v3 discovery document; error bodies from the Calendar error guide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.calendar import mutations
from google_sandbox.calendar.calendar_store import Entry, Resource, SandboxCalendar
from google_sandbox.calendar.event_listing import Window, list_events, page, response_zone, time_parameter
from google_sandbox.calendar.instances import expand
from google_sandbox.calendar.quick_add import quick_event
from google_sandbox.calendar.serializers import cancelled, event_resource, visible_event
from google_sandbox.calendar.setting_values import settings_of
from google_sandbox.calendar.sharing import rank
from google_sandbox.errors import ApiError, bad_parameter
from google_sandbox.field_masks import parse, select
from google_sandbox.oauth import scopes
from google_sandbox.request import Call
from google_sandbox.responses import json_response, no_content
from google_sandbox.timestamps import format_timestamp

READ = frozenset(
    {
        scopes.CALENDAR,
        scopes.CALENDAR_READ,
        scopes.EVENTS,
        scopes.EVENTS_READ,
        scopes.EVENTS_OWNED,
        scopes.EVENTS_OWNED_READ,
    }
)
WRITE = frozenset({scopes.CALENDAR, scopes.EVENTS, scopes.EVENTS_OWNED})
MOST_CACHED = 20_000
LONGEST_TEXT = 2000
WRITERS = ("owner", "writer", "writerWithoutPrivateAccess")
EVENTS = "/calendar/v3/calendars/{calendarId}/events"
EVENT = EVENTS + "/{eventId}"


def calendar_of(call: Call, write: bool = False) -> tuple[SandboxCalendar, Entry]:
    """Return the calendar in the path.

    Raises:
        ApiError: 404 if this user has no such calendar, 403 if they may only read it.
    """
    assert call.account is not None
    found = call.state.calendar_store.find(call.account, call.path["calendarId"])
    if found is None:
        raise mutations.not_found()
    if write and found[1].access_role not in WRITERS:
        message = "You need to have writer access to this calendar."
        raise ApiError(403, "requiredAccessLevel", message, domain="calendar")
    return found


def respond(call: Call, value: dict[str, Any]) -> Response:
    """Return a response with a resource and its ETag, with only the `fields` requested; 304 if unchanged."""
    etag = str(value.get("etag", ""))
    if call.method == "GET" and etag and call.header("if-none-match") in (etag, "*"):
        return Response(b"", 304, {"etag": etag})
    if text := call.query.get("fields"):
        value = select(value, parse(text))
    headers = {
        "cache-control": "private, max-age=0, must-revalidate, no-transform",
        "vary": "Origin, X-Origin",
    }
    return json_response(value, 200, {**headers, "etag": etag} if etag else headers)


def match(call: Call, etag: str) -> None:
    """Check the If-Match header.

    Raises:
        ApiError: 412, if the client has another version in mind.
    """
    wanted = call.header("if-match")
    if wanted is not None and wanted not in (etag, "*"):
        raise ApiError(412, "conditionNotMet", "Precondition Failed", location=("header", "If-Match"))


def handle_list(call: Call) -> Response:
    """Handle `events.list`."""
    calendar, entry = calendar_of(call)
    assert call.account is not None
    key = (
        *("list", call.request.url.query, call.account.sub, entry.etag, entry.access_role),
        call.state.now().date(),
    )
    plain = call.header("if-none-match") is None
    if plain and (cached := calendar.cache.get(key)) is not None:
        body, headers = cached
        return Response(body, 200, headers, "application/json; charset=UTF-8")
    response = respond(call, {**_envelope(call, calendar, entry), **list_events(call, calendar)})
    if plain:
        if len(calendar.cache) > MOST_CACHED:
            calendar.cache.clear()
        calendar.cache[key] = (response.body, {"etag": response.headers.get("etag", '""')})
    return response


def _envelope(call: Call, calendar: SandboxCalendar, entry: Entry) -> dict[str, Any]:
    return {
        "kind": "calendar#events",
        "etag": f'"p{calendar.etag}{rank(entry.access_role)}"',
        "summary": entry.settings.get("summaryOverride", calendar.summary),
        "description": calendar.description or "",
        "updated": format_timestamp(calendar.updated_at or calendar.made_at),
        "timeZone": call.query.get("timeZone") or calendar.time_zone,
        "accessRole": entry.access_role,
        "defaultReminders": entry.settings.get("defaultReminders", []),
    }


def instances(call: Call) -> Response:
    """Handle `events.instances`."""
    calendar, entry = calendar_of(call)
    master = mutations.current(calendar, call.path["eventId"])
    if not master.get("recurrence"):
        raise bad_parameter("eventId", "Invalid value for: The event is not recurring.")
    window = Window(time_parameter(call, "timeMin"), time_parameter(call, "timeMax"), True, ())
    show_deleted = call.flag("showDeleted")
    found = [
        event
        for event in expand(calendar, master, window.low, window.high, call.state.now())
        if show_deleted or event["status"] != "cancelled"
    ]
    if original := call.query.get("originalStart"):
        found = [event for event in found if original in event["originalStartTime"].values()]
    return respond(call, {**_envelope(call, calendar, entry), **page(call, calendar, found, None)})


def handle_get(call: Call) -> Response:
    """Handle `events.get`."""
    calendar, _ = calendar_of(call)
    return _show(call, calendar, mutations.current(calendar, call.path["eventId"], cancelled_too=True))


def _show(call: Call, calendar: SandboxCalendar, event: Resource) -> Response:
    where = response_zone(call, calendar)
    assert call.account is not None
    event = visible_event(call.account, calendar, event)
    if event["status"] == "cancelled":
        return respond(call, cancelled(calendar, event, where, details=True))
    return respond(call, event_resource(event, where, call.number("maxAttendees", 10**6, 1, 10**6)))


def handle_insert(call: Call) -> Response:
    """Handle `events.insert`."""
    calendar, _ = calendar_of(call, write=True)
    assert call.account is not None
    return _show(call, calendar, mutations.insert(calendar, call.account, call.json(), call.state.now()))


def handle_quick_add(call: Call) -> Response:
    """Handle `events.quickAdd`."""
    calendar, _ = calendar_of(call, write=True)
    assert call.account is not None
    text, now = call.query.get("text", ""), call.state.now()
    if not text.strip():
        raise ApiError(400, "required", "Required parameter: text", location=("parameter", "text"))
    if len(text) > LONGEST_TEXT:
        raise bad_parameter("text", "The text is too long.")
    values = settings_of(call.state, call.account)
    minutes, day_first = int(values["defaultEventLength"]), values["dateFieldOrder"] == "DMY"
    body = quick_event(text, now, calendar.zone, calendar.time_zone, minutes, day_first)
    return _show(call, calendar, mutations.insert(calendar, call.account, body, now))


def handle_import(call: Call) -> Response:
    """Handle `events.import`: create or update a private copy, identified by its iCalUID."""
    calendar, _ = calendar_of(call, write=True)
    assert call.account is not None
    body = call.json()
    uid = body.get("iCalUID")
    if not isinstance(uid, str) or not uid:
        raise ApiError(400, "required", "Missing iCalUID.")
    typed = ("eventType", "birthdayProperties", *(f"{kind}Properties" for kind in mutations.TYPES))
    body = {name: value for name, value in body.items() if name not in typed}
    event_id = mutations.derived_id(calendar.id, uid)
    if event_id in calendar.records:
        body = {**body, "id": event_id, "status": body.get("status", "confirmed")}
        return _show(
            call, calendar, mutations.change(calendar, call.account, event_id, body, call.state.now(), True)
        )
    return _show(
        call, calendar, mutations.insert(calendar, call.account, {**body, "id": event_id}, call.state.now())
    )


def _changed(whole: bool) -> Callable[[Call], Response]:
    def change(call: Call) -> Response:
        calendar, _ = calendar_of(call, write=True)
        assert call.account is not None
        body = call.json()
        event = mutations.current(calendar, call.path["eventId"], cancelled_too=True)
        match(call, event["etag"])
        return _show(
            call,
            calendar,
            mutations.change(calendar, call.account, event["id"], body, call.state.now(), whole),
        )

    return change


def handle_delete(call: Call) -> Response:
    """Handle `events.delete`."""
    calendar, _ = calendar_of(call, write=True)
    event = mutations.current(calendar, call.path["eventId"], cancelled_too=True)
    match(call, event["etag"])
    mutations.cancel(calendar, event["id"], call.state.now())
    return no_content()


def handle_move(call: Call) -> Response:
    """Handle `events.move`: the event gets another calendar and organizer."""
    calendar, _ = calendar_of(call, write=True)
    assert call.account is not None
    if not call.query.get("destination"):
        raise ApiError(
            400, "required", "Required parameter: destination", location=("parameter", "destination")
        )
    target, entry = call.state.calendar_store.find(call.account, call.query["destination"]) or (None, None)
    if target is None or entry is None:
        raise mutations.not_found()
    if entry.access_role not in WRITERS:
        message = "You need to have writer access to this calendar."
        raise ApiError(403, "requiredAccessLevel", message, domain="calendar")
    event = mutations.current(calendar, call.path["eventId"])
    if event.get("recurringEventId") or target is calendar:
        message = "Cannot change the organizer of an instance."
        raise ApiError(400, "cannotChangeOrganizerOfInstance", message, domain="calendar")
    if event.get("eventType", "default") != "default":
        message = "Only events of the default type can be moved."
        raise ApiError(400, "eventTypeRestriction", message, domain="calendar")
    return _show(call, target, mutations.move(calendar, target, event, call.state.now()))


ENDPOINTS = (
    Endpoint("calendar.events.list", "GET", EVENTS, needs(READ, handle_list)),
    Endpoint("calendar.events.insert", "POST", EVENTS, needs(WRITE, handle_insert)),
    Endpoint("calendar.events.import", "POST", EVENTS + "/import", needs(WRITE, handle_import)),
    Endpoint("calendar.events.quickAdd", "POST", EVENTS + "/quickAdd", needs(WRITE, handle_quick_add)),
    Endpoint("calendar.events.instances", "GET", EVENT + "/instances", needs(READ, instances)),
    Endpoint("calendar.events.move", "POST", EVENT + "/move", needs(WRITE, handle_move)),
    Endpoint("calendar.events.get", "GET", EVENT, needs(READ, handle_get)),
    Endpoint("calendar.events.patch", "PATCH", EVENT, needs(WRITE, _changed(whole=False))),
    Endpoint("calendar.events.update", "PUT", EVENT, needs(WRITE, _changed(whole=True))),
    Endpoint("calendar.events.delete", "DELETE", EVENT, needs(WRITE, handle_delete)),
)
