"""What a user does about an announcement: acknowledge it or have it announced again later (`app.reactions`).

Reactions are about occurrences and not about single announcements, so one on any device ends the repeats on
all. What they change is planned anew.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.at_once import REPEAT, cancel_repeats, repeat_later
from catflap.announcements.planned import LATE
from catflap.announcements.repository import lock_plan
from catflap.errors import BadRequest
from catflap.store.planning_tables import reactions as r
from catflap.store.queue import enqueue
from catflap.store.tables import announcements as t
from catflap.store.task_types import PLAN

# Without an id, the last announcement of a device is meant, unless it is older.
RECENT = timedelta(minutes=30)
MAX_SNOOZE_MINUTES = 24 * 60
# About occurrences, which a plan can announce again at any time if they have a start.
_PLANNED_AGAIN = frozenset({"before", "start", "leave", "countdown", "again", "snoozed", LATE, REPEAT})


async def find_announcement(
    connection: AsyncConnection,
    announcement_id: str,
    *,
    user_id: int | None = None,
    device_id: int | None = None,
) -> Row[Any]:
    """Return an announcement of a user, or one that a device says, of whomever.

    Raises:
        BadRequest: `not_found`, also for another's and for one that was deleted.
    """
    ours = [t.c.id == announcement_id]
    if user_id is not None:
        ours.append(t.c.user_id == user_id)
    if device_id is not None:
        ours.append(t.c.device_id == device_id)
    row = (await connection.execute(select(t).where(*ours))).one_or_none()
    if row is None:
        raise BadRequest("not_found", "There is no such announcement; they are kept for 48 hours.")
    return row


async def last_announcement(connection: AsyncConnection, device_id: int, now: datetime) -> Row[Any]:
    """Return what was due last on a device.

    Raises:
        BadRequest: `not_found` if that is more than `RECENT` ago.
    """
    heard = t.c.state.not_in(("cancelled", "failed")), t.c.held_for.is_(None)
    recent = t.c.device_id == device_id, t.c.play_at <= now, t.c.play_at > now - RECENT
    query = select(t).where(*recent, *heard).order_by(t.c.play_at.desc(), t.c.id).limit(1)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise BadRequest("not_found", "Nothing was announced here within the last 30 minutes.")
    return row


async def acknowledge_occurrences(connection: AsyncConnection, announcement: Row[Any], now: datetime) -> None:
    """Note that somebody acknowledged what an announcement is about: it is not announced again; idempotent.

    What was snoozed is no longer to come.
    """
    await lock_plan(connection, announcement.user_id)
    await cancel_repeats(connection, announcement, now)
    changed = await _forget_snoozes(connection, announcement, now)
    changed |= await _note_acknowledged(connection, announcement, now)
    if changed:
        await enqueue(connection, PLAN, announcement.user_id)


async def snooze(
    connection: AsyncConnection, announcement: Row[Any], minutes: int, now: datetime
) -> datetime:
    """Announce again later, instead of at any time that was chosen before; return when.

    It counts as acknowledged too, so that it is not repeated until then. An appointment is announced with the
    minutes that are left by then, or since when it lasts; anything else with the same text.
    """
    play_at = (now + timedelta(minutes=minutes)).replace(microsecond=0)
    await lock_plan(connection, announcement.user_id)
    if not _can_be_planned(announcement):
        await repeat_later(connection, announcement, play_at, now)
        return play_at
    await _forget_snoozes(connection, announcement, now)
    await _note_acknowledged(connection, announcement, now)
    row = {"user_id": announcement.user_id, "action": "snoozed", "at": now, "play_at": play_at}
    await connection.execute(
        insert(r).values([{**row, "occurrence": one} for one in announcement.occurrences])
    )
    await enqueue(connection, PLAN, announcement.user_id)
    return play_at


def _can_be_planned(announcement: Row[Any]) -> bool:
    # All-day events have a date as their start.
    has_start = "T" in announcement.event_start
    return bool(announcement.occurrences) and has_start and announcement.kind in _PLANNED_AGAIN


async def _forget_snoozes(connection: AsyncConnection, announcement: Row[Any], now: datetime) -> bool:
    mine = r.c.user_id == announcement.user_id, r.c.occurrence.in_(announcement.occurrences)
    gone = await connection.execute(delete(r).where(*mine, r.c.action == "snoozed", r.c.play_at > now))
    return gone.rowcount > 0


async def _note_acknowledged(connection: AsyncConnection, announcement: Row[Any], now: datetime) -> bool:
    mine = r.c.user_id == announcement.user_id, r.c.occurrence.in_(announcement.occurrences)
    known = await connection.scalars(select(r.c.occurrence).where(*mine, r.c.action == "acknowledged"))
    row = {"user_id": announcement.user_id, "action": "acknowledged", "at": now}
    rows = [{**row, "occurrence": one} for one in sorted({*announcement.occurrences} - {*known.all()})]
    if rows:
        await connection.execute(insert(r).values(rows))
    return bool(rows)
