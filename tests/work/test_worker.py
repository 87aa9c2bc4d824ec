"""Queued tasks: execution, retries, reconnection, and what is logged of failures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from structlog.testing import capture_logs

from catflap.errors import TryAgain, UserMustAct
from catflap.store.database import Urls
from catflap.store.migrate import create_database, migrate
from catflap.store.queue import enqueue
from catflap.store.task_types import TaskType
from catflap.store.unavailable import DatabaseUnavailable
from catflap.work.worker import Worker
from tests.support.own_postgres import own_postgres

TaskFunction = Callable[[str], Awaitable[None]]


class _Jobs:
    def __init__(self, job: TaskFunction) -> None:
        self._job = job

    def by_name(self) -> dict[str, TaskFunction]:
        return {"job": self._job}


@asynccontextmanager
async def working(urls: Urls, job: TaskFunction) -> AsyncIterator[None]:
    async with Worker(urls.app, _Jobs(job)), asyncio.timeout(60):  # type: ignore[arg-type]
        yield


async def add(engine: AsyncEngine, *keys: object) -> None:
    async with engine.begin() as connection:
        await enqueue(connection, TaskType("job", str, str), *keys)


async def test_each_task_runs_once(database_urls: Urls, engine: AsyncEngine) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()
    async with working(database_urls, seen.put):
        await add(engine, 1, 2, 3)
        assert sorted([await seen.get() for _ in range(3)]) == ["1", "2", "3"]
    assert seen.empty()


async def test_a_worker_that_is_told_to_end_while_it_connects_takes_no_job(
    database_urls: Urls, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()
    await add(engine, 1)
    connects, may_go, connect = asyncio.Event(), asyncio.Event(), asyncpg.connect

    async def connect_late(**options: object) -> object:
        connects.set()
        await may_go.wait()
        return await connect(**options)

    monkeypatch.setattr(asyncpg, "connect", connect_late)
    worker = Worker(database_urls.app, _Jobs(seen.put))  # type: ignore[arg-type]
    async with asyncio.timeout(60):
        await worker.__aenter__()
        await connects.wait()
        leaving = asyncio.create_task(worker.__aexit__())
        await asyncio.sleep(0)
        may_go.set()
        await leaving
    assert seen.empty()


async def test_what_is_urgent_runs_before_what_waits_already(
    database_urls: Urls, engine: AsyncEngine
) -> None:
    """A text to be said now is not rendered after the whole day."""
    seen: asyncio.Queue[str] = asyncio.Queue()
    await add(engine, *range(30))
    async with engine.begin() as connection:
        await enqueue(connection, TaskType("job", str, str), "now", is_urgent=True)
    async with working(database_urls, seen.put):
        assert await seen.get() == "now"


async def test_a_temporary_failure_is_retried(database_urls: Urls, engine: AsyncEngine) -> None:
    tries, done = 0, asyncio.Event()

    async def job(_key: str) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise TryAgain("google_unavailable", "later")
        done.set()

    async with working(database_urls, job):
        await add(engine, 1)
        await done.wait()
    assert tries == 2


async def test_a_failure_that_needs_a_person_is_not_retried(database_urls: Urls, engine: AsyncEngine) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def job(key: str) -> None:
        await seen.put(key)
        if key == "broken":
            raise UserMustAct("reconsent_required", "allow again")

    async with working(database_urls, job):
        await add(engine, "broken")
        await add(engine, "after")
        assert {await seen.get(), await seen.get()} == {"broken", "after"}
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1 FROM queue.pgqueuer"))).all() == []


async def test_an_unexpected_error_leaks_no_text_to_log_or_database(
    database_urls: Urls, engine: AsyncEngine
) -> None:
    canary, again = "Surprise party for the boss", asyncio.Event()
    tries = 0

    async def job(_key: str) -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            again.set()
            return
        raise ValueError(canary)

    with capture_logs() as lines:
        async with working(database_urls, job):
            await add(engine, 1)
            await again.wait()
    assert [line["error"] for line in lines if line["event"] == "job_failed_unexpectedly"] == ["ValueError"]
    assert canary not in str(lines)
    owner = create_async_engine(database_urls.owner)
    async with owner.connect() as connection:
        kept = (await connection.execute(text("SELECT * FROM queue.pgqueuer_log"))).all()
    await owner.dispose()
    assert kept
    assert canary not in str(kept)


async def test_the_worker_reconnects_after_a_lost_connection(
    database_urls: Urls, engine: AsyncEngine
) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()
    owner = create_async_engine(database_urls.owner)
    async with working(database_urls, seen.put):
        await add(engine, "before")
        assert await seen.get() == "before"
        async with owner.begin() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'catflap_app' "
                    "AND datname = current_database() AND query ILIKE '%pgqueuer%'"
                )
            )
        await owner.dispose()
        await engine.dispose()
        await add(engine, "after")
        assert await seen.get() == "after"


async def test_a_task_is_retried_without_limit_while_the_database_is_away(
    database_urls: Urls, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catflap.work.worker._backoff", lambda attempts: timedelta())
    monkeypatch.setattr("catflap.work.worker._MAX_TRIES", 2)
    tries, done = 0, asyncio.Event()

    async def job(_key: str) -> None:
        nonlocal tries
        tries += 1
        if tries <= 5:
            raise DatabaseUnavailable("no free connection")
        done.set()

    async with working(database_urls, job):
        await add(engine, 1)
        await done.wait()
    assert tries == 6


@pytest.mark.slow  # starts a PostgreSQL
async def test_a_worker_ends_while_postgresql_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()
    with own_postgres() as postgres:
        await create_database(postgres.urls)
        await migrate(postgres.urls)
        worker = Worker(postgres.urls.app, _Jobs(seen.put))  # type: ignore[arg-type]
        engine = create_async_engine(postgres.urls.app)
        await worker.__aenter__()
        await add(engine, 1)
        await seen.get()
        await engine.dispose()
        monkeypatch.setattr("catflap.work.worker._HEARTBEAT", timedelta(0))
        postgres.freeze()
        ending = asyncio.create_task(worker.__aexit__())
        try:
            done, _ = await asyncio.wait({ending}, timeout=15)
        finally:
            postgres.freeze(False)
        assert done


async def test_a_job_that_outlasts_the_grace_is_given_back_at_once(
    database_urls: Urls, engine: AsyncEngine
) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def endless(_key: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def quick(_key: str) -> None:
        done.set()

    worker = Worker(database_urls.app, _Jobs(endless), grace_seconds=0.01)  # type: ignore[arg-type]
    async with worker:
        await add(engine, 1)
        await begun.wait()
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT status, execute_after <= now() FROM queue.pgqueuer WHERE entrypoint = 'job'")
        )
        # Nobody has to wait until its heartbeat is too old.
        assert [tuple(row) for row in found] == [("queued", True)]
    async with working(database_urls, quick):
        await done.wait()
