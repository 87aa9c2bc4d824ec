"""What must happen because time passes: read calendars again, plan the next hours, forget what is over."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Self

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.log import log
from catflap.store.jobs import enqueue
from catflap.store.tables import announcements, calendars, devices, sounds

_TICK = timedelta(seconds=15)
_PLAN_EVERY = timedelta(hours=1)
_WORDS_KEPT = timedelta(hours=48)


class Clockwork:
    """Ticks while the context is open; doubled by a second process, it does no harm."""

    def __init__(self, engine: AsyncEngine, clock: Clock, sync_every: timedelta) -> None:
        self._engine = engine
        self._clock = clock
        self._sync_every = sync_every
        self._planned_at = clock.now()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self.tick()
            except (OSError, DBAPIError) as error:
                log.warning("clockwork_lost_database", error=type(error).__name__)
            await self._clock.sleep_until(self._clock.now() + _TICK)

    async def tick(self) -> None:
        """Do what is due."""
        now = self._clock.now()
        async with self._engine.begin() as connection:
            await self._sync_due(connection)
            if now - self._planned_at >= _PLAN_EVERY:
                self._planned_at = now
                users = (await connection.execute(select(devices.c.user_id).distinct())).scalars().all()
                await enqueue(connection, "plan", *users)
            a = announcements
            late = update(a).where(a.c.state.in_(("planned", "ready")), a.c.expires_at < now)
            await connection.execute(late.values(state="missed", updated_at=now))
            await connection.execute(delete(a).where(a.c.expires_at < now - _WORDS_KEPT))
            await connection.execute(
                delete(sounds).where(
                    sounds.c.created_at < now - _WORDS_KEPT,
                    ~select(a.c.id).where(a.c.sound_key == sounds.c.key).exists(),
                )
            )

    async def _sync_due(self, connection: AsyncConnection) -> None:
        c = calendars
        due = (
            select(c.c.user_id, c.c.account_sub)
            .where(c.c.is_selected)
            .group_by(c.c.user_id, c.c.account_sub)
            .having(func.min(c.c.synced_at) < self._clock.now() - self._sync_every)
        )
        rows = (await connection.execute(due)).all()
        await enqueue(connection, "sync", *(f"{row.user_id} {row.account_sub}" for row in rows))
