"""Delete what Catflap has made on a machine, and nothing else: for `catflap uninstall`."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from catflap.errors import OperatorMustAct
from catflap.store.database import Urls, asyncpg_options
from catflap.store.migrate import unreachable

# What the embedded PostgreSQL has in the data directory, and what is in the folder of secrets.
_DATABASE = re.compile(r"postgres(\.(new|upgrade|upgraded|lock(\.\d+)?|\d\d(-\d+)?))?")
_SECRET = re.compile(r"(vault-keyset|postgres)\.(json|new)|\.keyset-.*")
_UNITS = (
    Path("/etc/systemd/system/catflap.service"),
    Path.home() / ".config/systemd/user/catflap.service",
)


def remove_data(data_dir: Path) -> list[Path]:
    """Delete what is ours in the data directory, and the directory if nothing is left; return what is left.

    A symbolic link is deleted, and what it points to is not. A folder `postgres` without our passwords is
    another program's, as in a project whose containers keep their data beside it.

    Raises:
        OperatorMustAct: `data_dir_unwritable`.
    """
    folder = data_dir.resolve()
    try:
        for found in _ours(folder):
            _delete(found)
        left = sorted(folder.iterdir()) if folder.is_dir() else []
        if not left and folder.is_dir():
            folder.rmdir()
            if data_dir.is_symlink():
                data_dir.unlink()
    except OSError as error:
        raise OperatorMustAct(
            "data_dir_unwritable",
            f"Not everything in {data_dir} could be deleted ({error.strerror}). Run this again as its owner.",
        ) from None
    return left


def _ours(folder: Path) -> Iterator[Path]:
    """Yield what is ours, the passwords last, so that an interrupted deletion can be repeated."""
    secrets, device = folder / "secrets", folder / "device"
    passwords = secrets / "postgres.json"
    if device.exists() or device.is_symlink():
        yield device
    if passwords.exists():
        yield from [one for one in folder.glob("postgres*") if _DATABASE.fullmatch(one.name)]
    if secrets.is_symlink():
        yield secrets
    elif secrets.is_dir():
        found = [one for one in secrets.iterdir() if one.is_symlink() or _SECRET.fullmatch(one.name)]
        yield from sorted(found, key=lambda one: one == passwords)
        if not any(secrets.iterdir()):
            yield secrets


def _delete(found: Path) -> None:
    if found.is_symlink() or not found.is_dir():
        found.unlink()
    else:
        shutil.rmtree(found)


def statements(urls: Urls) -> list[str]:
    """Return the SQL that removes our schemas and roles from an external PostgreSQL."""
    roles = [_quoted(str(url.username)) for url in (urls.app, urls.vault)]
    return [
        "DROP SCHEMA IF EXISTS app, vault, queue CASCADE",
        *(f"DROP OWNED BY {role}" for role in roles),
        *(f"DROP ROLE {role}" for role in roles),
    ]


async def drop_schemas(urls: Urls) -> None:
    """Drop our schemas and roles, as the owner; all or nothing.

    Raises:
        TryAgain: `database_unreachable`.
        OperatorMustAct: `owner_refused`.
    """
    options = {**asyncpg_options(urls.owner), "database": urls.app.database}
    try:
        connection = await asyncpg.connect(**options)
    except (OSError, asyncpg.PostgresError) as error:
        raise unreachable(urls.owner) from error
    try:
        # The schemas of those names may be another program's where ours are gone already.
        if await connection.fetchval("SELECT to_regclass('app.schema_version')") is None:
            return
        async with connection.transaction():
            for statement in statements(urls):
                await connection.execute(statement)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.DependentObjectsStillExistError) as error:
        raise OperatorMustAct(
            "owner_refused",
            "PostgreSQL did not let the role of CATFLAP_OWNER_DATABASE_URL drop our schemas and roles; "
            f"nothing was dropped. As a superuser: {'; '.join(statements(urls))}",
            detail=error.sqlstate,
        ) from None
    finally:
        await connection.close()


def units() -> Iterator[Path]:
    """Yield the systemd units of Catflap on this machine."""
    return (unit for unit in _UNITS if unit.exists())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
