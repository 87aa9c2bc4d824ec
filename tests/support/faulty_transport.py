"""HTTP transport to a real server that injects faults: small pages, other answers, pauses."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from catflap.tls import tls_context

Answer = Callable[[httpx2.Request], httpx2.Response | None]


@dataclass
class HeldAnswer:
    """An answer on its way: `arrived` when the server has given it, passed on at `release`."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


class FaultyTransport(httpx2.AsyncHTTPTransport):
    """Sends what it is given, unless it was told otherwise.

    Args:
        page_size: What every list is made to ask for.
    """

    def __init__(self, page_size: int | None = None) -> None:
        super().__init__(verify=tls_context())
        self.page_size = page_size
        self.asked: list[httpx2.URL] = []
        self.instead: Answer = lambda request: None
        self.before: Callable[[httpx2.Request], Awaitable[None]] | None = None
        self.after: Callable[[httpx2.Request], Awaitable[None]] | None = None

    def hold_next(self) -> HeldAnswer:
        """Hold the next answer back, so that a test can act while it is on its way."""
        held = HeldAnswer()

        async def hold(_: httpx2.Request) -> None:
            self.after = None
            held.arrived.set()
            await held.release.wait()

        self.after = hold
        return held

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url)
        if self.page_size and "maxResults" in request.url.params:
            request.url = request.url.copy_set_param("maxResults", self.page_size)
        if self.before:
            await self.before(request)
        put = self.instead(request)
        if put is not None:
            return put
        response = await super().handle_async_request(request)
        if self.after:
            await response.aread()
            await self.after(request)
        return response


def refusal(status: int, reason: str) -> httpx2.Response:
    """Google's error envelope."""
    return httpx2.Response(status, json={"error": {"errors": [{"reason": reason}], "code": status}})


def calendar_list(*items: Mapping[str, Any], body: Mapping[str, Any] | None = None) -> Answer:
    """The whole calendar list, which is asked for because no sync token is valid any more."""

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if "calendarList" not in request.url.path:
            return None
        if "syncToken" in request.url.params:
            return refusal(410, "fullSyncRequired")
        return httpx2.Response(200, json=body or {"items": items})

    return answer
