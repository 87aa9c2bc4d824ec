"""A speech server for tests, VOICEVOX-compatible and OpenAI-compatible, that misbehaves as it is told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.support.tone import tone_wav


@dataclass
class Received:
    """A request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


@dataclass
class SpeechServer:
    """What it answers with, and what it was asked.

    Attributes:
        hangs: Whether it reads requests and never answers.
        drips: Whether it sends its answer one byte a time, for ever.
        promised: The Content-Length, if it is another than that of the content.
    """

    url: str = ""
    status: int = 200
    content_type: str = "audio/wav"
    content: bytes = field(default_factory=lambda: tone_wav(1.0, 24_000))
    query: bytes = b'{"speedScale": 1.0, "accent_phrases": []}'
    headers: tuple[str, ...] = ()
    hangs: bool = False
    drips: bool = False
    promised: int | None = None
    requests: list[Received] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while True:
                request = await _read(reader)
                self.requests.append(request)
                if self.hangs:
                    await asyncio.Event().wait()
                is_query = request.path.endswith("/audio_query") and self.status == 200
                content = self.query if is_query else self.content
                kind = "application/json" if is_query else self.content_type
                length = len(content) if self.promised is None or is_query else self.promised
                lines = (f"HTTP/1.1 {self.status} .", f"Content-Type: {kind}", f"Content-Length: {length}")
                writer.write("\r\n".join((*lines, *self.headers, "", "")).encode())
                if self.drips and not is_query:
                    await self._drip(writer)
                writer.write(content)
                await writer.drain()
                if length != len(content):
                    break

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"R")
            await writer.drain()
            await asyncio.sleep(0.05)


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    target = urlsplit(head[0].split()[1])
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    query = {name: values[0] for name, values in parse_qs(target.query).items()}
    return Received(target.path, query, headers, body)


@asynccontextmanager
async def speech_server(**faults: object) -> AsyncIterator[SpeechServer]:
    """Serve on a free port."""
    made = SpeechServer(**faults)  # type: ignore[arg-type]
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(made.answer(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
