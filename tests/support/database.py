"""Make a database unavailable for a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from catflap.store.database import Urls, asyncpg_options


@asynccontextmanager
async def database_away(urls: Urls) -> AsyncIterator[None]:
    """Take a test's own database away while the context is open: connections end, new ones are refused."""
    name = str(urls.owner.database)
    await _rename(urls, name, f"{name}_away")
    try:
        yield
    finally:
        await _rename(urls, f"{name}_away", name)


async def _rename(urls: Urls, name: str, to: str) -> None:
    connection = await asyncpg.connect(**{**asyncpg_options(urls.owner), "database": "postgres"})
    try:
        end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1"
        await connection.fetch(end, name)
        await connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{to}"')
    finally:
        await connection.close()
