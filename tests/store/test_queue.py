"""A job commits with the data that causes it, or not at all."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.store.database import Urls, connect
from catflap.store.queue import enqueue
from catflap.store.task_types import PLAN, RENDER, REVOKE, SECURITY_EVENT, SYNC, WEBHOOK, AccountKey, TaskType

_QUEUED = text("SELECT entrypoint, convert_from(payload, 'UTF8') FROM queue.pgqueuer ORDER BY id")


async def test_a_job_is_there_once_its_transaction_has_committed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await enqueue(connection, PLAN, 1, 2)
        await enqueue(connection, PLAN)
    async with engine.connect() as connection:
        assert [tuple(row) for row in await connection.execute(_QUEUED)] == [("plan", "1"), ("plan", "2")]


async def test_a_job_vanishes_with_its_transaction(engine: AsyncEngine) -> None:
    with pytest.raises(RuntimeError):
        async with engine.begin() as connection:
            # First of all in its transaction, before anything else has begun it.
            await enqueue(connection, PLAN, 1)
            raise RuntimeError
    async with engine.connect() as connection:
        assert (await connection.execute(_QUEUED)).all() == []


async def test_the_vault_may_enqueue_too(database_urls: Urls) -> None:
    vault = connect(database_urls.vault)
    async with vault.begin() as connection:
        await enqueue(connection, SYNC, AccountKey(1, "sub"))
    await vault.dispose()


@pytest.mark.parametrize("task", [PLAN, REVOKE, SYNC, RENDER, WEBHOOK, SECURITY_EVENT])
def test_a_key_survives_the_queue(task: TaskType[Any]) -> None:
    key = AccountKey(7, "sub with spaces") if task is SYNC else 7 if task in (PLAN, REVOKE) else "a b"
    assert task.from_text(task.to_text(key)) == key
