"""Record that devices stay online or went offline, where a broker tells it instead of their heartbeats."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.devices.devices import OFFLINE_AFTER
from catflap.store.tables import devices as t


async def keep_online(engine: AsyncEngine, device_ids: Collection[int], now: datetime) -> None:
    """Record that devices are still online, all in one statement."""
    if device_ids:
        async with engine.begin() as connection:
            # In the order of ids, as plans lock them.
            mine = select(t.c.id).where(t.c.id.in_(device_ids)).order_by(t.c.id)
            locked = mine.with_for_update(key_share=True).cte("locked")
            await connection.execute(update(t).where(t.c.id == locked.c.id).values(last_seen_at=now))


async def set_offline(engine: AsyncEngine, device_id: int, now: datetime) -> None:
    """Record that a device went offline, seen last as long ago as its broker may have taken to notice."""
    last = now - OFFLINE_AFTER
    async with engine.begin() as connection:
        seen = update(t).where(t.c.id == device_id, t.c.last_seen_at > last)
        await connection.execute(seen.values(last_seen_at=last))
