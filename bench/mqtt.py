"""Devices without a clock, on a real Mosquitto: how late `play` arrives when all are due at one second.

`catflap work` is a process of its own, as is Mosquitto with the files of `catflap device mosquitto`; the
devices are sockets of this process that speak as much MQTT 3.1.1 as they need.
"""

import asyncio
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

from sqlalchemy import update

from bench.large_installation import started
from bench.records import Rows
from bench.vault_stage import Stage, free_port, stop
from catflap.cli.device.simulated_rows import open_simulated_rows
from catflap.cli.open_files import raise_open_files
from catflap.devices.channels.mosquitto import CONFIGURATION, Listener
from catflap.devices.channels.mosquitto_files import MosquittoFiles
from catflap.devices.mqtt_login import MQTT_KEY, device_password
from catflap.devices.signed_urls import signing_key
from catflap.mqtt_settings import address_of
from catflap.store.tables import devices
from catflap.store.token_hash import hash_token

COUNT = 5_000
_LOGIN = "catflap:bench"
# Until the first second: the announcements are stored, and read by the process that sends them.
_AHEAD = timedelta(seconds=30)
_APART = timedelta(seconds=10)
_CONNECT_SECONDS = 60.0
_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90


class _Device(asyncio.Protocol):
    """A device that subscribes to its `play` with QoS 1 and notes when something arrives."""

    def __init__(self, user: str, password: str) -> None:
        self.ready = asyncio.Event()
        self.arrived: list[float] = []
        self._user, self._password = user, password
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        head = b"\x00\x04MQTT\x04\xc2\x00\x78"
        body = head + _text(self._user) + _text(self._user) + _text(self._password)
        self._transport.write(_packet(_CONNECT, body))

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._buffer += data
        while (found := _split(self._buffer)) is not None:
            kind, body, self._buffer = found
            if kind & 0xF0 == _CONNACK:
                assert body[1] == 0, "refused"
                topic = _text(f"catflap/{self._user}/play")
                self._transport.write(_packet(_SUBSCRIBE, b"\x00\x01" + topic + b"\x01"))
            elif kind & 0xF0 == _SUBACK:
                self.ready.set()
            elif kind & 0xF0 == _PUBLISH:
                self.arrived.append(now)
                after_topic = 2 + int.from_bytes(body[:2], "big")
                self._transport.write(_packet(_PUBACK, body[after_topic : after_topic + 2]))

    def close(self) -> None:
        self._transport.abort()


async def play(stage: Stage, *, count: int = COUNT, times: int = 3) -> Rows:
    """Have all devices play at one second, several times."""
    raise_open_files(2 * count)
    url = stage.urls.owner.render_as_string(hide_password=False)
    async with open_simulated_rows(url) as rows:
        tokens = await rows.add(count)
        async with stage.app_engine.begin() as connection:
            await connection.execute(update(devices).values(channel="mqtt_play"))
        key = await signing_key(stage.app_engine, MQTT_KEY)
        async with _mosquitto(stage) as port:
            ids = [device_id for device_id, _ in tokens]
            made = [_Device(str(one), device_password(key, one, hash_token(token))) for one, token in tokens]
            await _connect(made, port)
            first = datetime.now(UTC).replace(microsecond=0) + _AHEAD
            seconds = [first + number * _APART for number in range(times)]
            await rows.announce(ids, seconds)
            environment = {**stage.environment, "CATFLAP_MQTT_URL": f"mqtt://{_LOGIN}@localhost:{port}"}
            with started({**environment, "CATFLAP_CALENDARS": "true"}, "work") as work:
                await asyncio.sleep((seconds[-1] - datetime.now(UTC)).total_seconds() + 9)
                megabytes = work.megabytes()
            for one in made:
                one.close()
    late = [_late(made, at) for at in seconds]
    return {
        "played, of all": round(sum(map(len, late)) / (count * times), 4),
        "too early": sum(one < 0 for run in late for one in run),
        "p50 late, ms": _ms(late, 50),
        "p99 late, ms": _ms(late, 99),
        "last, ms": _ms(late, 100),
        "memory of the process, MB": round(megabytes),
    }


async def _connect(made: list[_Device], port: int) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_CONNECT_SECONDS):
        for first in range(0, len(made), 100):
            some = made[first : first + 100]
            await asyncio.gather(
                *(loop.create_connection(partial(_itself, one), "127.0.0.1", port) for one in some)
            )
            await asyncio.gather(*(one.ready.wait() for one in some))


@asynccontextmanager
async def _mosquitto(stage: Stage) -> AsyncIterator[int]:
    port = free_port()
    broker = address_of(f"mqtt://{_LOGIN}@localhost:{port}")
    assert broker is not None
    with tempfile.TemporaryDirectory(prefix="catflap-bench-") as folder:
        await MosquittoFiles(stage.app_engine, Path(folder), broker, Listener(port)).write()
        with _broker(Path(folder), port):
            yield port


@contextmanager
def _broker(folder: Path, port: int) -> Iterator[None]:
    # Otherwise it gives up root's rights, and could not read the folder.
    configuration = folder / "root.conf"
    configuration.write_text("user root\n" + (folder / CONFIGURATION).read_text())
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = subprocess.Popen([program, "-c", configuration], stderr=subprocess.DEVNULL)
    try:
        while not _listens(port):
            time.sleep(0.05)
        yield
    finally:
        stop(process)


def _itself(device: _Device) -> _Device:
    return device


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _late(made: list[_Device], at: datetime) -> list[float]:
    """Return how late each arrived that was due then; negative if it was early."""
    since, until = at.timestamp() - 1, at.timestamp() + 9
    return [came - at.timestamp() for one in made for came in one.arrived if since < came < until]


def _ms(runs: list[list[float]], percent: int) -> float:
    """Return the median over the runs of a percentile."""
    return round(1000 * statistics.median(sorted(run)[(len(run) - 1) * percent // 100] for run in runs), 1)


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _packet(kind: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)[0], left % 128
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


def _split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Return the first packet's kind and body, and the rest; None while it is not complete."""
    length, shift, place = 0, 0, 1
    while place < len(data):
        digit = data[place]
        length, shift, place = length | (digit & 0x7F) << shift, shift + 7, place + 1
        if not digit & 0x80:
            end = place + length
            return (data[0], data[place:end], data[end:]) if len(data) >= end else None
    return None
