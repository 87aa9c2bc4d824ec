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
    values = query.values(parameters)
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
    return await execute_within(connection, query.text, *query.values(parameters))


async def execute_within(connection: AsyncConnection, statement: str, *values: object) -> list[Columns]:
    """As `fetch_within`, for the text of a statement whose parameters are `$1` and so on."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if not driver.is_in_transaction():
        # SQLAlchemy begins the transaction with its first statement.
        result = await connection.exec_driver_sql(statement, values)
        return [row._mapping for row in result] if result.returns_rows else []
    try:
        found: list[Columns] = await driver.fetch(statement, *values)
    except LOSSES as error:
        raise translate_error(error) or error from error
    return found
