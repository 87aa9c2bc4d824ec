"""Baseline of the stream of schedules: Starlette's own streams, with the same bytes and nothing to look up.

`python -m bench.devices_floor PORT BYTES DATABASE_URL` serves `GET /v1/device/schedule` as `catflap serve`
does: an event of so many bytes at once and at each `POST /change`, and a comment every 15 seconds.
`POST /v1/device/heartbeat` is one prepared UPDATE.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from catflap.cli.http_server import serving
from catflap.cli.sockets import bind
from catflap.store.database import asyncpg_options, parse_url
from catflap.store.token_hash import hash_token

_KEEP_ALIVE_SECONDS = 15.0
_HEARTBEAT = "UPDATE app.devices SET last_seen_at = now() WHERE token_hash = $1"


async def application(size: int, url: str) -> Starlette:
    """Create the application."""
    options: dict[str, Any] = asyncpg_options(parse_url(url))
    pool = await asyncpg.create_pool(min_size=10, max_size=10, **options)
    streams: set[asyncio.Event] = set()
    version = 0

    def document() -> bytes:
        head = f"id: {version}\nevent: schedule\ndata: ".encode()
        return head + b"x" * max(0, size - len(head) - 2) + b"\n\n"

    async def events() -> AsyncIterator[bytes]:
        changed = asyncio.Event()
        streams.add(changed)
        try:
            yield document()
            while True:
                try:
                    await asyncio.wait_for(changed.wait(), _KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield b": ping\n\n"
                else:
                    changed.clear()
                    yield document()
        finally:
            streams.discard(changed)

    async def schedule(_request: Request) -> Response:
        return StreamingResponse(events(), media_type="text/event-stream")

    async def change(_request: Request) -> Response:
        nonlocal version
        version += 1
        for one in streams:
            one.set()
        return Response(status_code=204)

    async def readyz(_request: Request) -> Response:
        return Response()

    async def heartbeat(request: Request) -> Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        async with pool.acquire() as connection:
            await connection.execute(_HEARTBEAT, hash_token(token))
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/v1/device/schedule", schedule),
            Route("/v1/device/heartbeat", heartbeat, methods=["POST"]),
            Route("/readyz", readyz),
            Route("/change", change, methods=["POST"]),
        ]
    )


async def serve(port: int, size: int, url: str) -> None:
    """Serve it until the process is stopped."""
    with contextlib.suppress(asyncio.CancelledError):
        async with serving(await application(size, url), bind("127.0.0.1", port)):
            await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
