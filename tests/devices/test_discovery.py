"""Entities for Home Assistant: what it discovers, what they show, and what their commands do."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock, rfc3339
from catflap.devices.acks import Acks
from catflap.devices.channels.discovery_payloads import discovery_messages, discovery_topics
from catflap.devices.channels.discovery_states import read_states
from catflap.devices.mute import ALWAYS
from catflap.mqtt_settings import DiscoveryKind
from catflap.store.database import Urls
from catflap.store.tables import devices, users
from tests.support.discovery_schema import DEVICE, component
from tests.support.mosquitto import Device, needs_mosquitto, running_mosquitto
from tests.support.mqtt_stage import MINUTE, MqttStage, until
from tests.support.spoken import add_announcement, made_at_once

BOTH: tuple[DiscoveryKind, ...] = ("device", "components")
KEYS = {"next", "next_title", "spoken", "say", "repeat", "quiet", "vol", "conn"}


def _messages(*kinds: DiscoveryKind) -> dict[str, dict[str, Any]]:
    return discovery_messages(17, name="ミア", model="ESP32", room="台所", kinds=kinds)


def test_the_message_about_a_device_has_all_entities_and_fits_the_schema() -> None:
    ((topic, message),) = _messages("device").items()
    assert topic == "homeassistant/device/catflap_17/config"
    Draft202012Validator(DEVICE).validate(message)
    assert set(message["cmps"]) == KEYS
    assert message["dev"] | {"sw": ""} == {
        "ids": ["catflap_17"],
        "name": "ミア",
        "mf": "Catflap",
        "mdl": "ESP32",
        "sw": "",
        "sa": "台所",
    }
    assert len({one["uniq_id"] for one in message["cmps"].values()}) == len(KEYS)


def test_each_message_about_a_component_fits_the_schema_of_its_platform() -> None:
    messages = _messages("components")
    assert len(messages) == len(KEYS)
    for topic, message in messages.items():
        found = re.fullmatch(r"homeassistant/([a-z_]+)/catflap_17/([a-z_]+)/config", topic)
        assert found is not None and found[2] in KEYS
        Draft202012Validator(component(found[1])).validate(message)


def test_what_is_cleared_has_all_that_is_published() -> None:
    cleared = set(discovery_topics(17))
    assert set(_messages(*BOTH)) < cleared
    assert not cleared & set(discovery_topics(1))


@pytest.fixture
async def stage(
    engine: AsyncEngine, clock: FixedClock, database_urls: Urls, user_id: int, tmp_path: Path
) -> AsyncIterator[MqttStage]:
    async with asyncio.timeout(60), running_mosquitto(tmp_path) as broker:
        made = MqttStage(engine, clock, database_urls, user_id, broker)
        await made.sound()
        yield made


async def _receive(device: Device, name: str) -> str:
    return await device.receive_text(f"ha/{name}")


async def _becomes(device: Device, name: str, state: str) -> None:
    """Wait for a state; those before it are passed over."""
    while await _receive(device, name) != state:
        pass


async def _command(stage: MqttStage, device_id: int, name: str, payload: bytes | str, **more: Any) -> None:
    async with stage.broker.home_assistant() as client:
        await client.publish(f"catflap/{device_id}/ha/{name}/set", payload, qos=1, **more)


pytestmark = needs_mosquitto


@pytest.mark.parametrize("channel", ["https", "mqtt", "mqtt_play"])
async def test_each_paired_device_is_discovered_with_the_states_that_it_has(
    stage: MqttStage, channel: Any
) -> None:
    device_id = await stage.device(channel)
    said = await stage.reminder(device_id, titles=["歯医者", "Lunch"])
    async with stage.publishing(home_assistant_discovery="device,components"):
        await until(lambda: _is_retained(stage, f"catflap/{device_id}/ha/conn"))
        retained = await stage.broker.retained()
    start = stage.clock.now() + 40 * MINUTE
    assert json.loads(retained[f"catflap/{device_id}/ha/next"]) == {
        "at": rfc3339(start),
        "title": "歯医者, Lunch",
    }
    states = {name: retained[f"catflap/{device_id}/ha/{name}"].decode() for name in ("quiet", "vol", "conn")}
    assert states == {"quiet": "OFF", "vol": "60", "conn": "OFF"}
    expected = discovery_messages(device_id, name="Mia", model="ESP32", room="", kinds=BOTH)
    assert {topic: json.loads(retained[topic]) for topic in expected} == expected
    assert said not in str(retained) or channel == "mqtt"


async def test_what_a_member_has_muted_is_not_shown_as_the_next(stage: MqttStage) -> None:
    device_id, now = await stage.device(), stage.clock.now()
    async with stage.engine.begin() as connection:
        values = {"created_at": now, "muted_at": now, "muted_until": now + 60 * MINUTE}
        member = await connection.scalar(insert(users).values(values).returning(users.c.id))
    await add_announcement(
        stage.engine, member, device_id, now + MINUTE, titles=["Zebra"], id="theirs", state="ready"
    )
    await stage.reminder(device_id, titles=["Lunch"])
    (found,) = await read_states(stage.engine, now)
    assert found.states["next"]["title"] == "Lunch"


async def test_browsers_are_not_discovered_and_without_the_setting_nothing_is(stage: MqttStage) -> None:
    browser, _ = await stage.devices.add_browser(stage.user_id, "Browser")
    paired = await stage.device()
    async with stage.engine.begin() as connection:
        session = update(devices).where(devices.c.id == browser.id)
        await connection.execute(session.values(session_id=await stage.session()))
    async with stage.publishing(home_assistant_discovery="device"):
        await until(lambda: _is_retained(stage, f"catflap/{paired}/ha/conn"))
        assert not any(f"catflap_{browser.id}/" in topic for topic in await stage.broker.retained())
    # What a setting before has left is cleared.
    async with stage.publishing():
        await until(lambda: _is_gone(stage, "homeassistant/"))
        await until(lambda: _is_gone(stage, f"catflap/{paired}/ha/"))
        assert f"catflap/{paired}/schedule" in await stage.broker.retained()


async def test_states_follow_what_changes_and_what_time_changes(
    stage: MqttStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catflap.devices.channels.discovery._LOOK_SECONDS", 0.05)
    device_id = await stage.device("mqtt_play")
    await stage.reminder(device_id)
    async with stage.publishing(home_assistant_discovery="device"), stage.broker.device(device_id) as device:
        await _becomes(device, "vol", "60")
        await stage.devices.update(stage.user_id, device_id, volume=5)
        await _becomes(device, "vol", "5")
        await stage.devices.update(stage.user_id, device_id, muted_until=ALWAYS)
        await _becomes(device, "quiet", "ON")
        await device.online()
        await _becomes(device, "conn", "ON")
        stage.clock.advance(timedelta(minutes=41))
        await _becomes(device, "next", '{"at":null,"title":null}')


async def test_commands_do_what_the_http_api_does(stage: MqttStage) -> None:
    device_id = await stage.device("mqtt_play")
    async with stage.publishing(home_assistant_discovery="device"), stage.broker.device(device_id) as device:
        await _becomes(device, "vol", "60")
        await _command(stage, device_id, "vol", "25.0")
        await _becomes(device, "vol", "25")
        for state in ("ON", "OFF"):
            await _command(stage, device_id, "quiet", state)
            await _becomes(device, "quiet", state)
        await _command(stage, device_id, "say", "晩ご飯だよ")
        await until(lambda: _is_said(stage, device_id, ["say"]))
        await _command(stage, device_id, "repeat", "PRESS")
        await until(lambda: _is_said(stage, device_id, ["repeat", "say"]))
    (said, repeated) = await made_at_once(stage.engine, device_id)
    assert said.display == repeated.display and "晩ご飯" in said.display


async def test_malformed_and_retained_commands_change_nothing(
    stage: MqttStage, capsys: pytest.CaptureFixture[str]
) -> None:
    device_id = await stage.device("mqtt_play")
    await _command(stage, device_id, "vol", "1", retain=True)
    bad = {"vol": ["101", "-1", "loud", "1e1", "", b"\xff"], "quiet": ["maybe"], "say": ["x" * 501, " "]}
    async with stage.publishing(home_assistant_discovery="device"), stage.broker.device(device_id) as device:
        assert await _receive(device, "vol") == "60"
        for name, payloads in bad.items():
            for payload in payloads:
                await _command(stage, device_id, name, payload)
        await _command(stage, 999, "vol", "3")
        await _command(stage, device_id, "vol", "25")
        assert await _receive(device, "vol") == "25"
    assert await made_at_once(stage.engine, device_id) == []
    written = capsys.readouterr()
    assert (written.out + written.err).count("mqtt_message_rejected") >= 9


async def test_too_many_texts_at_once_are_refused(stage: MqttStage) -> None:
    device_id = await stage.device("mqtt_play")
    async with stage.publishing(home_assistant_discovery="device"), stage.broker.device(device_id) as device:
        await _receive(device, "vol")
        async with stage.broker.home_assistant() as client:
            for number in range(30):
                await client.publish(f"catflap/{device_id}/ha/say/set", f"Text {number}.", qos=1)
        await _command(stage, device_id, "vol", "7")
        await _becomes(device, "vol", "7")
    assert 10 <= len(await made_at_once(stage.engine, device_id)) < 20


async def test_what_was_said_is_an_event_that_is_not_retained(stage: MqttStage) -> None:
    """Of a device without a clock when it is sent, and of each when it is acknowledged, by HTTP too."""
    device_id = await stage.device("mqtt_play")
    said = await stage.reminder(device_id, MINUTE)
    async with stage.publishing(home_assistant_discovery="device"), stage.broker.device(device_id) as device:
        await _receive(device, "vol")
        stage.clock.advance(MINUTE)
        announced = json.loads(await _receive(device, "spoken"))
        assert (announced["event_type"], announced["kind"]) == ("announced", "before")
        acks = Acks(stage.engine, stage.clock, notifies=True)
        await acks.record(device_id, said, "played", stage.clock.now())
        played = json.loads(await _receive(device, "spoken"))
        assert played == {**announced, "event_type": "played"}
    assert f"catflap/{device_id}/ha/spoken" not in await stage.broker.retained()


async def _is_retained(stage: MqttStage, topic: str) -> bool:
    return topic in await stage.broker.retained()


async def _is_gone(stage: MqttStage, prefix: str) -> bool:
    return not any(topic.startswith(prefix) for topic in await stage.broker.retained())


async def _is_said(stage: MqttStage, device_id: int, kinds: list[str]) -> bool:
    return sorted(row.kind for row in await made_at_once(stage.engine, device_id)) == kinds
