"""A socket that gives the answers it was told to give, byte by byte, and notes what was asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Answering:
    """`answers` are given in turn, the last one for ever; an empty one cuts the connection."""

    answers: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    url: str = ""

    def queries(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(urlsplit(target).query)) for target in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                self.asked.append(lines[0].split(" ")[1])
                self.authorizations += [
                    line.split(": ", 1)[1] for line in lines if line.lower().startswith("authorization:")
                ]
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                writer.write(answer)
                await writer.drain()
                if not answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(status: int, body: Any, *headers: str) -> bytes:
    """An HTTP response; `body` is JSON unless it is bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status} X\r\n{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


def refusal(status: int, reason: str, *headers: str) -> bytes:
    """Google's error envelope, with a message that means nothing."""
    error = {"domain": "global", "reason": reason, "message": "Something happened."}
    return answer(status, {"error": {"errors": [error], "code": status, "message": "So it did."}}, *headers)


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[Answering]:
    """Listen on a free port."""
    served = Answering(list(answers))
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    served.url = f"http://{host}:{port}"
    try:
        yield served
    finally:
        server.close()


@asynccontextmanager
async def dripping(head: bytes) -> AsyncIterator[str]:
    """A server that sends `head` and then a byte at a time, each long before any read times out."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        yield "http://127.0.0.1:{1}/".format(*server.sockets[0].getsockname())
    finally:
        server.close()
