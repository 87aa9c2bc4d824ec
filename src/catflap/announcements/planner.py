"""Plan the announcements of a user's devices from the stored calendars (the task `plan`)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.change_store import dump_seen, notice_changes
from catflap.announcements.facts import load_facts
from catflap.announcements.noticing import seen_occurrences
from catflap.announcements.plan_inputs import PlanState, forget_plan, read_plan_state, record_plan
from catflap.announcements.planned import MAX_LIFETIME, PlannedAnnouncement
from catflap.announcements.planning import HORIZON, occurrence_window, plan
from catflap.announcements.preference_store import load_preferences
from catflap.announcements.repository import lock_plan, replan
from catflap.calendars import initial_sync_done, list_occurrences
from catflap.clock import Clock
from catflap.speech import Voices, installed_voices
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.single_statements import fetch_within
from catflap.store.task_types import RENDER

# The planned 24 hours move on, so each user with a device is planned periodically.
PLAN_EVERY = timedelta(hours=1)
# How far beyond the planned hours is looked for the next announcement, before which the plan stays the same.
_LOOKAHEAD = timedelta(hours=6)
_NEWEST = PreparedQuery(
    text("SELECT max(schedule_version) AS version FROM app.devices WHERE user_id = :user_id")
)


class Planner:
    """Planner of the coming 24 hours, one user at a time.

    Args:
        engine: The database.
        clock: The current time.
        voices: The engines that will render the sounds; by default those installed here.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, voices: Voices | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._voices = voices or installed_voices()

    async def plan_user(self, user_id: int) -> None:
        """Update the schedules of the user's devices.

        Nothing is planned for a user without a device. The first plan waits until every selected calendar
        has been synced, because the briefing would otherwise say that there is nothing today. Later plans
        don't wait for calendars that were added since, because a cancelled event would still be announced.
        Where planning would change nothing, only sounds that should be there by now are enqueued.
        """
        async with self._engine.begin() as connection:
            await lock_plan(connection, user_id)
            now = self._clock.now()
            state = await read_plan_state(connection, user_id, now, self._voices)
            if state.is_current:
                await enqueue(connection, RENDER, *state.overdue_sounds)
                return
            if not await _may_plan(connection, user_id, state):
                return
            made = await _plan(connection, user_id, state, now)
            await replan(connection, user_id, now, made.announcements)
            await record_plan(connection, user_id, state.inputs, made.seen, now, made.valid_until)


class _Plan(NamedTuple):
    """A plan, the occurrences that it saw, and until when it stays the same if only the time changes."""

    announcements: Sequence[PlannedAnnouncement]
    seen: str
    valid_until: datetime


async def _may_plan(connection: AsyncConnection, user_id: int, state: PlanState) -> bool:
    ((version,),) = (row.values() for row in await fetch_within(connection, _NEWEST, user_id=user_id))
    if version is None and state.planned_at is not None:
        # Without a device no plan will replace what this one has seen.
        await forget_plan(connection, user_id)
    return version is not None and (version > 0 or await initial_sync_done(connection, user_id))


async def _plan(connection: AsyncConnection, user_id: int, state: PlanState, now: datetime) -> _Plan:
    preferences = await load_preferences(connection, user_id)
    # From a little earlier, because announcements that are late may have to be cancelled.
    since, end = now - MAX_LIFETIME, now + HORIZON
    horizon = MAX_LIFETIME + HORIZON + _LOOKAHEAD
    window = occurrence_window(preferences, since, horizon)
    facts = await load_facts(connection, user_id)
    found = await list_occurrences(connection, user_id, *window, preferences.time_zone)
    facts = await notice_changes(connection, user_id, state, found, preferences, facts, now)
    seen = dump_seen(seen_occurrences(found, preferences, state.generations, now))
    planned = plan(found, preferences, since, horizon, facts)
    next_play_at = next((one.play_at for one in planned if one.play_at >= end), end + _LOOKAHEAD)
    return _Plan([one for one in planned if one.play_at < end], seen, next_play_at - HORIZON)
