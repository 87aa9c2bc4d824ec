"""Run SQL scripts in migrations; asyncpg prepares single statements only."""

from sqlalchemy import Connection


def run_script(connection: Connection, sql: str) -> None:
    """Run every statement of `sql` in the transaction that `connection` is in."""
    # SQLAlchemy begins the transaction at its first statement, and the script bypasses it.
    connection.exec_driver_sql("SELECT 1")
    connection.connection.dbapi_connection.run_async(lambda asyncpg: asyncpg.execute(sql))  # type: ignore[union-attr]
