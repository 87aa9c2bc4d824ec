"""Single statements are committed, and their errors are those of every other statement."""

import asyncio

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catflap.errors import BadRequest
from catflap.store.database import Urls, connect
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_alone
from catflap.store.tables import users
from catflap.store.unavailable import DatabaseUnavailable

INSERT = PreparedQuery(
    text("INSERT INTO app.users (external_id, created_at) VALUES (:name, now()) RETURNING external_id")
)
ONE = PreparedQuery(text("SELECT CAST(:name AS text) AS name"))
SLEEP = PreparedQuery(text("SELECT pg_sleep(600), CAST(:name AS text)"))
ASLEEP = text(
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(600), CAST%'"
)


async def backend_asleep(urls: Urls, *, end: bool = False) -> None:
    """Wait until `SLEEP` runs; terminate its connection then, or leave it."""
    owner = create_async_engine(urls.owner)
    async with owner.connect() as connection:
        while (pid := await connection.scalar(ASLEEP)) is None:
            await connection.rollback()
        if end:
            await connection.execute(select(func.pg_terminate_backend(pid)))
    await owner.dispose()


async def test_what_is_written_is_committed(engine: AsyncEngine) -> None:
    assert [row["external_id"] for row in await fetch_alone(engine, INSERT, name="tom")] == ["tom"]
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(users)) == 1


async def test_a_value_that_cannot_be_stored_is_a_bad_request(engine: AsyncEngine) -> None:
    with pytest.raises(BadRequest):
        await fetch_alone(engine, INSERT, name="\0")
    assert await fetch_alone(engine, INSERT, name="tom")


async def test_a_lost_connection_is_an_unavailable_database_and_is_replaced(
    engine: AsyncEngine, database_urls: Urls
) -> None:
    running = asyncio.create_task(fetch_alone(engine, SLEEP, name="tom"))
    await backend_asleep(database_urls, end=True)
    with pytest.raises(DatabaseUnavailable):
        await running
    assert [row["name"] for row in await fetch_alone(engine, ONE, name="tom")] == ["tom"]


async def test_cancelling_gives_the_connection_up(database_urls: Urls) -> None:
    pool = connect(database_urls.app, pool_size=1)
    running = asyncio.create_task(fetch_alone(pool, SLEEP, name="tom"))
    await backend_asleep(database_urls)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [row["name"] for row in await fetch_alone(pool, ONE, name="tom")] == ["tom"]
    await pool.dispose()
