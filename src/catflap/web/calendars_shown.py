"""How calendars are shown in JSON: what each holds, how fresh it is, and what is wrong with it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.problems import GONE, message_of
from catflap.devices.schedule import instant
from catflap.store.tables import accounts, calendar_syncs, calendars, events, removed_calendars


async def calendars_shown(engine: AsyncEngine, user_id: int) -> dict[str, Any]:
    """The user's calendars, the state of each account's calendar list, and the calendars that left it."""
    async with engine.connect() as connection:
        syncs = {row.account_sub: row for row in await _syncs(connection, user_id)}
        rows = await _calendars(connection, user_id)
        removed = await _removed(connection, user_id)
    return {
        "calendars": [_calendar(row, syncs.get(row.account_sub)) for row in rows],
        "accounts": [_account(row) for row in syncs.values()],
        "removed": [
            {
                "account": row.account_sub,
                "summary": row.summary,
                "code": "not_listed",
                "since": instant(row.removed_at),
            }
            for row in removed
        ],
    }


def is_syncing(shown: dict[str, Any]) -> bool:
    """Whether something of `calendars_shown` is being read for the first time."""
    if any(one["state"] == "waiting" for one in shown["calendars"]):
        return True
    return not shown["calendars"] and not any(one["problem"] for one in shown["accounts"])


def problems_shown(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page tells about `calendars_shown`: accounts and calendars in trouble, and what went away."""
    accounts_failing = [
        {"kind": "account", "name": one["email"], "code": one["problem"]["code"]}
        for one in shown["accounts"]
        if one["problem"]
    ]
    unread = [
        {"kind": one["state"], "name": one["summary"], "code": one["problem"]["code"]}
        for one in shown["calendars"]
        if one["problem"]
    ]
    removed = [{"kind": "removed", "name": one["summary"], "code": one["code"]} for one in shown["removed"]]
    return [*accounts_failing, *unread, *removed]


async def _syncs(connection: AsyncConnection, user_id: int) -> list[Row[Any]]:
    s, a = calendar_syncs.c, accounts.c
    query = (
        select(calendar_syncs, a.email)
        .join(accounts, (a.user_id == s.user_id) & (a.sub == s.account_sub))
        .where(s.user_id == user_id)
        .order_by(a.is_primary.desc(), a.created_at, a.sub)
    )
    return list(await connection.execute(query))


async def _calendars(connection: AsyncConnection, user_id: int) -> list[Row[Any]]:
    c = calendars.c
    count = select(func.count()).where(events.c.calendar_id == c.id).scalar_subquery()
    query = select(calendars, count.label("events")).where(c.user_id == user_id).order_by(c.id)
    return list(await connection.execute(query))


async def _removed(connection: AsyncConnection, user_id: int) -> list[Row[Any]]:
    r = removed_calendars.c
    query = select(removed_calendars).where(r.user_id == user_id).order_by(r.removed_at.desc(), r.google_id)
    return list(await connection.execute(query))


def _calendar(row: Row[Any], sync: Row[Any] | None) -> dict[str, Any]:
    retry_at = sync.retry_at if sync is not None else None
    return {
        "id": row.id,
        "account": row.account_sub,
        "summary": row.summary,
        "time_zone": row.time_zone,
        "primary": row.is_primary,
        "selected": row.is_selected,
        "events": row.events,
        "synced_at": instant(row.synced_at) if row.synced_at else None,
        "state": _state(row),
        "problem": _problem(row, retry_at),
    }


def _state(row: Row[Any]) -> str:
    if not row.is_selected:
        return "not_selected"
    if row.problem is not None:
        return "gone" if row.problem in GONE else "failing"
    return "current" if row.synced_at is not None else "waiting"


def _account(row: Row[Any]) -> dict[str, Any]:
    return {
        "account": row.account_sub,
        "email": row.email,
        "listed_at": instant(row.listed_at) if row.listed_at else None,
        "problem": _problem(row, row.retry_at),
    }


def _problem(row: Row[Any], retry_at: datetime | None) -> dict[str, Any] | None:
    if row.problem is None:
        return None
    return {
        "code": row.problem,
        "message": message_of(row.problem),
        "since": instant(row.problem_since),
        "retry_at": instant(retry_at) if retry_at and row.problem not in GONE else None,
    }
