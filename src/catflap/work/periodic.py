"""Periodic tasks: enqueue syncs and plans, expire announcements."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import case, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.planner import PLAN_EVERY
from catflap.background import Background
from catflap.clock import Clock
from catflap.log import log
from catflap.store.batches import in_batches, next_batch
from catflap.store.calendar_tables import calendar_syncs
from catflap.store.counters import Count, count_nothing
from catflap.store.device_tables import device_members
from catflap.store.queue import enqueue, waiting
from catflap.store.seldom import SeldomTask
from catflap.store.tables import announcements, devices, seldom_tasks, users
from catflap.store.task_types import PLAN, SYNC_DUE, AccountKey

_TICK = timedelta(seconds=15)
_FAR_AHEAD_EVERY = timedelta(hours=1)
_JOB_LOST = timedelta(minutes=10)
_BEHIND = timedelta(minutes=1)
_LOG_BEHIND_EVERY = timedelta(minutes=5)
# Google's `Retry-After` counts up to a day.
_LONGEST_PAUSE = timedelta(days=2)


class PeriodicTasks(Background):
    """Periodic tasks that run while the context is open; several processes share what is due.

    Args:
        engine: The database.
        clock: The current time.
        most_syncs: How many syncs may wait in the queue: what Google's quota serves in a minute.
        count: Counts announcements that nobody played.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Clock, most_syncs: int, count: Count = count_nothing
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._most_syncs = most_syncs
        self._count = count
        self._look_behind_at: datetime | None = None
        self._far_ahead = SeldomTask(engine, seldom_tasks, "far_ahead", _FAR_AHEAD_EVERY)

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self.attempt(self.tick)
            await self._clock.sleep_until(self._clock.now() + _TICK)

    async def tick(self) -> None:
        """Run everything that is due once."""
        now = self._clock.now()
        sync = partial(_sync, self._most_syncs)
        await in_batches(self._engine, *(partial(batch, now) for batch in (sync, _plan, self._expire)))
        await self._log_behind(now)
        if await self._far_ahead.is_due(now):
            await in_batches(
                self._engine, partial(_bring_forward_plans, now), partial(_bring_forward_syncs, now)
            )

    async def _expire(self, now: datetime, connection: AsyncConnection) -> int:
        states = await _expire(now, connection)
        for state, times in Counter(states).items():
            self._count("announcements", state, times)
        return len(states)

    async def _log_behind(self, now: datetime) -> None:
        """Log, now and then, that accounts wait for longer than the next tick."""
        if self._look_behind_at is not None and now < self._look_behind_at:
            return
        self._look_behind_at = now + _LOG_BEHIND_EVERY
        t = calendar_syncs.c
        query = select(func.count(), func.min(t.due_at)).where(t.due_at <= now)
        async with self._engine.connect() as connection:
            accounts, oldest = (await connection.execute(query)).one()
        if accounts and now - oldest > _BEHIND:
            late = int((now - oldest).total_seconds())
            log.warning("calendar_sync_behind", accounts_due=accounts, seconds_behind=late)


async def _sync(most: int, now: datetime, connection: AsyncConnection) -> int:
    """Enqueue a sync of each account of which something is due, the longest due first.

    The rest waits while there are `most` jobs in the queue. The job notes when it is due next; if it is lost,
    it is enqueued again after a while.
    """
    t = calendar_syncs
    room = func.greatest(0, most - waiting(SYNC_DUE, most))
    due = next_batch(t, t.c.due_at <= now, oldest=t.c.due_at, limit=room)
    later = update(t).where(due).values(due_at=now + _JOB_LOST).returning(t.c.user_id, t.c.account_sub)
    keys = [AccountKey(*row) for row in await connection.execute(later)]
    await enqueue(connection, SYNC_DUE, *keys)
    return len(keys)


async def _plan(now: datetime, connection: AsyncConnection) -> int:
    """Enqueue one plan per user with a device and hour, because the planned 24 hours move on."""
    t = users
    # Whole intervals, so that plans stay spread over the hour after a pause of all processes.
    missed = func.floor(func.extract("epoch", now - t.c.plan_due_at) / PLAN_EVERY.total_seconds())
    later = t.c.plan_due_at + (missed + 1) * PLAN_EVERY
    has_device = exists().where(device_members.c.user_id == t.c.id)
    due = update(t).where(next_batch(t, t.c.plan_due_at <= now, oldest=t.c.plan_due_at))
    changed = due.values(plan_due_at=case((has_device, later))).returning(t.c.id, t.c.plan_due_at)
    rows = (await connection.execute(changed)).all()
    await enqueue(connection, PLAN, *(row.id for row in rows if row.plan_due_at is not None))
    return len(rows)


async def _bring_forward_plans(now: datetime, connection: AsyncConnection) -> int:
    """Make plans due that a clock which was wrong has put off for longer than the interval."""
    t = users
    ahead = next_batch(t, t.c.plan_due_at > now + 2 * PLAN_EVERY, oldest=t.c.plan_due_at)
    return (await connection.execute(update(t).where(ahead).values(plan_due_at=now))).rowcount


async def _bring_forward_syncs(now: datetime, connection: AsyncConnection) -> int:
    """As `_bring_forward_plans`, for syncs, whose pauses may be long."""
    t = calendar_syncs
    ahead = next_batch(t, t.c.due_at > now + _LONGEST_PAUSE, oldest=t.c.due_at)
    return (await connection.execute(update(t).where(ahead).values(due_at=now))).rowcount


async def _expire(now: datetime, connection: AsyncConnection) -> Sequence[str]:
    """Set expired announcements that nobody played to `missed`, or `held` if all devices were muted then.

    A mute of all devices of the owner of the device counts, too. Returns the states that were set.
    """
    t, u = announcements, users.c
    owner = select(devices.c.user_id).where(devices.c.id == t.c.device_id).correlate(t).scalar_subquery()
    lasted = u.muted_at <= t.c.play_at, t.c.play_at < u.muted_until
    muted = exists().where(u.id.in_((t.c.user_id, owner)), *lasted)
    late = next_batch(
        t, t.c.state.in_(("planned", "ready", "sent")), t.c.expires_at < now, oldest=t.c.expires_at
    )
    values = {
        "state": case((muted, "held"), else_="missed"),
        "detail": case((muted, "muted"), else_=t.c.detail),
        "updated_at": now,
    }
    return (await connection.scalars(update(t).where(late).values(values).returning(t.c.state))).all()
