"""Serving begins and ends: nothing is waited for in vain, and no request that arrived is lost."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from google_sandbox import Sandbox, delivery
from google_sandbox import http_server as serving_module
from sandbox_support.clock import Clock
from sandbox_support.person import CLIENT, SECRET, populate

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
DISCOVERY = b"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: sandbox\r\n\r\n"
HOURS = 10_000.0


def populated() -> Sandbox:
    sandbox = Sandbox(clock=Clock(), seed=7)
    populate(sandbox)
    return sandbox


@pytest.fixture(params=sorted(LOOPS))
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


@pytest.fixture
def endless_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every wait at the end so long that a test which needs one never ends in time."""
    monkeypatch.setattr(delivery, "SECONDS_TO_ARRIVE", HOURS)
    monkeypatch.setattr(serving_module, "GRACE_SECONDS", HOURS)


def connect(base: str) -> socket.socket:
    host, port = base.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def body(sock: socket.socket) -> dict[str, object]:
    """Read until the server closes and return the JSON of the last answer."""
    received = b""
    while chunk := sock.recv(65536):
        received += chunk
    sock.close()
    head, _, text = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), received
    return json.loads(text)


@pytest.mark.usefixtures("endless_grace")
def test_stopping_at_once_waits_for_nothing(runner: asyncio.Runner) -> None:
    async def twice() -> None:
        sandbox = populated()
        for _ in range(2):
            async with asyncio.timeout(60), sandbox.serve():
                pass

    runner.run(twice())


@pytest.mark.usefixtures("endless_grace")
def test_stopping_closes_idle_connections_at_once(runner: asyncio.Runner) -> None:
    async def leave() -> None:
        async with asyncio.timeout(60), populated().serve() as base:
            sock = connect(base)
            reader, writer = await asyncio.open_connection(sock=sock)
            writer.write(DISCOVERY)
            await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        writer.close()

    runner.run(leave())


@pytest.mark.usefixtures("endless_grace")
def test_a_request_that_arrived_is_answered_before_serving_ends(runner: asyncio.Runner) -> None:
    """The requests are still in the kernel's queue when the block ends: nothing has been awaited since."""

    async def leave() -> list[socket.socket]:
        async with asyncio.timeout(60), populated().serve() as base:
            kept = connect(base)
            kept.sendall(b"OPTIONS /token HTTP/1.1\r\nHost: sandbox\r\n\r\n")
            assert (await asyncio.to_thread(kept.recv, 65536)).startswith(b"HTTP/1.1 204")
            socks = [kept, *(connect(base) for _ in range(50))]
            for sock in socks:
                sock.sendall(DISCOVERY)
        return socks

    answers = [body(sock) for sock in runner.run(leave())]
    assert [answer["issuer"] for answer in answers] == [answers[0]["issuer"]] * 51


@pytest.mark.usefixtures("endless_grace")
def test_stopping_ends_the_latency_of_faults_and_performs_the_action(runner: asyncio.Runner) -> None:
    sandbox = populated()
    sandbox.fault("oauth.token.refresh", latency=600)
    refresh = sandbox.grant("mia@example.com", CLIENT, ["openid"])["refresh_token"]
    form = (
        f"grant_type=refresh_token&refresh_token={refresh}&client_id={CLIENT}&client_secret={SECRET}".encode()
    )
    head = (
        b"POST /token HTTP/1.1\r\nHost: sandbox\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: %d\r\n\r\n" % len(form)
    )

    async def leave() -> list[socket.socket]:
        async with asyncio.timeout(60), sandbox.serve() as base:
            early, late = connect(base), connect(base)
            early.sendall(head + form)
            while sandbox.state.faults.rules[0].hits == 0:  # noqa: ASYNC110 (a rule has no event)
                await asyncio.sleep(0)
            late.sendall(head + form)
        return [early, late]

    for sock in runner.run(leave()):
        assert "access_token" in body(sock)


def test_a_client_that_sends_no_end_is_cut_off_after_a_moment(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module, "GRACE_SECONDS", 0.01)

    async def leave() -> None:
        async with asyncio.timeout(60), populated().serve() as base:
            sock = connect(base)
            sock.sendall(b"POST /token HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 9\r\n\r\nhalf")
        sock.settimeout(60)
        with pytest.raises(ConnectionError):
            assert sock.recv(1) == b""
            raise ConnectionError
        sock.close()

    runner.run(leave())


def test_the_state_is_saved_also_when_serving_is_cancelled(runner: asyncio.Runner, tmp_path: Path) -> None:
    file = tmp_path / "state.json"

    async def cancelled() -> None:
        sandbox, served = Sandbox(clock=Clock(), state_file=file), asyncio.Event()

        async def serve() -> None:
            async with sandbox.serve():
                sandbox.add_account("leo@example.com")
                served.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(serve())
        await served.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    runner.run(cancelled())
    assert Sandbox(clock=Clock(), state_file=file).account("leo@example.com")
