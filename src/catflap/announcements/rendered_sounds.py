"""Store rendered sounds (`app.sounds`), and replace those that another engine made for a speech server."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.encoded_sounds import PLAYABLE_STATES
from catflap.announcements.repository import increment_version
from catflap.store.tables import announcements as a
from catflap.store.tables import encoded_sounds, sounds


async def store_sound(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a rendered sound, unless it exists; a substitute that is over is replaced.

    Devices that have the address of a replaced sound are notified.
    """
    is_over = sounds.c.render_again_at <= values["used_at"]
    key = values["key"]
    old = select(sounds.c.sha256).where(sounds.c.key == key, is_over).with_for_update()
    replaced = await connection.scalar(old)
    stored = upsert(sounds).values(values)
    changed = stored.on_conflict_do_update(index_elements=["key"], set_=dict(values), where=is_over)
    await connection.execute(changed)
    if replaced is None or replaced == values["sha256"]:
        return
    await connection.execute(delete(encoded_sounds).where(encoded_sounds.c.key == key))
    having = select(a.c.device_id).distinct().where(a.c.sound_key == key, a.c.state.in_(PLAYABLE_STATES))
    # In this order, as by a plan, to avoid a deadlock.
    for device_id in sorted((await connection.scalars(having)).all()):
        await increment_version(connection, device_id)
