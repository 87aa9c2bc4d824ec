"""Acknowledgements of devices, whichever channel they come by."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.acknowledging import acknowledge
from catflap.announcements.lateness import count_lateness
from catflap.announcements.missed import retract_late
from catflap.clock import Clock
from catflap.store.counters import Count, count_nothing
from catflap.store.notify import announce_change
from catflap.store.task_types import ack_topic


class Acks:
    """Service that records what became of announcements.

    Args:
        engine: The database.
        clock: The current time.
        notifies: Whether to notify other processes of each, which costs a statement.
        count: Counts announcements by how they ended, and how late they were played.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Clock, *, notifies: bool, count: Count = count_nothing
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._notifies = notifies
        self._count = count

    async def record(
        self, device_id: int, announcement_id: str, state: str, at: datetime, detail: str | None = None
    ) -> None:
        """Record an acknowledgement; late or repeated ones have no effect.

        Raises:
            BadRequest: `not_found`, also for another device's announcement; `state_invalid`.
        """
        async with self._engine.begin() as connection:
            done = await acknowledge(connection, device_id, announcement_id, state, at, detail)
            if self._notifies:
                await announce_change(connection, ack_topic(device_id, announcement_id))
        if done.is_news:
            self._count("announcements", state)
        if done.is_news and state == "played":
            count_lateness(self._count, done.late)
        if state == "played" and done.was == "missed":
            async with self._engine.begin() as connection:
                await retract_late(connection, device_id, announcement_id, self._clock.now())
