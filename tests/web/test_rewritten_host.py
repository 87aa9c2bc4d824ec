"""Behind a proxy that passes its upstream's name as Host a sign-in works, and no redirect is without end."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import ALICE, CLIENT_ID, Browser, RunningApp, running_app
from tests.support.signin import error_of

pytestmark = pytest.mark.slow  # starts an application for each test

HOSTS = [
    "localhost:{port}",
    "localhost:1",
    "127.0.0.1:{port}",
    "127.0.0.2",
    "[::1]:{port}",
    "[::1",
    "localhost:abc",
    "evil.example",
    "",
    "@localhost",
]
FORWARDED: list[dict[str, str]] = [
    {},
    {"X-Forwarded-Host": "localhost:1", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "1"},
    {"X-Forwarded-Host": "127.0.0.1", "Forwarded": "host=localhost;proto=http", "X-Forwarded-Prefix": "/a"},
]


@dataclass
class Proxy:
    """A proxy like nginx as it comes: Host is the upstream's, nothing tells what the browser asked for."""

    upstream: str = ""
    url: str = ""

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            first, _, rest = re.sub(rb"(?i)\r\n(host|connection):[^\r]*", b"", head).partition(b"\r\n")
            host, port = self.upstream.split(":")
            there, back = await asyncio.open_connection(host, int(port))
            back.write(first + f"\r\nHost: {self.upstream}\r\nConnection: close\r\n".encode() + rest)
            while chunk := await there.read(65536):
                writer.write(chunk)
            back.close()
        writer.close()


@asynccontextmanager
async def open_proxy() -> AsyncIterator[Proxy]:
    proxy = Proxy()
    async with await asyncio.start_server(proxy.forward, "127.0.0.1", 0) as server:
        proxy.url = f"http://localhost:{server.sockets[0].getsockname()[1]}"
        yield proxy


async def test_a_sign_in_through_a_proxy_that_rewrites_host_works(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with (
        open_proxy() as proxy,
        running_app(database_urls, clock, tmp_path, public_url=proxy.url) as app,
        httpx2.AsyncClient(timeout=30) as http,
    ):
        proxy.upstream = app.netloc
        app.sandbox.state.clients[CLIENT_ID].redirect_uris.append(f"{proxy.url}/signin/google/callback")
        browser = Browser(replace(app, origin=proxy.url), http, ALICE)
        begun = await browser.begin()
        assert begun.headers["Location"].startswith(f"{proxy.url}/signin/google?scopes=calendar")
        begun = await browser.get(begun.headers["Location"])
        back = await browser.at_google(begun.headers["Location"])
        assert back.startswith(proxy.url)
        assert error_of(await browser.get(back)) is None
        assert (await browser.me())["accounts"][0]["email"] == ALICE


@pytest.mark.parametrize("forwarded", FORWARDED)
@pytest.mark.parametrize("host", HOSTS)
async def test_whatever_host_arrives_google_is_two_steps_away(
    app: RunningApp, host: str, forwarded: dict[str, str]
) -> None:
    port = app.netloc.partition(":")[2]
    headers = {"Host": host.format(port=port), **forwarded}
    path = "/signin/google?scopes=calendar&next=/x"
    for _ in range(2):
        answer = await app.client.get(path, headers=headers)
        assert answer.status_code in (303, 307), answer.text
        target = answer.headers["Location"]
        if target.startswith(app.sandbox.base_url):
            return
        assert target.startswith(f"{app.origin}/signin/google?")
        path = target.removeprefix(app.origin)
    raise AssertionError("redirected without end")
