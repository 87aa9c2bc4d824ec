"""HTTP server inside the caller's event loop.

It installs no signal handlers. A taken port raises ListenError before anything else happens. Shutdown is
quick and loses no request: connections that the kernel has taken are still accepted, requests that have
arrived are answered, and only then connections are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

DROP = "google_sandbox.drop"
GRACE_SECONDS = 1.0
HIGHEST_PORT = 65535
# A new connection is registered with the loop, polled, and read in three turns; the rest is margin.
TURNS_TO_READ = 8


class _State(ServerState):
    """uvicorn's server state, with an event for the end of the last connection."""

    def __init__(self) -> None:
        super().__init__()
        self.emptied = asyncio.Event()


class _Connection(HttpToolsProtocol):
    """A connection that a request can ask to be cut, and that notifies the state of its end."""

    def __init__(self, config: uvicorn.Config, state: _State, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config, state, {}, loop)
        self._state = state

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {DROP: {"transport": self.transport}}

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self._state.connections:
            self._state.emptied.set()


class ListenError(OSError):
    """The server cannot listen on its address; the message says why."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        ListenError: if the port is taken, or the address cannot be used.
    """
    if not 0 <= port <= HIGHEST_PORT:  # beyond it getaddrinfo takes the remainder
        raise ListenError(f"{port} is not a port number")
    try:
        return _bound(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ListenError(f"port {port} on {host} is taken") from error
        raise ListenError(f"cannot listen on {host} port {port}: {error.strerror}") from error


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, sock: socket.socket, on_leaving: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Serve an application on a socket until the block ends; the socket is closed then.

    Args:
        app: the ASGI application.
        sock: a listening socket.
        on_leaving: called at the beginning of the shutdown, to end waits inside requests.
    """
    config: Any = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    loop, state, server = asyncio.get_running_loop(), _State(), uvicorn.Server(config)
    server.server_state = state

    def connection() -> _Connection:
        return _Connection(config, state, loop)

    listening = sock.dup()
    accepting = await loop.create_server(connection, sock=sock, backlog=2048)
    ticking = asyncio.create_task(server.main_loop(), name="sandbox-server")
    try:
        yield
    finally:
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        if on_leaving:
            on_leaving()
        accepting.close()
        await _accept_waiting(listening, connection)
        await _finish(state)


async def _accept_waiting(listening: socket.socket, connection: Callable[[], _Connection]) -> None:
    """Accept what waits in the kernel's queue, close the queue, and read what was sent."""
    loop = asyncio.get_running_loop()
    with listening, contextlib.suppress(OSError):
        while True:
            accepted, _ = listening.accept()
            accepted.setblocking(False)
            await loop.connect_accepted_socket(connection, accepted)
    for _ in range(TURNS_TO_READ):
        await asyncio.sleep(0)


async def _finish(state: _State) -> None:
    """Close idle connections at once, the others after their answer, and all of them after a moment."""
    state.emptied.clear()
    for connection in list(state.connections):
        connection.shutdown()
    if state.connections:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(state.emptied.wait(), GRACE_SECONDS)
    for task in list(state.tasks):
        task.cancel()
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)
