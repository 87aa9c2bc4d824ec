"""What is read when: due times, notifications, and calendars that another sync was faster with."""

import asyncio
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Calendars
from catflap.calendars.sync_intervals import SyncIntervals
from catflap.clock import FixedClock
from catflap.errors import CatflapError
from catflap.store.calendar_tables import calendar_syncs, calendars
from catflap.store.task_types import AccountKey
from tests.support.faulty_transport import FaultyTransport, HeldAnswer, refusal
from tests.support.sandbox_calendar import EMAIL, SUB, Served
from tests.support.synced import account_sync, add_band, calendar_rows, primary_calendar, titles

POLLED = SyncIntervals().polled
NOTIFIED = update(calendars).where(calendars.c.google_id == EMAIL).values(is_notified=True)


def asked_for(transport: FaultyTransport) -> list[str]:
    """Return what was asked of Google, and forget it."""
    asked = [url.path.removeprefix("/calendar/v3/") for url in transport.asked]
    transport.asked.clear()
    return asked


async def test_nothing_is_read_before_it_is_due(
    synced_calendars: Calendars, account: int, transport: FaultyTransport
) -> None:
    asked_for(transport)
    await synced_calendars.sync_account(account, SUB, only_due=True)
    assert asked_for(transport) == []


async def test_a_change_is_seen_within_the_interval(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.insert("Coffee", clock.now() + timedelta(hours=2))
    asked_for(transport)
    clock.advance(POLLED)
    await synced_calendars.sync_account(account, SUB, only_due=True)
    assert asked_for(transport) == ["calendars/mia@example.com/events"]
    assert await titles(engine, account, clock) == ["Tea", "Coffee"]
    due = (await primary_calendar(engine)).sync_due_at
    assert POLLED * 0.7 <= due - clock.now() < POLLED
    assert (await account_sync(engine)).due_at == due


async def test_the_list_is_read_three_times_as_seldom(
    google: Served, synced_calendars: Calendars, account: int, clock: FixedClock, transport: FaultyTransport
) -> None:
    add_band(google, clock)
    asked_for(transport)
    clock.advance(3 * POLLED)
    await synced_calendars.sync_account(account, SUB, only_due=True)
    assert asked_for(transport)[0] == "users/me/calendarList"


async def test_a_notified_calendar_is_read_at_once_and_the_others_are_not(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    add_band(google, clock)
    await synced_calendars.sync_account(account, SUB)
    google.insert("Coffee", clock.now() + timedelta(hours=2))
    async with engine.begin() as connection:
        await connection.execute(NOTIFIED)
    asked_for(transport)
    await synced_calendars.sync_account(account, SUB, only_due=True)
    assert asked_for(transport) == ["calendars/mia@example.com/events"]
    assert "Coffee" in await titles(engine, account, clock)
    assert not (await primary_calendar(engine)).is_notified


async def test_a_notified_list_is_read_at_once(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    add_band(google, clock)
    async with engine.begin() as connection:
        await connection.execute(update(calendar_syncs).values(is_list_notified=True))
    asked_for(transport)
    await synced_calendars.sync_account(account, SUB, only_due=True)
    assert "band" in await calendar_rows(engine)
    assert len(asked_for(transport)) == 2


async def test_a_notification_during_the_sync_makes_the_calendar_due_again(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    clock.advance(POLLED)

    async def change(_: httpx2.Request) -> None:
        """While the answer is on its way, the event is deleted, and Google tells."""
        transport.after = None
        google.insert("Coffee", clock.now() + timedelta(hours=2))
        async with engine.begin() as connection:
            await connection.execute(NOTIFIED)

    transport.after = change
    await synced_calendars.sync_account(account, SUB, only_due=True)
    await synced_calendars.sync_account(account, SUB, only_due=True)
    assert await titles(engine, account, clock) == ["Tea", "Coffee"]


async def test_a_notification_whose_job_was_lost_stays_due(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, transport: FaultyTransport
) -> None:
    async with engine.begin() as connection:
        await connection.execute(NOTIFIED)
    transport.instead = lambda request: refusal(500, "backendError")
    with pytest.raises(CatflapError):
        await synced_calendars.sync_account(account, SUB, only_due=True)
    state = await account_sync(engine)
    assert state.due_at == (await primary_calendar(engine)).sync_due_at


async def test_a_failing_calendar_waits_without_the_others(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    add_band(google, clock)
    transport.instead = lambda request: refusal(403, "quotaExceeded") if "band" in request.url.path else None
    with pytest.raises(CatflapError, match="google_quota_exceeded"):
        await synced_calendars.sync_account(account, SUB)
    rows = await calendar_rows(engine)
    assert rows["band"].sync_due_at - clock.now() >= timedelta(minutes=30)
    assert rows[EMAIL].sync_due_at - clock.now() <= POLLED
    asked_for(transport)
    clock.advance(POLLED)
    await synced_calendars.sync_account(account, SUB, only_due=True)
    assert asked_for(transport) == ["calendars/mia@example.com/events"]


async def test_what_a_wrong_clock_put_far_ahead_is_due(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    ahead = clock.now() + timedelta(days=400)
    async with engine.begin() as connection:
        await connection.execute(update(calendars).values(sync_due_at=ahead))
        await connection.execute(update(calendar_syncs).values(list_due_at=ahead))
    google.insert("Coffee", clock.now() + timedelta(hours=2))
    await synced_calendars.sync_account(account, SUB, only_due=True)
    assert await titles(engine, account, clock) == ["Tea", "Coffee"]
    assert (await account_sync(engine)).due_at < clock.now() + POLLED


async def test_a_result_that_came_too_late_is_read_again(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    """An older answer was stored first, so the newer one does not fit any more."""
    async with engine.begin() as connection:
        await connection.execute(update(calendars).values(sync_due_at=clock.now()))
    older = transport.hold_next()
    first = asyncio.create_task(synced_calendars.sync_account(account, SUB))
    await older.arrived.wait()
    newer = await _second_request(transport, first, older)
    google.insert("Coffee", clock.now() + timedelta(hours=2))
    later = transport.hold_next()
    second = asyncio.create_task(synced_calendars.run_sync(AccountKey(account, SUB), only_due=True))
    await later.arrived.wait()
    newer.release.set()
    await first
    later.release.set()
    await second
    assert await titles(engine, account, clock) == ["Tea", "Coffee"]


async def _second_request(
    transport: FaultyTransport, sync: "asyncio.Task[None]", first: HeldAnswer
) -> HeldAnswer:
    """Let a sync go on from its request of the list to that of the events, and hold that answer."""
    held = transport.hold_next()
    first.release.set()
    await held.arrived.wait()
    assert not sync.done()
    return held
