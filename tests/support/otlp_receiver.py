"""An OpenTelemetry collector for tests: takes traces as OTLP over HTTP, in protobuf."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collector:
    """What was received.

    Attributes:
        bodies: each request, as it came.
        paths: where it was sent.
        status: the answer.
    """

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 200
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def spans(self) -> Iterator[Any]:
        """All spans, as protobuf has them."""
        for resource in self._resources():
            for scope in resource.scope_spans:
                yield from scope.spans

    def resource(self) -> dict[str, str]:
        """What the spans are about."""
        first = next(iter(self._resources()))
        return {one.key: one.value.string_value for one in first.resource.attributes}

    async def until(self, name: str) -> Any:
        """Wait for a span, and return it."""
        while True:
            self._came.clear()
            for span in self.spans():
                if span.name == name:
                    return span
            await self._came.wait()

    def _resources(self) -> Iterator[Any]:
        for body in self.bodies:
            yield from ExportTraceServiceRequest.FromString(body).resource_spans

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                assert headers["content-type"] == "application/x-protobuf"
                packed = headers.get("content-encoding") == "gzip"
                self.bodies.append(gzip.decompress(body) if packed else body)
                self.paths.append(first.split()[1])
                self._came.set()
                writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()


def attributes(span: Any) -> dict[str, str | int]:
    """The attributes of a span."""
    return {
        one.key: one.value.string_value if one.value.HasField("string_value") else one.value.int_value
        for one in span.attributes
    }


@asynccontextmanager
async def otlp_receiver() -> AsyncIterator[Collector]:
    """Serve on a free port of this machine."""
    made, serving = Collector(), set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(made.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield made
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
