"""Migrate the database: roles, schemas, tables, rights."""

from collections.abc import Collection

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from catflap.errors import OperatorMustAct, TryAgain
from catflap.store.database import Urls, asyncpg_options
from catflap.store.schema_version import MIGRATIONS, newest_version, read_version, refuse_newer
from catflap.store.vault_tables import google_tokens

_FULL = (
    "PostgreSQL has no free connection: raise its max_connections, or lower CATFLAP_DATABASE_POOL of each "
    "process."
)
_MIGRATE = "Run `catflap migrate` once, as an owner of the database."
# A server that is frozen takes the connection, and never answers.
_ANSWER_SECONDS = 10.0
# Several processes may start at once; one of them migrates, the others wait.
MIGRATION_LOCK = 0x0CA7F1A9
# The transaction of a process that hangs, or of a machine that lost its power, ends and frees its locks.
_ROLE_SETTINGS = {
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}
_COLUMNS = """
SELECT n.nspname || '.' || c.relname, a.attname
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('app', 'vault') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""


async def create_database(urls: Urls) -> None:
    """Create the database of `urls` when it is missing.

    Raises:
        TryAgain: `database_unreachable`.
    """
    try:
        connection = await asyncpg.connect(**{**asyncpg_options(urls.owner), "database": "postgres"})
    except (OSError, asyncpg.PostgresError) as error:
        raise unreachable(urls.owner) from error
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", urls.app.database):
            await connection.execute(f'CREATE DATABASE "{urls.app.database}"')
    finally:
        await connection.close()


async def migrate(urls: Urls) -> None:
    """Create or upgrade roles and tables; safe to call from several processes at once.

    Raises:
        TryAgain: `database_unreachable`.
        OperatorMustAct: `database_newer`.
    """
    engine = create_async_engine(urls.owner, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
            # Before anything is changed. Most starts need no migration, and then not Alembic.
            version = await connection.run_sync(version_in)
            refuse_newer(version)
            await connection.run_sync(create_roles, urls)
            await connection.commit()
            if version != newest_version():
                await connection.run_sync(_upgrade, urls)
            await connection.commit()
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise unreachable(urls.owner) from error
    finally:
        await engine.dispose()


async def require_migrated(urls: Urls) -> None:
    """Check that the database of `urls` has our tables and columns, and that both roles can log in.

    Raises:
        TryAgain: `database_unreachable` or `database_full`.
        OperatorMustAct: `database_refused`, `database_not_migrated` or `database_newer`.
    """
    for url in (urls.app, urls.vault):
        try:
            connection = await asyncpg.connect(**asyncpg_options(url), timeout=_ANSWER_SECONDS)
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError):
            raise OperatorMustAct(
                "database_refused",
                f"PostgreSQL refused the role or the database of {url.username}. {_MIGRATE}",
            ) from None
        except asyncpg.TooManyConnectionsError:
            raise TryAgain("database_full", _FULL) from None
        except (OSError, asyncpg.PostgresError) as error:
            raise unreachable(url) from error
        try:
            # The role of the vault may not read the version.
            version = await read_version(connection) if url == urls.app else newest_version()
            refuse_newer(version)
            _check_columns({tuple(row) for row in await connection.fetch(_COLUMNS)})
            if version != newest_version():
                raise OperatorMustAct(
                    "database_not_migrated", f"The tables are not those of this version. {_MIGRATE}"
                )
        finally:
            await connection.close()


async def check_tables(connection: AsyncConnection) -> None:
    """Check that the database has the tables and columns of this version.

    Raises:
        OperatorMustAct: `database_not_migrated`.
    """
    _check_columns({tuple(row) for row in await connection.execute(text(_COLUMNS))})


def _check_columns(found: Collection[tuple[str, ...]]) -> None:
    ours = {
        (table.fullname, column.name)
        for table in google_tokens.metadata.tables.values()
        for column in table.c
    }
    if not ours <= set(found):
        lacks = "any table of ours" if ours.isdisjoint(found) else "all tables and columns of this version"
        raise OperatorMustAct("database_not_migrated", f"The database does not have {lacks}. {_MIGRATE}")


def unreachable(url: URL) -> TryAgain:
    """Build the error for a database that does not answer."""
    where = url.query.get("host") or url.host or "this machine"
    return TryAgain(
        "database_unreachable",
        f"PostgreSQL does not answer at {where}, port {url.port or 5432}. Is it running?",
    )


def create_roles(connection: Connection, urls: Urls) -> None:
    """Create both roles where they are missing, and set their passwords."""
    for url in (urls.app, urls.vault):
        name = {"name": url.username}
        if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), name):
            _execute(connection, "CREATE ROLE %I LOGIN NOINHERIT", name)
        _execute(connection, "ALTER ROLE %I PASSWORD %L", {**name, "password": url.password})
        for setting, value in _ROLE_SETTINGS.items():
            _execute(connection, f"ALTER ROLE %I SET {setting} = %L", {**name, "value": value})


def _execute(connection: Connection, template: str, values: dict[str, str | None]) -> None:
    """Run a utility statement; these take no parameters, so PostgreSQL quotes the values first."""
    quoted = ", ".join(f"CAST(:{key} AS text)" for key in values)
    statement = connection.scalar(
        text(f"SELECT format(:template, {quoted})"), {"template": template, **values}
    )
    connection.exec_driver_sql(str(statement))


def version_in(connection: Connection) -> str | None:
    """Return the version of the tables, as their owner; None without tables."""
    if connection.scalar(text("SELECT to_regclass('app.schema_version')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM app.schema_version"))
    return found


def _upgrade(connection: Connection, urls: Urls) -> None:
    connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS app")
    connection.commit()
    run_migrations(connection, urls, "head")


def run_migrations(connection: Connection, urls: Urls, version: str) -> None:
    """Bring the tables to a version, in the transaction of `connection`, else in one for each step."""
    # Imported only where there is something to migrate: 60 modules, which every process would load and keep.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    config.attributes["roles"] = {"app": urls.app.username, "vault": urls.vault.username}
    command.upgrade(config, version)
