"""Change or delete many rows in small transactions, which several processes share."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import ColumnElement, Table, any_, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

BATCH = 500
_row_address: ColumnElement[Any] = literal_column("ctid")


def next_batch(
    table: Table,
    *where: ColumnElement[bool],
    oldest: ColumnElement[object],
    limit: ColumnElement[int] | None = None,
) -> ColumnElement[bool]:
    """Return the condition, for UPDATE or DELETE, of at most BATCH rows of `table` that meet `where`.

    The rows are locked first; those that another transaction has locked are left to it or to the next call.
    An array of row addresses, and not a join, so that no plan reads the whole table.

    Args:
        table: The table that is changed.
        where: Which of its rows.
        oldest: The column by which they are taken, that of the index.
        limit: At most so many, if that is fewer.
    """
    rows = select(_row_address).select_from(table).where(*where).order_by(oldest)
    rows = rows.limit(BATCH if limit is None else func.least(BATCH, limit))
    locked = rows.with_for_update(skip_locked=True, key_share=True).correlate(None)
    return _row_address == any_(func.array(locked.scalar_subquery()))


async def in_batches(engine: AsyncEngine, *batches: Callable[[AsyncConnection], Awaitable[int]]) -> None:
    """Run `batches` in one transaction, then again those that changed BATCH rows, until none does.

    Args:
        engine: The database.
        batches: Each changes at most BATCH rows, and returns how many.
    """
    full = list(batches)
    while full:
        async with engine.begin() as connection:
            changed = [await batch(connection) for batch in full]
        full = [batch for batch, rows in zip(full, changed, strict=True) if rows >= BATCH]
