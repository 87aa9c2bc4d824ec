"""The calendarList endpoints of Calendar v3.

Source: calendar.v3 discovery document.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.calendar import mutations, page_tokens
from google_sandbox.calendar.calendar_store import Entry, SandboxCalendar
from google_sandbox.calendar.colours import CALENDAR_COLOURS, RGB, nearest
from google_sandbox.calendar.event_routes import match, respond
from google_sandbox.calendar.sharing import ROLES, rank
from google_sandbox.errors import ApiError, bad_parameter
from google_sandbox.models import SandboxAccount
from google_sandbox.oauth import scopes
from google_sandbox.request import Call
from google_sandbox.responses import no_content

READ = frozenset({scopes.CALENDAR, scopes.CALENDAR_READ, scopes.CALENDAR_LIST, scopes.CALENDAR_LIST_READ})
WRITE = frozenset({scopes.CALENDAR, scopes.CALENDAR_LIST})
LIST = "/calendar/v3/users/me/calendarList"
SETTINGS = {
    "summaryOverride": str,
    "colorId": str,
    "backgroundColor": str,
    "foregroundColor": str,
    "hidden": bool,
    "selected": bool,
    "defaultReminders": list,
}


def entry_resource(call: Call, calendar: SandboxCalendar, entry: Entry) -> dict[str, Any]:
    """Return a calendarList entry as responses show it."""
    if entry.deleted:
        return {
            "kind": "calendar#calendarListEntry",
            "etag": f'"{entry.etag}"',
            "id": calendar.id,
            "deleted": True,
        }
    assert call.account is not None
    owner = call.state.accounts[calendar.owner].email
    colour = str(entry.settings.get("colorId", "7"))
    background, foreground = CALENDAR_COLOURS.get(colour, CALENDAR_COLOURS["7"]), "#000000"
    resource: dict[str, Any] = {
        "kind": "calendar#calendarListEntry",
        "etag": f'"{max(entry.etag, 1)}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "colorId": colour,
        "backgroundColor": background,
        "foregroundColor": foreground,
        "selected": True,
        "accessRole": entry.access_role,
        "defaultReminders": [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    if calendar.description:
        resource["description"] = calendar.description
    if calendar.location:
        resource["location"] = calendar.location
    resource |= entry.settings
    if not resource.get("hidden"):
        resource.pop("hidden", None)
    if calendar.id != owner:
        resource["dataOwner"] = owner
    return resource | ({"primary": True} if calendar.id == call.account.email else {})


def handle_list(call: Call) -> Response:
    """Handle `calendarList.list`."""
    account = call.account
    assert account is not None
    calendar_store = call.state.calendar_store
    entries = list(calendar_store.list_of(account).values())
    role = call.query.get("minAccessRole")
    if role is not None and role not in ROLES[1:]:
        raise bad_parameter("minAccessRole", f"Invalid value '{role[:40]}'.")
    if token := call.query.get("syncToken"):
        restricted = ("minAccessRole", "showOwnOrganizationOnly")
        page_tokens.refuse_restrictions(call, restricted, ("showDeleted", "showHidden"))
        parts = page_tokens.unpack("list", token, (str, int, int))
        if not parts or parts[0] != account.sub:
            raise page_tokens.invalid_sync_token()
        if parts[1] != calendar_store.list_generation or parts[2] > calendar_store.list_changes:
            raise page_tokens.gone()
        entries = [entry for entry in entries if entry.changed > parts[2]]
    else:
        lowest = rank(role) if role else 0
        entries = [entry for entry in entries if _wanted(call, entry, lowest)]
    return respond(call, _page(call, account, entries))


def _wanted(call: Call, entry: Entry, lowest: int) -> bool:
    visible = call.flag("showHidden") or not entry.settings.get("hidden")
    return visible and (call.flag("showDeleted") or not entry.deleted) and rank(entry.access_role) >= lowest


def _page(call: Call, account: SandboxAccount, entries: list[Entry]) -> dict[str, Any]:
    calendar_store = call.state.calendar_store
    most = call.number("maxResults", 100, 1, 250)
    start, snapshot = 0, calendar_store.list_changes
    if "pageToken" in call.query:
        parts = page_tokens.unpack("listpage", call.query["pageToken"], (str, int, int))
        if not parts or parts[0] != account.sub or parts[1] < 0:
            raise page_tokens.invalid_page_token()
        start, snapshot = parts[1], min(parts[2], snapshot)
    body: dict[str, Any] = {
        "kind": "calendar#calendarList",
        "etag": f'"p{calendar_store.list_changes}"',
        "items": [
            entry_resource(call, calendar_store.calendars[e.calendar_id], e)
            for e in entries[start : start + most]
        ],
    }
    if start + most < len(entries):
        return body | {"nextPageToken": page_tokens.pack("listpage", account.sub, start + most, snapshot)}
    return body | {
        "nextSyncToken": page_tokens.pack("list", account.sub, calendar_store.list_generation, snapshot)
    }


def _found(call: Call) -> tuple[SandboxCalendar, Entry]:
    assert call.account is not None
    found = call.state.calendar_store.find(call.account, call.path["calendarId"])
    if found is None or found[1].deleted:
        raise mutations.not_found()
    return found


def handle_get(call: Call) -> Response:
    """Handle `calendarList.get`."""
    assert call.account is not None
    return respond(call, entry_resource(call, *_found(call)))


def handle_change(call: Call) -> Response:
    """Handle `calendarList.patch` and `calendarList.update`."""
    assert call.account is not None
    calendar, entry = _found(call)
    match(call, f'"{max(entry.etag, 1)}"')
    written = _written(call)
    kept = entry.settings if call.method == "PATCH" else {}
    entry.settings = {name: value for name, value in {**kept, **written}.items() if value is not None}
    call.state.calendar_store.touch(call.account.sub, entry)
    return respond(call, entry_resource(call, calendar, entry))


def _written(call: Call) -> dict[str, Any]:
    """Return the settings a request writes; colours by RGB only if it says so, by number otherwise."""
    body = call.json()
    _check(body)
    written = {name: body[name] for name in SETTINGS if name in body}
    rgb = {name: written.pop(name) for name in ("backgroundColor", "foregroundColor") if name in written}
    if call.flag("colorRgbFormat") and rgb.get("backgroundColor"):
        written |= rgb | {"colorId": nearest(rgb["backgroundColor"])}
    elif written.get("colorId"):
        if written["colorId"] not in CALENDAR_COLOURS:
            raise ApiError(400, "invalid", "Invalid value for field 'colorId'.")
        written |= {"backgroundColor": None, "foregroundColor": None}
    return written


def _check(body: dict[str, Any]) -> None:
    for name, kind in SETTINGS.items():
        if body.get(name) is not None and not isinstance(body[name], kind):
            raise ApiError(400, "invalid", f"Invalid value for field '{name}'.")
    for name in ("backgroundColor", "foregroundColor"):
        if body.get(name) is not None and not RGB.fullmatch(body[name]):
            raise ApiError(400, "invalid", f"Invalid value for field '{name}'.")
    for reminder in body.get("defaultReminders") or []:
        minutes = reminder.get("minutes") if isinstance(reminder, dict) else None
        if (
            not isinstance(minutes, int)
            or isinstance(minutes, bool)
            or reminder.get("method") not in ("email", "popup")
        ):
            raise ApiError(400, "invalid", "Invalid value for field 'defaultReminders'.")


def handle_insert(call: Call) -> Response:
    """Handle `calendarList.insert`: put a calendar one has access to on the list."""
    assert call.account is not None
    body = call.json()
    wanted = body.get("id")
    if not isinstance(wanted, str) or not wanted:
        raise ApiError(400, "required", "Missing calendar id.")
    found = call.state.calendar_store.find(call.account, wanted)
    if found is None:
        raise mutations.not_found()
    written = _written(call)
    calendar, entry = found
    entry.deleted = False
    entry.settings |= {name: value for name, value in written.items() if value is not None}
    call.state.calendar_store.list_of(call.account)[calendar.id] = entry
    call.state.calendar_store.touch(call.account.sub, entry)
    return respond(call, entry_resource(call, calendar, entry))


def handle_delete(call: Call) -> Response:
    """Handle `calendarList.delete`: the calendar stays, the user no longer sees it."""
    assert call.account is not None
    calendar, entry = _found(call)
    match(call, f'"{max(entry.etag, 1)}"')
    if calendar.id == call.account.email:
        message = "The primary calendar cannot be removed from the list."
        raise ApiError(403, "cannotChangeOwnPrimarySubscription", message, domain="calendar")
    entry.deleted = True
    call.state.calendar_store.touch(call.account.sub, entry)
    return no_content()


ENDPOINTS = (
    Endpoint("calendar.calendarList.list", "GET", LIST, needs(READ, handle_list)),
    Endpoint("calendar.calendarList.insert", "POST", LIST, needs(WRITE, handle_insert)),
    Endpoint("calendar.calendarList.get", "GET", LIST + "/{calendarId}", needs(READ, handle_get)),
    Endpoint("calendar.calendarList.patch", "PATCH", LIST + "/{calendarId}", needs(WRITE, handle_change)),
    Endpoint("calendar.calendarList.update", "PUT", LIST + "/{calendarId}", needs(WRITE, handle_change)),
    Endpoint("calendar.calendarList.delete", "DELETE", LIST + "/{calendarId}", needs(WRITE, handle_delete)),
)
