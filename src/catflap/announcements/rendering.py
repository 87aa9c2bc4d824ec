"""Render the sounds of announcements (the task `render`); equal texts share one sound."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.repository import mark_failed, mark_ready
from catflap.clock import Clock
from catflap.errors import CatflapError, may_retry
from catflap.speech import Speech
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_alone
from catflap.store.tables import sounds

_WAITING = PreparedQuery(
    text("""
    SELECT spoken, dialect, EXISTS (SELECT FROM app.sounds WHERE key = :sound_key) AS is_rendered
    FROM app.announcements WHERE sound_key = :sound_key AND state = 'planned' LIMIT 1
    """)
)


@dataclass(frozen=True)
class Renderer:
    """Synthesises sounds and updates the announcements that wait for them."""

    engine: AsyncEngine
    clock: Clock
    speech: Speech

    async def render(self, sound_key: str) -> None:
        """Synthesise a sound unless it exists or is not needed; set its announcements to `ready`.

        Announcements whose sound can't be synthesised become `failed`.

        Raises:
            CatflapError: as `Speech.synthesise`.
        """
        rows = await fetch_alone(self.engine, _WAITING, sound_key=sound_key)
        if not rows:
            return
        if not rows[0]["is_rendered"]:
            await self._synthesise(sound_key, rows[0]["spoken"], rows[0]["dialect"])
        async with self.engine.begin() as connection:
            await mark_ready(connection, sound_key, self.clock.now())

    async def _synthesise(self, sound_key: str, spoken: str, dialect: str) -> None:
        try:
            sound = await self.speech.synthesise(spoken, dialect=dialect)
        except CatflapError as error:
            if not may_retry(error):
                async with self.engine.begin() as connection:
                    await mark_failed(connection, sound_key, self.clock.now(), error.code)
            raise
        values = {
            "key": sound_key,
            "wav": sound.wav,
            "sha256": sound.sha256,
            "bytes": len(sound.wav),
            "seconds": sound.seconds,
            "used_at": self.clock.now(),
        }
        async with self.engine.begin() as connection:
            await connection.execute(upsert(sounds).values(values).on_conflict_do_nothing())
