"""Storage of the preferences for announcements."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, time
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.preferences import CalendarPreferences, Place, Preferences
from catflap.announcements.zones import find_zone
from catflap.errors import BadRequest
from catflap.store.calendar_tables import calendars
from catflap.store.planning_tables import preferences as t
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.row_mapping import from_row
from catflap.store.single_statements import fetch_alone, fetch_within
from catflap.store.task_types import PLAN

_PREFERENCES = PreparedQuery(
    text("""
    SELECT p.*, u.browser_zone, (
        SELECT array_agg(zone ORDER BY a.is_primary DESC, a.created_at, a.sub, place)
        FROM app.accounts a
        LEFT JOIN app.calendar_syncs s ON s.user_id = a.user_id AND s.account_sub = a.sub
        LEFT JOIN app.calendars c ON c.user_id = a.user_id AND c.account_sub = a.sub AND c.is_primary
        CROSS JOIN LATERAL (VALUES (1, s.time_zone), (2, c.time_zone)) AS zones (place, zone)
        WHERE a.user_id = u.id
    ) AS google_zones, (
        SELECT jsonb_agg(jsonb_build_array(c.id, c.reminder_minutes, c.says_titles, c.ignores_quiet))
        FROM app.calendars c
        WHERE c.user_id = u.id AND (c.reminder_minutes IS NOT NULL OR NOT c.says_titles OR c.ignores_quiet)
    ) AS own_calendars
    FROM app.users u LEFT JOIN app.preferences p ON p.user_id = u.id
    WHERE u.id = :user_id
    """)
)


async def load_preferences(
    source: AsyncEngine | AsyncConnection, user_id: int, *, follows_zone: bool = False
) -> Preferences:
    """Return the stored preferences, or the defaults; the time zone is that of `find_zone`.

    Args:
        source: The database.
        user_id: The user.
        follows_zone: Whether to ignore the zone that the user chose.
    """
    if isinstance(source, AsyncEngine):
        found = await fetch_alone(source, _PREFERENCES, user_id=user_id)
    else:
        found = await fetch_within(source, _PREFERENCES, user_id=user_id)
    if not found:
        return Preferences(zone_source="default")
    (row,) = found
    chosen_zone = None if follows_zone else row["zone"]
    zone, zone_source = find_zone(chosen_zone, row["google_zones"] or (), row["browser_zone"])
    of_calendars = {
        calendar_id: _of_calendar(*values) for calendar_id, *values in _json(row["own_calendars"])
    }
    if row["user_id"] is None:
        return Preferences(zone=zone, zone_source=zone_source, calendars=of_calendars)
    return from_row(
        Preferences,
        row,
        zone=zone,
        zone_source=zone_source,
        calendars=of_calendars,
        reminder_minutes=tuple(row["reminder_minutes"]),
        event_types=tuple(row["event_types"]),
        countdown_minutes=tuple(row["countdown_minutes"]),
        places=tuple(Place(name, minutes) for name, minutes in _json(row["places"])),
    )


async def save_preferences(
    connection: AsyncConnection, user_id: int, preferences: Preferences, now: datetime
) -> None:
    """Store preferences, without those of `calendars`. Does not enqueue a plan; the caller does."""
    values = {
        name: _plain(getattr(preferences, name))
        for name in t.c.keys()  # noqa: SIM118 - not a dictionary
        if name not in ("user_id", "zone", "places", "updated_at")
    }
    values |= {
        "zone": preferences.zone if preferences.zone_source == "user" else None,
        "places": [[one.name, one.minutes] for one in preferences.places],
        "updated_at": now,
    }
    new = insert(t).values(user_id=user_id, **values)
    await connection.execute(new.on_conflict_do_update(index_elements=[t.c.user_id], set_=values))


async def save_calendar_preferences(
    connection: AsyncConnection, user_id: int, calendar_id: int, changes: Mapping[str, Any]
) -> None:
    """Change how the events of a calendar are announced, and enqueue a plan if that is another way.

    Args:
        connection: An open transaction.
        user_id: The user.
        calendar_id: The key of the row.
        changes: Fields of `CalendarPreferences`; those left out stay.

    Raises:
        BadRequest: `not_found`, also for another user's calendar; `reminders_invalid`.
    """
    c = calendars.c
    mine = c.id == calendar_id, c.user_id == user_id
    query = select(c.reminder_minutes, c.says_titles, c.ignores_quiet).where(*mine).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise BadRequest("not_found", "You have no such calendar.")
    before = _of_calendar(*row)
    after = replace(before, **changes)
    if after != before:
        values = {name: _plain(value) for name, value in asdict(after).items()}
        await connection.execute(update(calendars).where(*mine).values(values))
        await enqueue(connection, PLAN, user_id)


def _of_calendar(minutes: list[int] | None, says_titles: bool, ignores_quiet: bool) -> CalendarPreferences:
    return CalendarPreferences(None if minutes is None else tuple(minutes), says_titles, ignores_quiet)


def _plain(value: object) -> object:
    if isinstance(value, time):
        return value.replace(tzinfo=None)
    return list(value) if isinstance(value, tuple) else value


def _json(value: Any) -> list[list[Any]]:
    """Return a column of JSON, which a prepared statement gives as text."""
    return json.loads(value) if isinstance(value, str) else value or []
