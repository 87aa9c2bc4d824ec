"""A clock that is wrong: the server's time is used, and it says so."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import milliseconds


class NtpServer(asyncio.DatagramProtocol):
    """Answers with a time that a test chooses (RFC 4330)."""

    def __init__(self, at: datetime) -> None:
        self._at = milliseconds(at)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's is no subclass of it.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, question: bytes, to: tuple[str, int]) -> None:
        seconds, ms = divmod(self._at, 1000)
        answer = struct.pack("!BB38xII", 0x24, 2, (seconds + 2_208_988_800) % 2**32, (ms << 32) // 1000)
        self._transport.sendto(answer, to)


@asynccontextmanager
async def ntp(flash: Path, at: datetime) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: NtpServer(at), local_addr=("127.0.0.1", 0))
    config = json.loads((flash / "config.json").read_text())
    port = transport.get_extra_info("sockname")[1]
    (flash / "config.json").write_text(json.dumps({**config, "ntp_port": port}))
    try:
        yield
    finally:
        transport.close()


async def spoken_in_time(owner: DeviceOwner, start: Start, **options: object) -> list[str]:
    """Plan and hear an announcement; return the prompts that were said."""
    play_at = owner.in_(minutes=2)
    await owner.plan("lunch", play_at)
    async with start(**options) as mia:
        await mia.until("schedule")
        # What it says about its clock comes first.
        await mia.advance(timedelta(seconds=10))
        await mia.until("sound_held")
        await mia.advance(timedelta(minutes=3))
        await mia.until("ack_sent", announcement="lunch", state="played")
        (spoken,) = mia.find("speak")
        assert 0 <= spoken["late_ms"] <= 50
        recorded = [one for one in mia.find("recorded") if one["at"] >= milliseconds(play_at)]
        assert recorded[0]["at"] - milliseconds(play_at) <= 50
        return [one["name"] for one in mia.find("prompt")]


@pytest.mark.parametrize("hours", [-5, 7])
async def test_a_clock_that_is_wrong_by_hours_is_told_of_and_the_server_s_time_used(
    owner: DeviceOwner, start: Start, hours: int
) -> None:
    said = await spoken_in_time(owner, start, clock_error=timedelta(hours=hours))
    assert said == ["sounds/clock.wav"]


async def test_a_wrong_time_server_is_told_of_and_the_server_s_time_used(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    async with ntp(flash, owner.in_(hours=3)):
        assert await spoken_in_time(owner, start) == ["sounds/clock.wav"]


async def test_a_chip_without_a_time_takes_it_from_a_time_server(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    async with ntp(flash, owner.in_(milliseconds=0)), start(clock_error=None) as mia:
        await mia.until("clock_set", source="ntp")
        await mia.until("schedule")
        assert not mia.find("clock_set", source="server")


async def test_a_chip_without_a_time_takes_it_from_the_server_where_no_time_server_answers(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    config = json.loads((flash / "config.json").read_text())
    # Port 9 of UDP has no NTP, so nothing answers.
    (flash / "config.json").write_text(json.dumps({**config, "ntp_port": 9}))
    assert await spoken_in_time(owner, start, clock_error=None) == []
