"""Prepared reads find what SQLAlchemy finds, and outlive lost connections, cancellations and a burst."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest
from catflap.store import prepared_reads
from catflap.store.database import Urls, asyncpg_options, connect, parse_url
from catflap.store.prepared_reads import Connections, PreparedQuery, PreparedReads, open_connections
from catflap.store.row_mapping import Columns, columns_of
from catflap.store.tables import users as t
from catflap.store.unavailable import DatabaseUnavailable
from tests.support.database import database_away
from tests.support.own_postgres import own_postgres
from tests.support.statements import recorded_statements

BY_ID = PreparedQuery(select(t).where(t.c.id == bindparam("id")))


@pytest.fixture
async def reads(engine: AsyncEngine, database_urls: Urls) -> AsyncIterator[PreparedReads]:
    async with open_connections(database_urls.app) as connections:
        yield PreparedReads(engine, connections)


async def test_the_columns_are_those_that_sqlalchemy_finds(
    reads: PreparedReads, engine: AsyncEngine, user_id: int
) -> None:
    async with engine.connect() as connection:
        rows = (await connection.execute(select(t))).all()
    with recorded_statements() as sent:
        found = await reads.fetch(BY_ID, id=user_id)
    assert [dict(one) for one in found] == [dict(columns_of(row)) for row in rows]
    assert [one.sql for one in sent] == [BY_ID.text]
    assert await reads.fetch(BY_ID, id=user_id + 1) == []


async def test_connections_that_the_server_ended_are_replaced_unseen(
    reads: PreparedReads, database_urls: Urls, user_id: int
) -> None:
    await asyncio.gather(*(reads.fetch(BY_ID, id=user_id) for _ in range(20)))
    owner = await asyncpg.connect(**asyncpg_options(database_urls.owner))
    ended = await owner.fetch(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = $1 AND datname = $2",
        database_urls.app.username,
        database_urls.app.database,
    )
    await owner.close()
    assert ended
    found = await asyncio.gather(*(reads.fetch(BY_ID, id=user_id) for _ in range(40)))
    assert [len(one) for one in found] == [1] * 40


async def test_a_read_that_is_cancelled_leaves_the_others_as_they_were(
    reads: PreparedReads, engine: AsyncEngine, database_urls: Urls, user_id: int
) -> None:
    owner = await asyncpg.connect(**asyncpg_options(database_urls.owner))
    for _ in range(2):
        async with owner.transaction():
            await owner.execute("LOCK TABLE app.users")
            waiting = [asyncio.create_task(reads.fetch(BY_ID, id=user_id)) for _ in range(10)]
            while await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < 10:
                pass
            for one in waiting:
                one.cancel()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(one) for one in ended] == [asyncio.CancelledError] * 10
    await owner.close()
    with recorded_statements() as sent:
        assert len(await reads.fetch(BY_ID, id=user_id)) == 1
    assert [one.sql for one in sent] == [BY_ID.text]


class _Taken(Connections):
    """Connections of which none becomes free in time."""

    async def fetch(self, text: str, values: list[object]) -> list[Columns]:
        raise TimeoutError


async def test_without_a_free_connection_sqlalchemy_reads(
    engine: AsyncEngine, database_urls: Urls, user_id: int
) -> None:
    (found,) = await PreparedReads(engine, _Taken(database_urls.app)).fetch(BY_ID, id=user_id)
    assert found["id"] == user_id


async def test_more_readers_than_connections_wait_for_each_other(
    reads: PreparedReads, database_urls: Urls, user_id: int
) -> None:
    found = await asyncio.gather(*(reads.fetch(BY_ID, id=user_id) for _ in range(100)))
    assert [len(one) for one in found] == [1] * 100
    owner = await asyncpg.connect(**asyncpg_options(database_urls.owner))
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND datname = $2"
    opened = await owner.fetchval(count, database_urls.app.username, database_urls.app.database)
    await owner.close()
    # Ten, and the one that made the user.
    assert opened <= 11


async def test_closing_leaves_no_connection_open_that_was_in_use(database_urls: Urls) -> None:
    owner = await asyncpg.connect(**asyncpg_options(database_urls.owner))
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = $1"
    async with open_connections(database_urls.app) as connections:
        reading = asyncio.create_task(connections.fetch("SELECT pg_sleep(0.2)", []))
        while not await owner.fetchval(sleeping, database_urls.app.database):
            pass
    assert len(await reading) == 1
    async with asyncio.timeout(30):
        while await owner.fetchval(sleeping, database_urls.app.database):
            pass
    await owner.close()


async def test_connections_to_a_server_that_does_not_answer_are_closed_without_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepared_reads, "_CLOSE_SECONDS", 0.05)
    with own_postgres() as postgres:
        async with open_connections(postgres.urls.owner.set(database="postgres")) as connections:
            await asyncio.gather(*(connections.fetch("SELECT pg_sleep(0.1)", []) for _ in range(2)))
            postgres.freeze()
            try:
                await connections.close()
            finally:
                postgres.freeze(False)


async def test_errors_are_those_of_every_other_query(reads: PreparedReads, engine: AsyncEngine) -> None:
    with pytest.raises(BadRequest) as beyond:
        await reads.fetch(BY_ID, id=2**63)
    assert beyond.value.code == "invalid_request"


async def test_an_absent_database_is_unavailable_and_comes_back(
    fresh_database_urls: Urls, clock: FixedClock
) -> None:
    engine = connect(fresh_database_urls.app)
    async with open_connections(fresh_database_urls.app) as connections:
        reads = PreparedReads(engine, connections)
        assert await reads.fetch(BY_ID, id=1) == []
        async with database_away(fresh_database_urls):
            for _ in range(3):
                with pytest.raises(DatabaseUnavailable):
                    await reads.fetch(BY_ID, id=1)
        assert await reads.fetch(BY_ID, id=1) == []
    await engine.dispose()


async def test_a_changed_table_fails_no_read(fresh_database_urls: Urls) -> None:
    engine, owner = connect(fresh_database_urls.app), connect(fresh_database_urls.owner)
    async with open_connections(fresh_database_urls.app) as connections:
        reads = PreparedReads(engine, connections)
        assert await reads.fetch(BY_ID, id=1) == []
        async with owner.begin() as connection:
            await connection.execute(text("ALTER TABLE app.users ALTER browser_zone TYPE varchar"))
        assert await reads.fetch(BY_ID, id=1) == []
    await engine.dispose()
    await owner.dispose()


def test_connections_of_the_driver_are_encrypted_as_those_of_sqlalchemy() -> None:
    url = parse_url("postgresql://a:b@db.example/catflap?ssl=verify-full")
    _, expected = url.get_dialect()().create_connect_args(url)
    assert asyncpg_options(url)["ssl"] == expected["ssl"] == "verify-full"
