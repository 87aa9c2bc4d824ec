"""Serve an ASGI application on a listening socket within an async context."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from catflap.errors import OperatorMustAct
from catflap.log import log

_GRACE_SECONDS = 2.0
_DATE_SECONDS = 1.0
# uvicorn waits for the first request of a connection, and for the rest of a head, for ever.
_SILENT_SECONDS = 30.0


def bind(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Return a listening socket; port 0 takes a free port. `option` is the option that the error names.

    Raises:
        OperatorMustAct: `port_taken` or `address_unusable`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is given; without it a body waits 40 ms for the
    # acknowledgement of its header.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise OperatorMustAct(
                "port_taken", f"Port {port} on {host} is taken; choose another with {option}."
            ) from None
        raise OperatorMustAct(
            "address_unusable", f"Can't listen on {host} port {port}: {error.strerror}."
        ) from None
    listener.setblocking(False)
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port of a listening socket."""
    return int(listener.getsockname()[1])


class _Connections(set[Any]):
    """Open connections, with an event for the end of the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._emptied = asyncio.Event()

    def discard(self, connection: Any) -> None:
        super().discard(connection)
        if not self:
            self._emptied.set()

    async def wait_until_empty(self) -> None:
        while self:
            self._emptied.clear()
            await self._emptied.wait()


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app`, without its lifespan; on exit, open requests get two seconds to end.

    uvicorn's own `serve()` installs signal handlers, which are `cli.runner`'s here, and polls ten times a
    second, at the end too.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        # Signed sound URLs are secrets, so uvicorn's access log must stay off.
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    server.server_state.connections = connections = _Connections()
    await server.startup(sockets=[listener])
    tasks = [
        asyncio.create_task(_renew_date_header(server)),
        asyncio.create_task(_close_silent(connections)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for accepting in server.servers:
            accepting.close()
        listener.close()
        await _end_requests(connections, server.server_state.tasks)


async def _renew_date_header(server: uvicorn.Server) -> None:
    while True:
        await server.on_tick(0)
        await asyncio.sleep(_DATE_SECONDS)


async def _close_silent(connections: _Connections) -> None:
    """Close connections on which no whole head of a request has come within one to two intervals."""
    before: dict[Any, Any] = {}
    while True:
        await asyncio.sleep(_SILENT_SECONDS)
        # The cycle of a connection is its last request with its answer.
        silent = {one: one.cycle for one in connections if one.cycle is None or one.cycle.response_complete}
        for one, cycle in silent.items():
            if one in before and before[one] is cycle:
                one.transport.close()
        before = silent


async def _end_requests(connections: _Connections, tasks: set[asyncio.Task[None]]) -> None:
    """Close idle connections, the others after their answer, and cancel what takes too long."""
    for connection in list(connections):
        connection.shutdown()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_SECONDS):
            await connections.wait_until_empty()
            if tasks:
                await asyncio.wait(tasks)
            return
    log.warning("requests_cancelled", count=len(tasks))
    for task in tasks:
        task.cancel()
    for connection in list(connections):
        connection.transport.abort()
    if tasks:
        await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
