"""The rows of each device: written once, taken back, made ready, acknowledged."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planned import Planned
from catflap.announcements.repository import acknowledge, lock_plan, mark_ready, mark_unspeakable, replan
from catflap.clock import FixedClock
from catflap.errors import BadRequest
from catflap.speech import content_key
from catflap.store.database import Urls
from catflap.store.notify import NotificationListener
from catflap.store.tables import announcements as t
from catflap.store.tables import devices, sounds
from tests.announcements.conftest import add_device

LEAD = timedelta(minutes=10)


def planned(key: str, at: datetime, spoken: str = "Standup, in ten minutes.", **more: Any) -> Planned:
    values = {
        "key": key,
        "kind": "before",
        "play_at": at,
        "expires_at": at + LEAD,
        "titles": ("Standup",),
        "event_start": (at + LEAD).isoformat(),
        "language": "en",
        "dialect": "kitten",
        "display": spoken,
        "spoken": spoken,
    }
    return Planned(**(values | more))


class Desk:
    """Plans for one user and looks at what came of it."""

    def __init__(self, engine: AsyncEngine, user_id: int, device_id: int, clock: FixedClock) -> None:
        self.engine = engine
        self.user_id = user_id
        self.device_id = device_id
        self.clock = clock

    async def plan(self, *wanted: Planned) -> None:
        async with self.engine.begin() as connection:
            await lock_plan(connection, self.user_id)
            await replan(connection, self.user_id, self.clock.now(), wanted)

    async def rows(self, device_id: int | None = None) -> dict[str, Row[Any]]:
        query = select(t).where(t.c.device_id == (device_id or self.device_id)).order_by(t.c.play_at)
        async with self.engine.connect() as connection:
            return {row.key: row for row in await connection.execute(query)}

    async def states(self) -> dict[str, str]:
        return {key: row.state for key, row in (await self.rows()).items()}

    async def version(self, device_id: int | None = None) -> int:
        query = select(devices.c.schedule_version).where(devices.c.id == (device_id or self.device_id))
        async with self.engine.connect() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def renders(self) -> list[str]:
        query = text("SELECT payload FROM queue.pgqueuer WHERE entrypoint = 'render' ORDER BY id")
        async with self.engine.connect() as connection:
            return [bytes(row.payload).decode() for row in await connection.execute(query)]

    async def sound(self, spoken: str) -> str:
        key = content_key(spoken, "kitten")
        values = {"key": key, "wav": b"RIFF", "sha256": "0", "bytes": 4, "seconds": 1.0}
        async with self.engine.begin() as connection:
            await connection.execute(insert(sounds).values(created_at=self.clock.now(), **values))
        return key

    async def ready(self, spoken: str) -> None:
        key = await self.sound(spoken)
        async with self.engine.begin() as connection:
            await mark_ready(connection, key, self.clock.now())

    async def acknowledge(self, key: str, state: str, detail: str | None = None) -> None:
        row = (await self.rows())[key]
        async with self.engine.begin() as connection:
            await acknowledge(connection, self.device_id, row.id, state, self.clock.now(), detail)


@pytest.fixture
def desk(engine: AsyncEngine, user_id: int, device_id: int, clock: FixedClock) -> Desk:
    return Desk(engine, user_id, device_id, clock)


@pytest.fixture
def soon(clock: FixedClock) -> datetime:
    return clock.now() + timedelta(hours=1)


async def test_a_new_plan_becomes_rows_a_version_and_sounds_to_make(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon), planned("b", soon, "Retro, in ten minutes."))
    assert await desk.states() == {"a": "planned", "b": "planned"}
    assert await desk.version() == 1
    assert len(set(await desk.renders())) == 2
    assert len({row.id for row in (await desk.rows()).values()}) == 2


async def test_the_same_plan_again_changes_nothing(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon))
    before = await desk.rows()
    renders = await desk.renders()
    await desk.plan(planned("a", soon))
    assert await desk.rows() == before
    assert await desk.version() == 1
    assert await desk.renders() == renders


async def test_even_an_empty_plan_is_a_first_schedule(desk: Desk) -> None:
    await desk.plan()
    assert await desk.version() == 1
    await desk.plan()
    assert await desk.version() == 1


async def test_what_is_not_wanted_any_more_is_cancelled_and_comes_back_when_it_is(
    desk: Desk, soon: datetime
) -> None:
    await desk.plan(planned("a", soon), planned("b", soon))
    await desk.plan(planned("b", soon))
    assert await desk.states() == {"a": "cancelled", "b": "planned"}
    await desk.plan(planned("a", soon), planned("b", soon))
    assert await desk.states() == {"a": "planned", "b": "planned"}
    assert await desk.version() == 3


async def test_other_words_need_another_sound(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon))
    await desk.ready("Standup, in ten minutes.")
    assert await desk.states() == {"a": "ready"}
    await desk.plan(planned("a", soon, "Stand-up, in ten minutes."))
    row = (await desk.rows())["a"]
    assert (row.state, row.spoken) == ("planned", "Stand-up, in ten minutes.")
    assert (await desk.renders())[-1] == row.sound_key
    assert await desk.version() == 3


async def test_a_sound_that_exists_makes_it_ready_at_once(desk: Desk, soon: datetime) -> None:
    await desk.sound("Standup, in ten minutes.")
    await desk.plan(planned("a", soon))
    assert await desk.states() == {"a": "ready"}
    assert await desk.renders() == []


async def test_a_sound_that_was_lost_is_made_again(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon))
    await desk.plan(planned("a", soon))
    assert len(await desk.renders()) == 1
    desk.clock.advance(timedelta(minutes=11))
    await desk.plan(planned("a", soon))
    assert len(await desk.renders()) == 2
    assert await desk.version() == 1


async def test_ready_is_told_to_every_device_that_waited(
    desk: Desk, soon: datetime, engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    second = await add_device(engine, user_id, clock, b"second")
    await desk.plan(planned("a", soon), planned("b", soon))
    await desk.ready("Standup, in ten minutes.")
    assert {row.state for row in (await desk.rows()).values()} == {"ready"}
    assert {row.state for row in (await desk.rows(second)).values()} == {"ready"}
    assert (await desk.version(), await desk.version(second)) == (2, 2)
    async with engine.begin() as connection:
        await mark_ready(connection, content_key("Standup, in ten minutes.", "kitten"), clock.now())
    assert (await desk.version(), await desk.version(second)) == (2, 2)


@pytest.mark.parametrize("state", ["played", "missed", "held"])
async def test_what_a_device_did_stays_as_it_was_said(desk: Desk, soon: datetime, state: str) -> None:
    await desk.plan(planned("a", soon))
    await desk.acknowledge("a", state)
    await desk.plan(planned("a", soon, "Other words."))
    row = (await desk.rows())["a"]
    assert (row.state, row.spoken) == (state, "Standup, in ten minutes.")


async def test_what_cannot_be_spoken_waits_for_other_words(
    desk: Desk, soon: datetime, engine: AsyncEngine
) -> None:
    await desk.plan(planned("a", soon))
    async with engine.begin() as connection:
        key = content_key("Standup, in ten minutes.", "kitten")
        await mark_unspeakable(connection, key, desk.clock.now(), "nothing_to_say")
    assert await desk.version() == 2
    await desk.plan(planned("a", soon))
    assert await desk.states() == {"a": "failed"}
    await desk.plan(planned("a", soon, "Other words."))
    row = (await desk.rows())["a"]
    assert (row.state, row.detail) == ("planned", None)
    assert await desk.version() == 3


async def test_what_was_played_is_not_cancelled(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon))
    await desk.acknowledge("a", "played")
    await desk.plan()
    assert await desk.states() == {"a": "played"}
    assert await desk.version() == 1


async def test_what_is_late_may_be_taken_back_but_is_never_added(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon), planned("b", soon))
    desk.clock.advance_to(soon + timedelta(minutes=3))
    await desk.plan(planned("b", soon), planned("c", soon))
    assert await desk.states() == {"a": "cancelled", "b": "planned"}


async def test_what_is_over_is_left_alone(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon))
    desk.clock.advance_to(soon + timedelta(hours=1))
    await desk.plan()
    assert await desk.states() == {"a": "planned"}


async def test_words_said_by_hand_are_none_of_the_plans_business(
    desk: Desk, soon: datetime, engine: AsyncEngine
) -> None:
    await desk.plan(planned("a", soon, kind="said"))
    await desk.plan()
    assert await desk.states() == {"a": "planned"}


async def test_a_device_is_told_that_its_schedule_changed(
    desk: Desk, soon: datetime, database_urls: Urls
) -> None:
    async with NotificationListener(database_urls.app) as notifications:
        with notifications.watch(f"device:{desk.device_id}") as changed:
            await desk.plan(planned("a", soon))
            await asyncio.wait_for(changed.wait(), 10)


async def test_acknowledging_twice_is_acknowledging_once(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon))
    await desk.acknowledge("a", "played", "at full volume")
    first = (await desk.rows())["a"]
    desk.clock.advance(timedelta(seconds=5))
    await desk.acknowledge("a", "played")
    assert (await desk.rows())["a"] == first
    assert (first.state, first.detail) == ("played", "at full volume")


@pytest.mark.parametrize(
    ("told", "last"),
    [
        (["held", "played"], "played"),
        (["played", "held"], "played"),
        (["missed", "played"], "played"),
        (["failed", "missed"], "failed"),
        (["held", "missed", "held"], "missed"),
        (["failed", "played", "failed"], "played"),
    ],
)
async def test_a_state_only_goes_forward(desk: Desk, soon: datetime, told: Sequence[str], last: str) -> None:
    await desk.plan(planned("a", soon))
    for state in told:
        await desk.acknowledge("a", state)
    assert await desk.states() == {"a": last}


async def test_a_device_that_spoke_before_it_heard_of_the_cancellation_is_believed(
    desk: Desk, soon: datetime
) -> None:
    await desk.plan(planned("a", soon))
    await desk.plan()
    await desk.acknowledge("a", "played")
    assert await desk.states() == {"a": "played"}


async def test_no_device_speaks_for_another(
    desk: Desk, soon: datetime, engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    await desk.plan(planned("a", soon))
    second = await add_device(engine, user_id, clock, b"second")
    identifier = (await desk.rows())["a"].id
    for device, announcement in ((second, identifier), (desk.device_id, "01J"), (desk.device_id, "x" * 9000)):
        with pytest.raises(BadRequest, match="not_found"):
            async with engine.begin() as connection:
                await acknowledge(connection, device, announcement, "played", clock.now())
    assert await desk.states() == {"a": "planned"}


@pytest.mark.parametrize("state", ["planned", "ready", "sent", "cancelled", "", "PLAYED"])
async def test_a_device_cannot_set_any_state(desk: Desk, soon: datetime, state: str) -> None:
    await desk.plan(planned("a", soon))
    with pytest.raises(BadRequest, match="state_invalid"):
        await desk.acknowledge("a", state)


async def test_a_detail_postgres_cannot_hold_is_cleaned(desk: Desk, soon: datetime) -> None:
    await desk.plan(planned("a", soon))
    await desk.acknowledge("a", "failed", "speaker\0 gone \ud83d" + "!" * 1000)
    detail = (await desk.rows())["a"].detail
    assert detail.startswith("speaker gone ?")
    assert len(detail) <= 500


async def test_plans_and_sounds_at_once_do_not_embrace(desk: Desk, soon: datetime) -> None:
    plans = [planned(f"k{number}", soon, f"Words number {number % 3}.") for number in range(12)]
    sounds_ = [desk.ready(f"Words number {number}.") for number in range(3)]
    await asyncio.gather(*(desk.plan(*plans[n:]) for n in range(6)), *sounds_)
    await desk.plan(*plans)
    assert await desk.states() == {one.key: "ready" for one in plans}


async def test_two_plans_wait_for_each_other(desk: Desk, soon: datetime, engine: AsyncEngine) -> None:
    async with engine.begin() as first:
        await lock_plan(first, desk.user_id)
        second = asyncio.create_task(desk.plan(planned("a", soon)))
        async with engine.begin() as other:
            await lock_plan(other, desk.user_id + 1)
        assert not second.done()
    await second
    assert await desk.states() == {"a": "planned"}


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_history_the_last_plan_stands(desk: Desk, soon: datetime, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(8):
        keys = chance.sample("abcdef", chance.randint(0, 6))
        last = [planned(key, soon, chance.choice(["One.", "Two."])) for key in keys]
        await desk.plan(*last)
    version = await desk.version()
    standing = {key: row.spoken for key, row in (await desk.rows()).items() if row.state != "cancelled"}
    assert standing == {one.key: one.spoken for one in last}
    await desk.plan(*last)
    assert await desk.version() == version
