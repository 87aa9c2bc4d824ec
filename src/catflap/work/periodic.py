"""What must happen because time passes: read calendars again, plan the next hours, forget what is over."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.planner import due_again_at
from catflap.background import Background
from catflap.clock import Clock
from catflap.store.queue import enqueue
from catflap.store.tables import announcements, calendar_syncs, devices, sounds
from catflap.store.task_types import PLAN, SYNC, AccountKey

_TICK = timedelta(seconds=15)
_WORDS_KEPT = timedelta(hours=48)


class PeriodicTasks(Background):
    """Ticks while the context is open; doubled by a second process, it does no harm."""

    def __init__(self, engine: AsyncEngine, clock: Clock, sync_every: timedelta) -> None:
        self._engine = engine
        self._clock = clock
        self._sync_every = sync_every
        self._ticked_at = clock.now()

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await self.attempt(self.tick)
            await self._clock.sleep_until(self._clock.now() + _TICK)

    async def tick(self) -> None:
        """Do what is due."""
        now = self._clock.now()
        async with self._engine.begin() as connection:
            await self._sync(connection, now)
            await self._plan(connection, now)
            await _forget(connection, now)
        self._ticked_at = now

    async def _sync(self, connection: AsyncConnection, now: datetime) -> None:
        """Ask once for each account and interval, also when Google or the person lets no sync succeed.

        While Google wants a pause the failed job waits in the queue; the interval begins after it.
        """
        t = calendar_syncs
        due = update(t).where(t.c.waits_from < now - self._sync_every).values(waits_from=now)
        rows = await connection.execute(due.returning(t.c.user_id, t.c.account_sub))
        await enqueue(connection, SYNC, *(AccountKey(row.user_id, row.account_sub) for row in rows))

    async def _plan(self, connection: AsyncConnection, now: datetime) -> None:
        """The rolling 24 hours want a plan each hour; each user has a minute of their own in it."""
        users = (await connection.execute(select(devices.c.user_id).distinct())).scalars()
        await enqueue(connection, PLAN, *(one for one in users if due_again_at(one, self._ticked_at) <= now))


async def _forget(connection: AsyncConnection, now: datetime) -> None:
    """What was never said is missed; words and sounds are kept for two days."""
    a = announcements
    late = update(a).where(a.c.state.in_(("planned", "ready")), a.c.expires_at < now)
    await connection.execute(late.values(state="missed", updated_at=now))
    await connection.execute(delete(a).where(a.c.expires_at < now - _WORDS_KEPT))
    unused = ~select(a.c.id).where(a.c.sound_key == sounds.c.key).exists()
    await connection.execute(delete(sounds).where(sounds.c.created_at < now - _WORDS_KEPT, unused))
