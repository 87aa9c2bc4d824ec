"""Write a backup: a consistent copy of both schemas, while processes go on working.

Each role of ours copies its own schema, both in one snapshot, so that nobody needs the rights of an owner.
"""

import hashlib
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from graphlib import TopologicalSorter
from importlib.metadata import version as distribution_version
from typing import IO, Any, Final, NamedTuple

import asyncpg

from catflap.clock import rfc3339
from catflap.errors import OperatorMustAct
from catflap.store.archive.manifest import MANIFEST, ArchivedTable, Manifest, Report
from catflap.store.database import Urls, asyncpg_options
from catflap.store.migrate import unreachable
from catflap.store.schema_version import read_version

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    ConnectionError,
)
# Left out: what belongs to one machine, or ends within minutes. Jobs (the schema `queue`) are made anew from
# the rows that they are about.
LEFT_OUT: Final = frozenset(
    {
        "app.schema_version",
        # Google sends their notifications to the former machine; each sync opens missing ones.
        "app.push_channels",
        # Counts of the last minutes.
        "app.request_budgets",
        "app.limit_counts",
        # They end within ten minutes.
        "app.consents",
        "app.pairings",
        "app.signin_attempts",
        "app.signin_handovers",
        # When a periodic task is due: at once.
        "app.seldom_tasks",
        "vault.seldom_tasks",
    }
)
_TABLES = """
SELECT n.nspname || '.' || c.relname AS name, a.attname AS column, a.attidentity <> '' AS is_counted
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('app', 'vault') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY name, a.attnum
"""
_REFERENCES = """
SELECT DISTINCT a.nspname || '.' || t.relname AS name, b.nspname || '.' || f.relname AS refers_to
FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace a ON a.oid = t.relnamespace
JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace b ON b.oid = f.relnamespace
WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND a.nspname IN ('app', 'vault')
"""
_COUNTER = """
SELECT last_value FROM pg_sequences
WHERE format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence($1, $2)
"""
_SIZE = """
SELECT coalesce(sum(pg_table_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname || '.' || c.relname = ANY ($1)
"""


class _Table(NamedTuple):
    name: str
    columns: list[str]
    counted: list[str]


class Dump:
    """A backup in the making; `async with snapshot(urls) as dump`.

    Attributes:
        size: About how many bytes the rows take.
    """

    def __init__(self, app: asyncpg.Connection, vault: asyncpg.Connection) -> None:
        self._connections = {"app": app, "vault": vault}
        self._tables: list[_Table] = []
        self._version = ""
        self.size = 0

    async def prepare(self) -> None:
        """Read which tables there are.

        Raises:
            OperatorMustAct: `database_not_migrated`.
        """
        connection = self._connections["app"]
        version = await read_version(connection)
        if version is None:
            raise OperatorMustAct("database_not_migrated", "The version of the tables can't be read.")
        self._version = version
        self._tables = await _tables(connection)
        self.size = await connection.fetchval(_SIZE, [table.name for table in self._tables])

    async def write(self, file: IO[bytes], now: datetime, keys: Sequence[int], report: Report) -> Manifest:
        """Write the backup; call `report` with the size of what was copied.

        Args:
            file: Open for writing.
            now: The time that is named in it.
            keys: Ids of the keys with which values are encrypted.
            report: For a progress bar.

        Raises:
            OSError: the file can't be written.
        """
        app = self._connections["app"]
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            manifest = Manifest(
                made_at=rfc3339(now),
                made_by=distribution_version("catflap"),
                schema_version=self._version,
                postgres=await app.fetchval("SHOW server_version"),
                keys=sorted(keys),
                tables=[await self._copy(archive, table, report) for table in self._tables],
            )
            archive.writestr(MANIFEST, manifest.to_json())
        return manifest

    async def _copy(self, archive: zipfile.ZipFile, table: _Table, report: Report) -> ArchivedTable:
        schema, _, name = table.name.partition(".")
        connection = self._connections[schema]
        sha256, size = hashlib.sha256(), 0
        with archive.open(f"{table.name}.copy", "w", force_zip64=True) as member:

            async def write(chunk: bytes) -> None:
                nonlocal size
                size += len(chunk)
                sha256.update(chunk)
                member.write(chunk)
                report(len(chunk))

            status = await connection.copy_from_table(
                name, schema_name=schema, columns=table.columns, output=write, format="text"
            )
        # After the rows: a number that was given meanwhile is not given again.
        last = {one: await connection.fetchval(_COUNTER, table.name, one) for one in table.counted}
        return ArchivedTable(
            table.name,
            table.columns,
            int(status.split()[-1]),
            size,
            sha256.hexdigest(),
            {column: value for column, value in last.items() if value is not None},
        )


@asynccontextmanager
async def snapshot(urls: Urls) -> AsyncIterator[Dump]:
    """Open one snapshot as both roles.

    Raises:
        TryAgain: `database_unreachable`, also when it is lost later.
    """
    try:
        async with AsyncExitStack() as stack:
            app = await _reader(urls.app, stack)
            name = await app.fetchval("SELECT pg_export_snapshot()")
            vault = await _reader(urls.vault, stack)
            await vault.execute(f"SET TRANSACTION SNAPSHOT '{name}'")
            dump = Dump(app, vault)
            await dump.prepare()
            yield dump
    except _LOST as error:
        raise unreachable(urls.app) from error


async def _reader(url: Any, stack: AsyncExitStack) -> asyncpg.Connection:
    try:
        # A server may end sessions that wait, as one of these does for the other.
        settings = {"idle_in_transaction_session_timeout": "0", "statement_timeout": "0"}
        connection = await asyncpg.connect(**asyncpg_options(url), server_settings=settings)
    except (OSError, asyncpg.PostgresError) as error:
        raise unreachable(url) from error
    stack.push_async_callback(connection.close)
    await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
    return connection


async def _tables(connection: asyncpg.Connection) -> list[_Table]:
    """Return the tables of a backup, in an order in which none refers to a later one."""
    found: dict[str, _Table] = {}
    for row in await connection.fetch(_TABLES):
        if row["name"] in LEFT_OUT:
            continue
        table = found.setdefault(row["name"], _Table(row["name"], [], []))
        table.columns.append(row["column"])
        if row["is_counted"]:
            table.counted.append(row["column"])
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(found, ()))
    for row in await connection.fetch(_REFERENCES):
        if row["name"] in found and row["refers_to"] in found:
            order.add(row["name"], row["refers_to"])
    return [found[name] for name in order.static_order()]
