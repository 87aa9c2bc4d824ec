"""Run a statement on a connection of SQLAlchemy's pool, but by asyncpg itself.

For the jobs that run most often: SQLAlchemy takes three times as long for a statement that finds one row.
Unlike `prepared_reads`, it runs nothing twice after an error, so the statement may write.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.store.prepared_reads import PreparedQuery
from catflap.store.row_mapping import Columns
from catflap.store.unavailable import LOSSES, translate_error


async def fetch_alone(engine: AsyncEngine, query: PreparedQuery, **parameters: object) -> list[Columns]:
    """Run a statement without a transaction; return the columns of each row by their names.

    Raises:
        BadRequest: a parameter can't be stored.
        TryAgain: `database_unavailable`.
    """
    values = [parameters[name] for name in query.names]
    pooled = await engine.raw_connection()
    driver: Any = pooled.driver_connection
    try:
        found: list[Columns] = await driver.fetch(query.text, *values)
    except BaseException as error:
        # The statement may still run.
        pooled.invalidate()
        translated = translate_error(error) if isinstance(error, LOSSES) else None
        if translated is None:
            raise
        raise translated from error
    pooled.close()
    return found


async def fetch_within(
    connection: AsyncConnection, query: PreparedQuery, **parameters: object
) -> list[Columns]:
    """Run a statement in the transaction of `connection`; return the columns of each row by their names.

    JSON columns are returned as text.

    Raises:
        BadRequest: a parameter can't be stored.
        TryAgain: `database_unavailable`.
    """
    pooled = await connection.get_raw_connection()
    driver: Any = pooled.driver_connection
    if not driver.is_in_transaction():
        # SQLAlchemy begins the transaction with its first statement.
        return [row._mapping for row in await connection.execute(query.query, parameters)]
    try:
        found: list[Columns] = await driver.fetch(query.text, *(parameters[name] for name in query.names))
    except LOSSES as error:
        raise translate_error(error) or error from error
    return found
