"""Outgoing HTTP messages: push notifications and security events.

Messages of one queue go in order, queues in parallel. Delivery is not guaranteed, as it is not at Google.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx2

MOST_TRIES = 5
SECONDS_TO_ARRIVE = 2


@dataclass(slots=True)
class Message:
    """One message; `answers` collects the status of every try, None without a response."""

    address: str
    headers: dict[str, str]
    body: bytes
    retry_on: frozenset[int]
    answers: list[int | None] = field(default_factory=list)


MakeMessage = Callable[[], Message | None]


class DeliveryQueue:
    """Deliver messages while the sandbox is served; earlier ones wait until then."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[MakeMessage]] = {}
        self._busy: set[str] = set()
        self._wake: Callable[[], object] = lambda: None
        self._stopped = asyncio.Event()
        self.retry_seconds = 0.5

    def send(self, queue_name: str, make_message: MakeMessage) -> None:
        """Queue a message.

        Args:
            queue_name: messages of one queue are sent in order.
            make_message: returns it when its turn comes, or None if it is no longer wanted.
        """
        self._queues.setdefault(queue_name, deque()).append(make_message)
        self._wake()

    @contextlib.asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Deliver until the block ends; requests in flight may finish."""
        loop, woken, self._stopped = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        woken.set()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        task = asyncio.create_task(self._deliver(woken), name="sandbox-delivery")
        try:
            yield
        finally:
            self._stopped.set()
            woken.set()
            await asyncio.wait([task], timeout=SECONDS_TO_ARRIVE)
            task.cancel()
            await asyncio.wait([task])
            self._wake = lambda: None
            self._busy.clear()

    async def _deliver(self, woken: asyncio.Event) -> None:
        http = httpx2.AsyncClient(verify=_tls_context(), timeout=10, trust_env=False)
        async with http as client, asyncio.TaskGroup() as group:
            while not self._stopped.is_set():
                await woken.wait()
                woken.clear()
                for queue_name in [
                    queue_name for queue_name in list(self._queues) if queue_name not in self._busy
                ]:
                    self._busy.add(queue_name)
                    group.create_task(self._empty(client, queue_name))

    async def _empty(self, client: httpx2.AsyncClient, queue_name: str) -> None:
        queue = self._queues[queue_name]
        while queue and not self._stopped.is_set():
            message = queue.popleft()()
            if message is not None:
                await self._post(client, message)
        if not queue:
            del self._queues[queue_name]
        self._busy.discard(queue_name)

    async def _post(self, client: httpx2.AsyncClient, message: Message) -> None:
        for attempt in range(MOST_TRIES):
            status: int | None = None
            with contextlib.suppress(httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
                response = await client.post(message.address, headers=message.headers, content=message.body)
                status = response.status_code
            message.answers.append(status)
            if status not in message.retry_on:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self.retry_seconds * 2**attempt)
                return


@functools.cache
def _tls_context() -> ssl.SSLContext:
    # One for all sandboxes of a process: reading the system's CA certificates takes 20 ms.
    return httpx2.create_ssl_context(trust_env=False)
