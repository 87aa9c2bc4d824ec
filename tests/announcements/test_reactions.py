"""Acknowledge, snooze and repeat: what is stored, planned and played once more."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, delete, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.at_once import LIFETIME, announce_text, repeat_now
from catflap.announcements.facts import Snooze, load_facts
from catflap.announcements.reactions import (
    acknowledge_occurrences,
    find_announcement,
    last_announcement,
    snooze,
)
from catflap.announcements.rendering import Renderer
from catflap.announcements.repository import lock_plan
from catflap.clock import FixedClock
from catflap.errors import BadRequest
from catflap.speech import Speech, VoiceChoice, installed_engines, installed_voices, say_text
from catflap.store.planning_tables import reactions
from catflap.store.tables import announcements
from tests.announcements.conftest import add_device
from tests.support.planned_announcements import replan_everywhere
from tests.support.spoken import add_announcement, made_at_once, reactions_of

MINUTE = timedelta(minutes=1)
_Action = Callable[[AsyncConnection, Row[Any]], Awaitable[Any]]


class Listener:
    """A user with a device that has just announced something."""

    def __init__(self, engine: AsyncEngine, user_id: int, device_id: int, clock: FixedClock) -> None:
        self.engine = engine
        self.user_id = user_id
        self.device_id = device_id
        self.clock = clock

    async def hear(self, *, ago: timedelta = MINUTE, **more: Any) -> str:
        at = self.clock.now() - ago
        return await add_announcement(self.engine, self.user_id, self.device_id, at, **more)

    async def react(self, announcement: str, action: _Action) -> Any:
        async with self.engine.begin() as connection:
            found = await find_announcement(connection, announcement, user_id=self.user_id)
            return await action(connection, found)

    async def acknowledge(self, announcement: str) -> None:
        now = self.clock.now()
        await self.react(announcement, lambda *of: acknowledge_occurrences(*of, now))

    async def snooze(self, announcement: str, minutes: int) -> datetime:
        found: datetime = await self.react(announcement, lambda *of: snooze(*of, minutes, self.clock.now()))
        return found

    async def repeat(self, announcement: str) -> str:
        return str(await self.react(announcement, lambda *of: repeat_now(*of, self.clock.now())))

    async def reactions(self) -> list[tuple[str, str, datetime | None]]:
        return await reactions_of(self.engine, self.user_id)

    async def repeats(self) -> list[Row[Any]]:
        return await made_at_once(self.engine, self.device_id)

    async def plans(self) -> int:
        async with self.engine.connect() as connection:
            query = "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'plan'"
            return int(await connection.scalar(text(query)) or 0)


@pytest.fixture
def mia(engine: AsyncEngine, user_id: int, device_id: int, clock: FixedClock) -> Listener:
    return Listener(engine, user_id, device_id, clock)


async def test_acknowledging_twice_is_once_and_plans_once(mia: Listener) -> None:
    lunch = await mia.hear(occurrences=["lunch", "talk"])
    for _ in range(2):
        await mia.acknowledge(lunch)
    assert await mia.reactions() == [("acknowledged", "lunch", None), ("acknowledged", "talk", None)]
    assert await mia.plans() == 1
    async with mia.engine.connect() as connection:
        assert (await load_facts(connection, mia.user_id)).acknowledged == {"lunch", "talk"}


async def test_the_last_snooze_counts_and_is_not_repeated_until_then(mia: Listener) -> None:
    lunch = await mia.hear()
    for minutes in (5, 5, 10):
        play_at = await mia.snooze(lunch, minutes)
    assert play_at == mia.clock.now() + 10 * MINUTE
    assert await mia.reactions() == [("acknowledged", "lunch", None), ("snoozed", "lunch", play_at)]
    async with mia.engine.connect() as connection:
        assert (await load_facts(connection, mia.user_id)).snoozes == (Snooze("lunch", play_at),)
    assert await mia.repeats() == []


async def test_what_was_told_late_is_snoozed_with_other_words(mia: Listener) -> None:
    late = await mia.hear(kind="late")
    play_at = await mia.snooze(late, 5)
    assert ("snoozed", "lunch", play_at) in await mia.reactions()
    assert await mia.repeats() == []


async def test_a_snooze_at_the_same_time_from_two_sides_is_one(mia: Listener) -> None:
    lunch = await mia.hear()
    await asyncio.gather(*(mia.snooze(lunch, minutes) for minutes in (3, 4, 5)))
    assert [action for action, *_ in await mia.reactions()] == ["acknowledged", "snoozed"]


async def test_a_snooze_that_was_played_does_not_prevent_another(mia: Listener) -> None:
    lunch = await mia.hear()
    first = await mia.snooze(lunch, 5)
    mia.clock.advance(6 * MINUTE)
    second = await mia.snooze(lunch, 5)
    assert [at for action, _, at in await mia.reactions() if action == "snoozed"] == [first, second]


async def test_acknowledging_ends_a_snooze(mia: Listener) -> None:
    lunch, briefing = await mia.hear(), await mia.hear(kind="briefing", id="b", occurrences=[], sound_key="b")
    for one in (lunch, briefing):
        await mia.snooze(one, 5)
        await mia.acknowledge(one)
    assert await mia.reactions() == [("acknowledged", "lunch", None)]
    assert [row.state for row in await mia.repeats()] == ["cancelled"]


@pytest.mark.parametrize(
    "kind",
    [
        {"kind": "briefing", "occurrences": []},
        {"kind": "evening", "occurrences": []},
        {"kind": "all_day", "event_start": "2026-11-24"},
        {"kind": "before", "event_start": "2026-11-24"},
        {"kind": "moved"},
        {"kind": "say", "occurrences": [], "event_start": ""},
    ],
)
async def test_what_no_plan_can_word_anew_is_said_with_the_same_text(
    mia: Listener, kind: dict[str, Any]
) -> None:
    said = await mia.hear(**kind)
    await mia.snooze(said, 30)
    play_at = await mia.snooze(said, 20)
    (later,) = [row for row in await mia.repeats() if row.kind == "repeat"]
    assert (later.state, later.play_at, later.expires_at) == ("planned", play_at, play_at + LIFETIME)
    assert (later.display, later.sound_key) == ("Lunch in 10 minutes!", "sound of lunch")


async def test_one_who_snoozes_and_acknowledges_all_the_time_leaves_one_row(mia: Listener) -> None:
    said = await mia.hear(kind="say", occurrences=[], event_start="")
    for minutes in range(1, 10):
        await mia.snooze(said, minutes)
        await mia.acknowledge(said)
        play_at = await mia.snooze(said, minutes)
    repeats = [(row.state, row.play_at) for row in await mia.repeats() if row.kind == "repeat"]
    assert repeats == [("planned", play_at)]
    mia.clock.advance(10 * MINUTE)
    again = await mia.snooze(said, 5)
    assert [row.play_at for row in await mia.repeats() if row.kind == "repeat"] == [play_at, again]


async def test_a_repeat_of_a_reminder_is_snoozed_as_the_reminder_is(mia: Listener) -> None:
    again = await mia.repeat(await mia.hear())
    play_at = await mia.snooze(again, 5)
    assert await mia.reactions() == [("acknowledged", "lunch", None), ("snoozed", "lunch", play_at)]
    assert len(await mia.repeats()) == 1


async def test_a_repeat_is_one_as_long_as_it_waits(mia: Listener) -> None:
    lunch = await mia.hear()
    made = await asyncio.gather(*(mia.repeat(lunch) for _ in range(3)))
    (row,) = await mia.repeats()
    assert set(made) == {row.id}
    assert (row.kind, row.state, row.play_at) == ("repeat", "planned", mia.clock.now())
    assert row.occurrences == ["lunch"]
    mia.clock.advance(LIFETIME)
    assert await mia.repeat(lunch) != row.id


async def test_a_plan_leaves_alone_what_was_made_at_once(mia: Listener) -> None:
    await mia.repeat(await mia.hear())
    utterance = say_text("kitten", "Dinner is ready!")
    async with mia.engine.begin() as connection:
        values = (mia.user_id, utterance, VoiceChoice("kitten"), installed_voices(), mia.clock.now())
        assert len(await announce_text(connection, *values)) == 1
        await lock_plan(connection, mia.user_id)
        await replan_everywhere(connection, mia.user_id, mia.clock.now(), [])
    assert {row.kind: row.state for row in await mia.repeats()} == {"repeat": "planned", "say": "planned"}


async def test_what_is_said_at_once_is_rendered_and_ready(mia: Listener) -> None:
    utterance = say_text("kitten", "Dinner is ready!")
    second = await add_device(mia.engine, mia.user_id, mia.clock, b"second")
    async with mia.engine.begin() as connection:
        values = (mia.user_id, utterance, VoiceChoice("kitten"), installed_voices(), mia.clock.now())
        assert len(await announce_text(connection, *values)) == 2
    (row,) = await mia.repeats()
    speech = Speech(engines=installed_engines())
    await Renderer(mia.engine, mia.clock, speech).render(row.sound_key)
    await speech.aclose()
    for device_id in (mia.device_id, second):
        (row,) = await made_at_once(mia.engine, device_id)
        assert (row.state, row.display) == ("ready", "Dinner is ready!")


async def test_the_last_announcement_is_what_was_heard_lately(mia: Listener) -> None:
    async def last() -> str | None:
        async with mia.engine.connect() as connection:
            try:
                return str((await last_announcement(connection, mia.device_id, mia.clock.now())).id)
            except BadRequest as error:
                assert error.code == "not_found"
                return None

    assert await last() is None
    for state in ("cancelled", "failed", "held"):
        await mia.hear(id=state, state=state, held_for="quiet" if state == "held" else None)
    await mia.hear(id="later", ago=-MINUTE)
    await mia.hear(id="old", ago=30 * MINUTE)
    assert await last() is None
    for minutes in (29, 10, 2):
        await mia.hear(id=str(minutes), ago=minutes * MINUTE)
        assert await last() == str(minutes)


async def test_nobody_reacts_to_anothers_announcement(mia: Listener) -> None:
    lunch = await mia.hear()
    async with mia.engine.begin() as connection:
        for ids in ({"user_id": mia.user_id + 1}, {"user_id": mia.user_id, "device_id": mia.device_id + 1}):
            with pytest.raises(BadRequest, match="not_found"):
                await find_announcement(connection, lunch, **ids)
        await connection.execute(delete(reactions))
        await connection.execute(delete(announcements))
        with pytest.raises(BadRequest, match="48 hours"):
            await find_announcement(connection, lunch, user_id=mia.user_id)
