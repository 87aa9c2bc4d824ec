"""What became of a user's announcements on each of their devices lately, without a word of their texts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

Outcome = Literal["played", "failed", "missed", "held"]
# Of a user on a device there are some hundred announcements (`catflap.announcements.repository.KEPT`),
# which their unique index finds; one by time would cost each plan more than it saves here.
_RECENT = text("""
    SELECT m.device_id, a.play_at, a.state, a.held_for, a.detail, a.updated_at, s.seconds
    FROM app.device_members m CROSS JOIN LATERAL (
        SELECT * FROM app.announcements
        WHERE device_id = m.device_id AND user_id = m.user_id AND play_at <= :now
            AND (state IN ('played', 'failed', 'missed', 'held')
                OR (expires_at <= :now AND state IN ('planned', 'ready', 'sent')))
        ORDER BY play_at DESC, id DESC LIMIT :limit
    ) a LEFT JOIN app.sounds s ON s.key = a.sound_key
    WHERE m.user_id = :user_id
    ORDER BY m.device_id, a.play_at, a.id
""")


@dataclass(frozen=True)
class Play:
    """What became of one announcement on a device.

    Attributes:
        device_id: The device.
        play_at: When it was to be said.
        outcome: `missed` also if the device has not told of it until it expired.
        reason: Why it was not said: `quiet` or `meeting` of a plan, else what the device told.
        late_seconds: How much later than `play_at` it began, if it was played.
    """

    device_id: int
    play_at: datetime
    outcome: Outcome
    reason: str | None
    late_seconds: float | None


async def recent_plays(engine: AsyncEngine, user_id: int, now: datetime, limit: int) -> list[Play]:
    """Return a user's last announcements on each of their devices, by device, oldest first.

    On a shared device these are only their own.

    Args:
        engine: The database.
        user_id: The user.
        now: The time.
        limit: How many of a device at most.
    """
    values = {"user_id": user_id, "now": now, "limit": limit}
    async with engine.connect() as connection:
        return [_play(row) for row in await connection.execute(_RECENT, values)]


def _play(row: Row[tuple[object, ...]]) -> Play:
    was_told = row.state in ("played", "failed", "missed", "held")
    late = None
    if row.state == "played":
        # Devices tell after the last sample.
        begun_at = row.updated_at - timedelta(seconds=row.seconds or 0)
        late = max(0.0, round((begun_at - row.play_at).total_seconds(), 1))
    return Play(
        device_id=row.device_id,
        play_at=row.play_at,
        outcome=row.state if was_told else "missed",
        reason=row.held_for or row.detail if was_told and row.state != "played" else None,
        late_seconds=late,
    )
