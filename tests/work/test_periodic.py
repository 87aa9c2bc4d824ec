"""Periodic tasks: what is enqueued, expired and deleted, and how often."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.store.tables import accounts, announcements, calendar_syncs, sounds
from catflap.work.periodic import PeriodicTasks

EVERY = timedelta(minutes=15)


@pytest.fixture
def periodic(engine: AsyncEngine, clock: FixedClock) -> PeriodicTasks:
    return PeriodicTasks(engine, clock, EVERY)


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
    asked = {"user_id": user_id, "account_sub": "s", "waits_from": now, "failures": 0}
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(**account, created_at=now, updated_at=now))
        await connection.execute(insert(calendar_syncs).values(asked))


async def test_a_sync_is_enqueued_once_an_interval_even_if_no_sync_succeeds(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    await add_account(engine, user_id, clock.now())
    clock.advance(EVERY)
    await periodic.tick()
    assert await jobs(engine) == []
    clock.advance(timedelta(seconds=1))
    for _ in range(3):
        await periodic.tick()
    assert await jobs(engine) == [("sync", f"{user_id} s")]
    clock.advance(EVERY + timedelta(seconds=1))
    await periodic.tick()
    assert await jobs(engine) == [("sync", f"{user_id} s")]


async def test_a_plan_is_enqueued_once_an_hour_for_each_user_with_a_device(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    await Devices(engine, clock).add_browser(user_id, "Browser")
    await jobs(engine)
    for _ in range(3 * 60):
        clock.advance(timedelta(minutes=1))
        await periodic.tick()
    assert await jobs(engine) == [("plan", str(user_id))] * 3


async def test_expired_announcements_become_missed_and_are_deleted_after_two_days(
    engine: AsyncEngine, clock: FixedClock, periodic: PeriodicTasks, user_id: int
) -> None:
    device, _ = await Devices(engine, clock).add_browser(user_id, "Browser")
    now = clock.now()
    row = {
        "id": "a",
        "user_id": user_id,
        "device_id": device.id,
        "key": "a",
        "kind": "before",
        "state": "ready",
        "play_at": now,
        "expires_at": now + timedelta(minutes=10),
        "titles": ["Surprise party"],
        "event_start": "",
        "dialect": "plain",
        "display": "Surprise party",
        "spoken": "Surprise party",
        "sound_key": "k",
        "updated_at": now,
    }
    sound = {"key": "k", "wav": b"RIFF", "sha256": "", "bytes": 4, "seconds": 1.0, "created_at": now}
    async with engine.begin() as connection:
        await connection.execute(insert(announcements).values(row))
        await connection.execute(insert(sounds).values(sound))

    async def left() -> tuple[list[str], list[str]]:
        async with engine.connect() as connection:
            states = (await connection.scalars(select(announcements.c.state))).all()
            return list(states), list((await connection.scalars(select(sounds.c.key))).all())

    clock.advance(timedelta(minutes=9))
    await periodic.tick()
    assert await left() == (["ready"], ["k"])
    clock.advance(timedelta(minutes=2))
    await periodic.tick()
    assert await left() == (["missed"], ["k"])
    async with engine.begin() as connection:
        await connection.execute(update(announcements).values(state="played"))
    clock.advance(timedelta(hours=48))
    await periodic.tick()
    assert await left() == ([], [])
