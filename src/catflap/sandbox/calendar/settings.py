"""The settings endpoints of Calendar v3: a user's own preferences, the time zone above all.

Source: calendar.v3 discovery document; the names and values are those of the Settings reference. Choices:
the time zone is the primary calendar's until it is set by itself; a sync token carries the values it has
seen, so that a change and its reversal are no change.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from starlette.responses import Response

from catflap.sandbox.access import needs
from catflap.sandbox.app import Endpoint
from catflap.sandbox.calendar import push, tokens, writing
from catflap.sandbox.calendar.endpoints import respond
from catflap.sandbox.calendar.moments import zone
from catflap.sandbox.call import Call
from catflap.sandbox.oauth import scopes
from catflap.sandbox.people import SandboxAccount
from catflap.sandbox.world import World

READ = frozenset({scopes.CALENDAR, scopes.CALENDAR_READ, scopes.SETTINGS, scopes.SETTINGS_READ})
SETTINGS = "/calendar/v3/users/me/settings"
BOOLEAN = re.compile("true|false")
VALUES = {
    "autoAddHangouts": BOOLEAN,
    "dateFieldOrder": re.compile("MDY|DMY|YMD"),
    "defaultEventLength": re.compile(r"[1-9]\d{0,3}"),
    "format24HourTime": BOOLEAN,
    "hideInvitations": BOOLEAN,
    "hideWeekends": BOOLEAN,
    "locale": re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*"),
    "remindOnRespondedEventsOnly": BOOLEAN,
    "showDeclinedEvents": BOOLEAN,
    "timezone": re.compile(r"[A-Za-z0-9_+/-]+"),
    "useKeyboardShortcuts": BOOLEAN,
    "weekStart": re.compile("[016]"),
}


def settings_of(world: World, account: SandboxAccount) -> dict[str, str]:
    """Return the values of all settings of an account."""
    world.diaries.list_of(account)
    return {
        "autoAddHangouts": "true",
        "dateFieldOrder": "YMD" if account.locale.startswith("ja") else "DMY",
        "defaultEventLength": "60",
        "format24HourTime": "true",
        "hideInvitations": "false",
        "hideWeekends": "false",
        "locale": account.locale,
        "remindOnRespondedEventsOnly": "false",
        "showDeclinedEvents": "true",
        "timezone": world.diaries.calendars[account.email].time_zone,
        "useKeyboardShortcuts": "true",
        "weekStart": "0",
        **account.settings,
    }


def change_settings(world: World, account: SandboxAccount, values: dict[str, str]) -> dict[str, str]:
    """Set settings as a person does on Calendar's settings page, and return all of them.

    The time zone is also given to the primary calendar.

    Raises:
        ValueError: if there is no such setting, or it cannot have this value; nothing is changed then.
    """
    for name, value in values.items():
        if name not in VALUES:
            raise ValueError(f"there is no setting {name[:80]!r}; there are {', '.join(VALUES)}")
        if not VALUES[name].fullmatch(value):
            raise ValueError(f"the setting {name} cannot be {value[:80]!r}")
        if name == "timezone":
            zone(value)
    before = settings_of(world, account)
    account.settings.update(values)
    if "timezone" in values:
        world.diaries.move_to_zone(world.diaries.calendars[account.email], values["timezone"])
    after = settings_of(world, account)
    if after != before:
        world.channels.changed(_watched(account))
    return after


def _resource(name: str, value: str) -> dict[str, str]:
    return {"kind": "calendar#setting", "etag": _etag([name, value]), "id": name, "value": value}


def _etag(value: Any) -> str:
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return f'"{int.from_bytes(digest[:7], "big")}"'


def _watched(account: SandboxAccount) -> str:
    return f"settings:{account.sub}"


def listed(call: Call) -> Response:
    """settings.list"""
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
    """settings.get"""
    assert call.account is not None
    value = settings_of(call.world, call.account).get(call.path["setting"])
    if value is None:
        raise writing.not_found()
    return respond(call, _resource(call.path["setting"], value))


def watched(call: Call) -> Response:
    """settings.watch"""
    assert call.account is not None
    return push.open_channel(call, _watched(call.account), f"{call.base_url}{SETTINGS}?alt=json")


ENDPOINTS = (
    Endpoint("calendar.settings.list", "GET", SETTINGS, needs(READ, listed)),
    Endpoint("calendar.settings.watch", "POST", SETTINGS + "/watch", needs(READ, watched)),
    Endpoint("calendar.settings.get", "GET", SETTINGS + "/{setting}", needs(READ, got)),
)
