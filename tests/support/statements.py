"""Record the statements that are sent to PostgreSQL: those of an engine, or all of this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from asyncpg.connection import Connection
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

_QUERIES = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True)
class Statement:
    """A statement with the parameters that the driver gets."""

    sql: str
    parameters: tuple[Any, ...] = ()

    @property
    def is_query(self) -> bool:
        """Whether it reads or writes rows, and is not one such as COMMIT."""
        return self.sql.lstrip().upper().startswith(_QUERIES)


@contextmanager
def statements_of(*engines: AsyncEngine) -> Iterator[list[Statement]]:
    """Yield a list to which each statement is added that one of the engines sends; commits are `COMMIT`."""
    sent: list[Statement] = []

    def note_commit(_connection: object) -> None:
        sent.append(Statement("COMMIT"))

    listeners = [("before_cursor_execute", _adding_to(sent)), ("commit", note_commit)]
    targets = [(engine.sync_engine, *listener) for engine in engines for listener in listeners]
    for target in targets:
        event.listen(*target)
    try:
        yield sent
    finally:
        for target in targets:
            event.remove(*target)


@contextmanager
def recorded_statements() -> Iterator[list[Statement]]:
    """Yield a list to which each statement of this process is added, also those of asyncpg alone."""
    sent: list[Statement] = []
    note = _adding_to(sent)
    # SQLAlchemy prepares its statements, which asyncpg does not see as a query of the connection.
    event.listen(Engine, "before_cursor_execute", note)
    run, run_simple = Connection._execute, Connection.execute

    async def execute(self: Any, query: str, args: Any, *rest: Any, **named: Any) -> Any:
        sent.append(Statement(query, tuple(args)))
        return await run(self, query, args, *rest, **named)

    async def execute_simple(self: Any, query: str, *args: Any, **named: Any) -> Any:
        if not args:
            sent.append(Statement(query))
        return await run_simple(self, query, *args, **named)

    try:
        with (
            patch.object(Connection, "_execute", execute),
            patch.object(Connection, "execute", execute_simple),
        ):
            yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _adding_to(sent: list[Statement]) -> Callable[..., None]:
    def note(_c: object, _cursor: object, sql: str, values: Any, _context: object, many: bool) -> None:
        sent.append(Statement(sql, tuple(values[0] if many else values)))

    return note


def queries(sent: list[Statement]) -> int:
    """Return how many of them read or write rows."""
    return sum(one.is_query for one in sent)


def commits(sent: list[Statement]) -> int:
    """Return how many transactions were committed, each with a round trip."""
    return sum(one.sql.startswith("COMMIT") for one in sent)
