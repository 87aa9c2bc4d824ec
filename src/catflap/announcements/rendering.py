"""Render the sounds of announcements (the task `render`); equal texts share one sound."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.repository import mark_failed, mark_ready
from catflap.clock import Clock
from catflap.errors import CatflapError, may_retry
from catflap.speech import Speech
from catflap.store.tables import announcements as a
from catflap.store.tables import sounds


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
        wanted = select(a.c.spoken, a.c.dialect)
        wanted = wanted.where(a.c.sound_key == sound_key, a.c.state == "planned").limit(1)
        async with self.engine.connect() as connection:
            row = (await connection.execute(wanted)).first()
            exists = await connection.scalar(select(sounds.c.key).where(sounds.c.key == sound_key))
        if row is None:
            return
        if exists is None:
            await self._synthesise(sound_key, row.spoken, row.dialect)
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
