"""What entities of Home Assistant show of devices, read from the database."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import rfc3339
from catflap.devices.channels.discovery_payloads import MAX_STATE
from catflap.devices.devices import OFFLINE_AFTER
from catflap.devices.schedule import is_muted_by_member
from catflap.store.tables import announcements as a
from catflap.store.tables import devices as d
from catflap.store.tables import users as u

_TO_COME = ("planned", "ready", "sent", "held")
_EVENTS = {"played": "played", "failed": "failed", "missed": "expired"}


@dataclass(frozen=True)
class DeviceStates:
    """A paired device and what its entities show.

    Attributes:
        next_at: The start of the next appointment that it announces; None without one.
        states: JSON or text, by the name of the state.
    """

    id: int
    user_id: int
    name: str
    model: str
    room: str
    next_at: datetime | None
    states: Mapping[str, Any]


async def read_states(
    engine: AsyncEngine, now: datetime, device_ids: Collection[int] | None = None
) -> list[DeviceStates]:
    """Return the paired ones of these devices, or of all; browsers are none."""
    columns = d, u.c.muted_until.label("all_muted_until")
    devices = select(*columns).join(u, u.c.id == d.c.user_id).where(d.c.session_id.is_(None))
    coming = select(a.c.device_id, a.c.titles, a.c.event_start).where(a.c.state.in_(_TO_COME))
    coming = coming.join(d, d.c.id == a.c.device_id).where(d.c.session_id.is_(None))
    coming = coming.where(a.c.expires_at > now, ~is_muted_by_member())
    if device_ids is not None:
        devices = devices.where(d.c.id.in_(device_ids))
        coming = coming.where(a.c.device_id.in_(device_ids))
    async with engine.connect() as connection:
        rows = (await connection.execute(devices)).all()
        following = _next_appointments((await connection.execute(coming)).all(), now)
    return [_states(row, following.get(row.id), now) for row in rows]


async def read_online(engine: AsyncEngine, now: datetime, device_ids: Collection[int]) -> dict[int, str]:
    """Return `ON` or `OFF` for each of these devices: whether it is connected."""
    query = select(d.c.id, d.c.last_seen_at).where(d.c.id.in_(device_ids))
    async with engine.connect() as connection:
        return {row.id: _online(row.last_seen_at, now) for row in await connection.execute(query)}


async def read_event(engine: AsyncEngine, device_id: int, announcement_id: str) -> dict[str, str] | None:
    """Return the event of an announcement that was acknowledged; None if nothing came of it yet."""
    query = select(a.c.state, a.c.display, a.c.kind)
    query = query.where(a.c.id == announcement_id, a.c.device_id == device_id)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).first()
    if row is None or row.state not in _EVENTS:
        return None
    return {"event_type": _EVENTS[row.state], "text": row.display, "kind": row.kind}


def _states(row: Row[Any], following: tuple[datetime, str] | None, now: datetime) -> DeviceStates:
    muted = any(until is not None and until > now for until in (row.muted_until, row.all_muted_until))
    at, title = following or (None, None)
    states = {
        "next": {"at": rfc3339(at) if at else None, "title": title},
        "quiet": "ON" if muted else "OFF",
        "vol": str(row.volume),
        "conn": _online(row.last_seen_at, now),
    }
    return DeviceStates(row.id, row.user_id, row.name, row.model, row.room, at, states)


def _online(seen: datetime | None, now: datetime) -> str:
    return "ON" if seen is not None and now - seen < OFFLINE_AFTER else "OFF"


def _next_appointments(rows: Sequence[Row[Any, Any, Any]], now: datetime) -> dict[int, tuple[datetime, str]]:
    found: dict[int, tuple[datetime, str]] = {}
    for device_id, at, title in _appointments(rows):
        if at > now and (device_id not in found or at < found[device_id][0]):
            found[device_id] = at, title
    return found


def _appointments(rows: Sequence[Row[Any, Any, Any]]) -> Iterator[tuple[int, datetime, str]]:
    for row in rows:
        # All-day events and briefings have a date as their start, texts that somebody sent have none.
        if "T" in row.event_start and row.titles:
            yield row.device_id, datetime.fromisoformat(row.event_start), ", ".join(row.titles)[:MAX_STATE]
