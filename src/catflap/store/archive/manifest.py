"""The format of a backup: a ZIP file of rows in PostgreSQL's COPY text format, and a manifest.

Each table is a member `app.users.copy`; `manifest.json`, the last member, names their columns, counts and
SHA-256, and the version of the tables. Without its end a ZIP file can't be read, so half a file is noticed.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from catflap.errors import BadRequest, CatflapError
from catflap.store.schema_version import known_versions, newest_version

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_CHUNK = 1 << 18
# That of a thousand tables has less.
_MOST_BYTES_OF_MANIFEST = 1 << 20

# They get into statements of the database's owner, and the file may have been in other hands.
_Table = Annotated[str, Field(pattern=r"^(app|vault)\.[a-z_]+$")]
_Column = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]

Report = Callable[[int], None]


@dataclass(frozen=True)
class ArchivedTable:
    """One table of a backup.

    Attributes:
        name: Schema and table.
        columns: In the order of the rows.
        rows: How many.
        size: In bytes, before compression.
        sha256: Of the rows, before compression.
        counters: By column, the last number that the database gave to a row of this table.
    """

    name: _Table
    columns: list[_Column]
    rows: int
    size: int
    sha256: str
    counters: dict[_Column, int]

    @property
    def member(self) -> str:
        """The name of the member of the ZIP file."""
        return f"{self.name}.copy"


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes:
        made_at: RFC 3339.
        made_by: The version of Catflap.
        schema_version: Of the tables.
        keys: Ids of the keys with which values in it are encrypted.
        tables: In an order in which none refers to a later one.
    """

    made_at: str
    made_by: str
    schema_version: str
    postgres: str
    keys: list[int]
    tables: list[ArchivedTable]
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """How many rows there are in all tables."""
        return sum(one.rows for one in self.tables)

    @property
    def size(self) -> int:
        """The size of all rows, before compression."""
        return sum(one.size for one in self.tables)

    def to_json(self) -> str:
        """Return the content of the member `manifest.json`."""
        return json.dumps(asdict(self), indent=1)


class Archive:
    """A backup that is open for reading."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.manifest = _manifest(file)

    def chunks(self, table: ArchivedTable) -> Iterator[bytes]:
        """Yield the rows of a table.

        Raises:
            BadRequest: `backup_damaged`.
        """
        sha256 = hashlib.sha256()
        with _damage_reported(), self._file.open(table.member) as member:
            while chunk := member.read(_CHUNK):
                sha256.update(chunk)
                yield chunk
        if sha256.hexdigest() != table.sha256:
            raise _damaged()

    def verify(self, report: Report) -> None:
        """Read everything once; call `report` with the size of what was read.

        Raises:
            BadRequest: `backup_damaged`.
        """
        for table in self.manifest.tables:
            for chunk in self.chunks(table):
                report(len(chunk))


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a backup and read its manifest.

    Raises:
        BadRequest: `backup_unreadable`, `backup_damaged` or `backup_newer`.
    """
    try:
        file = zipfile.ZipFile(path)
    except OSError as error:
        raise BadRequest("backup_unreadable", f"{path} can't be read: {error.strerror}.") from None
    except Exception:  # Of bytes that are no ZIP file the library raises what it stumbles over.
        raise BadRequest(
            "backup_damaged", f"{path} is no backup of Catflap, or not all of one. Nothing was changed."
        ) from None
    with file:
        yield Archive(file)


def is_archive(path: Path) -> bool:
    """Return whether a file seems to be a backup."""
    try:
        # Opening a pipe would wait for somebody who writes.
        if not path.is_file():
            return False
        with zipfile.ZipFile(path) as file:
            return {MANIFEST, "app.users.copy"} <= set(file.namelist())
    except Exception:
        return False


def _manifest(file: zipfile.ZipFile) -> Manifest:
    with _damage_reported():
        if file.getinfo(MANIFEST).file_size > _MOST_BYTES_OF_MANIFEST:
            raise _damaged()
        found = json.loads(file.read(MANIFEST))
        if found["format"] > FORMAT or found["schema_version"] not in known_versions():
            raise BadRequest(
                "backup_newer",
                f"This backup is of Catflap {found['made_by']}, which is newer: its tables are of version "
                f"{found['schema_version']}, and this Catflap knows them up to {newest_version()}. "
                "Nothing was changed. Install that version, then restore.",
            )
        return TypeAdapter(Manifest).validate_python(found)


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        yield
    except CatflapError:
        raise
    except Exception as error:  # At bytes that are not what was written these libraries raise many.
        raise _damaged(type(error).__name__) from None


def _damaged(detail: str | None = None) -> BadRequest:
    return BadRequest(
        "backup_damaged",
        "The backup is damaged: it is not as it was written. Nothing was changed. Use another one.",
        detail=detail,
    )
