"""Store rendered sounds (`app.sounds`), and replace those that another engine made for a speech server."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.encoded_sounds import PLAYABLE_STATES
from catflap.announcements.repository import increment_version
from catflap.speech import Sound
from catflap.store.tables import announcements as a
from catflap.store.tables import encoded_sounds, sounds

# After so long a speech server that was away is asked again for a sound that another engine made.
_SUBSTITUTE_KEPT = timedelta(hours=1)


async def store_sound(connection: AsyncConnection, key: str, sound: Sound, now: datetime) -> None:
    """Store a sound that was rendered, unless it exists; a substitute that is over is replaced.

    Devices that have the address of a replaced sound are notified.
    """
    values = {
        "key": key,
        "wav": sound.wav,
        "sha256": sound.sha256,
        "bytes": len(sound.wav),
        "seconds": sound.seconds,
        "used_at": now,
        "render_again_at": now + _SUBSTITUTE_KEPT if sound.is_substitute else None,
    }
    is_over = sounds.c.render_again_at <= now
    old = select(sounds.c.sha256).where(sounds.c.key == key, is_over).with_for_update()
    replaced = await connection.scalar(old)
    stored = upsert(sounds).values(values)
    changed = stored.on_conflict_do_update(index_elements=["key"], set_=values, where=is_over)
    await connection.execute(changed)
    if replaced is None or replaced == values["sha256"]:
        return
    await connection.execute(delete(encoded_sounds).where(encoded_sounds.c.key == key))
    having = select(a.c.device_id).distinct().where(a.c.sound_key == key, a.c.state.in_(PLAYABLE_STATES))
    # In this order, as by a plan, to avoid a deadlock.
    for device_id in sorted((await connection.scalars(having)).all()):
        await increment_version(connection, device_id)
