"""A job commits with the data that causes it, or not at all."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.store.database import connect
from catflap.store.embedded import Urls
from catflap.store.jobs import enqueue

_QUEUED = text("SELECT entrypoint, convert_from(payload, 'UTF8') FROM queue.pgqueuer ORDER BY id")


async def test_a_job_is_there_once_its_transaction_has_committed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await enqueue(connection, "plan", 1, 2)
        await enqueue(connection, "plan")
    async with engine.connect() as connection:
        assert [tuple(row) for row in await connection.execute(_QUEUED)] == [("plan", "1"), ("plan", "2")]


async def test_a_job_vanishes_with_its_transaction(engine: AsyncEngine) -> None:
    with pytest.raises(RuntimeError):
        async with engine.begin() as connection:
            # First of all in its transaction, before anything else has begun it.
            await enqueue(connection, "plan", 1)
            raise RuntimeError
    async with engine.connect() as connection:
        assert (await connection.execute(_QUEUED)).all() == []


async def test_the_vault_may_enqueue_too(database_urls: Urls) -> None:
    vault = connect(database_urls.vault)
    async with vault.begin() as connection:
        await enqueue(connection, "sync", "1 sub")
    await vault.dispose()
