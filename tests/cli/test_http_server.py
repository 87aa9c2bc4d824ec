"""The HTTP server ends without waiting for nothing, and loses no request that is being answered."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
import uvicorn.server
from starlette.types import Receive, Scope, Send

from catflap.cli import http_server
from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
HOURS = 10_000.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class App:
    """An application that answers when it is let go."""

    def __init__(self) -> None:
        self.asked, self.go, self.cancelled = asyncio.Event(), asyncio.Event(), False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})


@contextlib.asynccontextmanager
async def connected(app: App) -> AsyncIterator[Connection]:
    """Serve `app`, and yield a client's connection; leave the server before the client."""
    listener = bind("127.0.0.1", 0)
    async with serving(app, listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(listener))
        yield reader, writer
    writer.close()


@pytest.fixture(autouse=True)
async def _deadline() -> AsyncIterator[None]:
    async with asyncio.timeout(60):
        yield


@pytest.fixture
def endless_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for the end of the grace never ends in time."""
    monkeypatch.setattr(http_server, "_GRACE_SECONDS", HOURS)
    monkeypatch.setattr(http_server, "_DATE_SECONDS", HOURS)


async def test_an_accepted_connection_sends_small_packets_at_once() -> None:
    accepted = asyncio.get_running_loop().create_future()

    class Accept(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set_result(transport.get_extra_info("socket"))

    listener = bind("127.0.0.1", 0)
    async with await asyncio.get_running_loop().create_server(Accept, sock=listener):
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(listener))
        assert (await accepted).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()


@pytest.mark.usefixtures("endless_grace")
async def test_an_idle_connection_is_closed_at_once_and_nothing_polls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, slept = App(), list[float]()
    app.go.set()
    async with connected(app) as (reader, writer):
        writer.write(REQUEST)
        await reader.readuntil(b"done")

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        monkeypatch.setattr(asyncio, "sleep", sleep)
    assert await reader.read() == b""
    assert slept == []


@pytest.mark.parametrize("sent", [b"", REQUEST[:-2], REQUEST + REQUEST[:-2]])
async def test_a_connection_that_sends_no_whole_request_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(http_server, "_SILENT_SECONDS", 0.05)
    monkeypatch.setattr(http_server, "_IDLE_SECONDS", 0.05)
    app = App()
    app.go.set()
    async with connected(app) as (reader, writer):
        writer.write(sent)
        assert (await reader.read()).count(b"done") == sent.count(REQUEST)


async def test_a_connection_is_not_closed_while_its_request_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "_SILENT_SECONDS", 0.05)
    app = App()
    async with connected(app) as (reader, writer):
        writer.write(REQUEST)
        await app.asked.wait()
        silent, other = await asyncio.open_connection(*writer.get_extra_info("peername")[:2])
        # That one is closed meanwhile.
        assert await silent.read() == b""
        other.close()
        app.go.set()
        await reader.readuntil(b"done")


@pytest.mark.usefixtures("endless_grace")
async def test_a_request_that_is_being_answered_is_answered_in_full() -> None:
    app = App()
    async with connected(app) as (reader, writer):
        writer.write(REQUEST)
        await app.asked.wait()
        asyncio.get_running_loop().call_soon(app.go.set)
    assert (await reader.read()).endswith(b"done")


async def test_a_request_without_end_is_cancelled_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "_GRACE_SECONDS", 0.01)
    app = App()
    async with connected(app) as (reader, writer):
        writer.write(REQUEST)
        await app.asked.wait()
    assert app.cancelled
    with contextlib.suppress(ConnectionError):
        assert b"done" not in await reader.read()


@pytest.mark.usefixtures("endless_grace")
async def test_the_handler_of_a_client_that_has_gone_ends_before_the_server() -> None:
    app = App()
    async with connected(app) as (_, writer):
        writer.write(REQUEST)
        await app.asked.wait()
        writer.transport.abort()
        asyncio.get_running_loop().call_later(0.01, app.go.set)
    assert app.go.is_set()


async def test_answers_carry_the_time_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1_800_000_000, 1_900_000_000))
    monkeypatch.setattr(uvicorn.server, "time", SimpleNamespace(time=lambda: float(next(times))))
    monkeypatch.setattr(http_server, "_DATE_SECONDS", 0.0)
    app = App()
    app.go.set()
    dates: set[bytes] = set()
    async with connected(app) as (reader, writer):
        while len(dates) < 2:
            writer.write(REQUEST)
            head = await reader.readuntil(b"done")
            dates |= {line for line in head.split(b"\r\n") if line.startswith(b"date: ")}


async def test_answers_close_the_connection_when_the_server_is_about_to_end() -> None:
    app = App()
    app.go.set()
    listener = bind("127.0.0.1", 0)
    async with serving(app, listener) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(listener))
        writer.write(REQUEST)
        assert b"connection: close" not in await reader.readuntil(b"done")
        served.close_after_answers()
        writer.write(REQUEST)
        assert b"connection: close" in await reader.read()
        # Others are served until the end.
        other, more = await asyncio.open_connection("127.0.0.1", port_of(listener))
        more.write(REQUEST)
        assert (await other.read()).endswith(b"done")
        for one in (writer, more):
            one.close()


def test_a_process_that_does_not_end_in_time_is_ended() -> None:
    program = (
        "import time; from catflap.cli.runner import ending_within; from catflap.log import configure\n"
        "configure('json', 'info')\n"
        "with ending_within(0.05): print('until then nothing ends it', flush=True)\n"
        "time.sleep(300)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "until then nothing ends it\n")
    assert "ended_overdue" in done.stderr
