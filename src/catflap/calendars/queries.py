"""Queries over stored calendars: the occurrences between two times."""

from datetime import datetime, timedelta, tzinfo

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.event_projection import StoredEvent
from catflap.calendars.recurrence.occurrence import Occurrence
from catflap.calendars.recurrence.series import expand_events
from catflap.log import log
from catflap.store.calendar_tables import calendars, events

# All-day events are stored in their calendar's zone and shown in the reader's.
_MARGIN = timedelta(hours=26)


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
    return expand_events(await _stored(connection, user_id, start, end), start, end, zone, _log_unreadable)


async def initial_sync_done(connection: AsyncConnection, user_id: int) -> bool:
    """Return whether the calendar list is stored and every selected calendar has been synced at least once.

    Calendars that can't be read are left out, as long as another one has been synced.
    """
    c = calendars.c
    query = select(c.is_selected, c.synced_at, c.problem).where(c.user_id == user_id)
    rows = (await connection.execute(query)).all()
    selected = [row for row in rows if row.is_selected]
    if any(row.synced_at is None and row.problem is None for row in selected):
        return False
    return bool(rows) and (not selected or any(row.synced_at is not None for row in selected))


async def _stored(
    connection: AsyncConnection, user_id: int, start: datetime, end: datetime
) -> list[StoredEvent]:
    overlaps = and_(events.c.starts_at < end + _MARGIN, events.c.ends_at > start - _MARGIN)
    query = (
        select(events.c.calendar_id, events.c.resource, calendars.c.time_zone, calendars.c.default_reminders)
        .join(calendars, calendars.c.id == events.c.calendar_id)
        .where(calendars.c.user_id == user_id, calendars.c.is_selected)
        .where(events.c.generation == calendars.c.generation)
        .where(or_(events.c.recurs, events.c.recurring_event_id.is_not(None), overlaps))
    )
    return [
        StoredEvent(row.calendar_id, row.resource, row.time_zone, tuple(row.default_reminders))
        for row in await connection.execute(query)
    ]


def _log_unreadable(event: StoredEvent, reason: str) -> None:
    log.warning("event_not_parsed", calendar_id=event.calendar_id, event_id=event.id, reason=reason)
