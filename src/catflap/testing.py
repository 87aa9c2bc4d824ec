"""For tests, ours and yours: a PostgreSQL that is real, a Google that is local, a clock that stands still.

Name it in your conftest.py, `pytest_plugins = ["catflap.testing"]`; nothing starts before a test asks for
it. It needs the extras `sandbox` and `embedded`.
"""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import URL

from catflap.clock import FixedClock
from catflap.extras import missing_extra
from catflap.store.database import Urls, asyncpg_options
from catflap.store.migrate import make_database, migrate

try:
    from catflap.sandbox import Sandbox
    from catflap.store.embedded import EmbeddedServer
except ModuleNotFoundError as error:
    raise pytest.UsageError(missing_extra(error).message) from None

__all__ = ["FixedClock", "Urls"]

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at 2026-11-24T12:00Z until the test moves it."""
    return FixedClock(NOON)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Urls]:
    """A migrated database on a PostgreSQL of the test session's own; the template of `database_urls`."""
    # Not under pytest's folder: run as root, the next pytest to start shuts that to PostgreSQL's user.
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as data_dir:
        server = EmbeddedServer(Path(data_dir))
        urls = server.start()
        asyncio.run(_prepare(urls))
        yield urls
        server.stop()


@pytest.fixture
def database_urls(postgres: Urls, request: pytest.FixtureRequest) -> Iterator[Urls]:
    """A fresh, migrated database for one test, as its three roles see it."""
    name = f"test_{abs(hash(request.node.nodeid)):x}"
    asyncio.run(_run(postgres.owner, f'CREATE DATABASE "{name}" TEMPLATE "{postgres.owner.database}"'))
    yield Urls(*(url.set(database=name) for url in (postgres.owner, postgres.app, postgres.vault)))
    asyncio.run(_run(postgres.owner, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def google_sandbox() -> Iterator[Sandbox]:
    """A local Google on a real socket, on a thread of its own, so that blocking clients can use it too.

    `google_sandbox.base_url` is where everything is; register your client with `add_client`, people with
    `add_account`. See docs/sandbox.md.
    """
    google, ready, done = Sandbox(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with google.serve():
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait()
    yield google
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


async def _prepare(urls: Urls) -> None:
    await make_database(urls)
    await migrate(urls)


async def _run(owner: URL, statement: str) -> None:
    connection = await asyncpg.connect(**{**asyncpg_options(owner), "database": "postgres"})
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
