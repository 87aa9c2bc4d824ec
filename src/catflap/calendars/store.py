"""Write calendars and events (`app.calendars`, `app.events`) together with their sync token.

A result is written only if the row still has the sync token that the sync began with: of two concurrent
syncs of one calendar, the one that finishes second is discarded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.datetimes import is_zone, zone_or
from catflap.calendars.event_projection import MAX_TITLE, event_interval, project_event
from catflap.google.calendar import CalendarEntry, CalendarList
from catflap.google.calendar_errors import unavailable
from catflap.log import log
from catflap.store.queue import enqueue
from catflap.store.tables import accounts, calendar_syncs, calendars, events, removed_calendars
from catflap.store.task_types import PLAN
from catflap.store.text import sanitize_text

KEEP_PAST = timedelta(days=7)
MAX_ZONE = 64
_BATCH = 500
_T = TypeVar("_T")
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class SyncState:
    """The row of a selected calendar as it was when a sync began."""

    id: int
    google_id: str
    time_zone: str
    sync_token: str | None


@dataclass(frozen=True)
class SyncResult:
    """Everything that Google returned in one sync of one calendar.

    Args:
        items: Event resources.
        full: Whether the items are the whole calendar; events that are not among them are deleted.
        next_sync_token: For the next incremental sync; None when the next one must be full.
    """

    items: Sequence[Mapping[str, Any]] = field(repr=False)
    full: bool
    next_sync_token: str | None


async def replace_calendar_list(
    engine: AsyncEngine, user_id: int, account_sub: str, listed: CalendarList, now: datetime
) -> list[SyncState]:
    """Make the stored calendars of an account those of Google's list, and return the selected ones.

    A calendar that is no longer listed is deleted and recorded as removed for a week, unless the list had
    an entry that could not be parsed and may be this calendar. The events of one that is no longer selected
    are deleted.

    Raises:
        TryAgain: `google_unavailable`: the list is empty and was not before; every account has a calendar.
    """
    async with engine.begin() as connection:
        owner = select(accounts.c.sub).where(accounts.c.sub == account_sub, accounts.c.user_id == user_id)
        if (await connection.execute(owner.with_for_update(key_share=True))).first() is None:
            return []
        before = await _rows(connection, user_id, account_sub)
        wanted = {entry.id: entry for entry in listed.entries}
        if before and not wanted:
            raise unavailable("the calendar list is empty")
        if listed.complete:
            await _remove(connection, [row for key, row in before.items() if key not in wanted], now)
        await _forget_removed(connection, user_id, account_sub, wanted, now)
        for entry in wanted.values():
            await _write_entry(connection, user_id, account_sub, entry, before.get(entry.id))
        after = await _rows(connection, user_id, account_sub)
        if {key: _planning_fields(row) for key, row in before.items()} != {
            key: _planning_fields(row) for key, row in after.items()
        }:
            await enqueue(connection, PLAN, user_id)
    return [
        SyncState(row.id, row.google_id, row.time_zone, row.sync_token)
        for row in after.values()
        if row.is_selected
    ]


async def write_time_zone(engine: AsyncEngine, user_id: int, account_sub: str, name: str | None) -> None:
    """Store the zone of Calendar's settings, None when unknown; enqueue a plan when it changed."""
    t, zone = calendar_syncs, sanitize_text(name, MAX_ZONE) if name else None
    mine = t.c.user_id == user_id, t.c.account_sub == account_sub, t.c.time_zone.is_distinct_from(zone)
    async with engine.begin() as connection:
        changed = update(t).where(*mine).values(time_zone=zone).returning(t.c.user_id)
        if await connection.scalar(changed) is None:
            return
        await enqueue(connection, PLAN, user_id)
    if zone is not None and not is_zone(zone):
        log.warning("time_zone_unknown", user=user_id)


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
    async with engine.begin() as connection:
        lock = select(calendars)
        row = (
            await connection.execute(lock.where(calendars.c.id == calendar.id).with_for_update())
        ).one_or_none()
        if row is None or not row.is_selected or row.sync_token != calendar.sync_token:
            return False
        if changes.full:
            await connection.execute(delete(events).where(events.c.calendar_id == calendar.id))
        await _apply(connection, calendar, changes.items, now - KEEP_PAST)
        await connection.execute(
            update(calendars)
            .where(calendars.c.id == calendar.id)
            .values(sync_token=changes.next_sync_token, synced_at=now, **_problem(row, gone, now))
        )
        if changes.items or changes.full or row.synced_at is None:
            await enqueue(connection, PLAN, user_id)
    if gone and gone != row.problem:
        log.warning("calendar_emptied", calendar_id=calendar.id, code=gone)
    if row.problem and not gone:
        log.info("calendar_sync_recovered", calendar_id=calendar.id, after=row.problem)
    return True


def _problem(row: Row[Any], code: str | None, now: datetime) -> dict[str, Any]:
    since = row.problem_since if row.problem == code else now
    return {"problem": code, "problem_since": since if code else None}


async def _remove(connection: AsyncConnection, rows: Sequence[Row[Any]], now: datetime) -> None:
    """Delete calendars with their events, and record their removal."""
    t = removed_calendars
    for row in rows:
        names = ("user_id", "account_sub", "google_id", "summary")
        values = {**{name: row._mapping[name] for name in names}, "removed_at": now}
        new = insert(t).values(values)
        await connection.execute(new.on_conflict_do_update(index_elements=[*t.primary_key], set_=values))
        log.warning("calendar_removed", calendar_id=row.id, code="not_listed")
    await connection.execute(delete(calendars).where(calendars.c.id.in_([row.id for row in rows])))


async def _forget_removed(
    connection: AsyncConnection, user_id: int, account_sub: str, listed: Iterable[str], now: datetime
) -> None:
    t = removed_calendars
    over = t.c.google_id.in_(list(listed)) | (t.c.removed_at < now - KEEP_PAST)
    await connection.execute(delete(t).where(t.c.user_id == user_id, t.c.account_sub == account_sub, over))


async def _rows(connection: AsyncConnection, user_id: int, account_sub: str) -> dict[str, Row[Any]]:
    query = (
        select(calendars)
        .where(calendars.c.user_id == user_id, calendars.c.account_sub == account_sub)
        .order_by(calendars.c.is_primary.desc(), calendars.c.id)
        .with_for_update()
    )
    return {row.google_id: row for row in await connection.execute(query)}


def _planning_fields(row: Row[Any]) -> tuple[object, ...]:
    return row.summary, row.time_zone, row.is_selected, row.default_reminders


async def _write_entry(
    connection: AsyncConnection, user_id: int, account_sub: str, entry: CalendarEntry, row: Row[Any] | None
) -> None:
    values: dict[str, Any] = {
        "summary": sanitize_text(entry.summary, MAX_TITLE),
        "time_zone": sanitize_text(entry.time_zone, MAX_ZONE),
        "is_primary": entry.is_primary,
        "is_selected": entry.is_selected,
        "default_reminders": list(entry.default_reminders),
    }
    if row is None:
        new = insert(calendars).values(user_id=user_id, account_sub=account_sub, google_id=entry.id, **values)
        await connection.execute(new.on_conflict_do_nothing())
        return
    if row.is_selected and not entry.is_selected:
        await connection.execute(delete(events).where(events.c.calendar_id == row.id))
        values |= {"sync_token": None, "synced_at": None, "problem": None, "problem_since": None}
    await connection.execute(update(calendars).where(calendars.c.id == row.id).values(**values))


async def _apply(
    connection: AsyncConnection, calendar: SyncState, items: Sequence[Mapping[str, Any]], horizon: datetime
) -> None:
    resources = {resource["id"]: resource for resource in map(project_event, items) if resource.get("id")}
    rows = [row for resource in resources.values() if (row := _row(calendar, resource, horizon)) is not None]
    stay = {row["google_id"] for row in rows}
    gone = [key for key in resources if key not in stay]
    here = events.c.calendar_id == calendar.id
    for part in _batches(gone):
        # Deleting a series deletes its exceptions; those that stay are inserted afterwards.
        which = or_(events.c.google_id.in_(part), events.c.recurring_event_id.in_(part))
        await connection.execute(delete(events).where(here, which))
    past = and_(~events.c.recurs, events.c.ends_at < horizon)
    await connection.execute(delete(events).where(here, past))
    for part in _batches(rows):
        new = insert(events).values(part)
        updated_columns = ("recurring_event_id", "recurs", "starts_at", "ends_at", "resource")
        await connection.execute(
            new.on_conflict_do_update(
                index_elements=[events.c.calendar_id, events.c.google_id],
                set_={name: new.excluded[name] for name in updated_columns},
            )
        )


def _row(calendar: SyncState, resource: dict[str, Any], horizon: datetime) -> dict[str, Any] | None:
    """Return the row for an event, or None when it is cancelled, long past or has no valid time."""
    series = resource.get("recurringEventId")
    recurs = bool(resource.get("recurrence")) and not series
    if resource.get("status") == "cancelled" and not (series and "originalStartTime" in resource):
        return None
    try:
        interval = event_interval(resource, zone_or(calendar.time_zone, _UTC))
    except ValueError:
        return None
    if not recurs and interval.ends_at < horizon:
        return None
    return {
        "calendar_id": calendar.id,
        "google_id": resource["id"],
        "recurring_event_id": series,
        "recurs": recurs,
        "starts_at": interval.starts_at,
        "ends_at": None if recurs else interval.ends_at,
        "resource": resource,
    }


def _batches(values: Sequence[_T]) -> list[Sequence[_T]]:
    return [values[i : i + _BATCH] for i in range(0, len(values), _BATCH)]
