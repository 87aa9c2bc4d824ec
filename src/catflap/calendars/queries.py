"""Queries over stored calendars: the occurrences between two times."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.event_projection import StoredEvent
from catflap.calendars.recurrence.occurrence import Occurrence
from catflap.calendars.recurrence.series import expand_events
from catflap.log import log
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.row_mapping import Columns
from catflap.store.single_statements import fetch_within

# All-day events are stored in their calendar's zone and shown in the reader's.
_MARGIN = timedelta(hours=26)
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
_EVENTS = PreparedQuery(
    text("""
    SELECT e.calendar_id, CAST(e.resource AS text) AS resource, c.time_zone, c.default_reminders
    FROM app.events e JOIN app.calendars c ON c.id = e.calendar_id AND c.generation = e.generation
    WHERE c.user_id = :user_id AND c.is_selected AND (
        e.recurs OR e.recurring_event_id IS NOT NULL OR (e.starts_at < :before AND e.ends_at > :after)
    )
    """)
)
# Single events and exceptions of series.
_SINGLE = PreparedQuery(
    text("""
    SELECT e.calendar_id, CAST(e.resource AS text) AS resource, c.time_zone, c.default_reminders
    FROM app.events e JOIN app.calendars c ON c.id = e.calendar_id AND c.generation = e.generation
    WHERE c.user_id = :user_id AND c.is_selected AND NOT e.recurs
        AND (e.google_id = ANY (:ids) OR e.recurring_event_id = ANY (:ids))
    """)
)
_SYNCED = PreparedQuery(
    text("SELECT is_selected, synced_at, problem FROM app.calendars WHERE user_id = :user_id")
)


async def timeline(
    engine: AsyncEngine, user_id: int, start: datetime, end: datetime, zone: tzinfo
) -> list[Occurrence]:
    """Return the occurrences in the user's selected calendars that overlap the interval, in order of time.

    Args:
        engine: The database.
        user_id: The owner of the calendars.
        start: Aware.
        end: Aware, exclusive.
        zone: The user's, where whole days begin and end.
    """
    async with engine.connect() as connection:
        return await list_occurrences(connection, user_id, start, end, zone)


async def list_occurrences(
    connection: AsyncConnection, user_id: int, start: datetime, end: datetime, zone: tzinfo
) -> list[Occurrence]:
    """Like `timeline`, in the caller's transaction."""
    margins = {"before": end + _MARGIN, "after": start - _MARGIN}
    rows = await fetch_within(connection, _EVENTS, user_id=user_id, **margins)
    return expand_events(_events(rows), start, end, zone, _log_unreadable)


async def find_single_occurrences(
    connection: AsyncConnection, user_id: int, event_ids: list[str], zone: tzinfo
) -> list[Occurrence]:
    """Return single events, and instances of series that were changed by themselves, whenever they are.

    Args:
        connection: The transaction.
        user_id: The owner of the calendars; of those that are selected.
        event_ids: Google's ids of the single events and the series.
        zone: The user's.
    """
    rows = await fetch_within(connection, _SINGLE, user_id=user_id, ids=event_ids)
    return expand_events(_events(rows), _EARLIEST, _LATEST, zone, _log_unreadable)


async def initial_sync_done(connection: AsyncConnection, user_id: int) -> bool:
    """Return whether the calendar list is stored and every selected calendar has been synced at least once.

    Calendars that can't be read are left out, as long as another one has been synced.
    """
    rows = await fetch_within(connection, _SYNCED, user_id=user_id)
    selected = [row for row in rows if row["is_selected"]]
    if any(row["synced_at"] is None and row["problem"] is None for row in selected):
        return False
    return bool(rows) and (not selected or any(row["synced_at"] is not None for row in selected))


def _events(rows: Iterable[Columns]) -> list[StoredEvent]:
    return [
        StoredEvent(
            row["calendar_id"],
            json.loads(row["resource"]),
            row["time_zone"],
            tuple(row["default_reminders"]),
        )
        for row in rows
    ]


def _log_unreadable(event: StoredEvent, reason: str) -> None:
    log.warning("event_not_parsed", calendar_id=event.calendar_id, event_id=event.id, reason=reason)
