"""Serve an ASGI application on a listening socket within an async context."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catflap.log import log

_GRACE_SECONDS = 2.0
_DATE_SECONDS = 1.0
# uvicorn waits for the first request of a connection, and for the rest of a head, for ever.
_SILENT_SECONDS = 30.0
# Longer than proxies keep connections that are idle (nginx and AWS 60 s): one that sends a POST on a
# connection which is being closed can't send it again.
_IDLE_SECONDS = 75


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


class Serving:
    """The application as it is served; `close_after_answers` before the server ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._closes = False

    def close_after_answers(self) -> None:
        """Have clients open a new connection for their next request, which a proxy may send elsewhere."""
        self._closes = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        await self._app(scope, receive, _closing(send) if self._closes else send)


def _closing(send: Send) -> Send:
    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return send_closing


@asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, *, grace_seconds: float | None = None
) -> AsyncIterator[Serving]:
    """Serve `app`, without its lifespan; on exit, open requests get some seconds to end.

    uvicorn's own `serve()` installs signal handlers, which are `cli.runner`'s here, and polls ten times a
    second, at the end too.

    Args:
        app: The application.
        listener: Of `sockets.bind`.
        grace_seconds: How long requests may still take on exit; two seconds if not given.
    """
    served = Serving(app)
    config = uvicorn.Config(
        served,
        timeout_keep_alive=_IDLE_SECONDS,
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
        yield served
    finally:
        for task in tasks:
            task.cancel()
        for accepting in server.servers:
            accepting.close()
        listener.close()
        grace = _GRACE_SECONDS if grace_seconds is None else grace_seconds
        await _end_requests(connections, server.server_state.tasks, grace)


async def _renew_date_header(server: uvicorn.Server) -> None:
    while True:
        await server.on_tick(0)
        await asyncio.sleep(_DATE_SECONDS)


async def _close_silent(connections: _Connections) -> None:
    """Close connections on which no whole head of a request has come within one to two intervals.

    Those that are idle after an answer are closed by uvicorn, after _IDLE_SECONDS.
    """
    before: dict[Any, Any] = {}
    while True:
        await asyncio.sleep(_SILENT_SECONDS)
        # The cycle of a connection is its last request with its answer.
        silent = {
            one: one.cycle
            for one in connections
            if (one.cycle is None or one.cycle.response_complete) and one.timeout_keep_alive_task is None
        }
        for one, cycle in silent.items():
            if one in before and before[one] is cycle:
                one.transport.close()
        before = silent


async def _end_requests(connections: _Connections, tasks: set[asyncio.Task[None]], grace: float) -> None:
    """Close idle connections, the others after their answer, and cancel what takes too long."""
    for connection in list(connections):
        connection.shutdown()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
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
