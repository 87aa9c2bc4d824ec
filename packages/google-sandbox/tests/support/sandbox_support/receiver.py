"""A small web server that keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from google_sandbox.http_server import listen, serving


@dataclass
class Receiver:
    """What arrived, in order; `answers` are used up before 200 is said."""

    address: str = ""
    answers: list[int] = field(default_factory=list)
    arrived: asyncio.Queue[tuple[dict[str, str], bytes]] = field(default_factory=asyncio.Queue)

    async def next(self) -> tuple[dict[str, str], bytes]:
        return await asyncio.wait_for(self.arrived.get(), 20)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def hear(request: Request) -> Response:
        await receiver.arrived.put((dict(request.headers), await request.body()))
        return Response(status_code=receiver.answers.pop(0) if receiver.answers else 200)

    sock = listen("127.0.0.1", 0)
    receiver.address = f"http://127.0.0.1:{sock.getsockname()[1]}/hook"
    async with serving(Starlette(routes=[Route("/hook", hear, methods=["POST"])]), sock):
        yield receiver
