"""The version of a database's tables: the number of its newest migration, in `app.schema_version`.

A process refuses a database that a newer Catflap has migrated: it could not know what the new tables mean.
"""

from pathlib import Path
from typing import Final

import asyncpg

from catflap.errors import OperatorMustAct

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_READABLE = """
SELECT coalesce(has_table_privilege(to_regclass('app.schema_version')::oid, 'SELECT'), false)
"""


def known_versions() -> list[str]:
    """Return the versions that this Catflap can bring up to date, oldest first; the last is its own."""
    return sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def newest_version() -> str:
    """Return the version of the tables of this Catflap."""
    return known_versions()[-1]


async def read_version(connection: asyncpg.Connection) -> str | None:
    """Return the version of the tables; None without tables, or where this role may not read it.

    The role of the app may from version 0026 on, and the owner of the tables always.
    """
    if not await connection.fetchval(_READABLE):
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM app.schema_version")
    return found


def refuse_newer(version: str | None) -> None:
    """Check that a version is none of a newer Catflap.

    Raises:
        OperatorMustAct: `database_newer`.
    """
    if version is not None and version not in known_versions():
        raise OperatorMustAct(
            "database_newer",
            f"The database is of a newer Catflap: its tables are of version {version}, and this one knows "
            f"them up to {newest_version()}. Nothing was changed. Install the newer Catflap again, or "
            "restore a backup from before the upgrade; docs/backup.md tells how.",
        )
