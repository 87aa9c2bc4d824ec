"""`/healthz` and `/readyz` of a process without a web server.

So small that `catflap work` needs no web framework for it; it reads the first line of a request, and answers.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from catflap.errors import CatflapError

_SECONDS = 10.0
_MOST_BYTES = 8192
# Of a client that is gone, slow, or speaks no HTTP.
_BROKEN = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
_Answer = tuple[HTTPStatus, dict[str, Any]]
Reasons = Callable[[], Awaitable[Sequence[CatflapError]]]


@asynccontextmanager
async def answering_health(listener: socket.socket, reasons: Reasons) -> AsyncIterator[None]:
    """Answer on `listener` while the context is open.

    Args:
        listener: Of `sockets.bind`.
        reasons: Returns why the process is not ready.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(*_BROKEN):
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(*await _answer(head, reasons)))
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(handle, sock=listener, limit=_MOST_BYTES):
        yield


async def _answer(head: bytes, reasons: Reasons) -> _Answer:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD") or path not in (b"/healthz", b"/readyz"):
        return HTTPStatus.NOT_FOUND, {"status": "not_found"}
    if path == b"/healthz":
        return HTTPStatus.OK, {"status": "ok"}
    if found := await reasons():
        listed = [{"code": one.code, "detail": one.message} for one in found]
        return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "not_ready", "reasons": listed}
    return HTTPStatus.OK, {"status": "ready"}


def _response(status: HTTPStatus, content: dict[str, Any]) -> bytes:
    body = json.dumps(content).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
