"""The colours of calendars and events, and `colors.get`.

Source: calendar.v3 discovery document; the palettes are those Google's `colors.get` has answered for years
(observed).
"""

from __future__ import annotations

import re

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.calendar.event_routes import respond
from google_sandbox.oauth import scopes
from google_sandbox.request import Call

READ = frozenset(
    {
        scopes.CALENDAR,
        scopes.CALENDAR_READ,
        scopes.CALENDAR_LIST,
        scopes.CALENDAR_LIST_READ,
        scopes.EVENTS_FREEBUSY,
        scopes.EVENTS_OWNED,
        scopes.EVENTS_OWNED_READ,
    }
)
FOREGROUND = "#1d1d1d"
RGB = re.compile("#[0-9a-fA-F]{6}")
CALENDARS = """
    ac725e d06b64 f83a22 fa573c ff7537 ffad46 42d692 16a765 7bd148 b3dc6c fbe983 fad165
    92e1c0 9fe1e7 9fc6e7 4986e7 9a9cff b99aff c2c2c2 cabdbf cca6ac f691b2 cd74e6 a47ae2
"""
EVENTS = "a4bdfc 7ae7bf dbadff ff887c fbd75b ffb878 46d6db e1e1e1 5484ed 51b749 dc2127"


def _palette(text: str) -> dict[str, str]:
    return {str(number): f"#{colour}" for number, colour in enumerate(text.split(), 1)}


CALENDAR_COLOURS, EVENT_COLOURS = _palette(CALENDARS), _palette(EVENTS)


def nearest(colour: str) -> str:
    """Return the number of the calendar colour that comes nearest to an RGB colour."""
    return min(CALENDAR_COLOURS, key=lambda number: _distance(CALENDAR_COLOURS[number], colour))


def _distance(one: str, other: str) -> int:
    parts = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return sum((left - right) ** 2 for left, right in parts)


def handle_get(call: Call) -> Response:
    """Handle `colors.get`."""
    tables = {
        kind: {number: {"background": colour, "foreground": FOREGROUND} for number, colour in palette.items()}
        for kind, palette in (("calendar", CALENDAR_COLOURS), ("event", EVENT_COLOURS))
    }
    return respond(call, {"kind": "calendar#colors", "updated": "2012-02-14T00:00:00.000Z", **tables})


ENDPOINTS = (Endpoint("calendar.colors.get", "GET", "/calendar/v3/colors", needs(READ, handle_get)),)
