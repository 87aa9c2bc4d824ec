"""Restore a backup in one transaction: what was there before is gone only when everything is in place.

The tables are made as they were when the backup was written, filled, and then migrated as any database.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from catflap.errors import BadRequest, CatflapError, OperatorMustAct
from catflap.store.archive.manifest import Archive, ArchivedTable, Report
from catflap.store.database import Urls
from catflap.store.migrate import (
    MIGRATION_LOCK,
    create_roles,
    run_migrations,
    unreachable,
    version_in,
)
from catflap.store.schema_version import refuse_newer
from catflap.store.unavailable import LOSSES, DatabaseUnavailable, translate_error

_PROCESSES = text("""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename IN (:app, :vault) AND pid <> pg_backend_pid()
""")
# Else a transaction sees the processes of its first look again.
_LOOK_ANEW = text("SELECT pg_stat_clear_snapshot()")
# A process that has just ended may still have a connection for a moment.
_TRIES, _PAUSE = 10, 0.2
_RECOUNT = """
SELECT setval(
    pg_get_serial_sequence('{table}', '{column}'), greatest(:last, (SELECT max("{column}") FROM {table}), 1)
)
"""
# What was of the former machine, or of the time of the backup, begins anew.
_SETTLE = (
    "UPDATE vault.google_tokens SET lease_id = NULL, lease_until = NULL WHERE lease_id IS NOT NULL",
    # Calendars are read at once, as changes since then were missed and the push channels are not there.
    "UPDATE app.calendars SET sync_due_at = :now",
    "UPDATE app.calendar_syncs SET due_at = :now, list_due_at = :now",
    "UPDATE app.users SET plan_due_at = :now WHERE plan_due_at IS NOT NULL",
    # Devices compare versions to know whether they have the present schedule; the former machine may have
    # given away later ones.
    "UPDATE app.devices SET schedule_version = schedule_version + 1000000 WHERE schedule_version > 0",
)
_END_SESSIONS = "DELETE FROM app.sessions"

Check = Callable[[AsyncConnection], Awaitable[None]]


class Target:
    """A database that a backup is restored into; nothing in it changes before `commit`.

    Args:
        connection: As the owner, in a transaction.
        urls: Of the database.
    """

    def __init__(self, connection: AsyncConnection, urls: Urls) -> None:
        self._connection = connection
        self._urls = urls

    async def users(self) -> int:
        """Return how many users it has."""
        if await self._connection.scalar(text("SELECT to_regclass('app.users')")) is None:
            return 0
        return await self._connection.scalar(text("SELECT count(*) FROM app.users")) or 0

    async def restore(
        self, archive: Archive, now: datetime, check: Check, report: Report, *, keep_sessions: bool
    ) -> None:
        """Replace all tables by those of a backup.

        Args:
            archive: The backup.
            now: From when on calendars are due.
            check: Called at the end, before anything is committed; what it raises undoes everything.
            report: Called with the size of what was loaded.
            keep_sessions: Whether people stay signed in.

        Raises:
            BadRequest: `backup_damaged`.
            OperatorMustAct: `disk_full`, `owner_refused` or `schemas_taken`.
            TryAgain: `database_unavailable`: it was lost.
        """
        with _failures_translated():
            await self._connection.run_sync(_recreate, self._urls, archive.manifest.schema_version)
            for table in archive.manifest.tables:
                await self._fill(archive, table, report)
            await self._connection.run_sync(run_migrations, self._urls, "head")
            await self._settle(now, keep_sessions=keep_sessions)
            await check(self._connection)
            await self._connection.commit()

    async def _fill(self, archive: Archive, table: ArchivedTable, report: Report) -> None:
        schema, _, name = table.name.partition(".")
        # Rows are stored as they were; what triggers would do was done when they were written.
        await self._connection.exec_driver_sql(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")

        async def chunks() -> AsyncIterator[bytes]:
            for chunk in archive.chunks(table):
                yield chunk
                report(len(chunk))

        driver = await _driver(self._connection)
        await driver.copy_to_table(
            name, schema_name=schema, columns=table.columns, source=chunks(), format="text"
        )
        await self._connection.exec_driver_sql(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
        for column, last in table.counters.items():
            await self._connection.execute(
                text(_RECOUNT.format(table=table.name, column=column)), {"last": last}
            )

    async def _settle(self, now: datetime, *, keep_sessions: bool) -> None:
        for statement in _SETTLE if keep_sessions else (*_SETTLE, _END_SESSIONS):
            used = {"now": now} if ":now" in statement else {}
            await self._connection.execute(text(statement), used)


@contextlib.asynccontextmanager
async def open_target(urls: Urls) -> AsyncIterator[Target]:
    """Open a database to restore into, in one transaction that no process of ours works beside.

    Raises:
        TryAgain: `database_unreachable`.
        OperatorMustAct: `database_newer`.
        BadRequest: `catflap_runs`.
    """
    engine = create_async_engine(urls.owner, poolclass=NullPool)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        try:
            connection = await stack.enter_async_context(engine.connect())
        except (OSError, asyncpg.PostgresError) as error:
            raise unreachable(urls.owner) from error
        # A process that starts meanwhile waits for it, and then finds the tables of this version.
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        refuse_newer(await connection.run_sync(version_in))
        await refuse_running(connection, urls)
        yield Target(connection, urls)


async def refuse_running(connection: AsyncConnection, urls: Urls) -> None:
    """Check that no process of Catflap uses the database.

    Raises:
        BadRequest: `catflap_runs`.
    """
    roles = {"app": urls.app.username, "vault": urls.vault.username}
    for _ in range(_TRIES):
        await connection.execute(_LOOK_ANEW)
        if not await connection.scalar(_PROCESSES, roles):
            return
        await asyncio.sleep(_PAUSE)
    raise BadRequest(
        "catflap_runs",
        "Processes of Catflap use this database. Stop `catflap serve` and `catflap work` first; nothing was "
        "changed.",
    )


def _recreate(connection: Connection, urls: Urls, version: str) -> None:
    # Without our tables, schemas of these names may be another program's: dropped if nothing is in them.
    is_ours = connection.scalar(text("SELECT to_regclass('app.schema_version') IS NOT NULL"))
    how = "CASCADE" if is_ours else "RESTRICT"
    connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS vault, queue, app {how}")
    create_roles(connection, urls)
    connection.exec_driver_sql("CREATE SCHEMA app")
    run_migrations(connection, urls, version)


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


@contextlib.contextmanager
def _failures_translated() -> Iterator[None]:
    try:
        yield
    except CatflapError:
        raise
    except (*LOSSES, DBAPIError) as error:
        raise _failure(error) from None


def _failure(error: Exception) -> CatflapError:
    state = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    if state == asyncpg.DiskFullError.sqlstate:
        return OperatorMustAct(
            "disk_full", "PostgreSQL has no space left on its disk. Nothing was changed; make room."
        )
    if state == asyncpg.InsufficientPrivilegeError.sqlstate:
        return OperatorMustAct(
            "owner_refused",
            "CATFLAP_OWNER_DATABASE_URL names a role that may not replace the schemas app, vault and queue. "
            "Nothing was changed; use the role with which `catflap migrate` made them.",
        )
    if state == asyncpg.DependentObjectsStillExistError.sqlstate:
        return OperatorMustAct(
            "schemas_taken",
            "The database has schemas named app, vault or queue that are not Catflap's. Nothing was changed; "
            "name a database of its own.",
        )
    # Class 22 and 23: rows that do not fit the tables.
    if state[:2] in ("22", "23"):
        return BadRequest(
            "backup_damaged",
            "Rows of the backup do not fit its tables. Nothing was changed. Use another one.",
            detail=state,
        )
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return DatabaseUnavailable("connection lost")
    if isinstance(lost := translate_error(error), DatabaseUnavailable):
        return lost
    return OperatorMustAct(
        "restore_failed", "PostgreSQL did not take the backup. Nothing was changed.", detail=state
    )
