"""Rows of announcements, as a plan or a request made them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.store.planning_tables import reactions
from catflap.store.tables import announcements, sounds

LASTS = timedelta(minutes=10)


async def add_announcement(
    engine: AsyncEngine, user_id: int, device_id: int, play_at: datetime, **more: Any
) -> str:
    """Add a reminder of an appointment ten minutes later, played by the device; return its id."""
    name = more.pop("id", f"{device_id}-{play_at.isoformat()}")
    values = {
        "id": name,
        "user_id": user_id,
        "device_id": device_id,
        "key": name,
        "kind": "before",
        "state": "played",
        "play_at": play_at,
        "expires_at": play_at + LASTS,
        "titles": ["Lunch"],
        "event_start": (play_at + LASTS).isoformat(),
        "dialect": "kitten",
        "display": "Lunch in 10 minutes!",
        "spoken": "Lunch in ten minutes!",
        "sound_key": "sound of lunch",
        "occurrences": ["lunch"],
        "updated_at": play_at,
    }
    async with engine.begin() as connection:
        await connection.execute(insert(announcements).values({**values, **more}))
    return name


async def add_sound(engine: AsyncEngine, now: datetime, key: str = "sound of lunch") -> None:
    """Add the sound of such a reminder."""
    row = {"key": key, "wav": b"RIFF", "sha256": "5" * 64, "bytes": 4, "seconds": 1.5, "used_at": now}
    async with engine.begin() as connection:
        await connection.execute(insert(sounds).values(row))


async def reactions_of(engine: AsyncEngine, user_id: int) -> list[tuple[str, str, datetime | None]]:
    """Return what a user did about occurrences, in order."""
    query = select(reactions).where(reactions.c.user_id == user_id).order_by(reactions.c.id)
    async with engine.connect() as connection:
        return [(row.action, row.occurrence, row.play_at) for row in await connection.execute(query)]


async def made_at_once(engine: AsyncEngine, device_id: int) -> list[Row[Any]]:
    """Return the announcements of a device that no plan made, in the order in which they are played."""
    t = announcements.c
    query = select(announcements).where(t.device_id == device_id, t.kind.in_(("say", "repeat")))
    async with engine.connect() as connection:
        return list(await connection.execute(query.order_by(t.play_at, t.id)))
