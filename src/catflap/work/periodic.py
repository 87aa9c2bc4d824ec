"""Periodic tasks: enqueue syncs and plans, expire announcements, delete old data."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.planner import next_plan_at
from catflap.background import Background
from catflap.clock import Clock
from catflap.store.queue import enqueue
from catflap.store.tables import announcements, calendar_syncs, devices, sounds
from catflap.store.task_types import PLAN, SYNC, AccountKey

_TICK = timedelta(seconds=15)
_RETENTION = timedelta(hours=48)


class PeriodicTasks(Background):
    """Periodic tasks that run while the context is open; safe to run in several processes."""

    def __init__(self, engine: AsyncEngine, clock: Clock, sync_every: timedelta) -> None:
        self._engine = engine
        self._clock = clock
        self._sync_every = sync_every
        self._last_tick = clock.now()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self.attempt(self.tick)
            await self._clock.sleep_until(self._clock.now() + _TICK)

    async def tick(self) -> None:
        """Run everything that is due once."""
        now = self._clock.now()
        async with self._engine.begin() as connection:
            await self._sync(connection, now)
            await self._plan(connection, now)
            await _expire(connection, now)
        self._last_tick = now

    async def _sync(self, connection: AsyncConnection, now: datetime) -> None:
        """Enqueue one sync per account and interval, whether or not syncs succeed.

        After a failure with a pause, the job waits in the queue; the interval begins after the pause.
        """
        t = calendar_syncs
        due = update(t).where(t.c.waits_from < now - self._sync_every).values(waits_from=now)
        rows = await connection.execute(due.returning(t.c.user_id, t.c.account_sub))
        await enqueue(connection, SYNC, *(AccountKey(row.user_id, row.account_sub) for row in rows))

    async def _plan(self, connection: AsyncConnection, now: datetime) -> None:
        """Enqueue one plan per user with a device and hour, because the planned 24 hours move on."""
        users = (await connection.execute(select(devices.c.user_id).distinct())).scalars()
        await enqueue(connection, PLAN, *(one for one in users if next_plan_at(one, self._last_tick) <= now))


async def _expire(connection: AsyncConnection, now: datetime) -> None:
    """Set expired announcements to `missed`; delete announcements and sounds after two days."""
    a = announcements
    late = update(a).where(a.c.state.in_(("planned", "ready")), a.c.expires_at < now)
    await connection.execute(late.values(state="missed", updated_at=now))
    await connection.execute(delete(a).where(a.c.expires_at < now - _RETENTION))
    unused = ~select(a.c.id).where(a.c.sound_key == sounds.c.key).exists()
    await connection.execute(delete(sounds).where(sounds.c.created_at < now - _RETENTION, unused))
