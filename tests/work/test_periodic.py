"""Periodic tasks: what is enqueued, expired and deleted, and how often."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.store.batches import BATCH
from catflap.store.calendar_tables import calendar_syncs
from catflap.store.tables import accounts, users
from catflap.work.periodic import PeriodicTasks

MOST = 7000
EVERY = timedelta(minutes=15)


@pytest.fixture
def periodic(engine: AsyncEngine, clock: FixedClock) -> PeriodicTasks:
    return PeriodicTasks(engine, clock, MOST)


async def jobs(engine: AsyncEngine) -> list[tuple[str, str]]:
    """Return the tasks that were enqueued since the last call."""
    async with engine.begin() as connection:
        rows = await connection.execute(
            text("DELETE FROM queue.pgqueuer RETURNING entrypoint, convert_from(payload, 'UTF8')")
        )
        return sorted((row[0], row[1]) for row in rows)


async def add_account(engine: AsyncEngine, user_id: int, now: datetime) -> None:
    """Add an account whose calendars are synced."""
    account = {"sub": "s", "user_id": user_id, "email": "", "email_verified": True, "is_primary": True}
    asked = {"user_id": user_id, "account_sub": "s", "due_at": now + EVERY, "list_due_at": now, "failures": 0}
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(**account, created_at=now, updated_at=now))
        await connection.execute(insert(calendar_syncs).values(asked))


async def test_a_due_sync_is_enqueued_once_and_again_when_its_job_is_lost(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    await add_account(engine, user_id, clock.now())
    clock.advance(EVERY - timedelta(seconds=1))
    await periodic.tick()
    assert await jobs(engine) == []
    clock.advance(timedelta(seconds=1))
    for _ in range(3):
        await periodic.tick()
    assert await jobs(engine) == [("sync_due", f"{user_id} s")]
    clock.advance(EVERY + timedelta(seconds=1))
    await periodic.tick()
    assert await jobs(engine) == [("sync_due", f"{user_id} s")]


async def test_a_plan_is_enqueued_once_an_hour_for_each_user_with_a_device(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    await Devices(engine, clock).add_browser(user_id, "Browser")
    await jobs(engine)
    for _ in range(3 * 60):
        clock.advance(timedelta(minutes=1))
        await periodic.tick()
    assert await jobs(engine) == [("plan", str(user_id))] * 3


async def test_what_a_wrong_clock_put_far_ahead_is_due_within_the_hour_again(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    await Devices(engine, clock).add_browser(user_id, "Browser")
    await add_account(engine, user_id, clock.now())
    ahead = clock.now() + timedelta(days=365)
    async with engine.begin() as connection:
        await connection.execute(update(users).values(plan_due_at=ahead))
        await connection.execute(update(calendar_syncs).values(due_at=ahead))
    await jobs(engine)
    clock.advance(timedelta(hours=1))
    await periodic.tick()
    clock.advance(EVERY + timedelta(seconds=1))
    await periodic.tick()
    assert await jobs(engine) == [("plan", str(user_id)), ("sync_due", f"{user_id} s")]


async def test_a_long_pause_that_google_asked_for_is_kept(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    await add_account(engine, user_id, clock.now() + timedelta(days=1))
    for _ in range(24):
        clock.advance(timedelta(hours=1))
        await periodic.tick()
    assert await jobs(engine) == []


async def test_two_processes_share_what_is_due(engine: AsyncEngine, clock: FixedClock) -> None:
    """More than a batch is due, so that each of them finds rows that the other one has locked."""
    users_due = 3 * BATCH // 2
    async with engine.begin() as connection:
        for statement in _DUE:
            await connection.execute(text(statement), {"now": clock.now(), "users": users_due})
    clock.advance(EVERY + timedelta(seconds=1))
    await asyncio.gather(*(PeriodicTasks(engine, clock, MOST).tick() for _ in range(2)))
    expected = [(name, key) for name in ("plan", "sync_due") for key in range(1, users_due + 1)]
    assert sorted((name, int(key.split()[0])) for name, key in await jobs(engine)) == expected


async def test_no_more_syncs_are_enqueued_than_the_quota_serves_in_a_minute(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    most, users_due = 40, 100
    async with engine.begin() as connection:
        for statement in _DUE:
            await connection.execute(text(statement), {"now": clock.now(), "users": users_due})
        late = "UPDATE app.calendar_syncs SET due_at = due_at - user_id * interval '1 second'"
        await connection.execute(text(late))
    clock.advance(EVERY)
    periodic = PeriodicTasks(engine, clock, most)
    for _ in range(3):
        await periodic.tick()
    syncs = [int(key.split()[0]) for name, key in await jobs(engine) if name == "sync_due"]
    assert sorted(syncs) == list(range(users_due - most + 1, users_due + 1)), "the longest due first"
    await periodic.tick()
    assert sum(name == "sync_due" for name, _ in await jobs(engine)) == most


async def test_the_log_says_now_and_then_how_late_syncs_are(engine: AsyncEngine, clock: FixedClock) -> None:
    async with engine.begin() as connection:
        for statement in _DUE:
            await connection.execute(text(statement), {"now": clock.now(), "users": 5})
    periodic = PeriodicTasks(engine, clock, 2)
    clock.advance(EVERY + timedelta(seconds=90))
    with capture_logs() as logged:
        for _ in range(20):
            await periodic.tick()
            clock.advance(timedelta(seconds=15))
    behind = [one for one in logged if one["event"] == "calendar_sync_behind"]
    assert [(one["accounts_due"], one["seconds_behind"]) for one in behind] == [(3, 90)]


# Users with a device and an account, whose plans and syncs are due a quarter of an hour after `now`.
_DUE = (
    "INSERT INTO app.users (created_at, plan_due_at) SELECT CAST(:now AS timestamptz), :now"
    " FROM generate_series(1, CAST(:users AS integer))",
    """INSERT INTO app.devices (user_id, name, model, token_hash, volume, schedule_version, created_at)
        SELECT id, '', '', sha256(id::text::bytea), 60, 0, :now FROM app.users""",
    """INSERT INTO app.accounts (user_id, sub, email, email_verified, is_primary, created_at, updated_at)
        SELECT id, 's', '', true, true, CAST(:now AS timestamptz), :now FROM app.users""",
    """INSERT INTO app.calendar_syncs (user_id, account_sub, due_at, list_due_at, failures)
        SELECT id, 's', CAST(:now AS timestamptz) + interval '15 minutes', :now, 0 FROM app.users""",
)


async def test_the_plans_of_a_user_end_with_the_last_device(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    devices = Devices(engine, clock)
    device, _ = await devices.add_browser(user_id, "Browser")
    await devices.remove(user_id, device.id)
    await jobs(engine)
    clock.advance(timedelta(hours=1))
    await periodic.tick()
    assert await jobs(engine) == []
    await devices.add_browser(user_id, "Browser")
    clock.advance(timedelta(hours=1))
    await periodic.tick()
    assert await jobs(engine) == [("plan", str(user_id))] * 2


async def test_plans_stay_at_their_minute_after_a_pause_of_all_processes(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    await Devices(engine, clock).add_browser(user_id, "Browser")
    first = clock.now() + timedelta(hours=1)
    clock.advance(timedelta(hours=5, minutes=20))
    await periodic.tick()
    async with engine.connect() as connection:
        assert await connection.scalar(select(users.c.plan_due_at)) == first + timedelta(hours=5)
