"""The audit log is written in batches, each entry once, also after the database was unavailable."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from structlog.testing import capture_logs

from catflap.clock import FixedClock
from catflap.store.database import Urls, connect
from catflap.store.unavailable import DatabaseUnavailable
from catflap.vault.audit import Audit
from catflap.vault.lifetimes import AUDIT_KEPT
from catflap.work.retention import delete_old
from tests.support.database import database_away


@pytest.fixture
async def own_engine(fresh_database_urls: Urls) -> AsyncIterator[AsyncEngine]:
    pool = connect(fresh_database_urls.app)
    yield pool
    await pool.dispose()


async def written(audit: Audit) -> list[str]:
    return sorted(str(entry.detail) for entry in await audit.read())


async def test_concurrent_writes_write_each_entry_once(engine: AsyncEngine, clock: FixedClock) -> None:
    """At the end the last write comes beside the one that is under way."""
    audit = Audit(engine, clock)
    for number in range(5):
        audit.note("token", detail=str(number))
    await asyncio.gather(*(audit.write() for _ in range(4)))
    assert await written(audit) == list("01234")


async def test_entries_wait_while_the_database_is_away_and_are_written_once(
    own_engine: AsyncEngine, fresh_database_urls: Urls, clock: FixedClock
) -> None:
    audit = Audit(own_engine, clock)
    audit.note("token", detail="1 before")
    await audit.write()
    async with database_away(fresh_database_urls):
        audit.note("token", detail="2 meanwhile")
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await audit.write()
        audit.note("token", detail="3 meanwhile")
    await audit.write()
    await audit.write()
    assert await written(audit) == ["1 before", "2 meanwhile", "3 meanwhile"]


async def test_closing_while_the_database_is_away_is_logged_and_does_not_raise(
    own_engine: AsyncEngine, fresh_database_urls: Urls, clock: FixedClock
) -> None:
    async with database_away(fresh_database_urls):
        with capture_logs() as lines:
            async with Audit(own_engine, clock) as audit:
                audit.note("token")
    assert "database_unavailable" in [line.get("code") for line in lines]


async def test_beyond_the_capacity_the_oldest_entries_are_lost_and_counted_once(
    own_engine: AsyncEngine, fresh_database_urls: Urls, clock: FixedClock
) -> None:
    audit = Audit(own_engine, clock, capacity=3)
    with capture_logs() as lines:
        async with database_away(fresh_database_urls):
            for number in range(5):
                audit.note("token", detail=str(number))
            with pytest.raises(DatabaseUnavailable):
                await audit.write()
        await audit.write()
        await audit.write()
    assert await written(audit) == list("234")
    assert [line["entries"] for line in lines if line["event"] == "audit_entries_lost"] == [2]


async def test_entries_noted_during_a_slow_write_take_the_place_of_none_that_is_being_written(
    engine: AsyncEngine, database_urls: Urls, clock: FixedClock
) -> None:
    audit = Audit(engine, clock, capacity=2)
    for number in range(2):
        audit.note("token", detail=str(number))
    owner = connect(database_urls.owner)
    async with owner.begin() as connection:
        await connection.execute(text("LOCK TABLE app.audit"))
        writing = asyncio.create_task(audit.write())
        await _blocked(connection)
        for number in range(2, 4):
            audit.note("token", detail=str(number))
    await writing
    await audit.write()
    await owner.dispose()
    assert await written(audit) == list("0123")


async def _blocked(connection: AsyncConnection) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not await connection.scalar(waiting):
        pass


async def test_old_entries_are_deleted(engine: AsyncEngine, clock: FixedClock) -> None:
    audit = Audit(engine, clock)
    audit.note("token", detail="old")
    clock.advance(AUDIT_KEPT)
    audit.note("token", detail="not so old")
    await audit.write()
    await delete_old(engine, clock.now())
    assert await written(audit) == ["not so old", "old"]
    clock.advance(timedelta(seconds=1))
    await delete_old(engine, clock.now())
    assert await written(audit) == ["not so old"]
