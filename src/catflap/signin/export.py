"""Data export (GDPR): all rows about a user as JSON, without hashes and tokens.

Hashes and encrypted tokens are left out: they are of no use to the user, but to a thief. A test fails when a
table with user data is missing here.
"""

from datetime import datetime, time
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.store.tables import metadata
from catflap.vault import Grants

_SECRET = frozenset({"sync_token", "sealed_answer", "browser_hash"})


async def export(engine: AsyncEngine, clock: Clock, grants: Grants, user_id: int) -> dict[str, Any]:
    """Return all rows about `user_id`, by table, and the grants without their tokens."""
    found: dict[str, Any] = {"exported_at": _plain(clock.now()), "user_id": user_id}
    async with engine.connect() as connection:
        for table in metadata.sorted_tables:
            if table.schema != "app" or (mine := _belongs(table, user_id)) is None:
                continue
            rows = await connection.execute(select(*_shown(table)).where(mine).order_by(*table.primary_key))
            found[table.name] = [{key: _plain(value) for key, value in row._mapping.items()} for row in rows]
    found["grants"] = [
        {
            "id": grant.id,
            "account": grant.account_sub,
            "state": grant.state,
            "scopes": sorted(grant.scopes),
            "created_at": _plain(grant.created_at),
            "updated_at": _plain(grant.updated_at),
        }
        for grant in await grants.of_user(user_id)
    ]
    return found


def _belongs(table: Table, user_id: int) -> Any | None:
    """Return the condition for rows of `user_id`: a user column, or a foreign key to a table that has one."""
    if table.name == "users":
        return table.c.id == user_id
    if "user_id" in table.c:
        return table.c.user_id == user_id
    for key in table.foreign_keys:
        owner = key.column.table
        if owner.schema == "app" and "user_id" in owner.c:
            return key.parent.in_(select(key.column).where(owner.c.user_id == user_id))
    return None


def _shown(table: Table) -> list[Column[Any]]:
    return [
        column
        for column in table.c
        if not isinstance(column.type, LargeBinary)
        and column.name not in _SECRET
        and "hash" not in column.name
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | time):
        return value.isoformat()
    return value
