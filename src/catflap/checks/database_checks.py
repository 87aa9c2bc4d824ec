"""The database: that it answers, takes both roles, and is of a version that is enough."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from sqlalchemy import text

from catflap.checks.catalogue import found
from catflap.checks.finding import Finding
from catflap.checks.installation import Database, Installation
from catflap.store.connect import open_existing_database
from catflap.store.database import connect

# The oldest on which the migrations and the statements run.
OLDEST_POSTGRES = 15


async def open_unchanged(here: Installation, stack: AsyncExitStack) -> Database:
    """Connect to the database, without making or migrating it.

    Raises:
        CatflapError: as `open_existing_database`.
    """
    urls = await open_existing_database(here.settings, stack)
    engines = [connect(url, pool_size=1) for url in (urls.app, urls.vault)]
    for engine in engines:
        stack.push_async_callback(engine.dispose)
    return Database(*engines)


async def check_server(here: Installation, database: Database) -> Sequence[Finding]:
    """Check the version of PostgreSQL."""
    async with database.app.connect() as connection:
        major = int(await connection.scalar(text("SHOW server_version_num")) or 0) // 10_000
    if major >= OLDEST_POSTGRES:
        return []
    return [found("postgres_too_old", version=major, minimum=OLDEST_POSTGRES)]
