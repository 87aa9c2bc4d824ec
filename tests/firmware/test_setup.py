"""A device without Wi-Fi has one chosen with a phone; a removed one forgets what it knew."""

import asyncio
import json
import socket
from datetime import timedelta
from pathlib import Path

from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner
from tests.support.http import http_client

NAME, PASSWORD = 'Café "5&6" <Home>', "p+w %41&=é"


def free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def change(file: Path, **members: object) -> None:
    """Set members of a JSON file; None takes one away."""
    found = {**json.loads(file.read_text()), **members}
    file.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))


class Question(asyncio.DatagramProtocol):
    """One question of DNS, and its answer."""

    ASKED = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        if not self.answer.done():
            self.answer.set_result(data)


async def test_without_wifi_a_phone_is_shown_a_page_where_it_is_chosen(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    http, dns = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    portal = {"http_port": http, "dns_port": dns, "address": "192.168.4.1"}
    change(flash / "config.json", wifi=None, portal=portal)
    async with start(wifi=[NAME]) as mia, http_client(base_url=f"http://127.0.0.1:{http}") as phone:
        await mia.until("access_point_name", name="Mia-Setup")
        await mia.until("portal_open")
        await mia.advance(timedelta(seconds=5))
        await mia.until("prompt", name="sounds/setup.wav")
        # Whatever name a phone looks up leads to the page.
        loop = asyncio.get_running_loop()
        channel, asked = await loop.create_datagram_endpoint(Question, remote_addr=("127.0.0.1", dns))
        channel.sendto(Question.ASKED)
        answer = await asyncio.wait_for(asked.answer, 30)
        channel.close()
        assert (answer[:2], answer[-4:]) == (b"\x12\x34", bytes([192, 168, 4, 1]))
        page = await phone.get("/generate_204")
        assert (page.status_code, "<option value='Home &lt;5 GHz&gt;'>" in page.text) == (200, True)
        await phone.post("/wifi", data={"name": NAME, "password": PASSWORD})
        await mia.until("wifi_join", name=NAME)
        await mia.until("online")
        assert mia.state()["wifi"] == {"name": NAME, "password": PASSWORD}
        assert mia.find("access_point")[-1]["active"] is False


async def test_a_wifi_that_never_worked_is_asked_for_again(start: Start, flash: Path) -> None:
    http, dns = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    change(flash / "config.json", portal={"http_port": http, "dns_port": dns})
    async with start(wifi=["another"]) as mia:
        await mia.advance(timedelta(minutes=2))
        await mia.until("trouble", name="no_wifi")
        await mia.until("portal_open")


async def test_a_removed_device_says_so_and_forgets_what_it_knew(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    await owner.plan("lunch", owner.in_(minutes=10))
    async with start() as mia:
        await mia.until("sound_held")
        await owner.browser.send("DELETE", f"/v1/devices/{owner.device_id}")
        await mia.advance(timedelta(seconds=60))
        await mia.until("trouble", name="unpaired")
        await mia.advance(timedelta(seconds=5))
        await mia.until("prompt", name="sounds/unpaired.wav")
        assert "token" not in mia.state()
        assert mia.cached() == set()
        assert not (flash / "schedule.json").exists()
        await mia.advance(timedelta(minutes=10))
        assert not mia.find("speak")
