"""Which announcements are due soon on devices of some channels, and their states around sending."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.missed import OVERDUE_AFTER
from catflap.announcements.planning import HORIZON
from catflap.devices.devices import Channel
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.store.row_mapping import from_row
from catflap.store.tables import announcements as a
from catflap.store.tables import devices as d

# As a device that holds its schedule: later than that it is not played any more.
LATE: timedelta = OVERDUE_AFTER
_UNSENT = ("planned", "ready")
# Locked in one order, and without waiting: plans lock announcements in another one. What has no sound yet is
# left. Mutes are those of the device, and of all devices of its owner and of the user.
_CLAIM = text("""
    WITH due AS (
        SELECT a.id, COALESCE(
            GREATEST(d.muted_until, u.muted_until, m.muted_until) > GREATEST(a.play_at, :now), false
        ) AS is_muted
        FROM app.announcements a JOIN app.devices d ON d.id = a.device_id
            JOIN app.users u ON u.id = d.user_id JOIN app.users m ON m.id = a.user_id
            JOIN app.sounds s ON s.key = a.sound_key
        WHERE a.id = ANY (:ids) AND a.state IN ('planned', 'ready') AND a.expires_at > :now
            AND a.play_at > :late AND d.channel = ANY (:channels)
        ORDER BY a.id FOR UPDATE OF a SKIP LOCKED
    ), claimed AS (
        UPDATE app.announcements a SET
            state = CASE WHEN due.is_muted THEN 'held' ELSE 'sent' END,
            detail = CASE WHEN due.is_muted THEN 'muted' END,
            updated_at = :now
        FROM due WHERE a.id = due.id RETURNING a.*
    )
    SELECT c.id, c.device_id, c.play_at, c.expires_at, c.kind, c.display, c.state,
        d.user_id, d.channel, d.entity, d.rest_entity, d.sets_volume, d.room, d.volume,
        s.seconds, e.audio, COALESCE(e.sha256, s.sha256) AS sha256, COALESCE(e.bytes, s.bytes) AS bytes
    FROM claimed c JOIN app.devices d ON d.id = c.device_id JOIN app.sounds s ON s.key = c.sound_key
        LEFT JOIN app.encoded_sounds e ON e.key = c.sound_key AND e.audio = d.audio
""")
_STILL_SENT = text("""
    SELECT a.id FROM app.announcements a
        JOIN app.devices d ON d.id = a.device_id
        JOIN app.users u ON u.id = d.user_id JOIN app.users m ON m.id = a.user_id
    WHERE a.id = ANY (:ids) AND a.state = 'sent'
        AND COALESCE(GREATEST(d.muted_until, u.muted_until, m.muted_until) <= :now, true)
""")


@dataclass(frozen=True)
class DueDevice:
    """The device that plays an announcement; `volume` is 0 to 100.

    `entity` is a speaker of Home Assistant; `rest_entity` is on while nothing is to be said there;
    `sets_volume` says whether it gets this volume while it speaks.
    """

    id: int
    user_id: int
    channel: Channel
    entity: str | None
    rest_entity: str | None
    sets_volume: bool
    room: str
    volume: int


class DueStore:
    """Repository of announcements to send.

    Args:
        engine: The database.
        announcements: Builds what is sent.
        channels: The channels whose devices are meant.
    """

    def __init__(
        self, engine: AsyncEngine, announcements: ScheduledAnnouncements, channels: Sequence[str]
    ) -> None:
        self._engine = engine
        self._announcements = announcements
        self._channels = list(channels)

    async def upcoming(
        self, now: datetime, device_ids: Sequence[int] | None = None
    ) -> Sequence[Row[Any, Any, Any]]:
        """Return id, device and time of what is to be said in the coming day, of these devices or all."""
        where = [
            # The index on channels has this condition.
            d.c.channel != "https",
            d.c.channel.in_(self._channels),
            a.c.state.in_(_UNSENT),
            a.c.expires_at > now,
            a.c.play_at > now - LATE,
            a.c.play_at < now + HORIZON,
        ]
        if device_ids is not None:
            where.append(d.c.id.in_(device_ids))
        query = select(a.c.id, a.c.device_id, a.c.play_at).join(d, d.c.id == a.c.device_id).where(*where)
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def claim(self, ids: Sequence[str], now: datetime) -> list[tuple[DueDevice, dict[str, Any]]]:
        """Set those that are still to be said to `sent`, or `held` while muted; return those to send."""
        values = {"ids": list(ids), "now": now, "late": now - LATE, "channels": self._channels}
        async with self._engine.begin() as connection:
            rows = (await connection.execute(_CLAIM, values)).all()
        return [
            (from_row(DueDevice, row, id=row.device_id), self._announcements.resource(row._mapping))
            for row in rows
            if row.state == "sent"
        ]

    async def unsent(self, ids: Sequence[str]) -> set[str]:
        """Return which of these are planned or ready: without a sound, or locked when they were claimed."""
        if not ids:
            return set()
        query = select(a.c.id).where(a.c.id.in_(ids), a.c.state.in_(_UNSENT))
        async with self._engine.connect() as connection:
            return set((await connection.scalars(query)).all())

    async def still_sent(self, ids: Sequence[str], now: datetime) -> set[str]:
        """Return which of the claimed ones are neither cancelled nor muted."""
        async with self._engine.connect() as connection:
            return set((await connection.scalars(_STILL_SENT, {"ids": list(ids), "now": now})).all())

    async def release(self, ids: Sequence[str], now: datetime) -> None:
        """Set what could not be sent to `ready` again."""
        await self._leave_sent(ids, {"state": "ready", "updated_at": now})

    async def fail(self, announcement_id: str, reason: str, now: datetime) -> None:
        """Set what can't be sent to `failed`."""
        await self._leave_sent([announcement_id], {"state": "failed", "detail": reason, "updated_at": now})

    async def _leave_sent(self, ids: Sequence[str], values: dict[str, Any]) -> None:
        async with self._engine.begin() as connection:
            mine = a.c.id.in_(ids), a.c.state == "sent"
            await connection.execute(update(a).where(*mine).values(values))
