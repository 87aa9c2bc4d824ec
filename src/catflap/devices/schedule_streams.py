"""Send each open stream the documents of its device, all by one task for each process.

A stream has no task and no timer of its own, because a process has thousands of them.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, Self

from pydantic_core import to_json

from catflap.background import raise_if_cancelled
from catflap.clock import Clock
from catflap.devices.schedule import Schedules
from catflap.errors import TryAgain
from catflap.log import log, place
from catflap.store.notify import NotificationListener
from catflap.store.task_types import SCHEDULE_TOPIC, device_of
from catflap.store.unavailable import RETRY_AFTER, DatabaseUnavailable

KEEP_ALIVE_SECONDS = 15.0
# A device needs one; one that connects again leaves some behind until they are found dead. Beyond this the
# oldest is ended.
MAX_OF_DEVICE = 8
# Those that can't be ended because the client does not read; beyond this no other is opened.
MAX_STUCK_OF_DEVICE = 32
# Devices and sessions that are deleted say so; what runs out by time alone is found that much later.
_READ_AGAIN_AFTER = timedelta(minutes=5)
# Streams are kept alive in turn, so that it takes little time at once.
_TURNS = 60
# The documents of one batch are made without other requests between them.
_BATCH = 50
# While the documents of one batch are made, the database reads the next one.
_READERS = 2
# When a device connects again after the server was restarted: spread, so that not all come at once.
_RETRY_MS, _RETRY_SPREAD_MS = 1_000, 4_000
_FULL = timedelta(minutes=1)
# WHATWG HTML, "Server-sent events": a comment keeps a connection open.
_KEEP_ALIVE = b": ping\n\n"

Send = Callable[[bytes, bool], Awaitable[None]]
"""Sends bytes on a stream, and whether they are the last; returns when the stream can take more."""


class Stream:
    """An open stream.

    What could not be sent yet is replaced by what is newer, so a slow client holds neither others nor memory.
    """

    __slots__ = ("_last", "_next", "_send", "_sending", "device_id", "token_hash", "version")

    def __init__(self, device_id: int, token_hash: bytes, version: int, send: Send) -> None:
        self.device_id = device_id
        self.token_hash = token_hash
        self.version = version
        self._send = send
        self._next: bytes | None = None
        self._last = False
        self._sending: asyncio.Task[None] | None = None

    def offer(self, data: bytes, *, last: bool = False) -> None:
        """Send this next, instead of anything that still waits; nothing is sent after the last."""
        if self._last:
            return
        self._next, self._last = data, last
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_waiting())

    def keep_alive(self) -> None:
        """Send a comment, unless something is being sent."""
        if self._sending is None:
            self.offer(_KEEP_ALIVE)

    def close(self) -> None:
        """Send nothing any more."""
        if self._sending is not None:
            self._sending.cancel()

    async def _send_waiting(self) -> None:
        try:
            while self._next is not None:
                data, self._next = self._next, None
                await self._send(data, self._last)
        except OSError:
            # The client is gone (ASGI, "Send exceptions"); the response is told so too.
            pass
        finally:
            self._sending = None


class ScheduleStreams:
    """The open streams of this process; follows the changes of schedules while its context is open."""

    def __init__(self, schedules: Schedules, clock: Clock, notifications: NotificationListener) -> None:
        self._schedules = schedules
        self._clock = clock
        self._notifications = notifications
        # Those of each device in the order in which they were opened.
        self._streams: defaultdict[int, dict[Stream, None]] = defaultdict(dict)
        self._turns: list[set[Stream]] = [set() for _ in range(_TURNS)]
        self._unread: dict[int, None] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(run()) for run in (self._follow, self._keep_alive, *_READERS * [self._read])
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check_room(self, device_id: int) -> None:
        """Check that a device may open another stream.

        Raises:
            TryAgain: `rate_limited`.
        """
        if len(self._streams.get(device_id, ())) >= MAX_STUCK_OF_DEVICE:
            raise TryAgain(
                "rate_limited", "This device has too many open streams; read or close them.", after=_FULL
            )

    @contextlib.contextmanager
    def following(self, device_id: int, token_hash: bytes, version: int, send: Send) -> Iterator[None]:
        """Send a device's documents while the context is open, from those newer than `version` on.

        The stream ends when the device has another token than that with this hash.
        """
        stream = Stream(device_id, token_hash, version, send)
        turn = self._turns[device_id % _TURNS]
        self._streams[device_id][stream] = None
        for oldest in list(self._streams[device_id])[:-MAX_OF_DEVICE]:
            oldest.offer(b"", last=True)
        turn.add(stream)
        # It may have changed since that document was read.
        self._note(device_id)
        try:
            yield
        finally:
            stream.close()
            turn.discard(stream)
            self._streams[device_id].pop(stream)
            if not self._streams[device_id]:
                del self._streams[device_id]

    def close_all(self) -> None:
        """End all open streams, before the server stops; devices connect again later."""
        for streams in self._streams.values():
            for stream in streams:
                stream.offer(b"", last=True)

    def _note(self, device_id: int) -> None:
        self._unread[device_id] = None
        self._wake.set()

    async def _follow(self) -> None:
        with self._notifications.watch_prefix(SCHEDULE_TOPIC) as changes:
            while True:
                await changes.event.wait()
                topics = changes.take()
                ids = self._streams if topics is None else map(device_of, topics)
                for device_id in ids:
                    if device_id in self._streams:
                        self._note(device_id)

    async def _read(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unread:
                batch = list(islice(self._unread, _BATCH))
                for device_id in batch:
                    del self._unread[device_id]
                try:
                    await self._send_changes([one for one in batch if one in self._streams])
                except Exception as error:
                    raise_if_cancelled(error)
                    if not isinstance(error, DatabaseUnavailable):
                        kind, at = type(error).__name__, place(error.__traceback__)
                        log.error("schedules_not_sent", error=kind, at=at)
                    self._unread.update(dict.fromkeys(batch))
                    await asyncio.sleep(RETRY_AFTER.total_seconds())

    async def _send_changes(self, ids: list[int]) -> None:
        known = {id: min(one.version for one in self._streams[id]) for id in ids}
        found = await self._schedules.read(known) if known else {}
        for device_id in ids:
            schedule = found.get(device_id)
            for stream in self._streams.get(device_id, ()):
                if schedule is None or schedule.token_hash != stream.token_hash:
                    stream.offer(b"event: end\ndata: {}\n\n", last=True)
                elif schedule.document is not None and schedule.version > stream.version:
                    stream.version = schedule.version
                    stream.offer(document_event(schedule.document))

    async def _keep_alive(self) -> None:
        read_at = [self._clock.now()] * _TURNS
        while True:
            for number, turn in enumerate(self._turns):
                await asyncio.sleep(KEEP_ALIVE_SECONDS / _TURNS)
                now = self._clock.now()
                if now - read_at[number] >= _READ_AGAIN_AFTER:
                    read_at[number] = now
                    for stream in turn:
                        self._note(stream.device_id)
                for stream in turn:
                    stream.keep_alive()


def document_event(document: dict[str, Any]) -> bytes:
    """Return the event of a document, which has no line breaks."""
    return b"event: schedule\ndata: %b\nid: %d\n\n" % (to_json(document), document["version"])


def retry_field(device_id: int) -> bytes:
    """Return the field that says how many milliseconds after a lost connection a device is to connect."""
    return f"retry: {_RETRY_MS + device_id * 997 % _RETRY_SPREAD_MS}\n\n".encode()
