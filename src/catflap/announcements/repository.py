"""The announcements of each device as rows: planned, made ready, acknowledged.

    planned ─▶ ready ─▶ sent ─▶ held ─▶ missed | cancelled ─▶ failed ─▶ played

A state only moves along this line, so an acknowledgement that comes late or twice does no harm. A plan
alone goes back: a cancelled announcement that is wanted again, or one whose words changed, is planned anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.planned import Planned
from catflap.errors import BadRequest
from catflap.speech import content_key
from catflap.store.notify import announce_change
from catflap.store.queue import enqueue
from catflap.store.tables import announcements as t
from catflap.store.tables import devices, sounds
from catflap.store.task_types import RENDER, schedule_topic
from catflap.store.text import sanitize_text

_RANKS = {
    "planned": 0,
    "ready": 1,
    "sent": 2,
    "held": 3,
    "missed": 4,
    "cancelled": 4,
    "failed": 5,
    "played": 6,
}
ACKNOWLEDGED = frozenset({"played", "failed", "missed", "held"})
_TO_COME = ("planned", "ready", "sent", "held")
_REPLANNED = frozenset({"planned", "ready", "cancelled"})
_KINDS = ("before", "start", "briefing")
_MAX_DETAIL = 500
_RENDER_AGAIN = timedelta(minutes=10)
_PLAN_LOCK = 0x0CA7 << 40


async def lock_plan(connection: AsyncConnection, user_id: int) -> None:
    """Let one transaction at a time plan for this user; whatever was read before may be out of date."""
    await connection.execute(select(func.pg_advisory_xact_lock(_PLAN_LOCK | user_id)))


async def replan(
    connection: AsyncConnection,
    user_id: int,
    now: datetime,
    planned: Iterable[Planned],
) -> None:
    """Make each of the user's devices say from `now` on what is planned, and nothing else.

    What was to be said before `now` and still may be, because a device was late, is taken back when it is
    not planned any more; it is never added. A device whose schedule changed, or that never had one, gets a
    new version and is told.

    Args:
        connection: Holds `lock_plan` since before the plan was made.
        user_id: Whose.
        now: As it was planned for.
        planned: The whole plan, with what was to be said lately.
    """
    wanted = {one.key: _values(one) for one in planned}
    sounding = await _sounding(connection, [values["sound_key"] for values in wanted.values()])
    for values in wanted.values():
        values["state"] = "ready" if values["sound_key"] in sounding else "planned"
    mute: set[str] = set()
    for device in await _lock_devices(connection, devices.c.user_id == user_id):
        rows = await _rows(connection, device.id, now, list(wanted))
        difference = _difference(rows, wanted, now)
        if difference or device.schedule_version == 0:
            await _write(connection, user_id, device.id, difference, now)
            await _bump(connection, device.id)
        mute |= {values["sound_key"] for values in difference.written()}
        mute |= {row.sound_key for key, row in rows.items() if key in wanted and _stuck(row, now)}
    await enqueue(connection, RENDER, *sorted(mute - sounding))


async def mark_ready(connection: AsyncConnection, sound_key: str, now: datetime) -> None:
    """The sound exists: whatever waited for it is ready, and its devices are told."""
    await _decide(connection, sound_key, {"state": "ready", "updated_at": now})


async def mark_unspeakable(connection: AsyncConnection, sound_key: str, now: datetime, reason: str) -> None:
    """The sound will never exist: whatever waited for it failed, so that no device waits with it."""
    await _decide(connection, sound_key, {"state": "failed", "detail": reason, "updated_at": now})


async def _decide(connection: AsyncConnection, sound_key: str, values: dict[str, Any]) -> None:
    waiting = (t.c.sound_key == sound_key, t.c.state == "planned")
    # Devices are locked before announcements, here as in `replan`, so that the two can't embrace.
    which = select(t.c.device_id).where(*waiting)
    locked = [row.id for row in await _lock_devices(connection, devices.c.id.in_(which))]
    decided = update(t).where(*waiting, t.c.device_id.in_(locked)).values(values)
    for device_id in sorted(
        {row.device_id for row in await connection.execute(decided.returning(t.c.device_id))}
    ):
        await _bump(connection, device_id)


async def acknowledge(
    connection: AsyncConnection,
    device_id: int,
    announcement_id: str,
    state: str,
    at: datetime,
    detail: str | None = None,
) -> None:
    """What became of an announcement, told by its device; saying it twice or late changes nothing.

    Args:
        connection: An open transaction.
        device_id: Who tells.
        announcement_id: Of which announcement.
        state: `played`, `failed`, `missed` or `held`.
        at: When it happened.
        detail: A hint for people.

    Raises:
        BadRequest: `not_found` for another device's announcement too, `state_invalid`.
    """
    if state not in ACKNOWLEDGED:
        raise BadRequest("state_invalid", "The state must be played, failed, missed or held.")
    ours = (t.c.id == announcement_id, t.c.device_id == device_id)
    row = (await connection.execute(select(t.c.state).where(*ours).with_for_update())).one_or_none()
    if row is None:
        raise BadRequest("not_found", "This device has no such announcement.")
    if _RANKS[state] > _RANKS[row.state]:
        hint = sanitize_text(detail, _MAX_DETAIL) if detail else None
        await connection.execute(update(t).where(*ours).values(state=state, detail=hint, updated_at=at))


@dataclass(frozen=True)
class _Difference:
    """What must be done to a device's rows: values to insert, values to write by id, ids to cancel."""

    new: list[dict[str, Any]]
    changed: dict[str, dict[str, Any]]
    gone: list[str]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)

    def written(self) -> list[dict[str, Any]]:
        return [*self.new, *self.changed.values()]


def _values(one: Planned) -> dict[str, Any]:
    return {
        "key": one.key,
        "kind": one.kind,
        "play_at": one.play_at,
        "expires_at": one.expires_at,
        "titles": list(one.titles),
        "event_start": one.event_start,
        "dialect": one.dialect,
        "display": one.display,
        "spoken": one.spoken,
        "sound_key": content_key(one.spoken, one.dialect),
    }


def _difference(
    rows: Mapping[str, Row[Any]], wanted: Mapping[str, dict[str, Any]], now: datetime
) -> _Difference:
    known = {rows[key].id: (rows[key], values) for key, values in wanted.items() if key in rows}
    return _Difference(
        new=[values for key, values in wanted.items() if key not in rows and values["play_at"] >= now],
        changed={
            identifier: values for identifier, (row, values) in known.items() if _differs(row, values, now)
        },
        gone=[row.id for key, row in rows.items() if key not in wanted and row.state in _TO_COME],
    )


def _differs(row: Row[Any], values: Mapping[str, Any], now: datetime) -> bool:
    """Whether the row must be written; one a device has begun with stays as it was said."""
    if row.state == "failed":
        # Before its time it failed because it can't be spoken; other words may be.
        return bool(row.play_at > now and row.sound_key != values["sound_key"])
    return row.state in _REPLANNED and any(row._mapping[name] != value for name, value in values.items())


async def _write(
    connection: AsyncConnection,
    user_id: int,
    device_id: int,
    difference: _Difference,
    now: datetime,
) -> None:
    owner = {"user_id": user_id, "device_id": device_id, "updated_at": now}
    if difference.new:
        rows = [{"id": uuid4().hex, **owner, **values} for values in difference.new]
        await connection.execute(insert(t), rows)
    for identifier, values in difference.changed.items():
        change = update(t).where(t.c.id == identifier)
        await connection.execute(change.values(**values, detail=None, updated_at=now))
    if difference.gone:
        cancel = update(t).where(t.c.id.in_(difference.gone))
        await connection.execute(cancel.values(state="cancelled", updated_at=now))


async def _rows(
    connection: AsyncConnection, device_id: int, now: datetime, keys: list[str]
) -> dict[str, Row[Any]]:
    """By key, what is to come on this device, and whatever the plan names."""
    to_come = and_(t.c.expires_at > now, t.c.kind.in_(_KINDS))
    query = select(t).where(t.c.device_id == device_id, or_(to_come, t.c.key.in_(keys)))
    return {row.key: row for row in await connection.execute(query.with_for_update())}


async def _sounding(connection: AsyncConnection, keys: list[str]) -> set[str]:
    found = await connection.execute(select(sounds.c.key).where(sounds.c.key.in_(keys)))
    return set(found.scalars())


async def _lock_devices(connection: AsyncConnection, which: ColumnElement[bool]) -> Sequence[Row[Any, Any]]:
    query = select(devices.c.id, devices.c.schedule_version).where(which).order_by(devices.c.id)
    return (await connection.execute(query.with_for_update())).all()


async def _bump(connection: AsyncConnection, device_id: int) -> None:
    newer = devices.c.schedule_version + 1
    await connection.execute(update(devices).where(devices.c.id == device_id).values(schedule_version=newer))
    await announce_change(connection, schedule_topic(device_id))


def _stuck(row: Row[Any], now: datetime) -> bool:
    """Whether its sound should have been made long ago."""
    return bool(row.state == "planned" and row.updated_at < now - _RENDER_AGAIN)
