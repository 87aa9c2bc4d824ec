"""Which calendars are synced and announced: those that the user chose here, else those selected at Google."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.errors import BadRequest
from catflap.store.calendar_tables import calendars, events, push_channels
from catflap.store.planning_tables import occurrence_changes as changes
from catflap.store.queue import enqueue
from catflap.store.task_types import PLAN, SYNC_DUE, AccountKey

# The state of a calendar that was never read.
_UNREAD = {
    "sync_token": None,
    "synced_at": None,
    "page_token": None,
    "page_time_min": None,
    "changed_at": None,
    "problem": None,
    "problem_since": None,
}


async def choose_calendar(
    connection: AsyncConnection, user_id: int, calendar_id: int, chosen: bool | None, now: datetime
) -> None:
    """Store the user's choice of a calendar, which no sync overrides, and act on it at once.

    One that is now selected is synced; of one that no longer is, the events are deleted. Announcements are
    planned anew.

    Args:
        connection: An open transaction.
        user_id: The user.
        calendar_id: The key of the row.
        chosen: Whether it is selected; None to follow Google Calendar.
        now: The time.

    Raises:
        BadRequest: `not_found`, also for another user's calendar.
    """
    mine = calendars.c.id == calendar_id, calendars.c.user_id == user_id
    row = (await connection.execute(select(calendars).where(*mine).with_for_update())).one_or_none()
    if row is None:
        raise BadRequest("not_found", "You have no such calendar.")
    values = await select_calendar(connection, row, row.is_selected_at_google, chosen, now)
    await connection.execute(update(calendars).where(*mine).values(values))
    if values["is_selected"] != row.is_selected:
        await enqueue(connection, PLAN, user_id)
        if values["is_selected"]:
            await enqueue(connection, SYNC_DUE, AccountKey(user_id, row.account_sub))


async def select_calendar(
    connection: AsyncConnection, row: Row[Any], at_google: bool, by_user: bool | None, now: datetime
) -> dict[str, Any]:
    """Return the columns to write for a selection; delete the events of one that is deselected.

    Args:
        connection: A transaction that locked the row.
        row: The row of the calendar.
        at_google: Whether it is selected at Google.
        by_user: The user's choice, if there is one.
        now: The time, from which on a calendar that is now selected is due.
    """
    is_selected = at_google if by_user is None else by_user
    values: dict[str, Any] = {
        "is_selected": is_selected,
        "is_selected_at_google": at_google,
        "is_selected_by_user": by_user,
    }
    if row.is_selected and not is_selected:
        await connection.execute(delete(events).where(events.c.calendar_id == row.id))
        await connection.execute(delete(changes).where(changes.c.calendar_id == row.id))
        unwanted = update(push_channels).where(push_channels.c.calendar_id == row.id)
        await connection.execute(unwanted.values(calendar_id=None))
        values |= _UNREAD
    elif is_selected and not row.is_selected:
        values["sync_due_at"] = now
    return values
