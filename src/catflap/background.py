"""Something that goes on while a context is open, and ends with it."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Self

from catflap.errors import CatflapError
from catflap.log import log, place


def is_being_cancelled() -> bool:
    """Whether the present task was told to end.

    A cancellation during a query may arrive as an error of the database driver, which fails to tidy up; a
    loop that goes on after errors would then never end.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Background(ABC):
    """Runs `run()` as a task of its own between entering and leaving."""

    _task: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """What goes on until it is cancelled."""

    async def attempt(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do one step of what goes on. What fails is logged, because the next step must come all the same."""
        try:
            await step()
        except CatflapError as error:
            if is_being_cancelled():
                raise asyncio.CancelledError from error
            log.warning("background_failed", task=type(self).__name__, code=error.code, detail=error.detail)
        except Exception as error:
            if is_being_cancelled():
                raise asyncio.CancelledError from error
            kind, at = type(error).__name__, place(error.__traceback__)
            log.error("background_broke", task=type(self).__name__, error=kind, at=at)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
