"""PostgreSQL LISTEN/NOTIFY for asyncio: wait for changes made by any process."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Self

import asyncpg
from sqlalchemy import ColumnElement, func, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.store.database import asyncpg_options
from catflap.store.unavailable import LOSSES

CHANNEL = "catflap_changed"
_RECONNECT_SECONDS = 0.5
# A connection may be dead without a sign of it, where a firewall has forgotten it or the server is frozen.
_CHECK_SECONDS = 15.0


async def announce_change(connection: AsyncConnection, topic: str) -> None:
    """Notify every process that `topic` changed, when this transaction commits."""
    await connection.execute(text("SELECT pg_notify(:channel, :topic)"), {"channel": CHANNEL, "topic": topic})


def announcing(topic: ColumnElement[str]) -> ColumnElement[object]:
    """Return a column for RETURNING that announces a change of `topic`, to save a statement of its own."""
    return func.pg_notify(CHANNEL, topic).label("announced")


class TopicChanges:
    """Topics with one prefix that may have changed; `event` is set when there are some.

    It begins as after a lost connection, so that the first `take` makes its watcher read everything.
    """

    def __init__(self, event: asyncio.Event | None = None) -> None:
        self.event = event or asyncio.Event()
        self._topics: set[str] | None = None
        self.event.set()

    def take(self) -> set[str] | None:
        """Return the topics, and forget them; None if any may have changed."""
        self.event.clear()
        topics, self._topics = self._topics, set()
        return topics

    def add(self, topic: str) -> None:
        """Note that a topic changed."""
        if self._topics is not None:
            self._topics.add(topic)
        self.event.set()

    def add_all(self) -> None:
        """Note that any topic may have changed."""
        self._topics = None
        self.event.set()


class NotificationListener:
    """One listening connection per process, for all watchers of all topics.

    A notification has no content. The connection is checked now and then; after a lost one every watcher is
    woken, because notifications may have been missed.
    """

    def __init__(self, url: URL) -> None:
        self._options: dict[str, Any] = asyncpg_options(url)
        self._watchers: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._prefixes: list[tuple[str, TopicChanges]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        listening = asyncio.Event()
        self._task = asyncio.create_task(self._listen(listening))
        await listening.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def watch(self, topic: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set whenever `topic` may have changed; the watcher clears it."""
        event = asyncio.Event()
        self._watchers[topic].add(event)
        try:
            yield event
        finally:
            self._watchers[topic].discard(event)
            if not self._watchers[topic]:
                del self._watchers[topic]

    @contextlib.contextmanager
    def watch_prefix(self, prefix: str, event: asyncio.Event | None = None) -> Iterator[TopicChanges]:
        """Yield the changes of all topics that begin with `prefix`; the watcher takes them.

        Args:
            prefix: What the topics begin with.
            event: Set instead of an event of their own, for a watcher of several prefixes.
        """
        entry = prefix, TopicChanges(event)
        self._prefixes.append(entry)
        try:
            yield entry[1]
        finally:
            self._prefixes = [one for one in self._prefixes if one is not entry]

    async def _listen(self, listening: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(*LOSSES):
                await self._listen_once(listening)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen_once(self, listening: asyncio.Event) -> None:
        connection = await asyncpg.connect(**self._options)
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _: closed.set())
        try:
            await connection.add_listener(CHANNEL, self._on_notification)
            listening.set()
            for topic in list(self._watchers):
                self._wake(topic)
            for _, changes in self._prefixes:
                changes.add_all()
            while not closed.is_set():
                try:
                    await asyncio.wait_for(closed.wait(), _CHECK_SECONDS)
                except TimeoutError:
                    await connection.execute("SELECT 1", timeout=_CHECK_SECONDS)
        finally:
            connection.terminate()

    def _on_notification(self, _connection: object, _pid: object, _channel: object, payload: object) -> None:
        self._wake(str(payload))

    def _wake(self, topic: str) -> None:
        for event in self._watchers.get(topic, ()):
            event.set()
        for prefix, changes in self._prefixes:
            if topic.startswith(prefix):
                changes.add(topic)
