"""The settings endpoints of Calendar v3: a user's own preferences, the time zone above all.

Source: calendar.v3 discovery document. Choice: a sync token carries the values it has seen, so that a change
and its reversal are no change.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.responses import Response

from catflap.sandbox.access import needs
from catflap.sandbox.app import Endpoint
from catflap.sandbox.calendar import push, tokens, writing
from catflap.sandbox.calendar.endpoints import respond
from catflap.sandbox.calendar.setting_values import settings_of, watched_name
from catflap.sandbox.call import Call
from catflap.sandbox.oauth import scopes

READ = frozenset({scopes.CALENDAR, scopes.CALENDAR_READ, scopes.SETTINGS, scopes.SETTINGS_READ})
SETTINGS = "/calendar/v3/users/me/settings"


def _resource(name: str, value: str) -> dict[str, str]:
    return {"kind": "calendar#setting", "etag": _etag([name, value]), "id": name, "value": value}


def _etag(value: Any) -> str:
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return f'"{int.from_bytes(digest[:7], "big")}"'


def listed(call: Call) -> Response:
    """Handle `settings.list`."""
    account = call.account
    assert account is not None
    values = settings_of(call.world, account)
    generation = call.world.diaries.list_generation
    names = sorted(values)
    if token := call.query.get("syncToken"):
        parts = tokens.unpack("settings", token, (str, int, dict))
        if not parts or parts[0] != account.sub:
            raise tokens.invalid_sync_token()
        if parts[1] != generation:
            raise tokens.gone()
        names = [name for name in names if parts[2].get(name) != values[name]]
    start, most = 0, call.number("maxResults", 100, 1, 250)
    if page := call.query.get("pageToken"):
        parts = tokens.unpack("settingspage", page, (str, int))
        if not parts or parts[0] != account.sub or parts[1] < 0:
            raise tokens.invalid_page_token()
        start = parts[1]
    shown = [_resource(name, values[name]) for name in names[start : start + most]]
    body = {"kind": "calendar#settings", "etag": _etag(values), "items": shown}
    if start + most < len(names):
        return respond(
            call, {**body, "nextPageToken": tokens.pack("settingspage", account.sub, start + most)}
        )
    return respond(call, {**body, "nextSyncToken": tokens.pack("settings", account.sub, generation, values)})


def got(call: Call) -> Response:
    """Handle `settings.get`."""
    assert call.account is not None
    value = settings_of(call.world, call.account).get(call.path["setting"])
    if value is None:
        raise writing.not_found()
    return respond(call, _resource(call.path["setting"], value))


def watched(call: Call) -> Response:
    """Handle `settings.watch`."""
    assert call.account is not None
    return push.open_channel(call, watched_name(call.account), f"{call.base_url}{SETTINGS}?alt=json")


ENDPOINTS = (
    Endpoint("calendar.settings.list", "GET", SETTINGS, needs(READ, listed)),
    Endpoint("calendar.settings.watch", "POST", SETTINGS + "/watch", needs(READ, watched)),
    Endpoint("calendar.settings.get", "GET", SETTINGS + "/{setting}", needs(READ, got)),
)
