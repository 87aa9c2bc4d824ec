"""Write the events of a calendar (`app.events`) together with its sync token (`app.calendars`).

A result is written only if the row is still in the state in which the sync found it: of two concurrent syncs
of one calendar, the one that finishes second is discarded.

The pages of a full sync are written as they arrive, with the next generation, which nobody reads; the last
page makes that generation the current one. So a full sync that was interrupted goes on where it stopped, and
readers see either the old copy or the new one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, or_, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.changes import ChangeRecorder, Reason
from catflap.calendars.event_projection import EventRow
from catflap.calendars.sync_state import SyncState
from catflap.log import log
from catflap.store.calendar_tables import calendars, events
from catflap.store.planning_tables import occurrence_changes
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.single_statements import fetch_alone, fetch_within
from catflap.store.task_types import PLAN, AccountKey

KEEP_PAST = timedelta(days=7)
# The rows of a page or of an incremental sync by Google's ids; None for an event that is to be deleted.
EventRows = Mapping[str, EventRow | None]
# Bounds the size of a statement; an event is about half a kilobyte.
_BATCH = 2500

# One statement without a transaction of its own, because this is what most syncs end with.
_KEEP_EVENTS = PreparedQuery(
    text("""
    WITH synced AS (
        UPDATE app.calendars
        SET sync_token = :next_sync_token, synced_at = :now, problem = NULL, problem_since = NULL,
            sync_due_at = CASE WHEN sync_due_at = :due_at THEN :next_due_at ELSE sync_due_at END
        WHERE id = :calendar_id AND is_selected AND sync_token = :sync_token AND page_token IS NULL
        RETURNING id, generation
    ), past AS (
        DELETE FROM app.events USING synced
        WHERE calendar_id = synced.id AND events.generation = synced.generation
            AND NOT recurs AND ends_at < :horizon
    )
    SELECT id FROM synced
    """)
)
# Not if one has just arrived: of several changes at once, or because another sync was faster.
_MISSED = PreparedQuery(
    text("""
    UPDATE app.push_channels SET missed_at = :now
    WHERE calendar_id = :calendar_id AND missed_at IS NULL AND notified_at < :lately
    RETURNING id
    """)
)
_LATELY = timedelta(minutes=2)
# As `_advance`, for the sync that runs most often and finds something.
_ADVANCE = PreparedQuery(
    text("""
    UPDATE app.calendars
    SET sync_token = :next_sync_token, synced_at = :now, changed_at = :now, problem = NULL,
        problem_since = NULL,
        sync_due_at = CASE WHEN sync_due_at = :due_at THEN :next_due_at ELSE sync_due_at END
    WHERE id = :calendar_id AND is_selected AND generation = :generation AND sync_token = :sync_token
        AND page_token IS NULL
    RETURNING id
    """)
)
_DELETE_PAST = PreparedQuery(
    text("""
    DELETE FROM app.events WHERE calendar_id = :calendar_id AND generation = :generation
        AND NOT recurs AND ends_at < :horizon
    """)
)
_WRITE_EVENTS = PreparedQuery(
    text("""
    INSERT INTO app.events
        (calendar_id, generation, google_id, recurring_event_id, recurs, starts_at, ends_at, resource)
    SELECT CAST(:calendar_id AS bigint), CAST(:generation AS bigint), google_id, recurring_event_id, recurs,
        starts_at, ends_at, resource::jsonb
    FROM unnest(
        CAST(:google_id AS text[]), CAST(:recurring_event_id AS text[]), CAST(:recurs AS boolean[]),
        CAST(:starts_at AS timestamptz[]), CAST(:ends_at AS timestamptz[]), CAST(:resource AS text[])
    ) AS new (google_id, recurring_event_id, recurs, starts_at, ends_at, resource)
    ON CONFLICT (calendar_id, generation, google_id) DO UPDATE SET
        recurring_event_id = excluded.recurring_event_id, recurs = excluded.recurs,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at, resource = excluded.resource
    """)
)


class CalendarStore:
    """Writes what one sync of an account reads.

    Each method takes the state in which the sync found the calendar, and writes nothing if it has changed.

    Args:
        engine: The database.
        account: Whose calendars they are.
        now: The time when the sync began.
        changes: Tells webhooks what was written.
    """

    def __init__(
        self, engine: AsyncEngine, account: AccountKey, now: datetime, changes: ChangeRecorder
    ) -> None:
        self._engine = engine
        self._account = account
        self._now = now
        self._changes = changes
        self.horizon = now - KEEP_PAST

    async def apply_changes(
        self, calendar: SyncState, changes: EventRows, next_sync_token: str | None, due_at: datetime
    ) -> bool:
        """Write the result of an incremental sync, and enqueue a plan if an event changed.

        Args:
            calendar: Its state when the sync began.
            changes: Everything that changed since `calendar.sync_token`.
            next_sync_token: For the next sync; None when that must be full.
            due_at: When the next sync is due.

        Returns:
            False when the row changed or was deleted; nothing is written then.
        """
        if not changes:
            written = await self._keep_events(calendar, next_sync_token, due_at)
        else:
            written = await self._change_events(calendar, changes, next_sync_token, due_at)
        if written:
            _log_recovery(calendar)
        return written

    async def store_page(
        self, calendar: SyncState, rows: EventRows, next_page_token: str, time_min: datetime
    ) -> SyncState | None:
        """Write a page of a full sync that is not the last one; return the new state, None if it changed."""
        position = {"page_token": next_page_token, "page_time_min": time_min}
        async with self._engine.begin() as connection:
            if not await _advance(connection, calendar, position):
                return None
            if calendar.page_token is None:
                await _delete_pages(connection, calendar)
            await _apply(connection, calendar, calendar.generation + 1, rows)
        return replace(calendar, page_token=next_page_token, page_time_min=time_min)

    async def complete_full_sync(
        self, calendar: SyncState, rows: EventRows, next_sync_token: str | None, due_at: datetime
    ) -> bool:
        """Write the last page of a full sync, make its events the current ones and enqueue a plan.

        Returns:
            False when the row changed or was deleted; nothing is written then.
        """
        generation = calendar.generation + 1
        values = self._synced(calendar, next_sync_token, due_at)
        values |= {"generation": generation, "page_token": None, "page_time_min": None}
        async with self._engine.begin() as connection:
            if not await _advance(connection, calendar, {**values, "changed_at": self._now}):
                return False
            if calendar.page_token is None:
                await _delete_pages(connection, calendar)
            await _apply(connection, calendar, generation, rows)
            old = and_(events.c.calendar_id == calendar.id, events.c.generation == calendar.generation)
            await connection.execute(delete(events).where(old))
            await self._note_change(connection, calendar, "full_sync")
        _log_recovery(calendar)
        return True

    async def discard_pages(self, calendar: SyncState) -> SyncState | None:
        """Delete the pages of an unfinished full sync; return the new state, None if it changed."""
        async with self._engine.begin() as connection:
            if not await _advance(connection, calendar, {"page_token": None, "page_time_min": None}):
                return None
            await _delete_pages(connection, calendar)
        return replace(calendar, page_token=None, page_time_min=None)

    async def empty(self, calendar: SyncState, code: str, due_at: datetime) -> bool:
        """Delete all events of a calendar that the account no longer has, and record why.

        Returns:
            False when the row changed or was deleted; nothing is written then.
        """
        values = self._synced(calendar, None, due_at) | {"page_token": None, "page_time_min": None}
        values["problem"] = code
        if code == calendar.problem:
            del values["problem_since"]
        else:
            values["problem_since"] = self._now
        async with self._engine.begin() as connection:
            if not await _advance(connection, calendar, values):
                return False
            for t in (events, occurrence_changes):
                await connection.execute(delete(t).where(t.c.calendar_id == calendar.id))
            if code == calendar.problem:
                return True
            await self._note_change(connection, calendar, "gone")
        log.warning("calendar_emptied", calendar_id=calendar.id, code=code)
        return True

    async def note_missed_notification(self, calendar: SyncState) -> None:
        """Note that a change was found about which Google has sent no notification.

        The calendar is read more often until the next notification.
        """
        lately = self._now - _LATELY
        missed = await fetch_alone(
            self._engine, _MISSED, calendar_id=calendar.id, now=self._now, lately=lately
        )
        if missed:
            log.info("push_notification_missed", calendar_id=calendar.id)

    async def _keep_events(self, calendar: SyncState, next_sync_token: str | None, due_at: datetime) -> bool:
        """Write the sync token of a calendar without changes, and delete the events that are long past."""
        written = await fetch_alone(
            self._engine,
            _KEEP_EVENTS,
            calendar_id=calendar.id,
            sync_token=calendar.sync_token,
            next_sync_token=next_sync_token,
            now=self._now,
            due_at=calendar.due_at,
            next_due_at=due_at,
            horizon=self.horizon,
        )
        return bool(written)

    async def _change_events(
        self, calendar: SyncState, changes: EventRows, next_sync_token: str | None, due_at: datetime
    ) -> bool:
        async with self._engine.begin() as connection:
            if not await fetch_within(
                connection,
                _ADVANCE,
                calendar_id=calendar.id,
                generation=calendar.generation,
                sync_token=calendar.sync_token,
                next_sync_token=next_sync_token,
                now=self._now,
                due_at=calendar.due_at,
                next_due_at=due_at,
            ):
                return False
            if calendar.synced_at is None or calendar.synced_at.hour != self._now.hour:
                here = {"calendar_id": calendar.id, "generation": calendar.generation}
                await fetch_within(connection, _DELETE_PAST, **here, horizon=self.horizon)
            await _apply(connection, calendar, calendar.generation, changes)
            await self._note_change(connection, calendar, "changed", changes)
        return True

    async def _note_change(
        self,
        connection: AsyncConnection,
        calendar: SyncState,
        reason: Reason,
        event_ids: Collection[str] = (),
    ) -> None:
        """Enqueue a plan, and tell webhooks."""
        await enqueue(connection, PLAN, self._account.user_id)
        calendar_id = calendar.google_id
        await self._changes.record(connection, self._account, calendar_id, reason, event_ids, self._now)

    def _synced(
        self, calendar: SyncState, next_sync_token: str | None, next_due_at: datetime
    ) -> dict[str, Any]:
        c = calendars.c
        # Unless a notification has made it due meanwhile.
        due_at: ColumnElement[Any] = case(
            (c.sync_due_at == calendar.due_at, next_due_at), else_=c.sync_due_at
        )
        return {
            "sync_token": next_sync_token,
            "synced_at": self._now,
            "sync_due_at": due_at,
            "problem": None,
            "problem_since": None,
        }


async def _advance(connection: AsyncConnection, calendar: SyncState, values: Mapping[str, Any]) -> bool:
    """Change the row of a calendar if it is as the sync found it; locks it until the transaction ends."""
    c = calendars.c
    same = (
        c.id == calendar.id,
        c.is_selected,
        c.generation == calendar.generation,
        # With another role, Google may have sent more or less.
        c.access_role == calendar.access_role,
        c.sync_token.is_not_distinct_from(calendar.sync_token),
        c.page_token.is_not_distinct_from(calendar.page_token),
    )
    return await connection.scalar(update(calendars).where(*same).values(values).returning(c.id)) is not None


async def _apply(connection: AsyncConnection, calendar: SyncState, generation: int, rows: EventRows) -> None:
    here = events.c.calendar_id == calendar.id, events.c.generation == generation
    for part in _batches(key for key, row in rows.items() if row is None):
        # Deleting a series deletes its exceptions; those that stay are inserted afterwards.
        which = or_(events.c.google_id.in_(part), events.c.recurring_event_id.in_(part))
        await connection.execute(delete(events).where(*here, which))
    for part in _batches(row for row in rows.values() if row):
        columns = dict(zip(EventRow._fields, map(list, zip(*part, strict=True)), strict=True))
        where = {"calendar_id": calendar.id, "generation": generation}
        await fetch_within(connection, _WRITE_EVENTS, **where, **columns)


async def _delete_pages(connection: AsyncConnection, calendar: SyncState) -> None:
    unread = events.c.calendar_id == calendar.id, events.c.generation > calendar.generation
    await connection.execute(delete(events).where(*unread))


def _log_recovery(calendar: SyncState) -> None:
    if calendar.problem:
        log.info("calendar_sync_recovered", calendar_id=calendar.id, after=calendar.problem)


def _batches(values: Iterable[Any]) -> Iterable[Sequence[Any]]:
    left = iter(values)
    while part := list(islice(left, _BATCH)):
        yield part
