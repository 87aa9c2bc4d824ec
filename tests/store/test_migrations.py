"""The migrations make exactly the tables that the code believes in."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from catflap.store.embedded import Urls
from catflap.store.migrate import migrate
from catflap.store.tables import metadata


async def test_migrations_and_tables_agree(database_urls: Urls) -> None:
    engine = create_async_engine(database_urls.owner)
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()
    assert differences == []


async def test_migrating_twice_changes_nothing(database_urls: Urls) -> None:
    await migrate(database_urls)


def _differences(connection: Connection) -> list[Any]:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return not (kind == "table" and (name or "").startswith(("pgqueuer", "schema_version")))

    options = {"include_schemas": True, "include_object": ours, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))
