"""Read and write the stored calendar list of an account (`app.calendars`), in full or incrementally."""

from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.changes import NO_WEBHOOKS, ChangeRecorder
from catflap.calendars.datetimes import is_zone
from catflap.calendars.event_projection import MAX_TITLE
from catflap.calendars.selection import select_calendar
from catflap.calendars.store import KEEP_PAST
from catflap.calendars.sync_state import SyncState
from catflap.google.calendar import CalendarEntry, CalendarList
from catflap.google.calendar_errors import SyncTokenExpired, unavailable
from catflap.log import log
from catflap.store.calendar_tables import calendar_syncs, calendars, removed_calendars
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.row_mapping import Columns, from_row
from catflap.store.single_statements import fetch_alone
from catflap.store.task_types import PLAN, AccountKey
from catflap.store.text import sanitize_text

_MAX_ZONE = 64


# Reads an account and its calendars. What a notification told is due from now on, and no longer told; so one
# that arrives during the sync makes the calendar due once more. A due time far ahead is from a wrong clock.
# A push channel counts if it worked before this sync, which reads whatever came before it, and if it works
# for long enough. `told` waits for `told_list`, or PostgreSQL may run them in any order: the list's row is
# locked before its calendars, as everywhere.
_ACCOUNT = PreparedQuery(
    text("""
    WITH told_list AS (
        UPDATE app.calendar_syncs SET is_list_notified = false, list_due_at = CAST(:now AS timestamptz)
        WHERE user_id = :user_id AND account_sub = :account_sub AND is_list_notified
        RETURNING user_id
    ), told AS (
        UPDATE app.calendars SET is_notified = false, sync_due_at = CAST(:now AS timestamptz)
        WHERE user_id = :user_id AND account_sub = :account_sub AND is_notified
            AND (SELECT count(*) FROM told_list) >= 0
    )
    SELECT c.*, c.is_notified AS was_notified,
        CASE WHEN c.is_notified THEN CAST(:now AS timestamptz) ELSE c.sync_due_at END AS due_at,
        c.is_notified OR c.sync_due_at <= :now OR c.sync_due_at > CAST(:far AS timestamptz) AS is_due,
        EXISTS (SELECT FROM app.push_channels p WHERE p.calendar_id = c.id AND p.notified_at < :now
            AND p.resource_id IS NOT NULL AND p.expires_at > CAST(:then AS timestamptz)
            AND (p.missed_at IS NULL OR p.notified_at > p.missed_at)
        ) AS has_push,
        s.user_id IS NOT NULL AS is_recorded,
        s.is_list_notified OR s.list_due_at <= :now OR s.list_due_at > :far AS is_list_due,
        s.is_list_notified AS was_list_notified, s.listed_at, s.problem AS list_problem,
        s.time_zone AS setting, s.list_sync_token,
        EXISTS (SELECT FROM app.push_channels p WHERE p.user_id = a.user_id AND p.account_sub = a.sub
            AND p.is_list AND p.notified_at < :now AND p.resource_id IS NOT NULL AND p.expires_at > :then
        ) AS list_has_push,
        EXISTS (SELECT FROM app.removed_calendars r WHERE r.user_id = a.user_id AND r.account_sub = a.sub
        ) AS has_removed
    FROM app.accounts a
    LEFT JOIN app.calendar_syncs s ON s.user_id = a.user_id AND s.account_sub = a.sub
    LEFT JOIN app.calendars c ON c.user_id = a.user_id AND c.account_sub = a.sub
    WHERE a.user_id = :user_id AND a.sub = :account_sub
    ORDER BY c.is_primary DESC, c.id
    """)
)
_FAR_AHEAD = timedelta(days=2)
_PUSH_LASTS = timedelta(hours=1)


@dataclass(frozen=True)
class StoredAccount:
    """An account as it was when a sync began; `rows` has a row even if there is no calendar."""

    rows: Sequence[Columns]

    @property
    def is_recorded(self) -> bool:
        """Whether the account has a row in `app.calendar_syncs`."""
        return bool(self.rows) and self.rows[0]["is_recorded"]

    @property
    def is_listed(self) -> bool:
        """Whether the calendar list was ever fetched."""
        return bool(self.rows) and self.rows[0]["listed_at"] is not None

    @property
    def is_list_due(self) -> bool:
        """Whether the calendar list is to be read now."""
        return not self.is_recorded or self.rows[0]["is_list_due"]

    @property
    def was_list_notified(self) -> bool:
        """Whether a push notification told of a change of the list."""
        return bool(self.rows) and bool(self.rows[0]["was_list_notified"])

    @property
    def list_has_push(self) -> bool:
        """Whether Google sends notifications about the calendar list."""
        return bool(self.rows) and self.rows[0]["list_has_push"]

    @property
    def list_problem(self) -> str | None:
        """The code of the problem with which fetching the list failed last, if it did."""
        return self.rows[0]["list_problem"] if self.rows else None

    @property
    def time_zone(self) -> str | None:
        """The zone of Calendar's settings."""
        return self.rows[0]["setting"] if self.rows else None

    @property
    def list_sync_token(self) -> str | None:
        """The sync token of the list; None if it is to be read in full, as where no calendar is stored."""
        return self.rows[0]["list_sync_token"] if self.rows and self.rows[0]["id"] is not None else None

    def has_list(self, listed: CalendarList) -> bool:
        """Return whether nothing changed since `list_sync_token`, which then stays as it is."""
        changed = listed.entries or listed.unlisted or not listed.is_incremental
        return not (changed or self.rows[0]["has_removed"])

    def selected(self) -> list[SyncState]:
        """Return the selected calendars."""
        return [from_row(SyncState, row) for row in self.rows if row["id"] is not None and row["is_selected"]]


async def read_account(engine: AsyncEngine, account: AccountKey, now: datetime) -> StoredAccount:
    """Return what is stored of an account and its calendars when a sync begins."""
    values = {"user_id": account.user_id, "account_sub": account.account_sub}
    return StoredAccount(
        await fetch_alone(engine, _ACCOUNT, **values, now=now, far=now + _FAR_AHEAD, then=now + _PUSH_LASTS)
    )


async def fetch_calendar_list(
    fetch: Callable[[str | None], Awaitable[CalendarList]], sync_token: str | None
) -> CalendarList:
    """Return what changed in a calendar list, or the whole list if that can't be told.

    Google's guide "Synchronize resources efficiently" asks for the whole list when a sync token is no longer
    valid. So does a change that can't be parsed, because the next sync token would skip it.

    Args:
        fetch: Requests the list with a sync token, or the whole of it.
        sync_token: That of the stored list, if there is one.
    """
    if sync_token is not None:
        try:
            changed = await fetch(sync_token)
            if changed.complete:
                return changed
        except SyncTokenExpired:
            log.info("calendar_list_sync_token_expired")
    return await fetch(None)


async def store_calendar_list(
    engine: AsyncEngine,
    account: AccountKey,
    listed: CalendarList,
    now: datetime,
    changes: ChangeRecorder = NO_WEBHOOKS,
) -> None:
    """Make the stored calendars of an account those of Google's list.

    A calendar that is no longer listed is deleted and recorded as removed for a week, unless the list had
    an entry that could not be parsed and may be this calendar. The events of one that is no longer selected
    are deleted. The next sync token is stored in the same transaction, so that a list which is discarded or
    overwritten by an older one is listed again.

    Args:
        engine: The database.
        account: The account.
        listed: The whole list, or what changed in it.
        now: The time when the sync began.
        changes: Tells webhooks which calendars are gone.

    Raises:
        TryAgain: `google_unavailable`: the list is empty and was not before; every account has a calendar.
    """
    user_id, account_sub = account
    async with engine.begin() as connection:
        # Without this row the account was unlinked or erased since the sync began.
        t = calendar_syncs
        row = select(t.c.user_id).where(t.c.user_id == user_id, t.c.account_sub == account_sub)
        if (await connection.execute(row.with_for_update(key_share=True))).first() is None:
            return
        # Before the calendars, in the order in which a sync that begins locks both.
        await _write_sync_token(connection, user_id, account_sub, listed)
        before = await _rows(connection, user_id, account_sub)
        wanted = {entry.id: entry for entry in listed.entries}
        removed = [row for key, row in before.items() if _has_left(key, wanted, listed)]
        if before and not wanted and (not listed.is_incremental or len(removed) == len(before)):
            raise unavailable("the calendar list is empty")
        await _remove(connection, removed, now)
        for calendar in removed:
            if calendar.is_selected:
                await changes.record(connection, account, calendar.google_id, "gone", (), now)
        await _forget_removed(connection, user_id, account_sub, wanted, now)
        for entry in wanted.values():
            await _write_entry(connection, user_id, account_sub, entry, before.get(entry.id), now)
        after = await _rows(connection, user_id, account_sub)
        if {key: _planning_fields(row) for key, row in before.items()} != {
            key: _planning_fields(row) for key, row in after.items()
        }:
            await enqueue(connection, PLAN, user_id)


async def write_time_zone(engine: AsyncEngine, user_id: int, account_sub: str, name: str | None) -> None:
    """Store the zone of Calendar's settings, None when unknown; enqueue a plan when it changed."""
    t, zone = calendar_syncs, sanitize_text(name, _MAX_ZONE) if name else None
    mine = t.c.user_id == user_id, t.c.account_sub == account_sub, t.c.time_zone.is_distinct_from(zone)
    async with engine.begin() as connection:
        changed = update(t).where(*mine).values(time_zone=zone).returning(t.c.user_id)
        if await connection.scalar(changed) is None:
            return
        await enqueue(connection, PLAN, user_id)
    if zone is not None and not is_zone(zone):
        log.warning("time_zone_unknown", user=user_id)


def _has_left(google_id: str, wanted: Container[str], listed: CalendarList) -> bool:
    if listed.is_incremental:
        return google_id in listed.unlisted
    return listed.complete and google_id not in wanted


async def _write_sync_token(
    connection: AsyncConnection, user_id: int, account_sub: str, listed: CalendarList
) -> None:
    t, token = calendar_syncs, listed.next_sync_token if listed.complete else None
    mine = t.c.user_id == user_id, t.c.account_sub == account_sub
    await connection.execute(update(t).where(*mine).values(list_sync_token=token))


async def _remove(connection: AsyncConnection, rows: Sequence[Row[Any]], now: datetime) -> None:
    """Delete calendars with their events, and record their removal."""
    t = removed_calendars
    if not rows:
        return
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
    connection: AsyncConnection,
    user_id: int,
    account_sub: str,
    entry: CalendarEntry,
    row: Row[Any] | None,
    now: datetime,
) -> None:
    values = _entry_values(entry)
    if row is None:
        key = {"user_id": user_id, "account_sub": account_sub, "google_id": entry.id}
        at_google = {"is_selected": entry.is_selected, "is_selected_at_google": entry.is_selected}
        new = insert(calendars).values(**key, **at_google, **values, sync_due_at=now)
        await connection.execute(new.on_conflict_do_nothing())
        return
    if row.access_role not in ("", entry.access_role):
        # Who had another role may have stored more than they may see now, or less.
        values |= {"sync_token": None, "page_token": None, "page_time_min": None, "sync_due_at": now}
    values |= await select_calendar(connection, row, entry.is_selected, row.is_selected_by_user, now)
    if any(row._mapping[name] != value for name, value in values.items()):
        await connection.execute(update(calendars).where(calendars.c.id == row.id).values(**values))


def _entry_values(entry: CalendarEntry) -> dict[str, Any]:
    return {
        "summary": sanitize_text(entry.summary, MAX_TITLE),
        "time_zone": sanitize_text(entry.time_zone, _MAX_ZONE),
        "is_primary": entry.is_primary,
        "access_role": entry.access_role,
        "background_color": entry.background_color,
        "foreground_color": entry.foreground_color,
        "default_reminders": list(entry.default_reminders),
    }
