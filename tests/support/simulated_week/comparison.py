"""Compare what a Catflap has stored and planned with what a new one reads and plans from nothing."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from google_sandbox.calendar.calendar_store import SandboxCalendar
from google_sandbox.calendar.instances import expand, in_window
from tests.support.app_client import RunningApp

# A first sync finds nothing that ended longer ago; of what was found earlier, series stay.
_KEPT = timedelta(days=7)
_EVENTS = """
    SELECT c.user_id, c.google_id AS calendar, e.google_id, e.resource FROM app.events e
    JOIN app.calendars c ON c.id = e.calendar_id AND c.generation = e.generation WHERE c.is_selected
"""
_CALENDARS = """
    SELECT user_id, google_id, summary, time_zone, is_primary, is_selected, default_reminders, access_role
    FROM app.calendars ORDER BY 1, 2
"""
_ANNOUNCEMENTS = """
    SELECT device_id, key, play_at, display FROM app.announcements
    WHERE kind <> 'paired' AND play_at >= $1 AND play_at < $1 + interval '24 hours'
        AND state IN ('planned', 'ready', 'sent')
    ORDER BY play_at, device_id, key
"""
# Announcements are identified by these ids.
_KEEP_IDS = """
    INSERT INTO app.calendars (
        id, user_id, account_sub, google_id, summary, time_zone, is_primary, is_selected, sync_due_at
    ) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, '', 'UTC', false, false, $5)
"""


class EventKey(NamedTuple):
    """Which event it is, and in whose copy."""

    user_id: int
    calendar: str
    id: str


async def copy_ids(source: RunningApp, target: RunningApp) -> None:
    """Give the calendars of a new Catflap, before it reads its first list, the ids they have in another."""
    rows = await source.rows("SELECT id, user_id, account_sub, google_id FROM app.calendars")
    for row in rows:
        await target.rows(_KEEP_IDS, *row, target.clock.now())


async def stored_calendars(app: RunningApp) -> list[dict[str, Any]]:
    """Return the stored calendar lists."""
    return [dict(row) for row in await app.rows(_CALENDARS)]


async def stored_events(app: RunningApp) -> dict[EventKey, dict[str, Any]]:
    """Return the stored events by user, calendar and id."""
    return {
        EventKey(row["user_id"], row["calendar"], row["google_id"]): _normal(json.loads(row["resource"]))
        for row in await app.rows(_EVENTS)
    }


def without_past(app: RunningApp, events: dict[EventKey, dict[str, Any]]) -> dict[EventKey, dict[str, Any]]:
    """Leave out what Google would not send any more in a first sync: what ended too long ago."""
    calendars, now = app.sandbox.state.calendar_store.calendars, app.clock.now()
    return {key: event for key, event in events.items() if _is_sent(calendars[key.calendar], key.id, now)}


def _is_sent(calendar: SandboxCalendar, event_id: str, now: datetime) -> bool:
    event = calendar.records[event_id].resource
    if event.get("recurrence"):
        return any(True for _ in expand(calendar, event, now - _KEPT, None, now))
    return in_window(event, now - _KEPT, None, calendar.zone)


async def announcements(app: RunningApp) -> list[tuple[Any, ...]]:
    """Return device, key, time and text of the announcements of the coming day."""
    rows: Sequence[asyncpg.Record] = await app.rows(_ANNOUNCEMENTS, app.clock.now())
    return [tuple(row) for row in rows]


def _normal(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event with its times in UTC: Google writes them in the zone that the calendar has then."""
    normal = dict(event)
    for name in ("start", "end", "originalStartTime"):
        if "dateTime" in normal.get(name, {}):
            at = datetime.fromisoformat(normal[name]["dateTime"]).astimezone(UTC)
            normal[name] = {**normal[name], "dateTime": at.isoformat()}
    return normal
