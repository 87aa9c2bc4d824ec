"""Simulated devices: each opens the stream of its schedule, sends heartbeats, plays and acknowledges.

They send what real devices send, over sockets of their own, each request but the stream on a new connection.
"""

import asyncio
import contextlib
import hashlib
import json
import random
import ssl
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from catflap.cli.device.event_stream import EventStream
from catflap.clock import rfc3339
from catflap.devices.devices import OFFLINE_AFTER
from catflap.errors import BadRequest
from catflap.tls import tls_context

HEARTBEAT_SECONDS = 20.0
# Of a server that names no time, and for a connection that was refused.
_RETRY_SECONDS = 2.0
_REQUEST_SECONDS = 30.0
# Requests that are open at once, without the streams: each takes a file of this process.
_OPEN_REQUESTS = 256


@dataclass(frozen=True)
class Server:
    """Where a Catflap is; `tls` for https."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    @classmethod
    def of(cls, url: str) -> "Server":
        """Return the server at an origin.

        Raises:
            BadRequest: `invalid_request`.
        """
        with contextlib.suppress(ValueError):
            parts = urlsplit(url)
            if parts.hostname and parts.scheme in ("http", "https"):
                tls = tls_context() if parts.scheme == "https" else None
                return cls(parts.hostname, parts.port or (443 if tls else 80), tls)
        raise BadRequest("invalid_request", "--server must look like http://127.0.0.1:8400.")

    def request(self, method: str, path: str, token: str, body: bytes = b"", more: str = "") -> bytes:
        """Return the bytes of a request."""
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        length = length or ("Content-Length: 0\r\n" if method == "POST" else "")
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        return f"{head}Authorization: Bearer {token}\r\n{length}{more}\r\n".encode() + body


@dataclass
class Figures:
    """What simulated devices saw. Lateness is in seconds, by the clock of this machine."""

    connected: int = 0
    documents: int = 0
    heartbeats: int = 0
    sounds: int = 0
    played: int = 0
    acks: int = 0
    ended: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    # Of a document after the change that it shows, and of a play after its `play_at`.
    late_documents: list[float] = field(default_factory=list)
    late_plays: list[float] = field(default_factory=list)


class SimulatedDevice:
    """A device with its token; `version` is that of its document, -1 before the first."""

    __slots__ = ("_changed", "_fleet", "_stream", "_timers", "id", "is_connected", "token", "version")

    def __init__(self, fleet: "Fleet", token: str, id: int = 0) -> None:
        self.id = id
        self.token = token
        self.version = -1
        self.is_connected = False
        self._fleet = fleet
        self._stream: EventStream | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._changed: tuple[int, float] | None = None

    async def connect(self) -> None:
        """Open the stream; one that can't be opened is tried again later."""
        server = self._fleet.server
        request = server.request("GET", _SCHEDULE, self.token, more="Accept: text/event-stream\r\n")
        stream = EventStream(request, self._on_event, self._on_closed)
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: stream, server.host, server.port, ssl=server.tls)
        except OSError as error:
            self._fleet.note_error(f"stream: {type(error).__name__}")
            spread = random.uniform(0.5, 1.5)  # noqa: S311 (no secret)
            self._fleet.later(_RETRY_SECONDS * spread, self.connect)
        else:
            self._stream = stream

    def close(self) -> None:
        """Close the stream, and forget what is to be played."""
        if self._stream is not None:
            self._stream.close()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def expect(self, version: int, changed_at: float) -> None:
        """Measure when the document with `version` arrives, from `changed_at` on, a `time.monotonic()`."""
        if self.version >= version:
            self._fleet.figures.late_documents.append(time.monotonic() - changed_at)
        else:
            self._changed = version, changed_at

    async def heartbeat(self) -> None:
        """Send a heartbeat."""
        if await self._fleet.send("POST", "/v1/device/heartbeat", self.token) is not None:
            self._fleet.figures.heartbeats += 1

    def _on_event(self, event: dict[bytes, bytes]) -> None:
        fleet = self._fleet
        if not self.is_connected:
            self.is_connected = True
            fleet.note_connected()
        if retry := event.get(b"retry"):
            fleet.retry_seconds[self] = int(retry) / 1000
        if event.get(b"event") == b"end":
            fleet.figures.ended += 1
            fleet.retry_seconds[self] = None
        if event.get(b"event") != b"schedule":
            return
        fleet.figures.documents += 1
        self.version = int(event[b"id"])
        if self._changed is not None and self.version >= self._changed[0]:
            fleet.figures.late_documents.append(time.monotonic() - self._changed[1])
            self._changed = None
        if fleet.plays:
            self._plan(json.loads(event[b"data"])["announcements"])

    def _on_closed(self, status: int) -> None:
        if self.is_connected:
            self.is_connected = False
            self._fleet.figures.connected -= 1
        self._stream = None
        retry = self._fleet.retry_seconds.get(self, _RETRY_SECONDS)
        if status not in (0, 200):
            self._fleet.note_error(f"stream: {status}")
        if status == 401:
            self._fleet.note_refused()
        elif retry is not None:
            self._fleet.later(retry, self.connect)

    def _plan(self, announcements: list[dict[str, Any]]) -> None:
        """Keep a timer for each announcement of the document, and none for those that are gone."""
        wanted = {one["id"]: one for one in announcements}
        for gone in self._timers.keys() - wanted.keys():
            self._timers.pop(gone).cancel()
        for one in wanted.values():
            if one["id"] not in self._timers and one["audio"] is not None:
                play_at = datetime.fromisoformat(one["play_at"]).timestamp()
                self._timers[one["id"]] = asyncio.get_running_loop().call_later(
                    play_at - time.time(), self._play, one, play_at
                )
                if self._fleet.fetches:
                    self._fleet.start(self._fetch(one["audio"]))

    async def _fetch(self, audio: dict[str, Any]) -> None:
        body = await self._fleet.send("GET", urlsplit(audio["url"]).path, self.token)
        if body is None:
            return
        if hashlib.sha256(body).hexdigest() == audio["sha256"]:
            self._fleet.figures.sounds += 1
        else:
            self._fleet.note_error("sound: not the one of the schedule")

    def _play(self, announcement: dict[str, Any], play_at: float) -> None:
        now = time.time()
        # No more here, because thousands may play at the same moment.
        self._fleet.figures.late_plays.append(now - play_at)
        asyncio.get_running_loop().call_soon(self._end_play, announcement, now)

    def _end_play(self, announcement: dict[str, Any], now: float) -> None:
        self._fleet.figures.played += 1
        seconds = announcement["audio"]["seconds"]
        at = rfc3339(datetime.fromtimestamp(now + seconds, UTC))
        body = {"announcement": announcement["id"], "state": "played", "at": at}
        self._fleet.later(seconds, lambda: self._acknowledge(json.dumps(body).encode()))

    async def _acknowledge(self, body: bytes) -> None:
        if await self._fleet.send("POST", "/v1/device/acks", self.token, body) is not None:
            self._fleet.figures.acks += 1


_SCHEDULE = "/v1/device/schedule"


class Fleet:
    """Simulated devices of one server, and what they saw.

    Args:
        server: Where they connect.
        plays: Whether they play and acknowledge what their schedule has.
        fetches: Whether they fetch the sounds of it before.
    """

    def __init__(self, server: Server, *, plays: bool = False, fetches: bool = False) -> None:
        self.server = server
        self.plays = plays
        self.fetches = fetches
        self.figures = Figures()
        self.devices: list[SimulatedDevice] = []
        # None for a device that was removed, which does not come back.
        self.retry_seconds: dict[SimulatedDevice, float | None] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._requests = asyncio.Semaphore(_OPEN_REQUESTS)
        self._all_connected = asyncio.Event()
        self._refused = 0
        self._is_closed = False

    def add(self, devices: Iterable[tuple[int, str]]) -> None:
        """Add devices by id and token."""
        self.devices += [SimulatedDevice(self, token, id) for id, token in devices]

    async def connect(self, seconds: float = 60.0) -> bool:
        """Connect all at once; return whether each had its first document in time."""
        for one in self.devices:
            self.start(one.connect())
        return await self.wait_connected(seconds)

    async def wait_connected(self, seconds: float) -> bool:
        """Return whether all devices are connected, or are within some seconds."""
        if self.figures.connected + self._refused < len(self.devices):
            self._all_connected.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_connected.wait(), seconds)
        return self.figures.connected == len(self.devices)

    async def send_heartbeats(self, every: float = HEARTBEAT_SECONDS) -> None:
        """Send the heartbeats of all devices, evenly in time, until it is cancelled."""
        began = time.monotonic()
        for number in range(2**62):
            if not self.devices:
                return
            at = began + number * every / len(self.devices)
            if (left := at - time.monotonic()) > 0:
                await asyncio.sleep(left)
            elif -left > OFFLINE_AFTER.total_seconds():
                self.note_error("heartbeat: too late")
            self.start(self.devices[number % len(self.devices)].heartbeat())

    async def send(self, method: str, path: str, token: str, body: bytes = b"") -> bytes | None:
        """Send a request on a connection of its own; return the body of a successful answer."""
        what = f"{method} {path if len(path) < 25 else path[:12] + '…'}"
        try:
            async with self._requests, asyncio.timeout(_REQUEST_SECONDS):
                reader, writer = await asyncio.open_connection(
                    self.server.host, self.server.port, ssl=self.server.tls
                )
                try:
                    writer.write(self.server.request(method, path, token, body, "Connection: close\r\n"))
                    answer = await reader.read(-1)
                finally:
                    writer.close()
        except OSError as error:
            self.note_error(f"{what}: {type(error).__name__}")
            return None
        head, _, content = answer.partition(b"\r\n\r\n")
        status = head.split(b" ", 2)[1].decode() if head else "no answer"
        if not status.startswith("2"):
            self.note_error(f"{what}: {status}")
            return None
        return content

    def note_connected(self) -> None:
        """Count a device whose stream has begun."""
        self.figures.connected += 1
        self._look_whether_all_connected()

    def note_refused(self) -> None:
        """Count a device that the server does not know, which does not try again."""
        self._refused += 1
        self._look_whether_all_connected()

    def _look_whether_all_connected(self) -> None:
        if self.figures.connected + self._refused >= len(self.devices):
            self._all_connected.set()

    def note_error(self, what: str) -> None:
        """Count an error."""
        if not self._is_closed:
            self.figures.errors[what] += 1

    def start(self, work: Any) -> None:
        """Run a coroutine as a task that ends with this fleet."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def later(self, seconds: float, work: Any) -> None:
        """Call a coroutine function later, unless this fleet is closed before."""

        def begin() -> None:
            self._timers.discard(timer)
            if not self._is_closed:
                self.start(work())

        timer = asyncio.get_running_loop().call_later(seconds, begin)
        self._timers.add(timer)

    async def aclose(self) -> None:
        """Close all connections."""
        self._is_closed = True
        for timer in self._timers:
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self.devices:
            one.close()
