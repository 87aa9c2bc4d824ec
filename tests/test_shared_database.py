"""Tests share one database, and none sees rows of another."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from catflap.store.database import Urls, asyncpg_options
from catflap.testing import SharedDatabase

USER = "INSERT INTO app.users (created_at) VALUES (now()) RETURNING id"
KEY = """
INSERT INTO vault.api_keys (name, token_hash, rights, scopes, per_minute, created_at)
VALUES ('shop', '', '{tokens}', '{}', 1, now()) RETURNING id
"""
JOB = "INSERT INTO queue.pgqueuer (priority, status, entrypoint) VALUES (0, 'queued', 'plan') RETURNING id"
TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind IN ('r', 'p', 'm')
  AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
"""


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


async def owner(urls: Urls) -> asyncpg.Connection:
    return await asyncpg.connect(**asyncpg_options(urls.owner))


async def fill(urls: Urls) -> list[int]:
    """Write a row in each schema; their ids."""
    connection = await owner(urls)
    try:
        return [await connection.fetchval(statement) for statement in (USER, KEY, JOB)]
    finally:
        await connection.close()


async def tables_with_rows(urls: Urls) -> set[str]:
    connection = await owner(urls)
    try:
        names = [row[0] for row in await connection.fetch(TABLES)]
        return {name for name in names if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name})")}
    finally:
        await connection.close()


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_finds_no_rows_and_the_first_ids(database_urls: Urls, turn: int) -> None:
    assert await tables_with_rows(database_urls) == {"app.schema_version"}
    assert await fill(database_urls) == [1, 1, 1]


def test_a_transaction_left_open_is_ended(shared_database: SharedDatabase, runner: asyncio.Runner) -> None:
    urls = shared_database.urls
    shared_database.empty()
    left = runner.run(owner(urls))
    runner.run(left.execute(f"BEGIN; {USER}; LOCK TABLE app.accounts"))
    shared_database.empty()
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
        runner.run(left.execute("COMMIT"))
    assert runner.run(tables_with_rows(urls)) == {"app.schema_version"}


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE app.users ADD COLUMN extra text",
        "CREATE TABLE app.extra ()",
        "GRANT SELECT ON vault.api_keys TO catflap_app",
    ],
)
def test_changed_tables_and_rights_are_an_error(postgres: Urls, change: str) -> None:
    database = SharedDatabase(postgres)
    with asyncio.Runner() as runner:
        connection = runner.run(owner(database.urls))
        runner.run(connection.execute(change))
        runner.run(connection.close())
    with pytest.raises(RuntimeError, match="fresh_database_urls"):
        database.empty()
    database.close()


async def test_a_fresh_database_is_another_one(database_urls: Urls, fresh_database_urls: Urls) -> None:
    await fill(database_urls)
    assert await tables_with_rows(fresh_database_urls) == {"app.schema_version"}
