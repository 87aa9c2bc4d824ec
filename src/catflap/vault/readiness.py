"""Whether this process should get work: what load balancers, systemd and Kubernetes ask."""

import asyncio
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.errors import CatflapError, TryAgain
from catflap.store.migrate import check_tables
from catflap.store.unavailable import DatabaseUnavailable
from catflap.vault.encryption import TokenCipher
from catflap.vault.sealed_columns import check_ready

# Those who ask wait a few seconds at most.
_SECONDS = 3.0


class Readiness:
    """The reasons for which this process is not ready: none where it is.

    Args:
        engine: The database, as the role of the app.
        vault_engine: The same, as the role of the vault.
        cipher: It must have every key in use.
    """

    def __init__(self, engine: AsyncEngine, vault_engine: AsyncEngine, cipher: TokenCipher) -> None:
        self._engine = engine
        self._vault_engine = vault_engine
        self._cipher = cipher
        self._works: Callable[[], bool] | None = None
        self._looking: asyncio.Task[CatflapError | None] | None = None
        self.is_draining = False

    def drain(self) -> None:
        """From now on the process is not ready, because it is about to end."""
        self.is_draining = True

    def watch_jobs(self, works: Callable[[], bool]) -> None:
        """Have `reasons_of_jobs` ask whether the queue is read."""
        self._works = works

    async def reasons(self) -> list[CatflapError]:
        """Return why requests should go to another process."""
        found: list[CatflapError] = []
        if self.is_draining:
            found.append(TryAgain("draining", "This process is about to end; ask another one."))
        if problem := await self._problem_of_database():
            found.append(problem)
        return found

    async def reasons_of_jobs(self) -> list[CatflapError]:
        """Return why this process does no background jobs."""
        found = await self.reasons()
        if self._works is not None and not self._works():
            found.append(TryAgain("queue_unread", "The queue of background jobs is not read at present."))
        return found

    async def _problem_of_database(self) -> CatflapError | None:
        # One look at a time, so that those who ask of a frozen database take no more than one connection.
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        done, _ = await asyncio.wait({self._looking}, timeout=_SECONDS)
        return self._looking.result() if done else DatabaseUnavailable("no answer in time")

    async def _look(self) -> CatflapError | None:
        try:
            async with self._engine.connect() as connection:
                await check_tables(connection)
            await check_ready(self._vault_engine, self._cipher)
        except CatflapError as error:
            return error
        return None
