"""Which events any webhook subscribes to, so that an event without a subscriber costs no query."""

import asyncio

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.store.vault_tables import webhooks


class Subscriptions:
    """The events of all webhooks, read once and again after a webhook was created or removed.

    Args:
        engine: connects with the vault's role.
        changed: set when any process changed a webhook: `NotificationListener.watch(WEBHOOKS_TOPIC)`.
    """

    def __init__(self, engine: AsyncEngine, changed: asyncio.Event) -> None:
        self._engine = engine
        self._changed = changed
        self._changed.set()
        self._events: frozenset[str] = frozenset()
        self._reading = asyncio.Lock()

    async def include(self, event: str) -> bool:
        """Return whether any webhook subscribes to `event`."""
        # The lock, because a second caller must not use what the first one is about to replace.
        async with self._reading:
            if self._changed.is_set():
                self._changed.clear()
                try:
                    self._events = await self._read()
                except BaseException:
                    self._changed.set()
                    raise
        return event in self._events

    async def _read(self) -> frozenset[str]:
        async with self._engine.connect() as connection:
            found = await connection.execute(select(func.unnest(webhooks.c.events)).distinct())
            return frozenset(found.scalars())
