"""The calendars and freebusy endpoints of Calendar v3.

Source: calendar.v3 discovery document.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.calendar import mutations
from google_sandbox.calendar.calendar_store import SandboxCalendar
from google_sandbox.calendar.event_listing import single_events
from google_sandbox.calendar.event_routes import calendar_of, match, respond
from google_sandbox.calendar.event_times import instant
from google_sandbox.calendar.setting_values import settings_of, watched_name
from google_sandbox.errors import ApiError
from google_sandbox.oauth import scopes
from google_sandbox.request import Call
from google_sandbox.responses import no_content
from google_sandbox.state import SandboxState
from google_sandbox.timestamps import parse_timestamp, zone

READ = frozenset({scopes.CALENDAR, scopes.CALENDAR_READ, scopes.CALENDARS, scopes.CALENDARS_READ})
WRITE = frozenset({scopes.CALENDAR, scopes.CALENDARS})
BUSY = frozenset({scopes.CALENDAR, scopes.CALENDAR_READ, scopes.FREEBUSY, scopes.EVENTS_FREEBUSY})
ROOT = "/calendar/v3"
CALENDAR = ROOT + "/calendars/{calendarId}"
TEXTS = ("summary", "description", "location", "timeZone")
LONGEST_BUSY = timedelta(days=93)


def resource(state: SandboxState, calendar: SandboxCalendar) -> dict[str, Any]:
    """Return a calendar as responses show it."""
    shown: dict[str, Any] = {
        "kind": "calendar#calendar",
        "etag": f'"{calendar.etag}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    owner = state.accounts[calendar.owner].email
    if calendar.id != owner:
        shown["dataOwner"] = owner
    return shown | {n: v for n in ("description", "location") if (v := getattr(calendar, n))}


def _written(body: dict[str, Any]) -> dict[str, str | None]:
    written = {name: body[name] for name in TEXTS if name in body}
    for name, value in written.items():
        if value is not None and not isinstance(value, str):
            raise ApiError(400, "invalid", f"Invalid value for field '{name}'.")
    if where := written.get("timeZone"):
        try:
            zone(where)
        except ValueError:
            raise ApiError(400, "invalid", "Invalid time zone.") from None
    return written


def _write(state: SandboxState, calendar: SandboxCalendar, written: dict[str, str | None]) -> None:
    before = calendar.summary, calendar.description, calendar.location
    calendar.summary = written.get("summary", calendar.summary) or calendar.summary
    calendar.description = written.get("description", calendar.description)
    calendar.location = written.get("location", calendar.location)
    state.calendar_store.move_to_zone(calendar, written.get("timeZone") or calendar.time_zone)
    if (calendar.summary, calendar.description, calendar.location) != before:
        state.calendar_store.touch_lists(calendar)


def handle_get(call: Call) -> Response:
    """Handle `calendars.get`."""
    return respond(call, resource(call.state, calendar_of(call)[0]))


def handle_insert(call: Call) -> Response:
    """Handle `calendars.insert`."""
    assert call.account is not None
    written = _written(call.json())
    if not written.get("summary"):
        raise ApiError(400, "required", "Missing title.")
    state = call.state
    name = mutations.derived_id(call.account.sub, str(len(state.calendar_store.calendars)))
    calendar_id = f"c_{name}@group.calendar.google.com"
    calendar = state.calendar_store.create(call.account, calendar_id, str(written["summary"]), "UTC")
    _write(state, calendar, written)
    return respond(call, resource(call.state, calendar))


def handle_change(call: Call) -> Response:
    """Handle `calendars.patch` and `calendars.update`."""
    assert call.account is not None
    calendar, _ = calendar_of(call, write=True)
    match(call, f'"{calendar.etag}"')
    written = _written(call.json())
    if call.method == "PUT":
        if not written.get("summary"):
            raise ApiError(400, "required", "Missing title.")
        written = {"description": None, "location": None, **written}
    before = settings_of(call.state, call.account)
    _write(call.state, calendar, written)
    if settings_of(call.state, call.account) != before:
        call.state.channels.changed(watched_name(call.account))
    return respond(call, resource(call.state, calendar))


def handle_delete(call: Call) -> Response:
    """Handle `calendars.delete`."""
    assert call.account is not None
    calendar, _ = calendar_of(call, write=True)
    if calendar.id == call.account.email:
        message = "The primary calendar cannot be deleted."
        raise ApiError(403, "cannotDeletePrimaryCalendar", message, domain="calendar")
    if calendar.owner != call.account.sub:
        message = "Only the data owner can delete this calendar."
        raise ApiError(403, "forbidden", message, domain="calendar")
    call.state.calendar_store.delete(calendar)
    return no_content()


def handle_clear(call: Call) -> Response:
    """Handle `calendars.clear`: only the primary calendar."""
    assert call.account is not None
    calendar, _ = calendar_of(call, write=True)
    if calendar.id != call.account.email:
        raise ApiError(400, "invalid", "Only the primary calendar can be cleared.")
    for event_id in list(calendar.records):
        if calendar.live(event_id):
            mutations.cancel(calendar, event_id, call.state.now())
    return no_content()


def freebusy(call: Call) -> Response:
    """Handle `freebusy.query`."""
    assert call.account is not None
    body = call.json()
    low, high = (_bound(body, name) for name in ("timeMin", "timeMax"))
    if high <= low:
        raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")
    if high - low > LONGEST_BUSY:
        raise ApiError(400, "timeRangeTooLong", "The requested time range is too long.", domain="calendar")
    try:
        where = zone(str(body.get("timeZone") or "UTC"))
    except ValueError:
        raise ApiError(400, "invalid", "Invalid value for field 'timeZone'.") from None
    items = body.get("items") or []
    names = (
        [item.get("id") if isinstance(item, dict) else None for item in items]
        if isinstance(items, list)
        else [None]
    )
    if len(names) > 50 or not all(isinstance(name, str) for name in names):
        raise ApiError(400, "invalid", "Invalid value for field 'items'.")
    calendars: dict[str, Any] = {}
    for name in names:
        found = call.state.calendar_store.find(call.account, str(name))
        if found is None:
            calendars[str(name)] = {"busy": [], "errors": [{"domain": "global", "reason": "notFound"}]}
        else:
            calendars[str(name)] = {"busy": list(_busy(found[0], low, high, call.state.now(), where))}
    times = {"timeMin": _text(low), "timeMax": _text(high)}
    return respond(call, {"kind": "calendar#freeBusy", **times, "calendars": calendars})


def _bound(body: dict[str, Any], name: str) -> datetime:
    try:
        return parse_timestamp(str(body[name])).astimezone(UTC)
    except KeyError:
        raise ApiError(400, "required", f"Missing {name} parameter.") from None
    except ValueError:
        raise ApiError(400, "invalid", f"Invalid value for field '{name}'.") from None


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _busy(
    calendar: SandboxCalendar, low: datetime, high: datetime, now: datetime, where: tzinfo
) -> Iterator[dict[str, str]]:
    begin = finish = None
    for event in single_events(calendar, low, high, now):
        if event.get("transparency") == "transparent" or _declined(event, calendar):
            continue
        start = max(low, instant(event["start"], calendar.zone))
        end = min(high, instant(event["end"], calendar.zone))
        if begin is None or finish is None:
            begin, finish = start, end
        elif start <= finish:
            finish = max(finish, end)
        else:
            yield _period(begin, finish, where)
            begin, finish = start, end
    if begin is not None and finish is not None:
        yield _period(begin, finish, where)


def _declined(event: dict[str, Any], calendar: SandboxCalendar) -> bool:
    return any(
        str(guest.get("email", "")).lower() == calendar.id.lower()
        and guest.get("responseStatus") == "declined"
        for guest in event.get("attendees", ())
    )


def _period(start: datetime, end: datetime, where: tzinfo) -> dict[str, str]:
    texts = (moment.astimezone(where).isoformat(timespec="seconds") for moment in (start, end))
    return dict(zip(("start", "end"), (text.replace("+00:00", "Z") for text in texts), strict=True))


ENDPOINTS = (
    Endpoint("calendar.calendars.insert", "POST", ROOT + "/calendars", needs(WRITE, handle_insert)),
    Endpoint("calendar.calendars.get", "GET", CALENDAR, needs(READ, handle_get)),
    Endpoint("calendar.calendars.patch", "PATCH", CALENDAR, needs(WRITE, handle_change)),
    Endpoint("calendar.calendars.update", "PUT", CALENDAR, needs(WRITE, handle_change)),
    Endpoint("calendar.calendars.delete", "DELETE", CALENDAR, needs(WRITE, handle_delete)),
    Endpoint("calendar.calendars.clear", "POST", CALENDAR + "/clear", needs(WRITE, handle_clear)),
    Endpoint("calendar.freebusy.query", "POST", ROOT + "/freeBusy", needs(BUSY, freebusy)),
)
