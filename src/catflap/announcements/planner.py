"""From the copy of the calendars to the schedules of the devices: the whole way of the job `plan`."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planned import LONGEST_LIFE
from catflap.announcements.planning import HORIZON, plan, window
from catflap.announcements.preferences import load
from catflap.announcements.repository import lock_plan, replan
from catflap.calendars import initial_sync_done, list_occurrences
from catflap.clock import Clock
from catflap.store.tables import devices

_AGAIN = timedelta(hours=1)


class Planner:
    """Plans the coming 24 hours of one user at a time.

    Args:
        engine: The database.
        clock: What time it is.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def plan_user(self, user_id: int) -> None:
        """Bring the schedules of the user's devices up to date.

        Nothing is planned for somebody without a device. The first plan waits until every selected calendar
        has been read, else Mia would say that there is nothing today; later ones don't wait for a calendar
        that was added since, else a cancelled appointment would be announced all the same.
        """
        async with self._engine.begin() as connection:
            await lock_plan(connection, user_id)
            newest = select(func.max(devices.c.schedule_version)).where(devices.c.user_id == user_id)
            version = await connection.scalar(newest)
            if version is None or (version == 0 and not await initial_sync_done(connection, user_id)):
                return
            now = self._clock.now()
            preferences = await load(connection, user_id)
            # From a little earlier, since what a device has not said yet may be taken back.
            since, horizon = now - LONGEST_LIFE, LONGEST_LIFE + HORIZON
            start, end = window(preferences, since, horizon)
            found = await list_occurrences(connection, user_id, start, end, preferences.time_zone)
            planned = plan(found, preferences, since, horizon)
            await replan(connection, user_id, now, planned)


def due_again_at(user_id: int, now: datetime) -> datetime:
    """When the rolling 24 hours want the next plan: once an hour, each user at a minute of their own."""
    offset = timedelta(seconds=user_id * 2_654_435_761 % 3600)
    hour = now.replace(minute=0, second=0, microsecond=0) + offset
    return hour if hour > now else hour + _AGAIN
