"""The settings endpoints of Calendar v3: a user's own preferences, the time zone above all.

Source: calendar.v3 discovery document. Choice: a sync token carries the values it has seen, so that a change
and its reversal are no change.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.calendar import mutations, page_tokens, watch_routes
from google_sandbox.calendar.event_routes import respond
from google_sandbox.calendar.setting_values import settings_of, watched_name
from google_sandbox.oauth import scopes
from google_sandbox.request import Call

READ = frozenset({scopes.CALENDAR, scopes.CALENDAR_READ, scopes.SETTINGS, scopes.SETTINGS_READ})
SETTINGS = "/calendar/v3/users/me/settings"


def _resource(name: str, value: str) -> dict[str, str]:
    return {"kind": "calendar#setting", "etag": _etag([name, value]), "id": name, "value": value}


def _etag(value: Any) -> str:
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return f'"{int.from_bytes(digest[:7], "big")}"'


def handle_list(call: Call) -> Response:
    """Handle `settings.list`."""
    account = call.account
    assert account is not None
    values = settings_of(call.state, account)
    generation = call.state.calendar_store.list_generation
    names = sorted(values)
    if token := call.query.get("syncToken"):
        parts = page_tokens.unpack("settings", token, (str, int, dict))
        if not parts or parts[0] != account.sub:
            raise page_tokens.invalid_sync_token()
        if parts[1] != generation:
            raise page_tokens.gone()
        names = [name for name in names if parts[2].get(name) != values[name]]
    start, most = 0, call.number("maxResults", 100, 1, 250)
    if page := call.query.get("pageToken"):
        parts = page_tokens.unpack("settingspage", page, (str, int))
        if not parts or parts[0] != account.sub or parts[1] < 0:
            raise page_tokens.invalid_page_token()
        start = parts[1]
    shown = [_resource(name, values[name]) for name in names[start : start + most]]
    body = {"kind": "calendar#settings", "etag": _etag(values), "items": shown}
    if start + most < len(names):
        return respond(
            call, {**body, "nextPageToken": page_tokens.pack("settingspage", account.sub, start + most)}
        )
    return respond(
        call, {**body, "nextSyncToken": page_tokens.pack("settings", account.sub, generation, values)}
    )


def handle_get(call: Call) -> Response:
    """Handle `settings.get`."""
    assert call.account is not None
    value = settings_of(call.state, call.account).get(call.path["setting"])
    if value is None:
        raise mutations.not_found()
    return respond(call, _resource(call.path["setting"], value))


def handle_watch(call: Call) -> Response:
    """Handle `settings.watch`."""
    assert call.account is not None
    return watch_routes.open_channel(call, watched_name(call.account), f"{call.base_url}{SETTINGS}?alt=json")


ENDPOINTS = (
    Endpoint("calendar.settings.list", "GET", SETTINGS, needs(READ, handle_list)),
    Endpoint("calendar.settings.watch", "POST", SETTINGS + "/watch", needs(READ, handle_watch)),
    Endpoint("calendar.settings.get", "GET", SETTINGS + "/{setting}", needs(READ, handle_get)),
)
