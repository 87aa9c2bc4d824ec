"""What is no longer needed is deleted, and nothing that is still in use."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.signin.sessions import ABSOLUTE, Sessions
from catflap.store.tables import announcements, sessions, sounds
from catflap.work.periodic import PeriodicTasks
from catflap.work.retention import Retention


@pytest.fixture
def retention(engine: AsyncEngine, clock: FixedClock) -> Retention:
    return Retention(engine, clock)


async def test_expired_announcements_become_missed_and_are_deleted_after_two_days(
    engine: AsyncEngine, clock: FixedClock, retention: Retention, user_id: int
) -> None:
    device, _ = await Devices(engine, clock).add_browser(user_id, "Browser")
    now = clock.now()
    async with engine.begin() as connection:
        await connection.execute(insert(announcements).values(_announcement(user_id, device.id, now)))
        await connection.execute(insert(sounds).values(_sound("k", now)))
    periodic = PeriodicTasks(engine, clock, most_syncs=1)
    clock.advance(timedelta(minutes=9))
    await periodic.tick()
    assert await _left(engine) == (["ready"], ["k"])
    clock.advance(timedelta(minutes=2))
    await periodic.tick()
    assert await _left(engine) == (["missed"], ["k"])
    async with engine.begin() as connection:
        await connection.execute(update(announcements).values(state="played"))
    await retention.tick()
    assert await _left(engine) == (["played"], ["k"])
    clock.advance(timedelta(hours=48))
    await retention.tick()
    assert await _left(engine) == ([], [])


def _announcement(user_id: int, device_id: int, now: datetime) -> dict[str, object]:
    return {
        "id": "a",
        "user_id": user_id,
        "device_id": device_id,
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


def _sound(key: str, used_at: datetime) -> dict[str, object]:
    return {"key": key, "wav": b"RIFF", "sha256": "", "bytes": 4, "seconds": 1.0, "used_at": used_at}


async def _left(engine: AsyncEngine) -> tuple[list[str], list[str]]:
    """Return the states of the announcements and the keys of the sounds."""
    async with engine.connect() as connection:
        states = (await connection.scalars(select(announcements.c.state))).all()
        return list(states), list((await connection.scalars(select(sounds.c.key))).all())


async def test_old_sounds_are_kept_while_an_announcement_uses_them(
    engine: AsyncEngine, clock: FixedClock, retention: Retention, user_id: int
) -> None:
    device, _ = await Devices(engine, clock).add_browser(user_id, "Browser")
    old = clock.now() - timedelta(hours=49)
    async with engine.begin() as connection:
        await connection.execute(insert(announcements).values(_announcement(user_id, device.id, clock.now())))
        await connection.execute(insert(sounds), [_sound("k", old), _sound("unused", old)])
    await retention.tick()
    assert (await _left(engine))[1] == ["k"]
    clock.advance(timedelta(hours=49))
    await retention.tick()
    assert await _left(engine) == ([], [])


async def test_expired_sessions_and_the_log_of_old_jobs_are_deleted(
    engine: AsyncEngine, clock: FixedClock, retention: Retention, user_id: int
) -> None:
    await Sessions(engine, clock).begin(user_id, "cookie")
    async with engine.begin() as connection:
        await connection.execute(text(_LOG))
    clock.advance(ABSOLUTE - timedelta(hours=1))
    await retention.tick()
    async with engine.connect() as connection:
        assert len((await connection.execute(select(sessions))).all()) == 1
        log = await connection.scalars(text("SELECT job_id FROM queue.pgqueuer_log"))
        assert log.all() == [2]
    clock.advance(timedelta(hours=1))
    await retention.tick()
    async with engine.connect() as connection:
        assert (await connection.execute(select(sessions))).all() == []


_LOG = """INSERT INTO queue.pgqueuer_log (created, job_id, status, priority, entrypoint)
VALUES (now() - interval '7 hours', 1, 'successful', 0, 'sync'), (now(), 2, 'successful', 0, 'sync')"""
