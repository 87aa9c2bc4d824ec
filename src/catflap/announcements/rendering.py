"""Render the sounds of announcements (the task `render`); equal texts share one sound."""

from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.encoded_sounds import devices_without, store_encoded
from catflap.announcements.rendered_sounds import store_sound
from catflap.announcements.repository import increment_version, mark_failed, mark_ready
from catflap.clock import Clock
from catflap.errors import CatflapError, may_retry
from catflap.log import log
from catflap.speech import Speech, VoiceChoice, encode
from catflap.store.counters import SUCCEEDED, Count, count_nothing
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.row_mapping import from_row
from catflap.store.single_statements import fetch_alone
from catflap.store.tables import sounds

_WAITING = PreparedQuery(
    text("""
    SELECT a.spoken, a.dialect, a.pitch, a.engine_ja, a.engine_en, s.key IS NOT NULL AND (
        s.render_again_at IS NULL OR s.render_again_at > :now
    ) AS is_rendered
    FROM app.announcements a LEFT JOIN app.sounds s ON s.key = a.sound_key
    WHERE a.sound_key = :sound_key AND a.state = 'planned' LIMIT 1
    """)
)


@dataclass(frozen=True)
class Renderer:
    """Synthesises sounds and updates the announcements that wait for them."""

    engine: AsyncEngine
    clock: Clock
    speech: Speech
    count: Count = count_nothing

    async def render(self, sound_key: str) -> None:
        """Synthesise a sound unless it exists or is not needed; set its announcements to `ready`.

        It is encoded in the formats of their devices before. Announcements whose sound can't be synthesised
        become `failed`; where it can't be encoded, devices get the WAV.

        Raises:
            CatflapError: as `Speech.synthesise`.
        """
        rows = await fetch_alone(self.engine, _WAITING, sound_key=sound_key, now=self.clock.now())
        if rows and not rows[0]["is_rendered"]:
            await self._synthesise(sound_key, rows[0]["spoken"], from_row(VoiceChoice, rows[0]))
        await self._encode(sound_key)
        if rows:
            async with self.engine.begin() as connection:
                await mark_ready(connection, sound_key, self.clock.now())

    async def _encode(self, sound_key: str) -> None:
        """Encode a sound in the formats of the devices that will play it, and notify them."""
        lacking = await devices_without(self.engine, sound_key)
        if not lacking:
            return
        async with self.engine.connect() as connection:
            wav = await connection.scalar(select(sounds.c.wav).where(sounds.c.key == sound_key))
        if wav is None:
            return
        for audio, device_ids in lacking.items():
            try:
                content = await encode(bytes(wav), audio)
            except CatflapError as error:
                log.warning("sound_not_encoded", audio=str(audio), code=error.code, hint=error.message)
                continue
            async with self.engine.begin() as connection:
                await store_encoded(connection, sound_key, audio, content)
                # In this order, as by a plan, to avoid a deadlock.
                for device_id in sorted(device_ids):
                    await increment_version(connection, device_id)

    async def _synthesise(self, sound_key: str, spoken: str, voice: VoiceChoice) -> None:
        try:
            sound = await self.speech.synthesise(spoken, voice)
        except CatflapError as error:
            self.count("renders", error.code)
            if not may_retry(error):
                async with self.engine.begin() as connection:
                    failed = await mark_failed(connection, sound_key, self.clock.now(), error.code)
                self.count("announcements", "failed", failed)
            raise
        self.count("renders", SUCCEEDED)
        async with self.engine.begin() as connection:
            await store_sound(connection, sound_key, sound, self.clock.now())
