"""Announcements that no plan makes: a text that somebody sends, and one that was announced, once more.

A plan leaves them alone, because their kinds are none of `KINDS`. Their sounds are rendered by the same task,
also if they exist, because a device may need another encoding of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.repository import increment_version
from catflap.errors import BadRequest
from catflap.speech import Utterance, Voices
from catflap.store.queue import enqueue
from catflap.store.tables import announcements as t
from catflap.store.tables import devices
from catflap.store.task_types import RENDER

SAY: Final = "say"
REPEAT: Final = "repeat"
LIFETIME = timedelta(minutes=5)
_PENDING = ("planned", "ready", "sent")
_COPIED = ("titles", "event_start", "dialect", "display", "spoken", "sound_key", "occurrences")


async def announce_text(
    connection: AsyncConnection,
    user_id: int,
    utterance: Utterance,
    voices: Voices,
    now: datetime,
    device_id: int | None = None,
) -> list[str]:
    """Announce a text at once on the user's devices, or on one of them; return the ids.

    Raises:
        BadRequest: `not_found` without such a device.
    """
    mine = [devices.c.user_id == user_id]
    if device_id is not None:
        mine.append(devices.c.id == device_id)
    # In the order of ids, as plans lock them.
    query = select(devices.c.id).where(*mine).order_by(devices.c.id).with_for_update(key_share=True)
    found = (await connection.scalars(query)).all()
    if not found:
        missing = "There is no device to say it; add one first." if device_id is None else "No such device."
        raise BadRequest("not_found", missing)
    values = {
        "titles": [],
        "event_start": "",
        "dialect": utterance.dialect,
        "display": utterance.display,
        "spoken": utterance.spoken,
        "sound_key": voices.content_key(utterance.spoken, utterance.dialect),
    }
    return await _add(connection, user_id, found, SAY, values, now, now)


async def repeat_now(connection: AsyncConnection, announcement: Row[Any], now: datetime) -> str:
    """Announce something once more on its device; return the id, that of a repeat which still waits."""
    await _lock(connection, announcement.device_id)
    for row in await _pending_repeats(connection, announcement, announcement.device_id):
        if row.play_at <= now < row.expires_at:
            return str(row.id)
    return await _repeat(connection, announcement, now, now)


async def repeat_later(
    connection: AsyncConnection, announcement: Row[Any], play_at: datetime, now: datetime
) -> None:
    """Announce something once more on its device at a later time, instead of at any other later time.

    A repeat that is to come, or was to come and was cancelled, is moved, so that rows do not add up.
    """
    device_id = announcement.device_id
    await _lock(connection, device_id)
    states = (*_PENDING, "cancelled")
    repeats = await _pending_repeats(connection, announcement, device_id, states)
    to_come = [row for row in repeats if row.play_at > now]
    if not to_come:
        await _repeat(connection, announcement, play_at, now)
        return
    kept, *rest = sorted(to_come, key=lambda row: row.state == "cancelled")
    await _cancel(connection, [row.id for row in rest if row.state != "cancelled"], now)
    state = "planned" if kept.state == "cancelled" else kept.state
    times = {"play_at": play_at, "expires_at": play_at + LIFETIME, "updated_at": now}
    await connection.execute(update(t).where(t.c.id == kept.id).values(state=state, **times))
    await increment_version(connection, device_id)
    if kept.state == "cancelled":
        await enqueue(connection, RENDER, kept.sound_key)


async def cancel_repeats(connection: AsyncConnection, announcement: Row[Any], now: datetime) -> None:
    """Cancel the repeats of an announcement that are to come, on all devices of its user."""
    device_ids = {row.device_id for row in await _pending_repeats(connection, announcement)}
    for device_id in sorted(device_ids):
        await _lock(connection, device_id)
        pending = await _pending_repeats(connection, announcement, device_id)
        await _cancel(connection, [row.id for row in pending], now)
        await increment_version(connection, device_id)


async def _repeat(
    connection: AsyncConnection, announcement: Row[Any], play_at: datetime, now: datetime
) -> str:
    values = {name: announcement._mapping[name] for name in _COPIED}
    device_ids = [announcement.device_id]
    return (await _add(connection, announcement.user_id, device_ids, REPEAT, values, play_at, now))[0]


async def _lock(connection: AsyncConnection, device_id: int) -> None:
    """Lock a device before its announcements, as plans do, to avoid a deadlock."""
    mine = select(devices.c.id).where(devices.c.id == device_id)
    await connection.execute(mine.with_for_update(key_share=True))


async def _pending_repeats(
    connection: AsyncConnection,
    announcement: Row[Any],
    device_id: int | None = None,
    states: Sequence[str] = _PENDING,
) -> Sequence[Row[Any]]:
    same = [t.c.user_id == announcement.user_id, t.c.sound_key == announcement.sound_key]
    if device_id is not None:
        same.append(t.c.device_id == device_id)
    query = select(t).where(*same, t.c.kind == REPEAT, t.c.state.in_(states)).order_by(t.c.play_at)
    return (await connection.execute(query)).all()


async def _cancel(connection: AsyncConnection, ids: Sequence[str], now: datetime) -> None:
    if ids:
        cancelled = update(t).where(t.c.id.in_(ids)).values(state="cancelled", updated_at=now)
        await connection.execute(cancelled)


async def _add(
    connection: AsyncConnection,
    user_id: int,
    device_ids: Sequence[int],
    kind: str,
    values: Mapping[str, Any],
    play_at: datetime,
    now: datetime,
) -> list[str]:
    """Add an announcement to each of these devices, which are locked; return the ids."""
    rows = [
        {
            **values,
            "id": (identifier := uuid4().hex),
            "user_id": user_id,
            "device_id": device_id,
            "key": f"{kind} {identifier}",
            "kind": kind,
            "state": "planned",
            "play_at": play_at,
            "expires_at": play_at + LIFETIME,
            "updated_at": now,
        }
        for device_id in device_ids
    ]
    await connection.execute(insert(t).values(rows))
    for device_id in device_ids:
        await increment_version(connection, device_id)
    await enqueue(connection, RENDER, values["sound_key"])
    return [row["id"] for row in rows]
