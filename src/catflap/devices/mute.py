"""Mute all devices of a user at once, for a while or until it is ended (`app.users.muted_until`).

Beside the mute that each device has of its own; a schedule has the later end of both. On a shared device of
somebody else, it leaves out what the user would hear there. When it began is stored
too, and stays with the end after the mute is over: what was due meanwhile was held and not missed.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Literal

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.audience import devices_of_user
from catflap.announcements.preferences import Preferences
from catflap.announcements.repository import increment_version
from catflap.calendars.datetimes import to_utc
from catflap.store.tables import users

MuteFor = Literal["hour", "tomorrow", "always"]
# The end of a mute without one, because devices know only times; it fits into 32 bits without a sign.
ALWAYS = datetime(2100, 1, 1, tzinfo=UTC)
# Until then at night, people call the morning to come tomorrow.
_NIGHT_ENDS = time(4)
_NOON = time(12)
_USUAL_MORNING = time(6)
_MUTE = text("""
    UPDATE app.users SET muted_at = CASE WHEN muted_until > :now THEN muted_at ELSE :now END,
        muted_until = :until
    WHERE id = :user_id
""")
_UNMUTE = text("""
    UPDATE app.users SET muted_until = :now WHERE id = :user_id AND muted_until > :now RETURNING id
""")


def mute_end(lasts: MuteFor, preferences: Preferences, now: datetime) -> datetime:
    """Return when a mute that begins now ends.

    Args:
        lasts: `hour`, `tomorrow` or `always`. Tomorrow begins with the briefing, which is said, if that is
            between 4:00 and noon, else at 6:00; before 4:00 it is the morning of the same day.
        preferences: The user's.
        now: The time.
    """
    if lasts == "hour":
        return now + timedelta(hours=1)
    if lasts == "always":
        return ALWAYS
    here = now.astimezone(preferences.time_zone)
    day = here.date() if here.time() < _NIGHT_ENDS else here.date() + timedelta(days=1)
    briefing = preferences.briefing_at
    morning = briefing if briefing and _NIGHT_ENDS <= briefing < _NOON else _USUAL_MORNING
    return to_utc(datetime.combine(day, morning), preferences.time_zone)


async def find_mute(connection: AsyncConnection, user_id: int, now: datetime) -> datetime | None:
    """Return until when all devices are muted, `ALWAYS` without an end; None if they are not."""
    until: datetime | None = await connection.scalar(select(users.c.muted_until).where(users.c.id == user_id))
    return until if until is not None and until > now else None


async def mute_all(connection: AsyncConnection, user_id: int, until: datetime, now: datetime) -> None:
    """Mute all devices until a time, instead of until any other; notify them."""
    await connection.execute(_MUTE, {"user_id": user_id, "until": min(until, ALWAYS), "now": now})
    await _give_new_versions(connection, user_id)


async def unmute_all(connection: AsyncConnection, user_id: int, now: datetime) -> None:
    """End the mute of all devices, and notify them; nothing happens without one."""
    if (await connection.execute(_UNMUTE, {"user_id": user_id, "now": now})).first() is not None:
        await _give_new_versions(connection, user_id)


async def _give_new_versions(connection: AsyncConnection, user_id: int) -> None:
    # In the order of ids, as plans lock them.
    for device in await devices_of_user(connection, user_id):
        await increment_version(connection, device.id)
