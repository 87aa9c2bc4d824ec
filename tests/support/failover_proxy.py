"""A reverse proxy that asks `/readyz` of its servers, and sends each request to one that is ready."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from socket import socket

import httpx2
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from catflap.cli.http_server import serving

_EVERY_SECONDS = 0.2
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


class FailoverProxy:
    """The ASGI application; connections to the servers are kept and used again.

    Args:
        http: For the connections.
        servers: Their origins.

    Attributes:
        resends: Whether a request whose connection was lost before any answer is sent to the next server. One
            whose connection could not be opened always is.
        sent: How many requests each server was sent.
    """

    def __init__(self, http: httpx2.AsyncClient, servers: Sequence[str]) -> None:
        self._http = http
        self._ready = dict.fromkeys(servers, False)
        self._changed = asyncio.Condition()
        self.sent = dict.fromkeys(servers, 0)
        self.resends = False

    async def until_ready(self, *servers: str) -> None:
        """Wait until these, or all servers, are ready."""
        async with self._changed:
            await self._changed.wait_for(lambda: all(self._ready[one] for one in servers or self._ready))

    async def check(self, server: str) -> None:
        """Ask a server again and again, without end."""
        while True:
            ready = False
            with contextlib.suppress(httpx2.TransportError):
                ready = (await self._http.get(server + "/readyz", timeout=2)).status_code == 200
            self._ready[server] = ready
            async with self._changed:
                self._changed.notify_all()
            await asyncio.sleep(_EVERY_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        request = Request(scope, receive)
        await (await self._answer(request, await request.body()))(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        headers = [one for one in request.headers.items() if one[0] not in _HOP_BY_HOP]
        for server in self._in_turn():
            url = server + request.url.path + (f"?{request.url.query}" if request.url.query else "")
            onward = self._http.build_request(request.method, url, headers=headers, content=body)
            try:
                answer = await self._http.send(onward, stream=True)
            except httpx2.ConnectError:
                continue
            except httpx2.TransportError:
                if self.resends:
                    continue
                break
            self.sent[server] += 1
            passed = {name: v for name, v in answer.headers.items() if name not in _HOP_BY_HOP}
            end = BackgroundTask(answer.aclose)
            return StreamingResponse(answer.aiter_raw(), answer.status_code, passed, background=end)
        return Response("no server answered", 502)

    def _in_turn(self) -> list[str]:
        """Return the servers that are ready, the least asked first; then the others."""
        return sorted(self.sent, key=lambda one: (not self._ready[one], self.sent[one]))


@asynccontextmanager
async def failover_proxy(listener: socket, servers: Sequence[str]) -> AsyncIterator[FailoverProxy]:
    """Proxy what comes to `listener` while the context is open."""
    async with httpx2.AsyncClient(timeout=60) as http:
        proxy = FailoverProxy(http, servers)
        checks = [asyncio.create_task(proxy.check(server)) for server in servers]
        try:
            async with serving(proxy, listener):
                yield proxy
        finally:
            for check in checks:
                check.cancel()
            await asyncio.gather(*checks, return_exceptions=True)
