"""Read a user's calendars for the API: what each holds, how fresh it is, and what is wrong with it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.problems import GONE, problem_message
from catflap.errors import BadRequest
from catflap.store.calendar_tables import calendar_syncs, calendars, events, removed_calendars
from catflap.store.tables import accounts
from catflap.web.schemas.calendars import (
    CalendarList,
    CalendarListState,
    CalendarProblem,
    CalendarResource,
    CalendarState,
    RemovedCalendar,
)


async def read_calendars(engine: AsyncEngine, user_id: int) -> CalendarList:
    """Return the user's calendars, the state of each account's calendar list, and removed calendars."""
    async with engine.connect() as connection:
        syncs = {row.account_sub: row for row in await _syncs(connection, user_id)}
        rows = await _calendars(connection, user_id)
        removed = await _removed(connection, user_id)
    return CalendarList(
        calendars=[_calendar(row, syncs.get(row.account_sub)) for row in rows],
        accounts=[_account(row) for row in syncs.values()],
        removed=[
            RemovedCalendar(
                account=row.account_sub, summary=row.summary, code="not_listed", since=row.removed_at
            )
            for row in removed
        ],
    )


async def read_calendar(engine: AsyncEngine, user_id: int, calendar_id: int) -> CalendarResource:
    """Return one of the user's calendars.

    Raises:
        BadRequest: `not_found`.
    """
    async with engine.connect() as connection:
        rows = await _calendars(connection, user_id, calendar_id)
        if not rows:
            raise BadRequest("not_found", "You have no such calendar.")
        syncs = {row.account_sub: row for row in await _syncs(connection, user_id)}
    return _calendar(rows[0], syncs.get(rows[0].account_sub))


async def _syncs(connection: AsyncConnection, user_id: int) -> list[Row[Any]]:
    s, a = calendar_syncs.c, accounts.c
    query = (
        select(calendar_syncs, a.email)
        .join(accounts, (a.user_id == s.user_id) & (a.sub == s.account_sub))
        .where(s.user_id == user_id)
        .order_by(a.is_primary.desc(), a.created_at, a.sub)
    )
    return list(await connection.execute(query))


async def _calendars(
    connection: AsyncConnection, user_id: int, calendar_id: int | None = None
) -> list[Row[Any]]:
    c = calendars.c
    here = events.c.calendar_id == c.id, events.c.generation == c.generation
    count = select(func.count()).where(*here).scalar_subquery()
    query = select(calendars, count.label("events")).where(c.user_id == user_id).order_by(c.id)
    if calendar_id is not None:
        query = query.where(c.id == calendar_id)
    return list(await connection.execute(query))


async def _removed(connection: AsyncConnection, user_id: int) -> list[Row[Any]]:
    r = removed_calendars.c
    query = select(removed_calendars).where(r.user_id == user_id).order_by(r.removed_at.desc(), r.google_id)
    return list(await connection.execute(query))


def _calendar(row: Row[Any], sync: Row[Any] | None) -> CalendarResource:
    return CalendarResource(
        id=row.id,
        account=row.account_sub,
        summary=row.summary,
        time_zone=row.time_zone,
        primary=row.is_primary,
        access_role=row.access_role,
        background_color=row.background_color,
        foreground_color=row.foreground_color,
        selected=row.is_selected,
        selected_at_google=row.is_selected_at_google,
        selected_by_user=row.is_selected_by_user,
        reminder_minutes=row.reminder_minutes,
        says_titles=row.says_titles,
        ignores_quiet=row.ignores_quiet,
        events=row.events,
        synced_at=row.synced_at,
        state=_state(row),
        problem=_problem(row, sync.retry_at if sync is not None else None),
    )


def _state(row: Row[Any]) -> CalendarState:
    if not row.is_selected:
        return "not_selected"
    if row.problem is not None:
        return "gone" if row.problem in GONE else "failing"
    return "current" if row.synced_at is not None else "waiting"


def _account(row: Row[Any]) -> CalendarListState:
    return CalendarListState(
        account=row.account_sub,
        email=row.email,
        listed_at=row.listed_at,
        problem=_problem(row, row.retry_at),
    )


def _problem(row: Row[Any], retry_at: datetime | None) -> CalendarProblem | None:
    if row.problem is None:
        return None
    return CalendarProblem(
        code=row.problem,
        message=problem_message(row.problem),
        since=row.problem_since,
        retry_at=retry_at if row.problem not in GONE else None,
    )
