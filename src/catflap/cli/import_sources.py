"""Read refresh tokens to import: from CSV, JSON or an SQL query."""

import contextlib
import csv
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from catflap.errors import BadRequest


@dataclass(frozen=True)
class Row:
    """One refresh token: `user` is the app's id of the user, `number` counts from 1."""

    number: int
    user: str
    refresh_token: str = field(repr=False)


def read_file(file: Path) -> list[Row]:
    """Return the rows of a CSV file with a header, or of a JSON array of objects.

    Their fields are `user_id` and `refresh_token`.

    Raises:
        BadRequest: `import_unreadable`.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() == ".json":
            return _rows(json.loads(text))
        return _rows(csv.DictReader(text.splitlines()))
    except OSError as error:
        raise BadRequest("import_unreadable", f"Can't read {file}: {error.strerror}.") from None
    except (ValueError, TypeError, AttributeError, csv.Error):
        raise _unreadable(f"{file.name} is neither CSV with a header nor a JSON array of objects") from None


async def read_query(url: str, query: str) -> list[Row]:
    """Return the rows of an SQL query on `postgresql://…` or `sqlite:///file`.

    Raises:
        BadRequest: `import_unreadable`.
    """
    try:
        if url.startswith("sqlite:///"):
            return _rows(_sqlite(url.removeprefix("sqlite:///"), query))
        connection = await asyncpg.connect(url)
        try:
            return _rows([dict(row) for row in await connection.fetch(query)])
        finally:
            await connection.close()
    except (OSError, ValueError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _unreadable(f"The query did not work ({type(error).__name__})") from None


def _sqlite(file: str, query: str) -> list[dict[str, object]]:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def _rows(found: Iterable[Mapping[str, object]]) -> list[Row]:
    rows = []
    for number, one in enumerate(found, start=1):
        user, token = one.get("user_id"), one.get("refresh_token")
        if user in (None, "") or not isinstance(token, str) or not token.strip():
            raise _unreadable(f"Row {number} lacks user_id or refresh_token")
        rows.append(Row(number, str(user), token.strip()))
    return rows


def _unreadable(what: str) -> BadRequest:
    return BadRequest("import_unreadable", f"{what}; each row needs user_id and refresh_token.")
