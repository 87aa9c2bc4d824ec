"""Sounds in the formats of devices that want another one than the rendered WAV (`app.encoded_sounds`).

A row never changes, and goes with its sound. Until it exists, schedules have the WAV.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.speech import RENDERED_AUDIO, AudioFormat
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.single_statements import fetch_alone, fetch_within
from catflap.store.tables import announcements as a
from catflap.store.tables import encoded_sounds
from catflap.store.task_types import RENDER

# States of announcements that a device may still play.
PLAYABLE_STATES = ("planned", "ready", "sent")
_NOT_ENCODED = PreparedQuery(
    text("""
    SELECT s.key FROM app.sounds s WHERE s.key = ANY (:keys) AND EXISTS (
        SELECT FROM unnest(CAST(:audios AS text[])) AS wanted (audio) WHERE NOT EXISTS (
            SELECT FROM app.encoded_sounds e WHERE e.key = s.key AND e.audio = wanted.audio
        )
    )
    """)
)
# The devices that miss a sound in their format, with those formats.
_DEVICES_WITHOUT = PreparedQuery(
    text("""
    SELECT DISTINCT d.id, d.audio FROM app.announcements a JOIN app.devices d ON d.id = a.device_id
    WHERE a.sound_key = :key AND a.state = ANY (:states) AND d.audio <> :rendered AND NOT EXISTS (
        SELECT FROM app.encoded_sounds e WHERE e.key = a.sound_key AND e.audio = d.audio
    )
    """)
)


async def not_encoded(
    connection: AsyncConnection, keys: Collection[str], audios: Collection[str]
) -> set[str]:
    """Return which of these sounds exist, but not in all of these formats."""
    wanted = sorted({*audios} - {str(RENDERED_AUDIO)})
    if not wanted or not keys:
        return set()
    rows = await fetch_within(connection, _NOT_ENCODED, keys=[*keys], audios=wanted)
    return {row["key"] for row in rows}


async def devices_without(engine: AsyncEngine, key: str) -> dict[AudioFormat, list[int]]:
    """Return the ids of the devices that will play a sound and miss it in their format, by that format."""
    values = {"key": key, "states": [*PLAYABLE_STATES], "rendered": str(RENDERED_AUDIO)}
    found: dict[AudioFormat, list[int]] = {}
    for row in await fetch_alone(engine, _DEVICES_WITHOUT, **values):
        found.setdefault(AudioFormat.parse(row["audio"]), []).append(row["id"])
    return found


async def store_encoded(connection: AsyncConnection, key: str, audio: AudioFormat, content: bytes) -> None:
    """Store a sound in a format, unless it exists in it."""
    values = {
        "key": key,
        "audio": str(audio),
        "content": content,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    await connection.execute(upsert(encoded_sounds).values(values).on_conflict_do_nothing())


async def enqueue_encoding(connection: AsyncConnection, device_id: int, now: datetime) -> None:
    """Enqueue the encoding of what a device will play, after its format was changed."""
    query = (
        select(a.c.sound_key)
        .distinct()
        .where(a.c.device_id == device_id, a.c.state.in_(PLAYABLE_STATES), a.c.expires_at > now)
    )
    await enqueue(connection, RENDER, *(await connection.scalars(query)).all())
