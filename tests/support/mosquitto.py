"""A real Mosquitto with the files that `catflap device mosquitto` writes, and devices that use it."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from catflap.devices.channels.mosquitto import (
    ACL,
    CONFIGURATION,
    HOME_ASSISTANT_USER,
    PASSWORDS,
    Listener,
    Logins,
    access_control_list,
    configuration,
    password_file,
    write_files,
)
from tests.support.tls import Certificate

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
SERVER = ("catflap", "the server's password")
OBSERVER = "observer"
HOME_ASSISTANT = "the home's password"
# Where it must be there, its absence fails the tests.
_MUST_BE_THERE = "mosquitto" in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", "")
needs_mosquitto = pytest.mark.skipif(
    not _MUST_BE_THERE and not Path(MOSQUITTO).exists(), reason="Debian's mosquitto is not installed"
)


@dataclass
class Mosquitto:
    """A broker that can be stopped and started again; it keeps nothing."""

    folder: Path
    port: int
    devices: dict[str, str] = field(default_factory=dict)
    certificate: Certificate | None = None
    _process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """The address with the server's login."""
        scheme = "mqtts" if self.certificate else "mqtt"
        return f"{scheme}://{SERVER[0]}:{SERVER[1].replace(' ', '%20')}@localhost:{self.port}"

    def write(self) -> None:
        """Write the files."""
        logins = Logins(SERVER, self.devices, HOME_ASSISTANT)
        files = (self.certificate.chain, self.certificate.key) if self.certificate else (None, None)
        made = configuration(self.folder, Listener(self.port, *files))
        written = {
            PASSWORDS: password_file(logins, b"key"),
            ACL: access_control_list(logins),
            CONFIGURATION: made,
        }
        # Somebody who sees everything.
        written[PASSWORDS] += password_file(Logins((OBSERVER, OBSERVER), {}), b"key")
        written[ACL] += f"user {OBSERVER}\ntopic read #\n"
        write_files(self.folder, written.items())

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        self.write()
        await self.launch()

    async def launch(self) -> None:
        """Start it with the files as they are."""
        # Mosquitto gives its rights up when root starts it, and could not read the folder of the test.
        with (self.folder / "root.conf").open("w") as file:
            file.write(f"user root\nallow_zero_length_clientid true\ninclude_dir {self.folder / 'include'}\n")
        (self.folder / "include").mkdir(exist_ok=True)
        shutil.copy(self.folder / CONFIGURATION, self.folder / "include" / CONFIGURATION)
        self._process = await asyncio.create_subprocess_exec(
            MOSQUITTO, "-c", str(self.folder / "root.conf"),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        while not _listens(self.port):
            assert self._process.returncode is None, "Mosquitto has ended"
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def add(self, device_id: int, password: str = "secret") -> None:
        """Give a device a login, as `--watch` does."""
        self.devices[str(device_id)] = password
        self.write()
        if self._process is not None:
            self._process.send_signal(1)

    @asynccontextmanager
    async def device(self, device_id: int, **more: Any) -> AsyncIterator["Device"]:
        """A device that is connected, with its last will; it has subscribed to its topics."""
        topic = f"catflap/{device_id}/state"
        will = aiomqtt.Will(topic, json.dumps({"state": "offline"}), qos=1, retain=True)
        tls = ssl.create_default_context(cafile=self.certificate.authority) if self.certificate else None
        login = {"tls_context": tls, "username": str(device_id), "password": self.devices[str(device_id)]}
        async with self.client(**{**login, "will": will, **more}) as client:
            await client.subscribe(f"catflap/{device_id}/#", qos=1)
            yield Device(device_id, client)

    def client(self, **more: Any) -> aiomqtt.Client:
        values = {
            "hostname": "localhost",
            "port": self.port,
            "protocol": aiomqtt.ProtocolVersion.V311,
            "timeout": 5,
        }
        return aiomqtt.Client(**{**values, **more})

    def home_assistant(self) -> aiomqtt.Client:
        """Home Assistant's connection, to be entered."""
        return self.client(username=HOME_ASSISTANT_USER, password=HOME_ASSISTANT)

    async def lost(self) -> None:
        """Return when Catflap is not connected."""
        async with self.client(username=OBSERVER, password=OBSERVER) as client:
            await client.subscribe("catflap/server")
            while (await anext(client.messages)).payload != b"offline":
                pass

    async def retained(self) -> dict[str, bytes]:
        """All retained messages, by topic."""
        found: dict[str, bytes] = {}
        async with self.client(username=OBSERVER, password=OBSERVER) as client:
            await client.subscribe("#")
            # The end of what is retained is not marked.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    async for message in client.messages:
                        if message.retain:
                            found[message.topic.value] = bytes(message.payload)  # type: ignore[arg-type]
        return found


@dataclass
class Device:
    """A simulated device."""

    id: int
    client: aiomqtt.Client
    _came: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def publish(self, name: str, message: Any, *, retain: bool = False) -> None:
        payload = message if isinstance(message, bytes) else json.dumps(message)
        await self.client.publish(f"catflap/{self.id}/{name}", payload, qos=1, retain=retain)

    async def online(self) -> None:
        await self.publish("state", {"state": "online"}, retain=True)

    async def receive(self, name: str) -> Any:
        """The next message on a topic, as JSON; None where it was cleared."""
        payload = await self.receive_text(name)
        return json.loads(payload) if payload else None

    async def receive_text(self, name: str) -> str:
        """The next message on a topic; those on others are kept until somebody asks."""
        while not self._came[name]:
            message = await anext(self.client.messages)
            assert isinstance(message.payload, bytes)
            self._came[message.topic.value.removeprefix(f"catflap/{self.id}/")].append(
                message.payload.decode(errors="replace")
            )
        return self._came[name].pop(0)


@asynccontextmanager
async def running_mosquitto(folder: Path, certificate: Certificate | None = None) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(folder, free_port(), certificate=certificate)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
