"""Plan the announcements of a user's devices from the stored calendars (the task `plan`)."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planned import MAX_LIFETIME
from catflap.announcements.planning import HORIZON, occurrence_window, plan
from catflap.announcements.preferences import load_preferences
from catflap.announcements.repository import lock_plan, replan
from catflap.calendars import initial_sync_done, list_occurrences
from catflap.clock import Clock
from catflap.store.tables import devices

# The planned 24 hours move on, so each user with a device is planned periodically.
PLAN_EVERY = timedelta(hours=1)


class Planner:
    """Planner of the coming 24 hours, one user at a time.

    Args:
        engine: The database.
        clock: The current time.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def plan_user(self, user_id: int) -> None:
        """Update the schedules of the user's devices.

        Nothing is planned for a user without a device. The first plan waits until every selected calendar
        has been synced, because the briefing would otherwise say that there is nothing today. Later plans
        don't wait for calendars that were added since, because a cancelled event would still be announced.
        """
        async with self._engine.begin() as connection:
            await lock_plan(connection, user_id)
            newest = select(func.max(devices.c.schedule_version)).where(devices.c.user_id == user_id)
            version = await connection.scalar(newest)
            if version is None or (version == 0 and not await initial_sync_done(connection, user_id)):
                return
            now = self._clock.now()
            preferences = await load_preferences(connection, user_id)
            # From a little earlier, because announcements that are late may have to be cancelled.
            since, horizon = now - MAX_LIFETIME, MAX_LIFETIME + HORIZON
            start, end = occurrence_window(preferences, since, horizon)
            found = await list_occurrences(connection, user_id, start, end, preferences.time_zone)
            planned = plan(found, preferences, since, horizon)
            await replan(connection, user_id, now, planned)
