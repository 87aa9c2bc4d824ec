"""The migrations create exactly the tables in `catflap.store.tables` and `vault_tables`."""

import importlib
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from catflap.store import migrate as migrations
from catflap.store.database import Urls
from catflap.store.migrate import migrate
from catflap.store.vault_tables import google_tokens


async def test_migrations_and_tables_agree(database_urls: Urls) -> None:
    engine = create_async_engine(database_urls.owner)
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()
    assert differences == []


def test_migrations_are_one_line_of_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    revisions = [one.revision for one in scripts]
    assert revisions == sorted(set(revisions), reverse=True)
    files = sorted((Path(migrations.__file__).parent / "migrations/versions").glob("*.py"), reverse=True)
    assert [Path(one.path) for one in scripts] == files
    assert all(file.name.startswith(f"{revision}_") for file, revision in zip(files, revisions, strict=True))


async def test_migrating_twice_changes_nothing(database_urls: Urls) -> None:
    await migrate(database_urls)


async def test_googles_whole_calendar_scope_is_spelled_in_full_in_every_list(database_urls: Urls) -> None:
    """Rows from when `calendar` was short for it keep their meaning."""
    renames = importlib.import_module("catflap.store.migrations.versions.0004_scope_names")
    engine = create_async_engine(database_urls.owner)
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO app.users (created_at) VALUES (now())"))
        await connection.execute(text(_OLD_ROWS))
        await connection.execute(text(renames._RENAME))
        found = await connection.execute(
            text("SELECT scopes FROM vault.api_keys UNION ALL SELECT asked_scopes FROM app.accounts")
        )
        rows = [row[0] for row in found]
    await engine.dispose()
    assert rows == [["https://www.googleapis.com/auth/calendar", "calendar.events"], ["openid"]]


_OLD_ROWS = """
WITH made AS (
    INSERT INTO vault.api_keys (name, token_hash, rights, scopes, per_minute, created_at)
    VALUES ('old', ''::bytea, '{tokens}', '{calendar,calendar.events}', 1, now())
)
INSERT INTO app.accounts
    (user_id, sub, email, email_verified, is_primary, asked_scopes, created_at, updated_at)
SELECT id, '1', '', false, true, '{openid}', now(), now() FROM app.users
"""


def _differences(connection: Connection) -> list[Any]:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return not (kind == "table" and (name or "").startswith(("pgqueuer", "schema_version")))

    options = {"include_schemas": True, "include_object": ours, "compare_type": True}
    return list(
        compare_metadata(MigrationContext.configure(connection, opts=options), google_tokens.metadata)
    )
