"""Syncs that overlap each other, or the end of a user."""

import asyncio
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars import Calendars, choose_calendar
from catflap.calendars.calendar_list import read_account
from catflap.clock import FixedClock
from catflap.errors import TryAgain
from catflap.store.calendar_tables import calendar_syncs, calendars
from catflap.store.tables import accounts
from catflap.store.task_types import AccountKey
from tests.support.faulty_transport import FaultyTransport
from tests.support.sandbox_calendar import EMAIL, SUB, Served
from tests.support.synced import EVENTS, calendar_rows, stored, titles


async def _waits_for_a_lock(connection: AsyncConnection) -> None:
    """Return when a statement of another connection waits for a lock."""
    here = "datname = current_database() AND wait_event_type = 'Lock'"
    waits = f"SELECT count(*) FROM pg_stat_activity WHERE {here}"
    async with asyncio.timeout(10):
        while not await connection.scalar(text(waits)):
            # What is shown stays the same within a transaction otherwise.
            await connection.execute(text("SELECT pg_stat_clear_snapshot()"))


async def test_a_late_result_does_not_overwrite_a_newer_one(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    event = google.insert("Old title", clock.now() + timedelta(hours=1))
    await calendar_sync.sync_account(account, SUB)
    await google.write("PATCH", f"{EVENTS}/{event['id']}", summary="Older title")

    async def overtake(request: httpx2.Request) -> None:
        """While the answer is on its way, somebody renames the event and another worker syncs it."""
        if "events" in request.url.path:
            transport.after = None
            await google.write("PATCH", f"{EVENTS}/{event['id']}", summary="New title")
            await calendar_sync.sync_account(account, SUB)

    transport.after = overtake
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["New title"]


async def test_concurrent_first_syncs_store_each_event_once(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    for number in range(20):
        google.insert(f"No. {number}", clock.now() + timedelta(hours=number + 1))
    await asyncio.gather(*(calendar_sync.sync_account(account, SUB) for _ in range(8)))
    assert len(await titles(engine, account, clock)) == 20
    assert len(await calendar_rows(engine)) == 1


async def test_no_database_connection_is_held_during_a_request_to_google(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    held: list[int] = []

    async def count(_: httpx2.Request) -> None:
        held.append(engine.pool.checkedout())  # type: ignore[attr-defined]

    transport.before = transport.after = count
    await calendar_sync.sync_account(account, SUB)
    assert held == [0] * 4


async def test_no_data_of_a_deleted_user_is_written(
    calendar_sync: Calendars, engine: AsyncEngine, account: int, transport: FaultyTransport
) -> None:
    async def leave(request: httpx2.Request) -> None:
        if "List" in request.url.path:
            async with engine.begin() as connection:
                await connection.execute(accounts.delete())

    transport.after = leave
    await calendar_sync.sync_account(account, SUB)
    assert await calendar_rows(engine) == {}


async def test_no_events_of_a_user_deleted_during_the_sync_are_written(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))

    async def leave(request: httpx2.Request) -> None:
        if "events" in request.url.path:
            async with engine.begin() as connection:
                await connection.execute(accounts.delete())

    transport.after = leave
    await calendar_sync.sync_account(account, SUB)
    assert await stored(engine) == []


async def test_a_sync_that_begins_locks_the_list_before_its_calendars(
    synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    """As a sync that stores the list does; the other way round, each would wait for the other."""
    async with engine.begin() as connection:
        await connection.execute(update(calendars).values(is_notified=True))
        await connection.execute(update(calendar_syncs).values(is_list_notified=True))
    async with engine.begin() as writer:
        await writer.execute(select(calendar_syncs).with_for_update())
        begins = asyncio.create_task(read_account(engine, AccountKey(account, SUB), clock.now()))
        await _waits_for_a_lock(writer)
        await writer.execute(select(calendars).with_for_update(nowait=True))
    assert (await begins).was_list_notified


async def test_what_was_read_with_another_role_is_not_stored(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    """While the first answer is on its way, the owner lets the user see titles, and another worker syncs."""
    google.sandbox.add_account("leo@example.com")
    start = clock.now() + timedelta(hours=1)
    moments = {
        name: {"dateTime": at.isoformat(), "timeZone": "UTC"}
        for name, at in (("start", start), ("end", start + timedelta(hours=1)))
    }
    google.sandbox.insert_event("leo@example.com", {"summary": "Rehearsal", **moments})
    google.sandbox.share_calendar("leo@example.com", EMAIL, role="freeBusyReader")
    held = asyncio.Event()

    async def shared(request: httpx2.Request) -> None:
        if "leo" in str(request.url.path) and not held.is_set():
            held.set()
            google.sandbox.share_calendar("leo@example.com", EMAIL, role="reader")
            async with engine.begin() as connection:
                await connection.execute(update(calendars).values(sync_token=None, access_role="reader"))

    transport.after = shared
    await calendar_sync.sync_account(account, SUB)
    assert held.is_set()
    assert await titles(engine, account, clock) == ["Rehearsal"]


async def _id_of(engine: AsyncEngine, google_id: str) -> int:
    return int((await calendar_rows(engine))[google_id].id)


async def test_a_failure_with_a_calendar_that_was_just_deselected_is_no_problem(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.sandbox.fault("calendar.events.list", status=503, times=1)

    async def deselect(request: httpx2.Request) -> None:
        if "events" in request.url.path:
            async with engine.begin() as connection:
                calendar_id = await _id_of(engine, EMAIL)
                await choose_calendar(connection, account, calendar_id, False, clock.now())

    transport.after = deselect
    with pytest.raises(TryAgain):
        await synced_calendars.sync_account(account, SUB)
    assert (await calendar_rows(engine))[EMAIL].problem is None
