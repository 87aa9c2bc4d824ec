"""Reads that nearly every request makes, as prepared statements of asyncpg.

SQLAlchemy takes ten times as long to execute a statement that finds one row as the driver does. Here it only
writes the text of the statement, once. The connections are kept here too: after a SELECT there is nothing to
reset, for which asyncpg's own pool takes half as long as the SELECT.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import Select, TextClause
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.store.database import asyncpg_options
from catflap.store.row_mapping import Columns
from catflap.store.unavailable import LOSSES, DatabaseUnavailable

# For a free connection and the answer together.
_SECONDS = 4.0
_CLOSE_SECONDS = 2.0


class PreparedQuery:
    """A SELECT whose text is written once; its `bindparam`s are the parameters of `PreparedReads.fetch`."""

    def __init__(self, query: Select[tuple[object, ...]] | TextClause) -> None:
        compiled = query.compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]
        self.query = query
        self.text = str(compiled)
        self.names: list[str] = compiled.positiontup or []
        # Values that the query itself has, such as the limit of an age.
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}

    def values(self, parameters: Mapping[str, object]) -> list[object]:
        """Return the values of the text's parameters in order."""
        given = self._constants | dict(parameters)
        return [given[name] for name in self.names]


class NoAnswer(TimeoutError):
    """The database answers nobody: it is frozen, or the network is gone without a sign."""


class Connections:
    """Connections of the driver for SELECTs, opened when they are needed; the last one used is used next."""

    def __init__(self, url: URL, most: int = 10) -> None:
        self._options = asyncpg_options(url)
        self._free: list[Any] = []
        self._is_open = True
        self._answers = 0
        self._places = asyncio.Semaphore(most)

    async def fetch(self, text: str, values: list[object]) -> list[Columns]:
        """Return the rows that a SELECT finds.

        Raises:
            NoAnswer: the database has not answered anybody in time.
            OSError: also when no connection became free in time.
            asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError: as the driver does.
        """
        answers = self._answers
        try:
            async with asyncio.timeout(_SECONDS), self._places:
                connection = self._take() or await asyncpg.connect(**self._options)
                try:
                    found: list[Columns] = await connection.fetch(text, *values)
                except BaseException:
                    # The statement may still run.
                    connection.terminate()
                    raise
                self._answers += 1
                if self._is_open:
                    self._free.append(connection)
                else:
                    connection.terminate()
                return found
        except TimeoutError:
            if self._answers == answers:
                raise NoAnswer from None
            raise

    async def close(self) -> None:
        """Close the connections, also when the server does not answer; those in use end later."""
        self._is_open = False
        ends = (one.close(timeout=_CLOSE_SECONDS) for one in self._free)
        ended = await asyncio.gather(*ends, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, LOSSES):
                raise error

    def _take(self) -> Any:
        """Return a free connection that the server has not closed, or None."""
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return None


class PreparedReads:
    """Runs prepared queries, each without a transaction.

    Args:
        engine: answers where the connections fail, and translates the errors; see `store.unavailable`.
        connections: of `open_connections`; None where there are few such reads.
    """

    def __init__(self, engine: AsyncEngine, connections: Connections | None = None) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connections = connections

    async def fetch(self, query: PreparedQuery, **parameters: object) -> list[Columns]:
        """Return the columns of each row by their names.

        Raises:
            BadRequest: a parameter can't be stored, so no row has it.
            TryAgain: `database_unavailable`.
        """
        if self._connections is not None:
            try:
                return await self._connections.fetch(query.text, query.values(parameters))
            except NoAnswer:
                # Another attempt would have the caller wait twice.
                raise DatabaseUnavailable("no answer in time") from None
            except LOSSES:
                pass
        async with self._engine.connect() as connection:
            return [row._mapping for row in await connection.execute(query.query, parameters)]


@asynccontextmanager
async def open_connections(url: URL, most: int = 10) -> AsyncIterator[Connections]:
    """Open up to `most` connections for `PreparedReads`, and close them on leaving."""
    connections = Connections(url, most)
    try:
        yield connections
    finally:
        await connections.close()
