"""Reads that nearly every request makes, as prepared statements of asyncpg.

SQLAlchemy takes ten times as long to execute a statement that finds one row as the driver does. Here it only
writes the text of the statement, once. The driver's own pool is used, because nothing has to be reset after a
SELECT.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.store.database import asyncpg_options
from catflap.store.row_mapping import Columns
from catflap.store.unavailable import LOSSES

_POOL_SIZE = 10
# For a free connection and the answer together; afterwards SQLAlchemy's attempt has its own limits.
_SECONDS = 5.0
_CLOSE_SECONDS = 2.0


class PreparedQuery:
    """A SELECT whose text is written once; its `bindparam`s are the parameters of `PreparedReads.fetch`."""

    def __init__(self, query: Select[tuple[object, ...]]) -> None:
        compiled = query.compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]
        self.query = query
        self.text = str(compiled)
        self.names: list[str] = compiled.positiontup or []


class PreparedReads:
    """Runs prepared queries, each without a transaction.

    Args:
        engine: answers where the driver's pool fails, and translates the errors; see `store.unavailable`.
        pool: of `open_driver_pool`; None where there are too few reads for a pool of their own.
    """

    def __init__(self, engine: AsyncEngine, pool: asyncpg.Pool | None = None) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._pool = pool

    async def fetch(self, query: PreparedQuery, **parameters: object) -> list[Columns]:
        """Return the columns of each row by their names.

        Raises:
            BadRequest: a parameter can't be stored, so no row has it.
            TryAgain: `database_unavailable`.
        """
        if self._pool is not None:
            with contextlib.suppress(*LOSSES):
                return await _fetch(self._pool, query.text, [parameters[name] for name in query.names])
        async with self._engine.connect() as connection:
            return [row._mapping for row in await connection.execute(query.query, parameters)]


@asynccontextmanager
async def open_driver_pool(url: URL) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool of the driver for `PreparedReads`; connections are opened when they are needed."""
    pool = asyncpg.create_pool(
        min_size=0,
        max_size=_POOL_SIZE,
        max_queries=sys.maxsize,
        max_inactive_connection_lifetime=0,
        reset=_keep,
        **asyncpg_options(url),
    )
    await pool
    try:
        yield pool
    finally:
        # When the time is over, the connections are cut.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await pool.close()


async def _fetch(pool: asyncpg.Pool, text: str, values: list[object]) -> list[Columns]:
    async with asyncio.timeout(_SECONDS), pool.acquire() as connection:
        try:
            found: list[Columns] = await connection.fetch(text, *values)
        except asyncio.CancelledError:
            # The statement may still run.
            connection.terminate()
            raise
        return found


async def _keep(_connection: object) -> None:
    """Leave a connection as it is when it returns to the pool."""
