"""`catflap device mosquitto`: what it writes is what Mosquitto enforces, and follows the devices."""

import asyncio
import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import aiomqtt
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices.devices import Channel, Devices
from catflap.devices.mqtt_login import MQTT_KEY, MqttLogins
from catflap.devices.signed_urls import signing_key
from catflap.mqtt_settings import BrokerAddress
from catflap.store.database import Urls
from tests.support.app_client import secret_url
from tests.support.mosquitto import Mosquitto, free_port, needs_mosquitto
from tests.support.processes import run_command
from tests.support.tls import make_certificate

OURS = "mqtt://catflap:swordfish@localhost"


class Desk:
    """An installation whose command writes a folder."""

    def __init__(self, engine: AsyncEngine, clock: FixedClock, urls: Urls, user_id: int, home: Path) -> None:
        self.engine, self.clock, self.user_id, self.home = engine, clock, user_id, home
        self.folder, self.port = home / "broker", free_port()
        self.environment = {
            **os.environ,
            "CATFLAP_DATA_DIR": str(home / "data"),
            "CATFLAP_DATABASE_URL": secret_url(urls.app).get_secret_value(),
            "CATFLAP_VAULT_DATABASE_URL": secret_url(urls.vault).get_secret_value(),
            "CATFLAP_MQTT_URL": f"{OURS}:{self.port}",
        }

    async def pair(self, token: str, channel: Channel = "mqtt") -> tuple[str, str]:
        """A paired device; its user name and password."""
        async with self.engine.begin() as connection:
            made = await Devices(self.engine, self.clock).add(
                connection,
                self.user_id,
                name="Mia",
                model="ESP32",
                token_hash=hashlib.sha256(token.encode()).digest(),
                channel=channel,
            )
        if channel not in ("mqtt", "mqtt_play"):
            return str(made.id), ""
        key = await signing_key(self.engine, MQTT_KEY)
        login = await MqttLogins(self.engine, BrokerAddress("localhost", self.port, False), key).of_device(
            made.id
        )
        return login.user, login.password

    async def rotate(self, device_id: int) -> None:
        """Replace the token of a device."""
        devices = Devices(self.engine, self.clock)
        (found,) = [one for one in await devices.of_user(self.user_id) if one.id == device_id]
        await devices.rotate_token(found, hashlib.sha256(b"another").hexdigest())

    async def write(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        arguments = ("device", "mosquitto", str(self.folder), *options)
        both = {**self.environment, **environment}
        return await asyncio.to_thread(run_command, *arguments, cwd=self.home, environment=both)

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Mosquitto]:
        """A Mosquitto with the files as they are."""
        running = Mosquitto(self.folder, self.port)
        await running.launch()
        try:
            yield running
        finally:
            await running.kill()


@pytest.fixture
def desk(engine: AsyncEngine, clock: FixedClock, database_urls: Urls, user_id: int, tmp_path: Path) -> Desk:
    return Desk(engine, clock, database_urls, user_id, tmp_path)


async def _receives(reader: aiomqtt.Client, writer: aiomqtt.Client, topic: str) -> bool:
    """Whether what one publishes arrives at the other, which may read the marker's topic."""
    message_sent, end = (secrets.token_bytes(8) for _ in range(2))
    async with asyncio.timeout(20):
        await writer.publish(topic, message_sent, qos=1)
        await reader.publish(f"catflap/{reader.identifier}/state", end, qos=1)
        async for message in reader.messages:
            if message.payload == message_sent:
                return True
            if message.payload == end:
                return False
    raise AssertionError


@needs_mosquitto
async def test_each_device_has_its_own_topics_and_nobody_elses(desk: Desk) -> None:
    alice, bob = await desk.pair("a"), await desk.pair("b", "mqtt_play")
    https = await desk.pair("c", "https")
    done = await desk.write("--home-assistant")
    assert done.returncode == 0, done.stderr
    home = done.stdout.split()[-1]
    assert "2 devices on the broker; written: passwords, acl, catflap.conf." in done.stderr
    assert not any(secret in done.stderr + done.stdout for secret in (alice[1], bob[1], "swordfish"))
    async with desk.broker() as broker:
        for user, password in (
            (alice[0], bob[1]),
            (alice[0], ""),
            (https[0], ""),
            ("catflap", "cat"),
            (None, None),
        ):
            with pytest.raises(aiomqtt.MqttError):
                await broker.client(username=user, password=password).__aenter__()
        clients = {
            name: broker.client(username=name, password=password, identifier=name)
            for name, password in (alice, bob, ("catflap", "swordfish"), ("homeassistant", home))
        }
        mine, theirs, server, hass = clients.values()
        async with mine, theirs, server, hass:
            for client in (mine, theirs):
                await client.subscribe("#", qos=1)
            assert await _receives(mine, server, f"catflap/{alice[0]}/schedule")
            assert await _receives(mine, server, f"catflap/{alice[0]}/play")
            assert await _receives(mine, mine, f"catflap/{alice[0]}/ack")
            # Read: neither by a wildcard, nor by name.
            await mine.subscribe(f"catflap/{bob[0]}/schedule", qos=1)
            assert not await _receives(mine, server, f"catflap/{bob[0]}/schedule")
            assert not await _receives(mine, server, "homeassistant/device/catflap_1/config")
            # Write.
            for topic in ("ack", "state", "schedule", "ha/vol/set"):
                assert not await _receives(theirs, mine, f"catflap/{bob[0]}/{topic}")
            assert not await _receives(mine, mine, f"catflap/{alice[0]}/schedule")
            assert not await _receives(mine, hass, f"catflap/{alice[0]}/schedule")
            await server.subscribe("#", qos=1)
            await hass.publish(f"catflap/{alice[0]}/ha/say/set", b"Dinner!", qos=1)
            async with asyncio.timeout(20):
                while (await anext(server.messages)).payload != b"Dinner!":
                    pass


@needs_mosquitto
async def test_a_client_id_of_another_user_ends_no_connection(desk: Desk) -> None:
    alice, bob = await desk.pair("a"), await desk.pair("b")
    await desk.write()
    async with desk.broker() as broker:
        mine = broker.client(username=alice[0], password=alice[1], identifier=alice[0])
        async with mine, broker.client(username=bob[0], password=bob[1], identifier=alice[0]):
            await mine.subscribe(f"catflap/{alice[0]}/#", qos=1)
            assert await _receives(mine, mine, f"catflap/{alice[0]}/ack")


@needs_mosquitto
async def test_with_watch_a_new_device_gets_in_and_a_removed_one_is_out(desk: Desk) -> None:
    first = await desk.pair("a")
    await desk.write()
    async with asyncio.timeout(120), desk.broker() as broker:
        pid_file = desk.home / "mosquitto.pid"
        pid_file.write_text(f"{broker.pid}\n")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "catflap.cli", "device", "mosquitto", str(desk.folder), "--watch",
            "--pid-file", str(pid_file), env=desk.environment, cwd=desk.home, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None

        async def told(text: str) -> None:
            assert process.stderr is not None
            while text not in (line := (await process.stderr.readline()).decode()):
                assert line, "it has ended"

        try:
            await told("Watching")
            second = await desk.pair("b")
            await told("2 devices on the broker; written: passwords. Mosquitto reads them again.")
            await _gets_in(broker, *second)
            await _is_disconnected_when(broker, second, desk.rotate(int(second[0])))
            await told("2 devices on the broker; written: passwords. Mosquitto reads them again.")
            await _is_kept_out(broker, *second)
            await Devices(desk.engine, desk.clock).remove(desk.user_id, int(first[0]))
            await told("1 device on the broker; written: passwords. Mosquitto reads them again.")
            await _is_kept_out(broker, *first)
        finally:
            process.terminate()
            await process.wait()


async def _gets_in(broker: Mosquitto, user: str, password: str) -> None:
    while True:
        try:
            async with broker.client(username=user, password=password):
                return
        except aiomqtt.MqttError:
            # Mosquitto reads its files some time after the signal.
            await asyncio.sleep(0.1)


async def _is_disconnected_when(
    broker: Mosquitto, login: tuple[str, str], change: Coroutine[None, None, None]
) -> None:
    user, password = login
    with pytest.raises(aiomqtt.MqttError):
        async with broker.client(username=user, password=password) as client:
            await change
            async for _ in client.messages:
                pass


async def _is_kept_out(broker: Mosquitto, user: str, password: str) -> None:
    while True:
        try:
            async with broker.client(username=user, password=password):
                await asyncio.sleep(0.1)
        except aiomqtt.MqttError:
            return


async def test_the_same_devices_give_the_same_files_and_only_changes_are_written(desk: Desk) -> None:
    await desk.pair("a")
    await desk.write()
    before = {file.name: file.read_bytes() for file in desk.folder.iterdir()}
    assert set(before) == {"passwords", "acl", "catflap.conf"}
    assert (desk.folder / "passwords").stat().st_mode & 0o777 == 0o640
    done = await desk.write()
    assert "1 device on the broker; written: nothing, all is up to date." in done.stderr
    assert {file.name: file.read_bytes() for file in desk.folder.iterdir()} == before
    await desk.pair("b")
    assert "2 devices on the broker; written: passwords." in (await desk.write()).stderr


async def test_the_configuration_has_the_port_and_the_certificate_of_devices(desk: Desk) -> None:
    made = make_certificate(desk.home)
    url = {"CATFLAP_MQTT_DEVICE_URL": "mqtts://broker.example.com:8899"}
    refused = await desk.write(**url)
    assert refused.returncode == 3 and "--certificate" in refused.stderr
    done = await desk.write("--certificate", str(made.chain), "--key", str(made.key), **url)
    assert done.returncode == 0, done.stderr
    lines = (desk.folder / "catflap.conf").read_text().splitlines()
    assert {"listener 8899", f"certfile {made.chain}", f"keyfile {made.key}"} <= set(lines)


async def test_without_a_login_of_ours_it_proposes_one(desk: Desk) -> None:
    for url in ("", "mqtt://localhost", "mqtt://catflap@localhost"):
        done = await desk.write(CATFLAP_MQTT_URL=url)
        assert done.returncode == 3
        assert "CATFLAP_MQTT_URL=mqtt://catflap:" in done.stderr
    assert not desk.folder.exists()


@pytest.mark.parametrize("user", ["7", "homeassistant", "a:b", "a%0Atopic readwrite %23"])
async def test_a_user_name_of_ours_that_is_another_s_or_no_name_is_refused(desk: Desk, user: str) -> None:
    done = await desk.write(CATFLAP_MQTT_URL=f"mqtt://{quote(user, safe='%')}:secret@localhost:1883")
    assert done.returncode == 3 and "user name" in done.stderr and "secret" not in done.stderr
    assert not desk.folder.exists()


async def test_a_folder_that_can_not_be_written_is_named(desk: Desk) -> None:
    desk.folder.write_text("not a folder")
    done = await desk.write()
    assert done.returncode == 3 and str(desk.folder) in done.stderr


async def test_the_help_has_examples(desk: Desk) -> None:
    done = await asyncio.to_thread(
        run_command, "device", "mosquitto", "--help", cwd=desk.home, environment=desk.environment
    )
    assert "catflap device mosquitto /etc/mosquitto/catflap" in done.stdout
