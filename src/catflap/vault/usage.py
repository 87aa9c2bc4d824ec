"""Store when API keys and grants were last used, in batches."""

import asyncio
from collections.abc import Awaitable, Callable

from catflap.background import Background

_EVERY_SECONDS = 0.8


class UsageRecorder(Background):
    """Calls each writer about once a second while the context is open, and once on exit.

    Args:
        writers: `ApiKeys.write_uses` and `Grants.write_uses`. A failure of one does not stop the others.
    """

    def __init__(self, *writers: Callable[[], Awaitable[None]]) -> None:
        self._writers = writers

    async def __aexit__(self, *raised: object) -> None:
        await super().__aexit__(*raised)
        for writer in self._writers:
            await self.attempt_last(writer)

    async def write(self) -> None:
        """Call each writer once."""
        for writer in self._writers:
            await self.attempt(writer)

    async def run(self) -> None:
        """Call the writers periodically until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await asyncio.shield(self.write())
