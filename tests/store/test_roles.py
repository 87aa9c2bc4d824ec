"""The role of the app has no access to the vault's schema."""

import asyncpg
import pytest

from catflap.store.database import Urls, asyncpg_options


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM vault.google_tokens",
        "SELECT * FROM vault.api_keys",
        "INSERT INTO vault.api_keys (name, token_hash) VALUES ('mine', 'x')",
        "SELECT * FROM vault.webhooks",
        "UPDATE vault.google_tokens SET state = 'active'",
        "SET ROLE catflap_vault",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION catflap_vault",
        "CREATE ROLE burglar SUPERUSER",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "UPDATE app.schema_version SET version_num = '0000'",
    ],
)
async def test_the_app_role_is_refused(database_urls: Urls, statement: str) -> None:
    connection = await asyncpg.connect(**asyncpg_options(database_urls.app))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("role", ["catflap_vault", "postgres"])
@pytest.mark.parametrize("password", ["the app's", "", "postgres"])
async def test_the_password_of_the_app_is_not_that_of_another_role(
    database_urls: Urls, role: str, password: str
) -> None:
    options = asyncpg_options(database_urls.app)
    own = options["password"] if password == "the app's" else password
    with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)):
        await asyncpg.connect(**{**options, "user": role, "password": own})


async def test_the_vault_role_sees_its_tokens_and_no_one_elses_tables(database_urls: Urls) -> None:
    connection = await asyncpg.connect(**asyncpg_options(database_urls.vault))
    try:
        assert await connection.fetch("SELECT * FROM vault.google_tokens") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM app.events")
    finally:
        await connection.close()


async def test_no_role_of_ours_keeps_locks_for_long_after_its_process_hangs(database_urls: Urls) -> None:
    for url in (database_urls.app, database_urls.vault):
        connection = await asyncpg.connect(**asyncpg_options(url))
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"
        await connection.close()
