"""Run a server in an event loop on a thread of its own, for programs and tests that are not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

Value = TypeVar("Value")


@contextlib.contextmanager
def in_thread(open_context: Callable[[], AbstractAsyncContextManager[Value]]) -> Iterator[Value]:
    """Enter an asynchronous context manager on a new thread, and leave it at the end of the block.

    Raises:
        Exception: what entering or leaving it raises, in the calling thread.
    """
    entered: list[Value] = []
    failures: list[BaseException] = []
    loop, ready, leave = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def hold() -> None:
        async with open_context() as value:
            entered.append(value)
            ready.set()
            await leave.wait()

    def run() -> None:
        try:
            loop.run_until_complete(hold())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="google-sandbox", daemon=True)
    thread.start()
    ready.wait()
    try:
        if entered:
            yield entered[0]
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(leave.set)
        thread.join()
        loop.close()
        if failures:
            raise failures[0]
