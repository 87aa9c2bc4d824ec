"""The name by which a user is called."""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_within
from catflap.store.tables import accounts


def given_name_of(user_id: ColumnElement[Any]) -> ScalarSelect[str | None]:
    """Return, as a subquery, the given name of a user: of the primary account if it has one."""
    a = accounts.c
    names = select(a.given_name).where(a.user_id == user_id, a.given_name.is_not(None))
    first = names.order_by(a.is_primary.desc(), a.created_at, a.sub).limit(literal_column("1"))
    return first.scalar_subquery()


_NAME = PreparedQuery(select(given_name_of(bindparam("user_id")).label("name")))


async def load_name(connection: AsyncConnection, user_id: int) -> str:
    """Return the given name of a user; empty if none of their accounts has one."""
    (row,) = await fetch_within(connection, _NAME, user_id=user_id)
    return row["name"] or ""
