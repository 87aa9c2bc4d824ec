"""`/healthz` and `/readyz` tell the truth: the database, its tables, and the end that is near."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from catflap.cli.health_server import answering_health
from catflap.cli.sockets import bind, port_of
from catflap.clock import FixedClock
from catflap.errors import OperatorMustAct, TryAgain
from catflap.store.database import Urls, asyncpg_options
from catflap.store.migrate import require_migrated
from tests.support.app_client import RunningApp, running_app
from tests.support.database import database_away


@pytest.fixture
async def catflap(fresh_database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(fresh_database_urls, clock, tmp_path) as app:
        yield app


async def as_owner(catflap: RunningApp, statement: str) -> None:
    connection = await asyncpg.connect(**asyncpg_options(catflap.urls.owner))
    await connection.execute(statement)
    await connection.close()


async def unready(catflap: RunningApp) -> list[str]:
    """The codes for which it is not ready; every answer has been compared with its declaration."""
    answer = await catflap.client.get("/readyz")
    if answer.status_code == 200:
        assert answer.json() == {"status": "ready"}
        return []
    problem = answer.json()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert problem["code"] == problem["reasons"][0]["code"]
    return [one["code"] for one in problem["reasons"]]


async def test_readiness_names_every_reason_and_ends_with_them(catflap: RunningApp) -> None:
    assert await unready(catflap) == []
    await as_owner(catflap, "ALTER TABLE app.users RENAME COLUMN plan_due_at TO of_another_version")
    assert await unready(catflap) == ["database_not_migrated"]
    await as_owner(catflap, "ALTER TABLE app.users RENAME COLUMN of_another_version TO plan_due_at")
    assert await unready(catflap) == []
    async with database_away(catflap.urls):
        assert await unready(catflap) == ["database_unavailable"]
        catflap.catflap.services.readiness.drain()
        assert await unready(catflap) == ["draining", "database_unavailable"]
        assert (await catflap.client.get("/healthz")).json() == {"status": "ok"}
    assert await unready(catflap) == ["draining"]
    # Requests that still come are served, until the listener closes.
    assert (await catflap.client.get("/v1/me")).status_code == 401


async def test_too_many_connections_is_503_and_said_at_the_start(
    catflap: RunningApp, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = catflap.urls
    await catflap.catflap.services.engine.dispose()
    await as_owner(catflap, f'ALTER ROLE "{urls.app.username}" CONNECTION LIMIT 0')
    try:
        assert await unready(catflap) == ["database_unavailable"]
        assert "too many connections (53300)" in "".join(capsys.readouterr())
        with pytest.raises(TryAgain, match=r"database_full: .*CATFLAP_DATABASE_POOL"):
            await require_migrated(urls)
    finally:
        await as_owner(catflap, f'ALTER ROLE "{urls.app.username}" CONNECTION LIMIT -1')
    assert await unready(catflap) == []


async def test_a_process_without_a_web_server_answers_the_same_two() -> None:
    reasons: list[TryAgain | OperatorMustAct] = []

    async def found() -> list[TryAgain | OperatorMustAct]:
        return reasons

    listener = bind("127.0.0.1", 0)
    origin = f"http://127.0.0.1:{port_of(listener)}"
    async with answering_health(listener, found), httpx2.AsyncClient(base_url=origin) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        assert (await http.get("/readyz")).json() == {"status": "ready"}
        reasons.append(TryAgain("queue_unread", "The queue is not read."))
        answer = await http.get("/readyz")
        listed = [{"code": "queue_unread", "detail": "The queue is not read."}]
        assert (answer.status_code, answer.json()) == (503, {"status": "not_ready", "reasons": listed})
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/")).status_code == 404
        assert (await http.post("/readyz")).status_code == 404
