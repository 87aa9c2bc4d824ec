"""Write the events of a calendar (`app.events`) together with its sync token (`app.calendars`).

A result is written only if the row still has the sync token that the sync began with: of two concurrent
syncs of one calendar, the one that finishes second is discarded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import and_, delete, or_, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningUpdate

from catflap.calendars.event_projection import EventRow
from catflap.log import log
from catflap.store.calendar_tables import calendars, events
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.single_statements import fetch_alone
from catflap.store.task_types import PLAN

KEEP_PAST = timedelta(days=7)
# Bounds the size of a statement; an event is about half a kilobyte.
_BATCH = 2500

# One statement without a transaction of its own, because this is what most syncs end with.
_KEEP_EVENTS = PreparedQuery(
    text("""
    WITH synced AS (
        UPDATE app.calendars
        SET sync_token = :next_sync_token, synced_at = :now, problem = NULL, problem_since = NULL
        WHERE id = :calendar_id AND is_selected AND sync_token = :sync_token
        RETURNING id
    ), past AS (
        DELETE FROM app.events USING synced
        WHERE calendar_id = synced.id AND NOT recurs AND ends_at < :horizon
    )
    SELECT id FROM synced
    """)
)
_WRITE_EVENTS = text(
    """
    INSERT INTO app.events
        (calendar_id, generation, google_id, recurring_event_id, recurs, starts_at, ends_at, resource)
    SELECT :calendar_id, 0, google_id, recurring_event_id, recurs, starts_at, ends_at, resource::jsonb
    FROM unnest(
        CAST(:google_id AS text[]), CAST(:recurring_event_id AS text[]), CAST(:recurs AS boolean[]),
        CAST(:starts_at AS timestamptz[]), CAST(:ends_at AS timestamptz[]), CAST(:resource AS text[])
    ) AS new (google_id, recurring_event_id, recurs, starts_at, ends_at, resource)
    ON CONFLICT (calendar_id, generation, google_id) DO UPDATE SET
        recurring_event_id = excluded.recurring_event_id, recurs = excluded.recurs,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at, resource = excluded.resource
    """
)


@dataclass(frozen=True)
class SyncState:
    """The row of a selected calendar as it was when a sync began."""

    id: int
    google_id: str
    time_zone: str
    sync_token: str | None
    synced_at: datetime | None
    problem: str | None


@dataclass(frozen=True)
class SyncResult:
    """Everything that Google returned in one sync of one calendar.

    Args:
        events: The rows by Google's ids; None for an event that is to be deleted.
        full: Whether these are the whole calendar; events that are not among them are deleted.
        next_sync_token: For the next incremental sync; None when the next one must be full.
    """

    events: Mapping[str, EventRow | None] = field(repr=False)
    full: bool
    next_sync_token: str | None


async def apply_changes(
    engine: AsyncEngine,
    user_id: int,
    calendar: SyncState,
    changes: SyncResult,
    now: datetime,
    *,
    gone: str | None = None,
) -> bool:
    """Write the result of one sync and its token, and enqueue a plan when announcements may change.

    Args:
        engine: The database.
        user_id: The owner of the calendar.
        calendar: Its state when the sync began.
        changes: What Google returned.
        now: The time when the sync began.
        gone: The code of the problem when Google says that the calendar no longer exists for this account.

    Returns:
        False when the row changed or was deleted since `calendar` was read; nothing is written then.
    """
    if changes.events or changes.full or calendar.synced_at is None:
        written = await _write_changes(engine, user_id, calendar, changes, now, gone)
    else:
        written = await _keep_events(engine, calendar, changes.next_sync_token, now)
    if written and gone and gone != calendar.problem:
        log.warning("calendar_emptied", calendar_id=calendar.id, code=gone)
    if written and calendar.problem and not gone:
        log.info("calendar_sync_recovered", calendar_id=calendar.id, after=calendar.problem)
    return written


async def _write_changes(
    engine: AsyncEngine,
    user_id: int,
    calendar: SyncState,
    changes: SyncResult,
    now: datetime,
    gone: str | None,
) -> bool:
    async with engine.begin() as connection:
        # Locks the row, so that no other sync writes events of this calendar meanwhile.
        if await connection.scalar(_next_state(calendar, changes.next_sync_token, now, gone)) is None:
            return False
        if changes.full:
            await connection.execute(delete(events).where(events.c.calendar_id == calendar.id))
        else:
            await _delete_events(connection, calendar, changes, now - KEEP_PAST)
        await _write_events(connection, calendar, [one for one in changes.events.values() if one])
        await enqueue(connection, PLAN, user_id)
    return True


async def _keep_events(
    engine: AsyncEngine, calendar: SyncState, next_sync_token: str | None, now: datetime
) -> bool:
    """Write the sync token of a calendar without changes, and delete the events that are long past."""
    written = await fetch_alone(
        engine,
        _KEEP_EVENTS,
        calendar_id=calendar.id,
        sync_token=calendar.sync_token,
        next_sync_token=next_sync_token,
        now=now,
        horizon=now - KEEP_PAST,
    )
    return bool(written)


def _next_state(
    calendar: SyncState, next_sync_token: str | None, now: datetime, gone: str | None
) -> ReturningUpdate[tuple[int]]:
    c = calendars.c
    same = c.id == calendar.id, c.is_selected, c.sync_token.is_not_distinct_from(calendar.sync_token)
    values = {"sync_token": next_sync_token, "synced_at": now, "problem": gone}
    if gone is None or gone != calendar.problem:
        values["problem_since"] = now if gone else None
    return update(calendars).where(*same).values(values).returning(c.id)


async def _delete_events(
    connection: AsyncConnection, calendar: SyncState, changes: SyncResult, horizon: datetime
) -> None:
    here = events.c.calendar_id == calendar.id
    for part in _batches(key for key, row in changes.events.items() if row is None):
        # Deleting a series deletes its exceptions; those that stay are inserted afterwards.
        which = or_(events.c.google_id.in_(part), events.c.recurring_event_id.in_(part))
        await connection.execute(delete(events).where(here, which))
    past = and_(~events.c.recurs, events.c.ends_at < horizon)
    await connection.execute(delete(events).where(here, past))


async def _write_events(connection: AsyncConnection, calendar: SyncState, rows: Iterable[EventRow]) -> None:
    for part in _batches(rows):
        columns = dict(zip(EventRow._fields, map(list, zip(*part, strict=True)), strict=True))
        await connection.execute(_WRITE_EVENTS, {"calendar_id": calendar.id, **columns})


def _batches(values: Iterable[Any]) -> Iterable[Sequence[Any]]:
    left = iter(values)
    while part := list(islice(left, _BATCH)):
        yield part
