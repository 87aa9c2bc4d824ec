"""A database of the first release is migrated without loss."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from catflap.announcements.preference_store import load_preferences
from catflap.announcements.preferences import Preferences
from catflap.errors import OperatorMustAct
from catflap.store import migrate as migrating
from catflap.store.archive.load import open_target
from catflap.store.database import Urls, asyncpg_options, connect
from catflap.store.migrate import create_database, migrate, require_migrated, version_in
from catflap.store.schema_version import newest_version

pytestmark = pytest.mark.slow

NAME = "first_release"
FIRST = "0001"
FILLED = """
INSERT INTO app.users (created_at) VALUES (now());
INSERT INTO app.accounts (sub, user_id, email, email_verified, is_primary, created_at, updated_at)
  VALUES ('1', 1, '', true, true, now(), now());
INSERT INTO app.preferences VALUES (1, 'Asia/Tokyo', '{30}', '07:00', 'kyoto', 'plain', now());
INSERT INTO app.calendars
  (user_id, account_sub, google_id, summary, time_zone, is_primary, is_selected, sync_token, synced_at)
  VALUES (1, '1', 'c', 'Mine', 'Asia/Tokyo', true, true, 'token', now());
INSERT INTO app.events VALUES (1, 'e', NULL, false, now(), now(), '{"id": "e"}');
INSERT INTO app.devices (user_id, name, model, token_hash, volume, schedule_version, created_at)
  VALUES (1, 'Mia', 'robot', '', 60, 1, now());
INSERT INTO app.users (created_at) VALUES (now());
"""


@pytest.fixture
async def first_release(postgres: Urls) -> AsyncIterator[Urls]:
    urls = Urls(*(url.set(database=NAME) for url in (postgres.owner, postgres.app, postgres.vault)))
    await create_database(urls)
    engine = create_async_engine(urls.owner)
    async with engine.connect() as connection:
        await connection.run_sync(_to_first, urls)
        await connection.commit()
    await engine.dispose()
    await _execute(urls, FILLED)
    yield urls
    await _execute(postgres, f'DROP DATABASE "{NAME}" WITH (FORCE)')


def _to_first(connection: Connection, urls: Urls) -> None:
    connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS app")
    connection.commit()
    config = Config()
    config.set_main_option("script_location", migrating.__file__.replace("migrate.py", "migrations"))
    config.attributes["connection"] = connection
    config.attributes["roles"] = {"app": urls.app.username, "vault": urls.vault.username}
    command.upgrade(config, FIRST)


async def _execute(urls: Urls, statements: str) -> None:
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


async def test_choices_and_events_of_the_first_release_are_kept_and_calendars_read_again(
    first_release: Urls,
) -> None:
    await migrate(first_release)
    engine = connect(first_release.app)
    chosen = await load_preferences(engine, 1)
    await engine.dispose()
    assert (chosen.zone, chosen.reminder_minutes, chosen.dialect_ja) == ("Asia/Tokyo", (30,), "kyoto")
    usual = Preferences()
    assert (chosen.reminders_from, chosen.tentative, chosen.event_types) == (
        usual.reminders_from,
        usual.tentative,
        usual.event_types,
    )
    connection = await asyncpg.connect(**asyncpg_options(first_release.owner))
    row = await connection.fetchrow(
        "SELECT sync_token, synced_at IS NOT NULL AS synced, default_reminders FROM app.calendars"
    )
    events = await connection.fetchval("SELECT count(*) FROM app.events")
    await connection.close()
    # Without a token the next sync is a full one; the copy serves until then.
    assert row is not None
    assert (row["sync_token"], row["synced"], row["default_reminders"], events) == (None, True, [], 1)


async def test_users_with_a_device_are_planned_within_the_hour(first_release: Urls) -> None:
    await migrate(first_release)
    connection = await asyncpg.connect(**asyncpg_options(first_release.owner))
    query = (
        "SELECT plan_due_at BETWEEN now() - interval '1 minute' AND now() + interval '1 hour' FROM app.users"
    )
    planned = [row[0] for row in await connection.fetch(f"{query} ORDER BY id")]
    await connection.close()
    assert planned == [True, None]


async def test_no_process_starts_before_the_tables_are_those_of_its_version(first_release: Urls) -> None:
    with pytest.raises(OperatorMustAct) as refused:
        await require_migrated(first_release)
    assert refused.value.code == "database_not_migrated"
    await migrate(first_release)
    await require_migrated(first_release)


async def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(fresh_database_urls: Urls) -> None:
    urls = fresh_database_urls
    await _execute(urls, "UPDATE app.schema_version SET version_num = '9999'")
    for refuse in (require_migrated, migrate):
        with pytest.raises(OperatorMustAct) as refused:
            await refuse(urls)
        assert refused.value.code == "database_newer"
        assert "9999" in refused.value.message and newest_version() in refused.value.message
    with pytest.raises(OperatorMustAct) as refused:
        async with open_target(urls):
            pytest.fail("opened to restore into")
    assert refused.value.code == "database_newer"
    engine = create_async_engine(urls.owner)
    async with engine.connect() as connection:
        assert await connection.run_sync(version_in) == "9999"
    await engine.dispose()


async def test_an_upgrade_without_new_columns_must_have_run_too(fresh_database_urls: Urls) -> None:
    await _execute(fresh_database_urls, "UPDATE app.schema_version SET version_num = '0024'")
    with pytest.raises(OperatorMustAct) as refused:
        await require_migrated(fresh_database_urls)
    assert refused.value.code == "database_not_migrated"
