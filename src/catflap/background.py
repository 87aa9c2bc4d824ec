"""Background tasks with the lifetime of an async context manager."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Self

from catflap.errors import CatflapError
from catflap.log import log, place

GRACE_SECONDS = 2.0


def is_being_cancelled() -> bool:
    """Return whether the current task has been cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def raise_if_cancelled(error: BaseException) -> None:
    """Call this first where a loop continues after an error: else it may never end.

    A cancellation during a query may arrive as an error of the database driver.

    Raises:
        asyncio.CancelledError: the current task has been cancelled.
    """
    if is_being_cancelled():
        raise asyncio.CancelledError from error


class Background(ABC):
    """Base class: `run()` runs as a task while the context is open.

    On leaving, a step that is under way has GRACE_SECONDS to end: a query that is cancelled while its
    connection is being opened leaves that connection to the garbage collector.
    """

    _task: asyncio.Task[None] | None = None
    _stepping: asyncio.Lock | None = None

    @abstractmethod
    async def run(self) -> None:
        """Run until cancelled."""

    async def attempt(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run one step and log its failure, so that the next step still runs."""
        try:
            async with self._stepping or nullcontext():
                await step()
        except CatflapError as error:
            raise_if_cancelled(error)
            log.warning(
                "background_task_failed", task=type(self).__name__, code=error.code, detail=error.detail
            )
        except Exception as error:
            raise_if_cancelled(error)
            kind, at = type(error).__name__, place(error.__traceback__)
            log.error("background_task_crashed", task=type(self).__name__, error=kind, at=at)

    async def attempt_last(self, step: Callable[[], Awaitable[None]]) -> None:
        """As `attempt`, for a step on leaving: it is given up after GRACE_SECONDS."""

        async def bounded() -> None:
            try:
                async with asyncio.timeout(GRACE_SECONDS):
                    await step()
            except TimeoutError:
                log.warning("last_step_given_up", task=type(self).__name__)

        await self.attempt(bounded)

    async def __aenter__(self) -> Self:
        self._stepping = asyncio.Lock()
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is None or self._stepping is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                # Held until the task has ended, so that no other step begins.
                await self._stepping.acquire()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._stepping = None


async def run_together(*endless: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until one of them fails or this is cancelled; the others are cancelled then.

    Raises:
        Exception: the first failure as it is, and not in a group as of `asyncio.TaskGroup`.
    """
    tasks = [asyncio.create_task(one) for one in endless]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
