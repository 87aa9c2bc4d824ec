"""Announcements are sent at their time to devices that keep none, each at most once, if they still count."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.at_once import announce_text
from catflap.announcements.repository import increment_version, lock_plan, mark_ready
from catflap.clock import FixedClock
from catflap.devices.channels.due import CLAIM_AHEAD, DuePlays
from catflap.devices.channels.due_store import DueDevice
from catflap.devices.devices import Channel, Devices
from catflap.devices.mute import ALWAYS, mute_all
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.devices.signed_urls import SignedSoundUrls
from catflap.errors import OperatorMustAct, TryAgain
from catflap.speech import VoiceChoice, installed_voices, say_text
from catflap.store.database import Urls, connect
from catflap.store.notify import NotificationListener
from catflap.store.tables import announcements, devices, users
from catflap.work.periodic import PeriodicTasks
from tests.support.database import database_away
from tests.support.planned_announcements import replan_everywhere
from tests.support.spoken import add_announcement, add_sound
from tests.support.statements import Statement, statements_of

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


class _Speaker:
    """A sender that notes what it sent, and fails first with the given errors."""

    def __init__(self, channel: Channel = "mqtt_play", *errors: Exception) -> None:
        self.channel: Channel = channel
        self.sent: asyncio.Queue[tuple[DueDevice, Mapping[str, Any]]] = asyncio.Queue()
        self.errors = list(errors)
        self.exhausted = asyncio.Event()

    async def send(self, device: DueDevice, announcement: Mapping[str, Any]) -> None:
        if self.errors:
            error = self.errors.pop(0)
            if not self.errors:
                self.exhausted.set()
            raise error
        self.sent.put_nowait((device, announcement))


class Stage:
    """A device without a clock, and what is sent to it."""

    def __init__(self, engine: AsyncEngine, clock: FixedClock, urls: Urls, user_id: int) -> None:
        self.engine, self.clock, self.urls, self.user_id = engine, clock, urls, user_id

    async def device(self, channel: Channel = "mqtt_play") -> int:
        made, _ = await Devices(self.engine, self.clock).add_browser(self.user_id, "Mia")
        async with self.engine.begin() as connection:
            await connection.execute(update(devices).where(devices.c.id == made.id).values(channel=channel))
        return made.id

    async def reminder(self, device_id: int, after: timedelta = MINUTE, **more: Any) -> str:
        play_at = self.clock.now() + after
        values = {"state": "ready", **more}
        made = await add_announcement(self.engine, self.user_id, device_id, play_at, **values)
        await self.changed(device_id)
        return made

    async def changed(self, device_id: int) -> None:
        async with self.engine.begin() as connection:
            await increment_version(connection, device_id)

    async def state(self, announcement_id: str) -> tuple[str, str | None]:
        query = select(announcements).where(announcements.c.id == announcement_id)
        async with self.engine.connect() as connection:
            row = (await connection.execute(query)).one()
        return row.state, row.detail

    async def becomes(self, announcement_id: str, state: str) -> None:
        while (await self.state(announcement_id))[0] != state:  # noqa: ASYNC110 (the database tells nobody)
            await asyncio.sleep(0.02)

    @asynccontextmanager
    async def playing(
        self, *speakers: _Speaker, on_sent: Callable[..., Awaitable[None]] | None = None
    ) -> AsyncIterator[None]:
        resources = ScheduledAnnouncements(SignedSoundUrls(self.engine, self.clock, b"key"), "https://mia")
        async with asyncio.timeout(30), NotificationListener(self.urls.app) as notifications:
            plays = DuePlays(self.engine, self.clock, notifications, resources, speakers, on_sent)
            task = asyncio.create_task(plays.run())
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def stage(engine: AsyncEngine, clock: FixedClock, database_urls: Urls, user_id: int) -> Stage:
    await add_sound(engine, clock.now())
    return Stage(engine, clock, database_urls, user_id)


async def test_one_is_sent_at_its_time_and_not_before(stage: Stage) -> None:
    device_id, speaker = await stage.device(), _Speaker()
    said = await stage.reminder(device_id)
    async with stage.playing(speaker):
        stage.clock.advance(MINUTE - CLAIM_AHEAD)
        await stage.becomes(said, "sent")
        assert speaker.sent.empty()
        stage.clock.advance(CLAIM_AHEAD)
        device, announcement = await speaker.sent.get()
    assert (device.id, device.user_id, device.channel) == (device_id, stage.user_id, "mqtt_play")
    assert announcement["id"] == said and announcement["text"] == "Lunch in 10 minutes!"
    assert announcement["audio"]["url"].startswith("https://mia/v1/sounds/")


async def test_each_channel_has_its_sender_and_other_devices_get_nothing(stage: Stage) -> None:
    speakers = _Speaker(), _Speaker("home_assistant")
    made = [await stage.device(one) for one in ("mqtt_play", "home_assistant", "https", "mqtt")]
    said = [await stage.reminder(one) for one in made]
    async with stage.playing(*speakers):
        stage.clock.advance(MINUTE)
        assert [(await one.sent.get())[0].id for one in speakers] == made[:2]
    assert [(await stage.state(one))[0] for one in said] == ["sent", "sent", "ready", "ready"]


@pytest.mark.parametrize("before", [3 * SECOND, CLAIM_AHEAD / 2], ids=["before", "after"])
async def test_one_cancelled_shortly_before_its_time_is_not_sent(stage: Stage, before: timedelta) -> None:
    """Before it is claimed, and between that and its time."""
    device_id, speaker = await stage.device(), _Speaker()
    cancelled, other = await stage.reminder(device_id), await stage.reminder(device_id, MINUTE, id="other")
    async with stage.playing(speaker):
        stage.clock.advance(MINUTE - before)
        if before < CLAIM_AHEAD:
            await stage.becomes(cancelled, "sent")
            await stage.becomes(other, "sent")
        async with stage.engine.begin() as connection:
            gone = update(announcements).where(announcements.c.id == cancelled).values(state="cancelled")
            await connection.execute(gone)
            await increment_version(connection, device_id)
        await stage.reminder(device_id, timedelta(0), id="now")
        assert (await speaker.sent.get())[1]["id"] == "now"
        stage.clock.advance(before)
        assert (await speaker.sent.get())[1]["id"] == "other"
    assert speaker.sent.empty() and (await stage.state(cancelled))[0] == "cancelled"


async def test_a_plan_that_drops_an_announcement_keeps_it_from_being_sent(stage: Stage) -> None:
    device_id, speaker = await stage.device(), _Speaker()
    said = await stage.reminder(device_id)
    async with stage.playing(speaker):
        async with stage.engine.begin() as connection:
            await lock_plan(connection, stage.user_id)
            await replan_everywhere(connection, stage.user_id, stage.clock.now(), [])
        await stage.reminder(device_id, MINUTE, id="last", kind="say")
        stage.clock.advance(MINUTE)
        assert (await speaker.sent.get())[1]["id"] == "last"
    assert (await stage.state(said))[0] == "cancelled"


async def test_what_a_member_has_muted_is_held_and_what_is_said_of_others_is_sent(stage: Stage) -> None:
    device_id, speaker, now = await stage.device(), _Speaker(), stage.clock.now()
    async with stage.engine.begin() as connection:
        values = {"created_at": now, "muted_at": now, "muted_until": now + timedelta(hours=1)}
        member = await connection.scalar(insert(users).values(values).returning(users.c.id))
    held = await add_announcement(stage.engine, member, device_id, now + MINUTE, state="ready", id="theirs")
    said = await stage.reminder(device_id, id="ours")
    async with stage.playing(speaker):
        stage.clock.advance(MINUTE)
        assert (await speaker.sent.get())[1]["id"] == said
        await stage.becomes(held, "held")
    assert speaker.sent.empty() and await stage.state(held) == ("held", "muted")


async def test_what_is_due_while_muted_is_held_and_not_sent(stage: Stage) -> None:
    muted, others, speaker = await stage.device(), await stage.device(), _Speaker()
    until = stage.clock.now() + 2 * MINUTE
    await Devices(stage.engine, stage.clock).update(stage.user_id, muted, muted_until=until)
    held, said = await stage.reminder(muted), await stage.reminder(others)
    async with stage.playing(speaker):
        stage.clock.advance(MINUTE)
        assert (await speaker.sent.get())[1]["id"] == said
        await stage.becomes(held, "held")
        async with stage.engine.begin() as connection:
            await mute_all(connection, stage.user_id, ALWAYS, stage.clock.now())
        later = await stage.reminder(others, MINUTE, id="later")
        stage.clock.advance(MINUTE)
        await stage.becomes(later, "held")
    assert await stage.state(held) == await stage.state(later) == ("held", "muted")
    assert speaker.sent.empty()


async def test_what_is_held_or_expired_or_long_past_is_not_sent(stage: Stage) -> None:
    device_id, speaker = await stage.device(), _Speaker()
    await stage.reminder(device_id, id="held", state="held", held_for="quiet")
    await stage.reminder(device_id, -MINUTE, id="past")
    await stage.reminder(device_id, -SECOND, id="expired", expires_at=stage.clock.now())
    late = await stage.reminder(device_id, -59 * SECOND, id="late")
    async with stage.playing(speaker):
        assert (await speaker.sent.get())[1]["id"] == late
        stage.clock.advance(MINUTE)
        await stage.reminder(device_id, timedelta(0), id="last")
        assert (await speaker.sent.get())[1]["id"] == "last"
    assert speaker.sent.empty()


async def test_a_text_said_now_is_sent_as_soon_as_its_sound_exists(stage: Stage) -> None:
    """Also when it was looked for already, which is once a second."""
    device_id, speaker = await stage.device(), _Speaker()
    spoken = say_text("kitten", "Dinner is ready!")
    voice = VoiceChoice("kitten")
    key = installed_voices().content_key(spoken.spoken, voice)
    with statements_of(stage.engine) as statements:
        async with stage.playing(speaker):
            async with stage.engine.begin() as connection:
                made = await announce_text(
                    connection, stage.user_id, spoken, voice, installed_voices(), stage.clock.now(), device_id
                )
            while not _claims(statements):
                await stage.state(made[0])
            for _ in range(50):
                await stage.state(made[0])
            assert _claims(statements) == 1
            await add_sound(stage.engine, stage.clock.now(), key)
            async with stage.engine.begin() as connection:
                await mark_ready(connection, key, stage.clock.now())
            assert [(await speaker.sent.get())[1]["id"]] == made


def _claims(statements: list[Statement]) -> int:
    return sum("FOR UPDATE OF a SKIP LOCKED" in one.sql for one in statements)


async def test_what_can_not_be_sent_is_tried_again(stage: Stage) -> None:
    device_id = await stage.device()
    speaker = _Speaker("mqtt_play", TryAgain("mqtt_unavailable", "The broker does not answer."))
    said = await stage.reminder(device_id)
    async with stage.playing(speaker):
        stage.clock.advance(MINUTE)
        await speaker.exhausted.wait()
        while speaker.sent.empty():
            stage.clock.advance(SECOND)
            await asyncio.sleep(0.05)
        assert (await speaker.sent.get())[1]["id"] == said
    assert (await stage.state(said))[0] == "sent"


class _SlowSpeaker(_Speaker):
    """Does not answer until it may."""

    def __init__(self) -> None:
        super().__init__("home_assistant")
        self.may_answer = asyncio.Event()

    async def send(self, device: DueDevice, announcement: Mapping[str, Any]) -> None:
        await super().send(device, announcement)
        await self.may_answer.wait()


async def test_a_channel_that_does_not_answer_delays_no_further_attempt_of_another(stage: Stage) -> None:
    made, others = await stage.device(), await stage.device("home_assistant")
    slow, speaker = _SlowSpeaker(), _Speaker("mqtt_play", TryAgain("mqtt_unavailable", "No answer."))
    said = await stage.reminder(made)
    await stage.reminder(others)
    async with stage.playing(speaker, slow):
        stage.clock.advance(MINUTE)
        await slow.sent.get()
        await speaker.exhausted.wait()
        while speaker.sent.empty():
            stage.clock.advance(SECOND)
            await asyncio.sleep(0.05)
        assert (await speaker.sent.get())[1]["id"] == said


async def test_what_can_never_be_sent_fails_and_an_unexpected_error_ends_nothing(stage: Stage) -> None:
    device_id = await stage.device()
    refused = OperatorMustAct("home_assistant_refused", "Make a new token."), ValueError()
    speaker = _Speaker("mqtt_play", *refused)
    first = await stage.reminder(device_id)
    await stage.reminder(device_id, 2 * MINUTE, id="second")
    third = await stage.reminder(device_id, 3 * MINUTE, id="third")
    async with stage.playing(speaker):
        stage.clock.advance(MINUTE)
        await stage.becomes(first, "failed")
        stage.clock.advance(MINUTE)
        await speaker.exhausted.wait()
        stage.clock.advance(MINUTE)
        assert (await speaker.sent.get())[1]["id"] == third
    assert await stage.state(first) == ("failed", "home_assistant_refused")


async def test_a_database_that_was_away_delays_and_loses_nothing(
    fresh_database_urls: Urls, clock: FixedClock
) -> None:
    engine = connect(fresh_database_urls.app)
    async with engine.begin() as connection:
        made = insert(users).values(created_at=clock.now()).returning(users.c.id)
        user_id = (await connection.execute(made)).scalar_one()
    await add_sound(engine, clock.now())
    stage = Stage(engine, clock, fresh_database_urls, user_id)
    device_id, speaker = await stage.device(), _Speaker()
    said = await stage.reminder(device_id, 2 * MINUTE)
    async with stage.playing(speaker):
        async with database_away(stage.urls):
            stage.clock.advance(2 * MINUTE)
            await asyncio.sleep(0)
        assert (await speaker.sent.get())[1]["id"] == said
    await engine.dispose()


async def test_what_was_sent_is_told(stage: Stage) -> None:
    device_id, speaker, told = await stage.device(), _Speaker(), asyncio.Queue[tuple[int, str]]()

    async def note(device: DueDevice, announcement: Mapping[str, Any]) -> None:
        told.put_nowait((device.id, announcement["id"]))

    said = await stage.reminder(device_id)
    async with stage.playing(speaker, on_sent=note):
        stage.clock.advance(MINUTE)
        assert await told.get() == (device_id, said)


async def test_one_that_was_sent_and_that_no_device_acknowledges_is_missed(stage: Stage) -> None:
    device_id, speaker = await stage.device(), _Speaker()
    said = await stage.reminder(device_id)
    async with stage.playing(speaker):
        stage.clock.advance(MINUTE)
        await speaker.sent.get()
    for passed, state in ((10 * MINUTE, "sent"), (SECOND, "missed")):
        stage.clock.advance(passed)
        await PeriodicTasks(stage.engine, stage.clock, 1).tick()
        assert (await stage.state(said))[0] == state
