"""pytest fixtures for tests of Catflap and of applications that embed it: a PostgreSQL and a fixed clock.

Add it to your conftest.py, `pytest_plugins = ["catflap.testing"]`; nothing starts before a test uses it. It
needs the extra `embedded`. The fixture `google_sandbox` comes from the sandbox's own plugin.
"""

import asyncio
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import URL

from catflap.clock import FixedClock
from catflap.extras import missing_extra
from catflap.store.database import Urls, asyncpg_options
from catflap.store.migrate import create_database, migrate

try:
    from catflap.store.embedded import EmbeddedServer
except ModuleNotFoundError as error:
    raise pytest.UsageError(missing_extra(error).message) from None

__all__ = ["FixedClock", "SharedDatabase", "Urls"]

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at 2026-11-24T12:00Z until the test advances it."""
    return FixedClock(NOON)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Urls]:
    """A migrated database on a PostgreSQL of the test session's own, to be copied; one per xdist worker."""
    # Not under pytest's folder: run as root, the next pytest to start shuts that to PostgreSQL's user.
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as data_dir:
        server = EmbeddedServer(Path(data_dir))
        urls = server.start()
        asyncio.run(_prepare(urls))
        yield urls
        server.stop()


@pytest.fixture(scope="session")
def shared_database(postgres: Urls) -> Iterator["SharedDatabase"]:
    """The database that the tests of this session use in turn."""
    database = SharedDatabase(postgres)
    yield database
    database.close()


@pytest.fixture
def database_urls(shared_database: "SharedDatabase") -> Urls:
    """An empty, migrated database, as its three roles see it."""
    shared_database.empty()
    return shared_database.urls


@pytest.fixture
def fresh_database_urls(shared_database: "SharedDatabase") -> Iterator[Urls]:
    """A migrated database for one test alone: a second one, or one whose tables and rights it may change."""
    with shared_database.copy() as urls:
        yield urls


class SharedDatabase:
    """One migrated database that is emptied before each test; making one per test takes 0.4 s.

    Attributes:
        urls: where its roles log in.
    """

    def __init__(self, template: Urls) -> None:
        self._template = template
        # A loop of its own, because a test's loop ends with the test.
        self._loop = asyncio.new_event_loop()
        self.urls = self._make()
        self._owner = self._loop.run_until_complete(asyncpg.connect(**asyncpg_options(self.urls.owner)))
        self._shape = self._run(_SHAPE)
        self._delete = str(self._run(_DELETE))

    def empty(self) -> None:
        """Close all other connections, delete all rows and number new ones from the start again.

        Raises:
            RuntimeError: a test has changed tables or rights, which this can't undo.
        """
        self._run(_CLOSE_CONNECTIONS)
        if self._run(_SHAPE) != self._shape:
            raise RuntimeError(
                "The last test changed shared tables or rights; use fresh_database_urls there."
            )
        self._loop.run_until_complete(self._owner.execute(self._delete))
        self._run(_RESTART_SEQUENCES)

    @contextmanager
    def copy(self) -> Iterator[Urls]:
        """Make another migrated database, and drop it when the context ends."""
        urls = self._make()
        yield urls
        self._loop.run_until_complete(_execute(self._template.owner, _DROP.format(urls.owner.database)))

    def close(self) -> None:
        """Close the connection."""
        self._loop.run_until_complete(self._owner.close())
        self._loop.close()

    def _make(self) -> Urls:
        name, template = f"test_{secrets.token_hex(8)}", self._template
        make = f'CREATE DATABASE "{name}" TEMPLATE "{template.owner.database}"'
        self._loop.run_until_complete(_execute(template.owner, make))
        return Urls(*(url.set(database=name) for url in (template.owner, template.app, template.vault)))

    def _run(self, query: str) -> object:
        return self._loop.run_until_complete(self._owner.fetchval(query))


_DROP = 'DROP DATABASE "{}" WITH (FORCE)'
_CLOSE_CONNECTIONS = """
SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SHAPE = """
SELECT string_agg(concat_ws(' ', oid::regclass, relnatts, relchecks, relacl), ',' ORDER BY oid)
FROM pg_class WHERE relnamespace IN ('app'::regnamespace, 'vault'::regnamespace, 'queue'::regnamespace)
"""
# Without triggers, so that the order of tables does not matter; TRUNCATE would take a hundred times as long.
_DELETE = """
SELECT 'SET session_replication_role = replica;'
  || string_agg(format('DELETE FROM %s;', oid::regclass), '')
  || 'RESET session_replication_role'
FROM pg_class WHERE relnamespace IN ('app'::regnamespace, 'vault'::regnamespace, 'queue'::regnamespace)
  AND relkind = 'r' AND relname <> 'schema_version'
"""
_RESTART_SEQUENCES = """
SELECT count(setval(seqrelid, seqstart, false)) FROM pg_sequence JOIN pg_class ON oid = seqrelid
WHERE relnamespace IN ('app'::regnamespace, 'vault'::regnamespace, 'queue'::regnamespace)
  AND pg_sequence_last_value(seqrelid) IS NOT NULL
"""


async def _prepare(urls: Urls) -> None:
    await create_database(urls)
    await migrate(urls)
    # What a crash would lose is only tests' rows.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        await _execute(urls.owner, f"ALTER SYSTEM SET {setting} = off")
    await _execute(urls.owner, "SELECT pg_reload_conf()")


async def _execute(owner: URL, statement: str) -> None:
    connection = await asyncpg.connect(**{**asyncpg_options(owner), "database": "postgres"})
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
