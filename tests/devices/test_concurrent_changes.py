"""All that changes the schedules of a user's devices at the same time, in every order of locks."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.at_once import announce_text, repeat_later, repeat_now
from catflap.announcements.reactions import acknowledge_occurrences, find_announcement, snooze
from catflap.announcements.repository import lock_plan, mark_ready
from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.devices.mute import ALWAYS, mute_all, unmute_all
from catflap.speech import VoiceChoice, installed_voices, say_text
from catflap.store.tables import devices
from tests.support.planned_announcements import replan_everywhere
from tests.support.spoken import add_announcement

_Change = Callable[[AsyncConnection], Awaitable[object]]


async def test_changes_at_the_same_time_wait_for_each_other_and_none_is_lost(
    engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    now, later = clock.now(), clock.now() + timedelta(minutes=20)
    made = [(await Devices(engine, clock).add_browser(user_id, "Browser"))[0].id for _ in range(3)]
    said = [await add_announcement(engine, user_id, one, now, kind="briefing") for one in made]
    text = say_text("kitten", "Dinner is ready!")
    voice = VoiceChoice("kitten")
    sound_key = installed_voices().content_key(text.spoken, voice)

    async def plan(connection: AsyncConnection) -> None:
        await lock_plan(connection, user_id)
        await replan_everywhere(connection, user_id, now, [])

    def about(one: str, act: Callable[..., Awaitable[object]], *more: object) -> _Change:
        async def change(connection: AsyncConnection) -> None:
            await act(connection, await find_announcement(connection, one, user_id=user_id), *more)

        return change

    async def run(change: _Change) -> None:
        async with engine.begin() as connection:
            await change(connection)

    changes: list[_Change] = [plan] * 5
    for one in said:
        changes += [
            about(one, repeat_now, now),
            about(one, repeat_later, later, now),
            about(one, snooze, 5, now),
            about(one, acknowledge_occurrences, now),
            lambda connection: announce_text(connection, user_id, text, voice, installed_voices(), now),
            lambda connection: mark_ready(connection, sound_key, now),
            lambda connection: mute_all(connection, user_id, ALWAYS, now),
            lambda connection: unmute_all(connection, user_id, now),
        ]
    random.Random(17).shuffle(changes)
    await asyncio.gather(*map(run, changes))
    async with engine.connect() as connection:
        versions = (await connection.scalars(select(devices.c.schedule_version))).all()
    # At least of the texts, and of what was said again on it.
    assert min(versions) >= 3 + 1
