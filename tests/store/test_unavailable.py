"""An unavailable database raises DatabaseUnavailable, until it is available again."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.errors import BadRequest, http_status
from catflap.store.connect import restart_when_stopped
from catflap.store.database import asyncpg_options, connect
from catflap.store.notify import NotificationListener, announce_change
from catflap.store.unavailable import DatabaseUnavailable, translate_error
from tests.support.own_postgres import OwnPostgres, own_postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    with own_postgres() as running:
        yield running


@pytest.fixture
async def engine(server: OwnPostgres) -> AsyncIterator[AsyncEngine]:
    pool = connect(server.urls.owner.set(database="postgres"), pool_size=3)
    yield pool
    await pool.dispose()


async def one(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT 1")) or 0)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
async def test_a_database_that_went_away_is_503_and_comes_back_by_itself(
    server: OwnPostgres, engine: AsyncEngine, how: signal.Signals
) -> None:
    assert await asyncio.gather(*(one(engine) for _ in range(3))) == [1, 1, 1]
    await asyncio.to_thread(server.stop, how)
    for _ in range(4):
        with pytest.raises(DatabaseUnavailable) as caught:
            await one(engine)
        assert http_status(caught.value) == 503 and caught.value.after is not None
    await asyncio.to_thread(server.start)
    # At once, on every connection, without a failure in between.
    assert await asyncio.gather(*(one(engine) for _ in range(3))) == [1, 1, 1]


async def test_connections_that_the_server_closed_meanwhile_are_replaced_unseen(
    server: OwnPostgres, engine: AsyncEngine
) -> None:
    await asyncio.gather(*(one(engine) for _ in range(3)))
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    assert await asyncio.gather(*(one(engine) for _ in range(3))) == [1, 1, 1]


async def test_a_session_ended_in_the_middle_of_a_statement_is_503(
    server: OwnPostgres, engine: AsyncEngine
) -> None:
    async def sleep() -> None:
        async with engine.begin() as connection:
            own.set_result(await connection.scalar(text("SELECT pg_backend_pid()")))
            await connection.execute(text("SELECT pg_sleep(30)"))

    own: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    sleeping = asyncio.create_task(sleep())
    await _execute(server, f"SELECT pg_terminate_backend({await own})")
    with pytest.raises(DatabaseUnavailable):
        await sleeping
    assert await one(engine) == 1


async def test_a_database_that_stands_still_is_given_up(
    server: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catflap.store.database._STATEMENT_SECONDS", 0.5)
    monkeypatch.setattr("catflap.store.database._CONNECT_SECONDS", 0.5)
    engine = connect(server.urls.owner.set(database="postgres"), pool_size=1)
    await one(engine)
    server.freeze()
    try:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await one(engine)
    finally:
        server.freeze(False)
    assert await one(engine) == 1
    await engine.dispose()


async def test_a_pool_without_a_free_connection_is_503(
    server: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catflap.store.database._POOL_SECONDS", 0.1)
    engine = connect(server.urls.owner.set(database="postgres"), pool_size=1)
    async with engine.connect():
        with pytest.raises(DatabaseUnavailable) as caught:
            await one(engine)
    assert caught.value.detail == "no free connection"
    assert await one(engine) == 1
    await engine.dispose()


async def test_a_server_without_a_free_slot_is_503(server: OwnPostgres, engine: AsyncEngine) -> None:
    await _execute(server, "CREATE ROLE narrow LOGIN PASSWORD 'narrow' CONNECTION LIMIT 1")
    url = server.urls.owner.set(database="postgres", username="narrow", password="narrow")
    first, second = connect(url), connect(url)
    async with first.connect():
        with pytest.raises(DatabaseUnavailable) as caught:
            await one(second)
    assert "53300" in (caught.value.detail or "")
    await first.dispose()
    assert await one(second) == 1
    await second.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "SET statement_timeout = 20; SELECT pg_sleep(30)",
        "SET TRANSACTION READ ONLY; CREATE TABLE never (id int)",
    ],
)
async def test_a_time_out_and_a_server_that_only_reads_are_503(engine: AsyncEngine, statement: str) -> None:
    async with engine.connect() as connection:
        first, _, second = statement.partition("; ")
        await connection.execute(text(first))
        with pytest.raises(DatabaseUnavailable):
            await connection.execute(text(second))
    assert await one(engine) == 1


async def test_a_lock_that_is_not_given_in_time_is_503(engine: AsyncEngine) -> None:
    async with engine.connect() as holder, engine.connect() as waiting:
        await holder.execute(text("SELECT pg_advisory_lock(7)"))
        await waiting.execute(text("SET lock_timeout = 20"))
        with pytest.raises(DatabaseUnavailable):
            await waiting.execute(text("SELECT pg_advisory_lock(7)"))
        await holder.execute(text("SELECT pg_advisory_unlock(7)"))


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT CAST(:value AS bigint)", 2**63),
        ("SELECT CAST(:value AS bigint)", -(10**400)),
        ("SELECT CAST(:value AS text)", "a\0b"),
        ("SELECT CAST(:value AS text)", "\ud800"),
        ("SELECT CAST(CAST(:value AS text) AS jsonb)", '"\\u0000"'),
        ("SELECT CAST(CAST(:value AS text) AS int)", "99999999999"),
    ],
    ids=["bigint", "huge", "nul", "surrogate", "json nul", "int"],
)
async def test_a_value_that_cannot_be_stored_is_the_senders(
    engine: AsyncEngine, sql: str, value: Any
) -> None:
    async with engine.connect() as connection:
        with pytest.raises(BadRequest) as caught:
            await connection.execute(text(sql), {"value": value})
    assert (caught.value.code, http_status(caught.value)) == ("invalid_request", 400)
    assert str(value) not in str(caught.value)
    assert await one(engine) == 1


async def test_a_mistake_of_ours_stays_one(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError):
            await connection.execute(text("SELECT nothing FROM nowhere"))


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        FileNotFoundError(),
        TimeoutError(),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.AdminShutdownError("x"),
        asyncpg.CrashShutdownError("x"),
        asyncpg.ConnectionDoesNotExistError("x"),
        asyncpg.ReadOnlySQLTransactionError("x"),
        asyncpg.InvalidPasswordError("x"),
        asyncpg.InvalidCatalogNameError("x"),
        asyncpg.DiskFullError("x"),
        asyncpg.DeadlockDetectedError("x"),
        asyncpg.QueryCanceledError("x"),
        asyncpg.InternalClientError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_each_of_these_says_try_again_and_quotes_nothing(error: Exception) -> None:
    found = translate_error(error)
    assert isinstance(found, DatabaseUnavailable) and found.code == "database_unavailable"


async def test_a_listener_reconnects_after_a_restart(server: OwnPostgres, engine: AsyncEngine) -> None:
    async with NotificationListener(server.urls.owner.set(database="postgres")) as notifications:
        with notifications.watch("topic") as changed:
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            # Back, it wakes everybody, because what was said meanwhile is gone.
            await asyncio.wait_for(changed.wait(), 30)
            changed.clear()
            async with engine.begin() as connection:
                await announce_change(connection, "topic")
            await asyncio.wait_for(changed.wait(), 30)


async def test_an_embedded_server_that_died_is_started_again(tmp_path: Path) -> None:
    with own_postgres() as own:
        async with restart_when_stopped(own._server, every_seconds=0.1):
            engine = connect(own.urls.owner.set(database="postgres"))
            before = own.pid
            await one(engine)
            own.stop(signal.SIGKILL)
            async with asyncio.timeout(60):
                while True:
                    try:
                        await one(engine)
                        break
                    except DatabaseUnavailable:
                        await asyncio.sleep(0.1)
            assert own.pid != before
            await engine.dispose()


async def _execute(server: OwnPostgres, statement: str) -> Any:
    connection = await asyncpg.connect(**{**asyncpg_options(server.urls.owner), "database": "postgres"})
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
