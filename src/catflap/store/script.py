"""Run several SQL statements at once, as migrations do; asyncpg prepares only single ones."""

from sqlalchemy import Connection


def run_script(connection: Connection, sql: str) -> None:
    """Run every statement of `sql` in the transaction that `connection` is in."""
    # SQLAlchemy begins lazily, at its own first statement; the script goes past it.
    connection.exec_driver_sql("SELECT 1")
    connection.connection.dbapi_connection.run_async(lambda asyncpg: asyncpg.execute(sql))  # type: ignore[union-attr]
