"""Acknowledgements of devices, whichever channel they come by."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.missed import retract_late
from catflap.announcements.repository import acknowledge
from catflap.clock import Clock
from catflap.store.notify import announce_change
from catflap.store.task_types import ack_topic


class Acks:
    """Service that records what became of announcements.

    Args:
        engine: The database.
        clock: The current time.
        notifies: Whether to notify other processes of each, which costs a statement.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, *, notifies: bool) -> None:
        self._engine = engine
        self._clock = clock
        self._notifies = notifies

    async def record(
        self, device_id: int, announcement_id: str, state: str, at: datetime, detail: str | None = None
    ) -> None:
        """Record an acknowledgement; late or repeated ones have no effect.

        Raises:
            BadRequest: `not_found`, also for another device's announcement; `state_invalid`.
        """
        async with self._engine.begin() as connection:
            was_missed = await acknowledge(connection, device_id, announcement_id, state, at, detail)
            if self._notifies:
                await announce_change(connection, ack_topic(device_id, announcement_id))
        if was_missed:
            async with self._engine.begin() as connection:
                await retract_late(connection, device_id, announcement_id, self._clock.now())
