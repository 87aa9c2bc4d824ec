"""deploy/Caddyfile and deploy/nginx.conf: requests, streams and addresses of clients come through them."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import running_app
from tests.support.mosquitto import free_port
from tests.support.proxies import PROXIES, Proxy

pytestmark = pytest.mark.slow
_BEGIN = "/signin/google?scopes=calendar"


def client_at(proxy: Proxy, address: str) -> httpx2.AsyncClient:
    """A client whose own address is `address`."""
    verify = ssl.create_default_context(cafile=proxy.authority) if proxy.authority else True
    transport = httpx2.AsyncHTTPTransport(verify=verify, local_address=address)
    return httpx2.AsyncClient(base_url=proxy.url, transport=transport, timeout=30)


async def next_document(lines: Any) -> dict[str, Any]:
    async for line in lines:
        if line.startswith("data: "):
            document: dict[str, Any] = json.loads(line.removeprefix("data: "))
            return document
    raise AssertionError("the stream has ended")


@pytest.mark.parametrize("name", PROXIES)
async def test_all_that_matters_comes_through(
    database_urls: Urls, clock: FixedClock, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    # Only the proxy itself is trusted; the other addresses of the loopback network are strangers.
    chosen = {"trusted_proxies": ("127.0.0.1",), "signins_per_minute": 4}
    async with running_app(database_urls, clock, tmp_path, **chosen) as app:
        browser = await app.browser()
        await browser.sign_in()
        made = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        port = int(app.origin.rpartition(":")[2])
        async with PROXIES[name](folder, port) as proxy, client_at(proxy, "127.0.0.1") as device:  # type: ignore[attr-defined]
            assert (await device.get("/readyz")).json() == {"status": "ready"}
            await events_come_at_once(device, headers, browser)
            await floods_are_counted_by_address(proxy)
            await device.get("/signin/google/callback?state=made-up&code=4/a-secret-code")
        written = "".join(file.read_text() for file in folder.glob("*log"))
        assert "a-secret-code" not in written


@pytest.mark.parametrize("name", PROXIES)
async def test_what_was_asked_of_a_catflap_that_is_away_is_in_no_log(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    async with PROXIES[name](folder, free_port()) as proxy, client_at(proxy, "127.0.0.1") as browser:  # type: ignore[attr-defined]
        asked = "/signin/google/callback?state=made-up&code=4/a-secret-code"
        answer = await browser.get(asked, headers={"Referer": f"https://a.example{asked}"})
        assert answer.status_code in (502, 503)
    written = "".join(file.read_text() for file in folder.glob("*log"))
    assert "a-secret-code" not in written


async def events_come_at_once(device: httpx2.AsyncClient, headers: dict[str, str], browser: Any) -> None:
    """A stream through the proxy gives each document when it is made, and stays open."""
    (made,) = (await browser.get("/v1/devices")).json()["devices"]
    wants = {**headers, "Accept": "text/event-stream"}
    async with device.stream("GET", "/v1/device/schedule", headers=wants) as stream, asyncio.timeout(30):
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        assert (await next_document(lines))["volume"] == 60
        await browser.send("PATCH", f"/v1/devices/{made['id']}", json={"volume": 7})
        assert (await next_document(lines))["volume"] == 7


async def floods_are_counted_by_address(proxy: Proxy) -> None:
    """Each client is limited by its own address, whatever it writes into X-Forwarded-For."""
    async with client_at(proxy, "127.0.0.2") as one, client_at(proxy, "127.0.0.3") as other:
        forged = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(3)]
        answers = [await one.get(_BEGIN, headers=header) for header in forged]
        assert [answer.status_code == 429 for answer in answers] == [False, False, True]
        assert (await other.get(_BEGIN)).is_redirect
