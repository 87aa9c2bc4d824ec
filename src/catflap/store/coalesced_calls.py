"""Answer many calls that come at the same time by one call for all of them.

A statement for one row costs a round trip, a connection of the pool and the work of the driver; for a hundred
rows it costs little more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Generic, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class CoalescedCalls(Generic[_K, _V]):
    """Calls one at a time `call` with all keys that were asked for while the last call ran.

    A key that is asked for during a call is in the next one, so what is returned was never read before it was
    asked for. Without other callers nothing is waited for.

    Args:
        call: Returns the values of keys; those without a value are left out.
        most: The keys of one call at most, so that its answer does not occupy the event loop for long.
    """

    def __init__(self, call: Callable[[list[_K]], Awaitable[Mapping[_K, _V]]], most: int = 100) -> None:
        self._call = call
        self._most = most
        self._waiting: dict[_K, list[asyncio.Future[_V | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: _K) -> _V | None:
        """Return the value of a key, None if it has none; raises what `call` raises."""
        future: asyncio.Future[_V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = {key: self._waiting.pop(key) for key in list(islice(self._waiting, self._most))}
                await self._answer(batch)
        finally:
            self._task = None

    async def _answer(self, batch: dict[_K, list[asyncio.Future[_V | None]]]) -> None:
        try:
            found = await self._call(list(batch))
        except BaseException as error:
            for future in _waiting(batch):
                if isinstance(error, Exception):
                    future.set_exception(error)
                else:
                    future.cancel()
            if not isinstance(error, Exception):
                raise
            return
        for key, futures in batch.items():
            for future in futures:
                if not future.done():
                    future.set_result(found.get(key))


def _waiting(batch: Mapping[_K, list[asyncio.Future[_V | None]]]) -> list[asyncio.Future[_V | None]]:
    """Return the futures of callers that have not been cancelled."""
    return [future for futures in batch.values() for future in futures if not future.done()]
