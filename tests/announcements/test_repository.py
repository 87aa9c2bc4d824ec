"""The rows of each device: written once, taken back, made ready, acknowledged."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.acknowledging import acknowledge
from catflap.announcements.planned import PlannedAnnouncement, Wording
from catflap.announcements.repository import lock_plan, mark_failed, mark_ready
from catflap.clock import FixedClock
from catflap.errors import BadRequest
from catflap.speech import Utterance, VoiceChoice, installed_voices
from catflap.store.database import Urls
from catflap.store.notify import NotificationListener
from catflap.store.tables import announcements as t
from catflap.store.tables import devices, sounds
from catflap.work.retention import delete_old
from tests.announcements.conftest import add_device
from tests.support.planned_announcements import LEAD, planned, replan_everywhere


class PlanHarness:
    """Plans for one user and looks at what came of it."""

    def __init__(self, engine: AsyncEngine, user_id: int, device_id: int, clock: FixedClock) -> None:
        self.engine = engine
        self.user_id = user_id
        self.device_id = device_id
        self.clock = clock

    async def plan(self, *wanted: PlannedAnnouncement) -> None:
        async with self.engine.begin() as connection:
            await lock_plan(connection, self.user_id)
            await replan_everywhere(connection, self.user_id, self.clock.now(), wanted)

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
        key = installed_voices().content_key(spoken, VoiceChoice("kitten"))
        values = {"key": key, "wav": b"RIFF", "sha256": "0", "bytes": 4, "seconds": 1.0}
        async with self.engine.begin() as connection:
            await connection.execute(insert(sounds).values(used_at=self.clock.now(), **values))
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
def harness(engine: AsyncEngine, user_id: int, device_id: int, clock: FixedClock) -> PlanHarness:
    return PlanHarness(engine, user_id, device_id, clock)


@pytest.fixture
def soon(clock: FixedClock) -> datetime:
    return clock.now() + timedelta(hours=1)


async def test_a_new_plan_creates_rows_a_version_and_render_tasks(
    harness: PlanHarness, soon: datetime
) -> None:
    await harness.plan(planned("a", soon), planned("b", soon, "Retro, in ten minutes."))
    assert await harness.states() == {"a": "planned", "b": "planned"}
    assert await harness.version() == 1
    assert len(set(await harness.renders())) == 2
    assert len({row.id for row in (await harness.rows()).values()}) == 2


async def test_the_same_plan_again_changes_nothing(harness: PlanHarness, soon: datetime) -> None:
    await harness.plan(planned("a", soon))
    before = await harness.rows()
    renders = await harness.renders()
    await harness.plan(planned("a", soon))
    assert await harness.rows() == before
    assert await harness.version() == 1
    assert await harness.renders() == renders


async def test_even_an_empty_plan_is_a_first_schedule(harness: PlanHarness) -> None:
    await harness.plan()
    assert await harness.version() == 1
    await harness.plan()
    assert await harness.version() == 1


async def test_announcements_that_leave_the_plan_are_cancelled_and_can_return(
    harness: PlanHarness, soon: datetime
) -> None:
    await harness.plan(planned("a", soon), planned("b", soon))
    await harness.plan(planned("b", soon))
    assert await harness.states() == {"a": "cancelled", "b": "planned"}
    await harness.plan(planned("a", soon), planned("b", soon))
    assert await harness.states() == {"a": "planned", "b": "planned"}
    assert await harness.version() == 3


async def test_a_changed_text_needs_another_sound(harness: PlanHarness, soon: datetime) -> None:
    await harness.plan(planned("a", soon))
    await harness.ready("Standup, in ten minutes.")
    assert await harness.states() == {"a": "ready"}
    await harness.plan(planned("a", soon, "Stand-up, in ten minutes."))
    row = (await harness.rows())["a"]
    assert (row.state, row.spoken) == ("planned", "Stand-up, in ten minutes.")
    assert (await harness.renders())[-1] == row.sound_key
    assert await harness.version() == 3


async def test_an_announcement_is_ready_at_once_if_its_sound_exists(
    harness: PlanHarness, soon: datetime
) -> None:
    await harness.sound("Standup, in ten minutes.")
    await harness.plan(planned("a", soon))
    assert await harness.states() == {"a": "ready"}
    assert await harness.renders() == []


async def test_what_is_due_first_is_rendered_first(harness: PlanHarness, soon: datetime) -> None:
    texts = [f"No. {number}" for number in range(12)]
    # Two are the same, of which the first counts.
    await harness.plan(
        *(planned(f"k{number}", soon + number * LEAD, words) for number, words in enumerate(texts)),
        planned("again", soon + timedelta(hours=9), texts[3]),
    )
    keys = [installed_voices().content_key(words, VoiceChoice("kitten")) for words in texts]
    assert await harness.renders() == keys


async def test_a_lost_sound_is_rendered_again(harness: PlanHarness, soon: datetime) -> None:
    await harness.plan(planned("a", soon))
    await harness.plan(planned("a", soon))
    assert len(await harness.renders()) == 1
    harness.clock.advance(timedelta(minutes=11))
    await harness.plan(planned("a", soon))
    assert len(await harness.renders()) == 2
    assert await harness.version() == 1


async def test_every_device_that_waited_for_a_sound_is_notified(
    harness: PlanHarness, soon: datetime, engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    second = await add_device(engine, user_id, clock, b"second")
    await harness.plan(planned("a", soon), planned("b", soon))
    await harness.ready("Standup, in ten minutes.")
    assert {row.state for row in (await harness.rows()).values()} == {"ready"}
    assert {row.state for row in (await harness.rows(second)).values()} == {"ready"}
    assert (await harness.version(), await harness.version(second)) == (2, 2)
    async with engine.begin() as connection:
        await mark_ready(connection, (await harness.rows())["a"].sound_key, clock.now())
    assert (await harness.version(), await harness.version(second)) == (2, 2)


@pytest.mark.parametrize("state", ["played", "missed", "held"])
async def test_an_announcement_that_a_device_received_keeps_its_text(
    harness: PlanHarness, soon: datetime, state: str
) -> None:
    await harness.plan(planned("a", soon))
    await harness.acknowledge("a", state)
    await harness.plan(planned("a", soon, "Other words."))
    row = (await harness.rows())["a"]
    assert (row.state, row.spoken) == (state, "Standup, in ten minutes.")


async def test_a_text_that_cannot_be_spoken_fails_until_it_changes(
    harness: PlanHarness, soon: datetime, engine: AsyncEngine
) -> None:
    await harness.plan(planned("a", soon))
    key, now = (await harness.rows())["a"].sound_key, harness.clock.now()
    async with engine.begin() as connection:
        await mark_failed(connection, key, now, "nothing_to_say")
    assert await harness.version() == 2
    await harness.plan(planned("a", soon))
    assert await harness.states() == {"a": "failed"}
    await harness.plan(planned("a", soon, "Other words."))
    row = (await harness.rows())["a"]
    assert (row.state, row.detail) == ("planned", None)
    assert await harness.version() == 3


async def test_a_played_announcement_is_not_cancelled(harness: PlanHarness, soon: datetime) -> None:
    await harness.plan(planned("a", soon))
    await harness.acknowledge("a", "played")
    await harness.plan()
    assert await harness.states() == {"a": "played"}
    assert await harness.version() == 1


async def test_late_announcements_can_be_cancelled_but_not_added(
    harness: PlanHarness, soon: datetime
) -> None:
    await harness.plan(planned("a", soon), planned("b", soon))
    harness.clock.advance_to(soon + timedelta(minutes=3))
    await harness.plan(planned("b", soon), planned("c", soon))
    assert await harness.states() == {"a": "cancelled", "b": "planned"}


async def test_expired_announcements_are_not_changed(harness: PlanHarness, soon: datetime) -> None:
    await harness.plan(planned("a", soon))
    harness.clock.advance_to(soon + timedelta(hours=1))
    await harness.plan()
    assert await harness.states() == {"a": "planned"}


async def test_a_plan_leaves_announcements_of_other_kinds(
    harness: PlanHarness, soon: datetime, engine: AsyncEngine
) -> None:
    await harness.plan(planned("a", soon, kind="said"))
    await harness.plan()
    assert await harness.states() == {"a": "planned"}


async def test_a_device_is_notified_when_its_schedule_changes(
    harness: PlanHarness, soon: datetime, database_urls: Urls
) -> None:
    async with NotificationListener(database_urls.app) as notifications:
        with notifications.watch(f"device:{harness.device_id}") as changed:
            await harness.plan(planned("a", soon))
            await asyncio.wait_for(changed.wait(), 10)


async def test_a_repeated_acknowledgement_has_no_effect(harness: PlanHarness, soon: datetime) -> None:
    await harness.plan(planned("a", soon))
    await harness.acknowledge("a", "played", "at full volume")
    first = (await harness.rows())["a"]
    harness.clock.advance(timedelta(seconds=5))
    await harness.acknowledge("a", "played")
    assert (await harness.rows())["a"] == first
    assert (first.state, first.detail) == ("played", "at full volume")


@pytest.mark.parametrize(
    ("acknowledged", "last"),
    [
        (["held", "played"], "played"),
        (["played", "held"], "played"),
        (["missed", "played"], "played"),
        (["failed", "missed"], "failed"),
        (["held", "missed", "held"], "missed"),
        (["failed", "played", "failed"], "played"),
    ],
)
async def test_a_state_only_goes_forward(
    harness: PlanHarness, soon: datetime, acknowledged: Sequence[str], last: str
) -> None:
    await harness.plan(planned("a", soon))
    for state in acknowledged:
        await harness.acknowledge("a", state)
    assert await harness.states() == {"a": last}


async def test_an_announcement_played_before_its_cancellation_arrived_is_played(
    harness: PlanHarness, soon: datetime
) -> None:
    await harness.plan(planned("a", soon))
    await harness.plan()
    await harness.acknowledge("a", "played")
    assert await harness.states() == {"a": "played"}


async def test_a_device_cannot_acknowledge_for_another(
    harness: PlanHarness, soon: datetime, engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    await harness.plan(planned("a", soon))
    second = await add_device(engine, user_id, clock, b"second")
    identifier = (await harness.rows())["a"].id
    for device, announcement in (
        (second, identifier),
        (harness.device_id, "01J"),
        (harness.device_id, "x" * 9000),
    ):
        with pytest.raises(BadRequest, match="not_found"):
            async with engine.begin() as connection:
                await acknowledge(connection, device, announcement, "played", clock.now())
    assert await harness.states() == {"a": "planned"}


@pytest.mark.parametrize("state", ["planned", "ready", "sent", "cancelled", "", "PLAYED"])
async def test_a_device_cannot_set_any_state(harness: PlanHarness, soon: datetime, state: str) -> None:
    await harness.plan(planned("a", soon))
    with pytest.raises(BadRequest, match="state_invalid"):
        await harness.acknowledge("a", state)


async def test_a_detail_that_postgresql_cannot_store_is_sanitised(
    harness: PlanHarness, soon: datetime
) -> None:
    await harness.plan(planned("a", soon))
    await harness.acknowledge("a", "failed", "speaker\0 gone \ud83d" + "!" * 1000)
    detail = (await harness.rows())["a"].detail
    assert detail.startswith("speaker gone ?")
    assert len(detail) <= 500


async def test_concurrent_plans_and_renders_do_not_deadlock(harness: PlanHarness, soon: datetime) -> None:
    plans = [planned(f"k{number}", soon, f"Words number {number % 3}.") for number in range(12)]
    sounds_ = [harness.ready(f"Words number {number}.") for number in range(3)]
    await asyncio.gather(*(harness.plan(*plans[n:]) for n in range(6)), *sounds_)
    await harness.plan(*plans)
    assert await harness.states() == {one.key: "ready" for one in plans}


async def test_concurrent_plans_of_one_user_are_serialised(
    harness: PlanHarness, soon: datetime, engine: AsyncEngine
) -> None:
    async with engine.begin() as first:
        await lock_plan(first, harness.user_id)
        second = asyncio.create_task(harness.plan(planned("a", soon)))
        async with engine.begin() as other:
            await lock_plan(other, harness.user_id + 1)
        assert not second.done()
    await second
    assert await harness.states() == {"a": "planned"}


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_sequence_of_plans_the_rows_are_those_of_the_last(
    harness: PlanHarness, soon: datetime, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(8):
        keys = chance.sample("abcdef", chance.randint(0, 6))
        last = [planned(key, soon, chance.choice(["One.", "Two."])) for key in keys]
        await harness.plan(*last)
    version = await harness.version()
    standing = {key: row.spoken for key, row in (await harness.rows()).items() if row.state != "cancelled"}
    assert standing == {one.key: one.spoken for one in last}
    await harness.plan(*last)
    assert await harness.version() == version


async def test_an_old_sound_that_a_plan_uses_is_not_deleted_while_the_plan_is_written(
    harness: PlanHarness, engine: AsyncEngine, clock: FixedClock
) -> None:
    one = planned("one", clock.now() + timedelta(days=3, hours=1))
    key = await harness.sound(one.spoken)
    clock.advance(timedelta(days=3))
    async with engine.begin() as connection:
        await lock_plan(connection, harness.user_id)
        await replan_everywhere(connection, harness.user_id, clock.now(), [one])
        # Does not see the announcement yet.
        await delete_old(engine, clock.now())
    async with engine.connect() as connection:
        assert (await connection.execute(select(sounds.c.key))).scalars().all() == [key]
    assert await harness.states() == {"one": "ready"}


async def test_a_text_is_made_once_for_the_same_wording(harness: PlanHarness, soon: datetime) -> None:
    made: list[str] = []

    def say(dialect: str, text: str) -> Utterance:
        made.append(text)
        return Utterance(text, text, dialect, "en")

    def wanted(text: str) -> PlannedAnnouncement:
        return planned("a", soon, wording=Wording(say, ("kitten", text)))

    for title in ("Tea", "Tea", "Tea", "Coffee", "Coffee"):
        await harness.plan(wanted(title))
    assert made == ["Tea", "Coffee"]
    rows = await harness.rows()
    assert rows["a"].spoken == "Coffee"
