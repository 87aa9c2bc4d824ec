"""The events endpoints of Calendar v3.

Source: calendar.v3 discovery document; error bodies from the Calendar error guide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from catflap.sandbox.access import needs
from catflap.sandbox.app import Endpoint
from catflap.sandbox.calendar import writing
from catflap.sandbox.calendar.diary import Diary, Entry, Resource
from catflap.sandbox.calendar.instances import expand
from catflap.sandbox.calendar.listing import Window, list_events, page, response_zone, time_parameter
from catflap.sandbox.calendar.quick_add import quick_event
from catflap.sandbox.calendar.setting_values import settings_of
from catflap.sandbox.calendar.sharing import rank
from catflap.sandbox.calendar.view import cancelled, shown, shown_to
from catflap.sandbox.call import Call
from catflap.sandbox.errors import ApiError, bad_parameter
from catflap.sandbox.fields import parse, select
from catflap.sandbox.oauth import scopes
from catflap.sandbox.responses import json_response, no_content
from catflap.sandbox.timestamps import format_timestamp

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


def diary_of(call: Call, write: bool = False) -> tuple[Diary, Entry]:
    """Return the calendar in the path.

    Raises:
        ApiError: 404 if this user has no such calendar, 403 if they may only read it.
    """
    assert call.account is not None
    found = call.world.diaries.find(call.account, call.path["calendarId"])
    if found is None:
        raise writing.not_found()
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


def listed(call: Call) -> Response:
    """Handle `events.list`."""
    diary, entry = diary_of(call)
    assert call.account is not None
    key = (
        *("list", call.request.url.query, call.account.sub, entry.etag, entry.access_role),
        call.world.now().date(),
    )
    plain = call.header("if-none-match") is None
    if plain and (cached := diary.cache.get(key)) is not None:
        body, headers = cached
        return Response(body, 200, headers, "application/json; charset=UTF-8")
    response = respond(call, {**_envelope(call, diary, entry), **list_events(call, diary)})
    if plain:
        if len(diary.cache) > MOST_CACHED:
            diary.cache.clear()
        diary.cache[key] = (response.body, {"etag": response.headers.get("etag", '""')})
    return response


def _envelope(call: Call, diary: Diary, entry: Entry) -> dict[str, Any]:
    return {
        "kind": "calendar#events",
        "etag": f'"p{diary.etag}{rank(entry.access_role)}"',
        "summary": entry.settings.get("summaryOverride", diary.summary),
        "description": diary.description or "",
        "updated": format_timestamp(diary.updated_at or diary.made_at),
        "timeZone": call.query.get("timeZone") or diary.time_zone,
        "accessRole": entry.access_role,
        "defaultReminders": entry.settings.get("defaultReminders", []),
    }


def instances(call: Call) -> Response:
    """Handle `events.instances`."""
    diary, entry = diary_of(call)
    master = writing.current(diary, call.path["eventId"])
    if not master.get("recurrence"):
        raise bad_parameter("eventId", "Invalid value for: The event is not recurring.")
    window = Window(time_parameter(call, "timeMin"), time_parameter(call, "timeMax"), True, ())
    show_deleted = call.flag("showDeleted")
    found = [
        event
        for event in expand(diary, master, window.low, window.high, call.world.now())
        if show_deleted or event["status"] != "cancelled"
    ]
    if original := call.query.get("originalStart"):
        found = [event for event in found if original in event["originalStartTime"].values()]
    return respond(call, {**_envelope(call, diary, entry), **page(call, diary, found, None)})


def got(call: Call) -> Response:
    """Handle `events.get`."""
    diary, _ = diary_of(call)
    return _show(call, diary, writing.current(diary, call.path["eventId"], cancelled_too=True))


def _show(call: Call, diary: Diary, event: Resource) -> Response:
    where = response_zone(call, diary)
    assert call.account is not None
    event = shown_to(call.account, diary, event)
    if event["status"] == "cancelled":
        return respond(call, cancelled(diary, event, where, details=True))
    return respond(call, shown(event, where, call.number("maxAttendees", 10**6, 1, 10**6)))


def inserted(call: Call) -> Response:
    """Handle `events.insert`."""
    diary, _ = diary_of(call, write=True)
    assert call.account is not None
    return _show(call, diary, writing.insert(diary, call.account, call.json(), call.world.now()))


def quick_added(call: Call) -> Response:
    """Handle `events.quickAdd`."""
    diary, _ = diary_of(call, write=True)
    assert call.account is not None
    text, now = call.query.get("text", ""), call.world.now()
    if not text.strip():
        raise ApiError(400, "required", "Required parameter: text", location=("parameter", "text"))
    if len(text) > LONGEST_TEXT:
        raise bad_parameter("text", "The text is too long.")
    values = settings_of(call.world, call.account)
    minutes, day_first = int(values["defaultEventLength"]), values["dateFieldOrder"] == "DMY"
    body = quick_event(text, now, diary.zone, diary.time_zone, minutes, day_first)
    return _show(call, diary, writing.insert(diary, call.account, body, now))


def imported(call: Call) -> Response:
    """Handle `events.import`: create or update a private copy, identified by its iCalUID."""
    diary, _ = diary_of(call, write=True)
    assert call.account is not None
    body = call.json()
    uid = body.get("iCalUID")
    if not isinstance(uid, str) or not uid:
        raise ApiError(400, "required", "Missing iCalUID.")
    typed = ("eventType", "birthdayProperties", *(f"{kind}Properties" for kind in writing.TYPES))
    body = {name: value for name, value in body.items() if name not in typed}
    event_id = writing.derived_id(diary.id, uid)
    if event_id in diary.records:
        body = {**body, "id": event_id, "status": body.get("status", "confirmed")}
        return _show(call, diary, writing.change(diary, call.account, event_id, body, call.world.now(), True))
    return _show(call, diary, writing.insert(diary, call.account, {**body, "id": event_id}, call.world.now()))


def _changed(whole: bool) -> Callable[[Call], Response]:
    def change(call: Call) -> Response:
        diary, _ = diary_of(call, write=True)
        assert call.account is not None
        body = call.json()
        event = writing.current(diary, call.path["eventId"], cancelled_too=True)
        match(call, event["etag"])
        return _show(
            call, diary, writing.change(diary, call.account, event["id"], body, call.world.now(), whole)
        )

    return change


def deleted(call: Call) -> Response:
    """Handle `events.delete`."""
    diary, _ = diary_of(call, write=True)
    event = writing.current(diary, call.path["eventId"], cancelled_too=True)
    match(call, event["etag"])
    writing.cancel(diary, event["id"], call.world.now())
    return no_content()


def moved(call: Call) -> Response:
    """Handle `events.move`: the event gets another calendar and organizer."""
    diary, _ = diary_of(call, write=True)
    assert call.account is not None
    if not call.query.get("destination"):
        raise ApiError(
            400, "required", "Required parameter: destination", location=("parameter", "destination")
        )
    target, entry = call.world.diaries.find(call.account, call.query["destination"]) or (None, None)
    if target is None or entry is None:
        raise writing.not_found()
    if entry.access_role not in WRITERS:
        message = "You need to have writer access to this calendar."
        raise ApiError(403, "requiredAccessLevel", message, domain="calendar")
    event = writing.current(diary, call.path["eventId"])
    if event.get("recurringEventId") or target is diary:
        message = "Cannot change the organizer of an instance."
        raise ApiError(400, "cannotChangeOrganizerOfInstance", message, domain="calendar")
    if event.get("eventType", "default") != "default":
        message = "Only events of the default type can be moved."
        raise ApiError(400, "eventTypeRestriction", message, domain="calendar")
    return _show(call, target, writing.move(diary, target, event, call.world.now()))


ENDPOINTS = (
    Endpoint("calendar.events.list", "GET", EVENTS, needs(READ, listed)),
    Endpoint("calendar.events.insert", "POST", EVENTS, needs(WRITE, inserted)),
    Endpoint("calendar.events.import", "POST", EVENTS + "/import", needs(WRITE, imported)),
    Endpoint("calendar.events.quickAdd", "POST", EVENTS + "/quickAdd", needs(WRITE, quick_added)),
    Endpoint("calendar.events.instances", "GET", EVENT + "/instances", needs(READ, instances)),
    Endpoint("calendar.events.move", "POST", EVENT + "/move", needs(WRITE, moved)),
    Endpoint("calendar.events.get", "GET", EVENT, needs(READ, got)),
    Endpoint("calendar.events.patch", "PATCH", EVENT, needs(WRITE, _changed(whole=False))),
    Endpoint("calendar.events.update", "PUT", EVENT, needs(WRITE, _changed(whole=True))),
    Endpoint("calendar.events.delete", "DELETE", EVENT, needs(WRITE, deleted)),
)
