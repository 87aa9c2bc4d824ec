"""Build dataclasses from database rows."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Column, Row, Table

_T = TypeVar("_T")
# The columns of one row by their names.
Columns = Mapping[Any, Any]


def columns_of(row: Row[Any] | Columns) -> Columns:
    """Return the columns of a row, of SQLAlchemy or of a `PreparedQuery`, by their names."""
    return row._mapping if isinstance(row, Row) else row


def columns_for(kind: type[object], table: Table) -> list[Column[Any]]:
    """Return the columns of a table from which `from_row` takes the fields of a dataclass."""
    return [table.c[name] for _, name in _columns(cast(Any, kind)) if name in table.c]


def from_row(kind: type[_T], row: Row[Any] | Columns, **values: object) -> _T:
    """Return a dataclass whose fields have the values of the columns of the same names.

    A leading underscore of a field is ignored. A field without a column keeps its default.

    Args:
        kind: The dataclass.
        row: A row with at least the columns of the fields that have no default.
        values: Fields that are not taken from the row as they are there.

    Raises:
        TypeError: a field has neither a column nor a value nor a default.
    """
    columns = columns_of(row)
    found = {field: columns[name] for field, name in _columns(cast(Any, kind)) if name in columns}
    found.update(values)
    return kind(**found)


@cache
def _columns(kind: Any) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, field.name.lstrip("_")) for field in fields(kind))
