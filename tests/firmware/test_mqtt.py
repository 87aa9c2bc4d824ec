"""The firmware with its schedule from a real Mosquitto, and with a broker that sends nonsense."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from catflap.clock import rfc3339
from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import milliseconds, samples
from tests.support.mosquitto import MOSQUITTO, needs_mosquitto
from tests.support.mqtt_packets import (
    CONNACK,
    CONNECT,
    SUBACK,
    SUBSCRIBE,
    MqttClient,
    packet,
    publication,
    read_packet,
)
from tests.support.severable import severable

SECRET = "of the broker"


@pytest.fixture
async def document(owner: DeviceOwner, flash: Path) -> Callable[[], Awaitable[dict[str, Any]]]:
    """The schedule document as MQTT has it."""

    async def made() -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {owner.token}"}
        found: dict[str, Any] = (await owner.app.client.get("/v1/device/schedule", headers=headers)).json()
        return {name: value for name, value in found.items() if name != "now"}

    return made


def use(flash: Path, owner: DeviceOwner, port: int, **more: Any) -> str:
    """Have the device use this broker; return the prefix of its topics."""
    config = json.loads((flash / "config.json").read_text())
    (flash / "config.json").write_text(json.dumps({**config, "channel": "mqtt"}))
    user, topics = str(owner.device_id), f"catflap/{owner.device_id}"
    login = {"host": "127.0.0.1", "port": port, "tls": False, "user": user, "password": SECRET}
    state = json.loads((flash / "state.json").read_text())
    (flash / "state.json").write_text(json.dumps({**state, "mqtt": {**login, "topics": topics, **more}}))
    return topics


def password_file(folder: Path, *users: str) -> Path:
    file = folder / "passwords"
    file.write_text("")
    for user in users:
        subprocess.run(["mosquitto_passwd", "-b", str(file), user, SECRET], check=True)
    return file


@pytest_asyncio.fixture
async def broker(owner: DeviceOwner, flash: Path, tmp_path: Path) -> AsyncIterator[int]:
    """A Mosquitto that knows the device and a server; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    passwords = password_file(tmp_path, str(owner.device_id), "server")
    acl = tmp_path / "acl"
    rights = (
        "pattern read catflap/%u/schedule\npattern write catflap/%u/ack\npattern write catflap/%u/state\n"
    )
    acl.write_text(rights + "user server\ntopic readwrite #\n")
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", "user root"]
    lines += [f"password_file {passwords}", f"acl_file {acl}"]
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text("\n".join(lines) + "\n")
    process = await asyncio.create_subprocess_exec(
        *(MOSQUITTO, "-v", "-c", str(configuration)), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async for line in process.stderr:
        if b"running" in line:
            break
    drained = asyncio.create_task(process.stderr.read())
    yield port
    if process.returncode is None:
        # One that has just started overlooks SIGTERM at times.
        process.kill()
    await process.wait()
    await drained


@needs_mosquitto
async def test_a_retained_schedule_is_spoken_and_reported(
    owner: DeviceOwner, flash: Path, broker: int, start: Start, document: Callable[[], Awaitable[Any]]
) -> None:
    topics = use(flash, owner, broker)
    play_at = owner.in_(minutes=1)
    wav = await owner.plan("lunch", play_at, display="お昼ご飯の時間やで「ランチ」")
    server = await MqttClient.open(broker, "server", SECRET)
    await server.publish(f"{topics}/schedule", await document())
    async with start() as mia:
        await mia.until("sound_held")
        await server.until(f"{topics}/state", state="online")
        await mia.advance(timedelta(minutes=2))
        recorded = await mia.until("recorded")
        assert 0 <= recorded["at"] - milliseconds(play_at) <= 50
        assert samples(mia.folder / recorded["file"]) == samples(wav)
        ack = await server.until(f"{topics}/ack", announcement="lunch")
        assert ack == {"announcement": "lunch", "state": "played", "at": rfc3339(play_at, "milliseconds")}
        await mia.until("ack_sent", announcement="lunch")
    # Its power was cut: the broker sends its last will.
    await server.until(f"{topics}/state", state="offline")
    async with start() as mia:
        await mia.until("schedule")
        await mia.until("online")
        assert not mia.find("ack_sent")
    assert [name for name, _ in server.received].count(f"{topics}/ack") == 1
    await server.close()


@needs_mosquitto
async def test_what_was_spoken_without_a_network_is_reported_before_the_device_is_online(
    owner: DeviceOwner, flash: Path, broker: int, start: Start, document: Callable[[], Awaitable[Any]]
) -> None:
    """What a device that comes online has not reported counts as missed."""
    async with severable(f"127.0.0.1:{broker}") as line:
        topics = use(flash, owner, line.port)
        await owner.plan("lunch", owner.in_(minutes=1))
        server = await MqttClient.open(broker, "server", SECRET)
        await server.publish(f"{topics}/schedule", await document())
        async with start() as mia:
            await mia.until("sound_held")
            await server.until(f"{topics}/state", state="online")
            await line.cut()
            await server.until(f"{topics}/state", state="offline")
            before = len(server.received)
            await mia.advance(timedelta(minutes=2))
            await mia.until("done", announcement="lunch")
            await line.restore()
            await mia.advance(timedelta(minutes=2))
            await server.until(f"{topics}/ack", announcement="lunch")
            await server.until(f"{topics}/state", after=before, state="online")
        order = [name.rpartition("/")[2] for name, _ in server.received[before:]]
        assert order.index("ack") < order.index("state")
        await server.close()


@needs_mosquitto
async def test_a_report_that_the_server_did_not_get_is_sent_again_with_the_next_schedule(
    owner: DeviceOwner, flash: Path, broker: int, start: Start, document: Callable[[], Awaitable[Any]]
) -> None:
    """As when a broker was restarted that keeps nothing: it took the report, and nobody else has it."""
    topics = use(flash, owner, broker)
    await owner.plan("lunch", owner.in_(minutes=1))
    server = await MqttClient.open(broker, "server", SECRET)
    await server.publish(f"{topics}/schedule", await document())
    async with start() as mia:
        await mia.until("sound_held")
        await mia.advance(timedelta(minutes=2))
        await mia.until("ack_sent", announcement="lunch")
        await server.until(f"{topics}/ack", announcement="lunch")
        before = len(server.received)
        await owner.set(volume=50)
        await server.publish(f"{topics}/schedule", await document())
        again = await server.until(f"{topics}/ack", after=before, announcement="lunch")
        assert again["state"] == "played"
        await owner.cancel("lunch")
        before = len(mia.events)
        await server.publish(f"{topics}/schedule", await document())
        await mia.until("schedule", after=before, announcements=0)
        await mia.advance(timedelta(minutes=1))
        assert len(mia.find("speak")) == 1
    await server.close()
    assert [name for name, _ in server.received].count(f"{topics}/ack") == 2


@needs_mosquitto
async def test_one_cancelled_three_seconds_before_is_not_spoken(
    owner: DeviceOwner, flash: Path, broker: int, start: Start, document: Callable[[], Awaitable[Any]]
) -> None:
    topics = use(flash, owner, broker)
    await owner.plan("lunch", owner.in_(minutes=1))
    server = await MqttClient.open(broker, "server", SECRET)
    await server.publish(f"{topics}/schedule", await document())
    async with start() as mia:
        await mia.until("sound_held")
        await mia.advance(timedelta(seconds=57))
        await owner.cancel("lunch")
        await server.publish(f"{topics}/schedule", await document())
        await mia.until("schedule", announcements=0)
        await mia.advance(timedelta(seconds=10))
        assert not mia.find("speak")
    await server.close()


@needs_mosquitto
async def test_a_wrong_password_is_asked_for_again_at_the_server(
    owner: DeviceOwner, flash: Path, broker: int, start: Start
) -> None:
    use(flash, owner, broker, password="an old one")
    async with start() as mia:
        await mia.until("broker_refused", code=5)
        await mia.until("offline")
        # This server has no broker, and says so; the device tries again, and keeps what it holds.
        await mia.advance(timedelta(seconds=30))
        assert not mia.find("trouble")
        assert not mia.find("ended")


@asynccontextmanager
async def false_broker(*messages: bytes) -> AsyncIterator[int]:
    """A broker that sends each subscriber the next of these bytes, and closes after all but the last."""
    left = list(messages)
    open_ones: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        assert (await read_packet(reader))[0] == CONNECT
        writer.write(packet(CONNACK, b"\x00\x00"))
        assert (await read_packet(reader))[0] == SUBSCRIBE
        writer.write(packet(SUBACK, b"\x00\x01\x01") + left[0])
        if len(left) > 1:
            left.pop(0)
            await writer.drain()
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in open_ones:
            writer.close()


def long_document(play_at: datetime) -> bytes:
    """A document that is valid, and larger than any that the device takes."""
    one = {"play_at": rfc3339(play_at), "expires_at": rfc3339(play_at), "kind": "say", "audio": None}
    many = [{**one, "id": f"n{number}", "text": "x" * 1000} for number in range(400)]
    return json.dumps({"version": 9, "volume": 1, "muted_until": None, "announcements": many}).encode()


async def test_torn_and_oversized_messages_change_nothing_and_the_next_whole_one_counts(
    owner: DeviceOwner, flash: Path, start: Start, document: Callable[[], Awaitable[Any]]
) -> None:
    await owner.plan("lunch", owner.in_(minutes=5))
    whole = json.dumps(await document()).encode()
    topics = f"catflap/{owner.device_id}"
    schedule = publication(f"{topics}/schedule", whole)
    oversized = publication(f"{topics}/schedule", long_document(owner.in_(minutes=1)))
    foreign = publication("catflap/999/schedule", b'{"volume": 1}')
    invalid = publication(f"{topics}/schedule", b'{"announcements": [{"id"')
    async with false_broker(
        schedule[: len(schedule) // 2],
        b"\x30\xff\xff\xff\xff\xff",
        b"\x30\x04\xff\xffab",
        oversized + foreign + invalid + schedule,
    ) as port:
        use(flash, owner, port)
        async with start() as mia:
            await mia.until("document_too_large")
            await mia.until("document_invalid")
            await mia.until("sound_held", announcement="lunch")
            assert [one["announcements"] for one in mia.find("schedule")] == [1]
            assert len(mia.find("offline")) == 3
            await mia.advance(timedelta(minutes=6))
            await mia.until("done", announcement="lunch", state="played")
