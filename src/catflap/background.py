"""Something that goes on while a context is open, and ends with it."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import Self


class Background(ABC):
    """Runs `run()` as a task of its own between entering and leaving."""

    _task: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """What goes on until it is cancelled."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
