"""Devices on a real Mosquitto: schedules, acknowledgements, presence, and what stays when a device goes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock, rfc3339
from catflap.devices.channels import mqtt_connection
from catflap.devices.channels.mqtt_connection import MAX_PACKET_BYTES
from catflap.devices.devices import Channel
from catflap.store.database import Urls, connect
from catflap.store.tables import announcements, users
from tests.support.database import database_away
from tests.support.mosquitto import needs_mosquitto, running_mosquitto
from tests.support.mqtt_stage import JAPANESE, MINUTE, MqttStage, until

pytestmark = needs_mosquitto


@pytest.fixture
async def stage(
    engine: AsyncEngine, clock: FixedClock, database_urls: Urls, user_id: int, tmp_path: Path
) -> AsyncIterator[MqttStage]:
    async with asyncio.timeout(60), running_mosquitto(tmp_path) as broker:
        made = MqttStage(engine, clock, database_urls, user_id, broker)
        await made.sound()
        yield made


def _ack(stage: MqttStage, announcement: str, state: str = "played") -> dict[str, Any]:
    return {"announcement": announcement, "state": state, "at": rfc3339(stage.clock.now())}


async def test_the_schedule_is_retained_and_follows_each_change(stage: MqttStage) -> None:
    device_id = await stage.device()
    said = await stage.reminder(device_id)
    async with stage.publishing(), stage.broker.device(device_id) as device:
        document = await device.receive("schedule")
        assert "now" not in document and document["volume"] == 60
        (announcement,) = document["announcements"]
        assert (announcement["id"], announcement["text"]) == (said, JAPANESE["display"])
        assert announcement["audio"]["url"].startswith("https://mia/v1/sounds/")
        await stage.devices.update(stage.user_id, device_id, volume=20)
        assert (await device.receive("schedule"))["volume"] == 20
    # It is there for a device that comes later, while no process of ours runs.
    async with stage.broker.device(device_id) as device:
        assert (await device.receive("schedule"))["volume"] == 20


async def test_an_acknowledgement_is_recorded_and_a_replayed_or_late_one_changes_nothing(
    stage: MqttStage,
) -> None:
    device_id = await stage.device()
    said, last = await stage.reminder(device_id), await stage.reminder(device_id, id="last")
    async with stage.publishing(), stage.broker.device(device_id) as device:
        await device.receive("schedule")
        for state in ("played", "played", "missed"):
            await device.publish("ack", _ack(stage, said, state))
        await device.publish("ack", _ack(stage, last, "failed"))
        await until(lambda: _has(stage, last, "failed"))
        assert await stage.state(said) == "played"


async def test_one_sent_while_no_process_of_ours_ran_arrives_afterwards(stage: MqttStage) -> None:
    device_id = await stage.device()
    said = await stage.reminder(device_id)
    async with stage.publishing(), stage.broker.device(device_id) as device:
        await device.receive("schedule")
    async with stage.broker.device(device_id) as device:
        await device.publish("ack", _ack(stage, said))
    async with stage.publishing():
        await until(lambda: _has(stage, said, "played"))


async def test_malformed_messages_and_acks_of_anothers_announcement_are_ignored(
    stage: MqttStage, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, others = await stage.device(), await stage.device()
    said, foreign = await stage.reminder(mine), await stage.reminder(others)
    good = json.dumps(_ack(stage, said)).encode()
    canary = b"swordfish"
    bad = [
        b"",
        good[:-1],
        b"\xff\xfe" + canary,
        b"[]",
        b"[" * 5000,
        b'"' + canary + b'"',
        json.dumps({"announcement": said, "state": "played", "at": 5}).encode(),
        json.dumps({"announcement": [said], "state": "played", "at": "2026-11-24T12:00:00Z"}).encode(),
        json.dumps({"announcement": said, "state": "danced", "at": "2026-11-24T12:00:00Z"}).encode(),
        json.dumps({"announcement": said, "state": "played", "at": "2026-11-24T12:00:00"}).encode(),
        json.dumps({"announcement": said, "state": "played", "at": "0001-01-01T00:00:00+14:00"}).encode(),
        json.dumps({"announcement": said, "state": "played", "at": "9999-12-31T23:59:59-14:00"}).encode(),
        json.dumps({"announcement": "a\0b", "state": "played", "at": "2026-11-24T12:00:00Z"}).encode(),
        json.dumps({**_ack(stage, said), "detail": "\ud800"}).encode(),
        json.dumps({**_ack(stage, said), "more": "x" * 9000}).encode(),
        json.dumps(_ack(stage, foreign)).encode(),
        json.dumps(_ack(stage, "no such announcement")).encode(),
    ]
    async with stage.publishing(), stage.broker.device(mine) as device:
        await device.receive("schedule")
        for payload in bad:
            await device.publish("ack", payload)
        for payload in (b"online", b'{"state": 1}', b'{"state": "asleep"}'):
            await device.publish("state", payload)
        await device.publish("ack", good)
        await until(lambda: _has(stage, said, "played"))
        assert await stage.state(foreign) == "ready"
    written = capsys.readouterr()
    assert f"rejected={len(bad) + 3}" in written.out + written.err
    assert "swordfish" not in written.out + written.err


async def test_a_device_is_online_by_its_state_and_offline_by_its_last_will(stage: MqttStage) -> None:
    device_id = await stage.device()
    async with stage.publishing(), AsyncExitStack() as stack:
        device = await stack.enter_async_context(stage.broker.device(device_id))
        await device.online()
        await until(lambda: stage.is_online(device_id))
        # As when its power fails: the connection ends without DISCONNECT.
        device.client._client._sock.close()  # type: ignore[union-attr]
        await until(lambda: _is_offline(stage, device_id))
        stack.pop_all()


async def test_a_device_that_stays_online_is_so_without_heartbeats(
    stage: MqttStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catflap.devices.channels.mqtt_inbox._STAY_ONLINE_SECONDS", 0.05)
    device_id = await stage.device()
    async with stage.publishing(), stage.broker.device(device_id) as device:
        await device.online()
        await until(lambda: stage.is_online(device_id))
        stage.clock.advance(timedelta(hours=1))
        await until(lambda: stage.is_online(device_id))


@pytest.mark.parametrize("channel", ["mqtt", "mqtt_play"])
@pytest.mark.parametrize("discovery", ["off", "device"])
async def test_a_device_that_is_removed_leaves_nothing_on_the_broker(
    stage: MqttStage, channel: Channel, discovery: str
) -> None:
    device_id = await stage.device(channel)
    async with stage.publishing(home_assistant_discovery=discovery), stage.broker.device(device_id) as device:
        if channel == "mqtt":
            assert (await device.receive("schedule"))["announcements"] == []
        if discovery != "off":
            assert (await device.receive("ha/vol")) == 60
        await device.online()
        await until(lambda: stage.is_online(device_id))
        assert not await _nothing_retained(stage)
        await stage.devices.remove(stage.user_id, device_id)
        await until(lambda: _nothing_retained(stage))


async def test_one_whose_user_was_deleted_while_nothing_ran_leaves_nothing_either(stage: MqttStage) -> None:
    device_id = await stage.device()
    chosen = {"home_assistant_discovery": "device,components"}
    async with stage.publishing(**chosen), stage.broker.device(device_id) as device:
        await device.receive("schedule")
        await device.online()
        await device.receive("ha/vol")
    assert not await _nothing_retained(stage)
    async with stage.engine.begin() as connection:
        await connection.execute(delete(users))
    async with stage.publishing():
        await until(lambda: _nothing_retained(stage))


async def test_a_broker_that_was_killed_gets_everything_again(stage: MqttStage) -> None:
    device_id = await stage.device()
    said = await stage.reminder(device_id)
    async with stage.publishing():
        async with stage.broker.device(device_id) as device:
            await device.receive("schedule")
        await stage.broker.kill()
        await stage.devices.update(stage.user_id, device_id, volume=30)
        await stage.broker.start()
        async with stage.broker.device(device_id) as device:
            assert (await device.receive("schedule"))["volume"] == 30
            await device.publish("ack", _ack(stage, said))
            await until(lambda: _has(stage, said, "played"))


async def test_acknowledgements_and_changes_survive_a_database_that_was_away(
    fresh_database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    """The process that led loses the lock meanwhile, and what it had not stored is sent to it again."""
    engine = connect(fresh_database_urls.app)
    async with engine.begin() as connection:
        added = await connection.execute(insert(users).values(created_at=clock.now()).returning(users.c.id))
        user_id = added.scalar_one()
    async with running_mosquitto(tmp_path) as broker:
        stage = MqttStage(engine, clock, fresh_database_urls, user_id, broker)
        await stage.sound()
        device_id = await stage.device()
        said = await stage.reminder(device_id)
        async with stage.publishing(), stage.broker.device(device_id) as device:
            await device.receive("schedule")
            async with database_away(fresh_database_urls):
                await device.publish("ack", _ack(stage, said))
                await broker.lost()
            await until(lambda: _has(stage, said, "played"))
            await stage.devices.update(stage.user_id, device_id, volume=15)
            while (await device.receive("schedule"))["volume"] != 15:
                pass
    await engine.dispose()


async def test_one_of_two_publishers_publishes_and_the_other_follows_it(stage: MqttStage) -> None:
    device_id = await stage.device()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(AsyncExitStack())
        await first.enter_async_context(stage.publishing())
        device = await stack.enter_async_context(stage.broker.device(device_id))
        await device.receive("schedule")
        await stack.enter_async_context(stage.publishing())
        await stage.devices.update(stage.user_id, device_id, volume=10)
        assert (await device.receive("schedule"))["volume"] == 10
        await first.aclose()
        await stage.devices.update(stage.user_id, device_id, volume=20)
        assert (await device.receive("schedule"))["volume"] == 20


async def test_a_device_without_a_clock_is_told_to_play_and_acknowledges(stage: MqttStage) -> None:
    device_id = await stage.device("mqtt_play")
    said = await stage.reminder(device_id, MINUTE)
    async with stage.publishing(), stage.broker.device(device_id) as device:
        await device.online()
        await until(lambda: stage.is_online(device_id))
        stage.clock.advance(MINUTE)
        play = await device.receive("play")
        sound = {"type": "audio/wav", "sha256": "5" * 64, "bytes": 4, "seconds": 1.5}
        assert {**sound, "id": said, "text": JAPANESE["display"], "volume": 60}.items() <= play.items()
        assert play["url"].startswith("https://mia/v1/sounds/") and play["expires_at"].endswith("Z")
        await device.publish("ack", _ack(stage, said))
        await until(lambda: _has(stage, said, "played"))


async def test_one_cancelled_three_seconds_before_is_not_played(stage: MqttStage) -> None:
    device_id = await stage.device("mqtt_play")
    cancelled = await stage.reminder(device_id, MINUTE)
    async with stage.publishing(), stage.broker.device(device_id) as device:
        await device.online()
        await until(lambda: stage.is_online(device_id))
        stage.clock.advance(MINUTE - timedelta(seconds=3))
        async with stage.engine.begin() as connection:
            gone = update(announcements).where(announcements.c.id == cancelled).values(state="cancelled")
            await connection.execute(gone)
        other = await stage.reminder(device_id, timedelta(seconds=4), id="other")
        stage.clock.advance(timedelta(seconds=4))
        assert (await device.receive("play"))["id"] == other


async def _has(stage: MqttStage, announcement_id: str, state: str) -> bool:
    return await stage.state(announcement_id) == state


async def _is_offline(stage: MqttStage, device_id: int) -> bool:
    return not await stage.is_online(device_id)


async def _nothing_retained(stage: MqttStage) -> bool:
    """Whether nothing but the state of Catflap itself is retained."""
    return set(await stage.broker.retained()) <= {"catflap/server"}


async def test_a_flood_of_oversized_messages_is_kept_from_us_and_fills_no_log(
    stage: MqttStage, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = await stage.device()
    said = await stage.reminder(mine)
    async with stage.publishing(), stage.broker.device(mine) as device:
        await device.receive("schedule")
        await device.publish("ack", b"x" * (2 * MAX_PACKET_BYTES))
        for _ in range(300):
            await device.publish("ack", b"x")
        await device.publish("ack", _ack(stage, said))
        await until(lambda: _has(stage, said, "played"))
    written = capsys.readouterr()
    assert 100 <= (written.out + written.err).count("mqtt_message_rejected") < 200
    assert "too large" not in written.out + written.err


def test_a_flood_of_what_the_broker_holds_not_back_drops_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mqtt_connection, "_MOST_INCOMING_BYTES", 10_000)
    queue = mqtt_connection.IncomingMessages()

    def message(qos: int) -> aiomqtt.Message:
        return aiomqtt.Message("catflap/1/ack", b"x" * 4000, qos, False, 1, None)

    queue.put_nowait(message(0))
    queue.put_nowait(message(0))
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(message(0))
    queue.put_nowait(message(1))
    for _ in range(3):
        queue.get_nowait()
    queue.put_nowait(message(0))
