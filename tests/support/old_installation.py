"""A program that makes a data directory as an older Catflap has left it.

It is run with PGSERVER_POSTGRES_VERSION=16, for a directory of PostgreSQL 16. Its arguments are the data
directory and a file of SQL for the owner, roles and database being there.
"""

import asyncio
import sys
from pathlib import Path

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from catflap.store.database import Urls, asyncpg_options
from catflap.store.embedded import EmbeddedServer
from catflap.store.migrate import create_database, create_roles


async def _fill(urls: Urls, sql: str) -> None:
    await create_database(urls)
    engine = create_async_engine(urls.owner)
    async with engine.begin() as connection:
        await connection.run_sync(create_roles, urls)
    await engine.dispose()
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    await connection.execute(sql)
    await connection.close()


def _main(data_dir: str, sql: str) -> None:
    server = EmbeddedServer(Path(data_dir))
    asyncio.run(_fill(server.start(), Path(sql).read_text()))
    server.stop()


if __name__ == "__main__":
    _main(*sys.argv[1:])
