"""Plan the announcements of a user's devices from the stored calendars (the task `plan`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.audience import UserDevice, devices_of_user
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
from catflap.store.queue import enqueue
from catflap.store.task_types import RENDER

# The planned 24 hours move on, so each user with a device is planned periodically.
PLAN_EVERY = timedelta(hours=1)
# How far beyond the planned hours is looked for the next announcement, before which the plan stays the same.
_LOOKAHEAD = timedelta(hours=6)


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
            devices = await devices_of_user(connection, user_id)
            if not await _may_plan(connection, user_id, devices, state):
                return
            made = await _plan(connection, user_id, devices, state, now)
            await replan(connection, user_id, now, made.by_device, self._voices)
            await record_plan(connection, user_id, state.inputs, made.seen, now, made.valid_until)


class _Plan(NamedTuple):
    """What is said on each device, the occurrences that it was made from, and how long it stays the same."""

    by_device: Mapping[int, Sequence[PlannedAnnouncement]]
    seen: str
    valid_until: datetime


async def _may_plan(
    connection: AsyncConnection, user_id: int, devices: Sequence[UserDevice], state: PlanState
) -> bool:
    if not devices:
        if state.planned_at is not None:
            # Without a device no plan will replace what this one has seen.
            await forget_plan(connection, user_id)
        return False
    # A shared device has a version of the plans of its other members.
    has_plan = state.planned_at is not None or any(one.schedule_version for one in devices if one.is_owner)
    return has_plan or await initial_sync_done(connection, user_id)


async def _plan(
    connection: AsyncConnection,
    user_id: int,
    devices: Sequence[UserDevice],
    state: PlanState,
    now: datetime,
) -> _Plan:
    preferences = await load_preferences(connection, user_id)
    # From a little earlier, because announcements that are late may have to be cancelled.
    since, end = now - MAX_LIFETIME, now + HORIZON
    horizon = MAX_LIFETIME + HORIZON + _LOOKAHEAD
    window = occurrence_window(preferences, since, horizon)
    facts = await load_facts(connection, user_id)
    found = await list_occurrences(connection, user_id, *window, preferences.time_zone)
    facts = await notice_changes(connection, user_id, state, found, preferences, facts, now)
    seen = dump_seen(seen_occurrences(found, preferences, state.generations, now))
    audiences = dict.fromkeys(one.audience for one in devices)
    plans = {one: plan(found, preferences, since, horizon, facts, one) for one in audiences}
    later = (one.play_at for planned in plans.values() for one in planned if one.play_at >= end)
    next_play_at = min(later, default=end + _LOOKAHEAD)
    due = {audience: [one for one in plans[audience] if one.play_at < end] for audience in plans}
    return _Plan({one.id: due[one.audience] for one in devices}, seen, next_play_at - HORIZON)
