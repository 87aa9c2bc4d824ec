"""Record the statements that an engine sends, with their parameters."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine


@dataclass(frozen=True)
class Statement:
    """A statement as the driver gets it; `many` is whether it is sent with several sets of parameters."""

    sql: str
    parameters: Any
    many: bool


@contextmanager
def statements_of(*engines: AsyncEngine) -> Iterator[list[Statement]]:
    """Yield a list to which each statement is added that one of the engines sends; commits are `COMMIT`."""
    sent: list[Statement] = []

    def note(_c: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        sent.append(Statement(sql, parameters, many))

    def note_commit(_c: object) -> None:
        sent.append(Statement("COMMIT", (), False))

    listeners = [("before_cursor_execute", note), ("commit", note_commit)]
    for engine in engines:
        for name, listener in listeners:
            event.listen(engine.sync_engine, name, listener)
    try:
        yield sent
    finally:
        for engine in engines:
            for name, listener in listeners:
                event.remove(engine.sync_engine, name, listener)
