"""A client of Server-Sent Events that is light enough for thousands in one process.

A protocol of asyncio with a few hundred bytes of state; no task, no HTTP library.
"""

import asyncio
from collections.abc import Callable
from typing import cast

_HEAD_ENDS = b"\r\n\r\n"


class EventStream(asyncio.Protocol):
    """One GET request with an answer that goes on (WHATWG HTML, "Server-sent events").

    Args:
        request: The whole request.
        on_event: Called with the fields `event`, `id`, `data` and `retry` of each event that has any.
        on_closed: Called at the end with the status of the answer; 0 when there was none.
    """

    __slots__ = ("_body", "_on_closed", "_on_event", "_request", "_text", "_transport", "status")

    def __init__(
        self,
        request: bytes,
        on_event: Callable[[dict[bytes, bytes]], None],
        on_closed: Callable[[int], None],
    ) -> None:
        self._request = request
        self._on_event = on_event
        self._on_closed = on_closed
        self._transport: asyncio.WriteTransport | None = None
        # What has arrived of the next chunk, and of the next event.
        self._body, self._text = b"", b""
        self.status = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._request)

    def connection_lost(self, _error: Exception | None) -> None:
        """Report the end."""
        self._on_closed(self.status)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Read the head of the answer, then chunks (RFC 9112 section 7.1) and the events in them."""
        self._body += data
        if not self.status:
            head, found, rest = self._body.partition(_HEAD_ENDS)
            if not found:
                return
            self.status, self._body = int(head.split(b" ", 2)[1]), rest
        if self.status != 200:
            self.close()
            return
        while (size_ends := self._body.find(b"\r\n")) >= 0:
            size = int(self._body[:size_ends], 16)
            begins = size_ends + 2
            if len(self._body) < begins + size + 2:
                return
            self._text += self._body[begins : begins + size]
            self._body = self._body[begins + size + 2 :]
            if not size:
                self.close()
                return
        self._read_events()

    def _read_events(self) -> None:
        *events, self._text = self._text.split(b"\n\n")
        for event in events:
            lines = (line.partition(b": ") for line in event.split(b"\n") if not line.startswith(b":"))
            if fields := {name: value for name, _, value in lines}:
                self._on_event(fields)
