"""Sounds of examples, for somebody who chooses a voice and wants to hear it before.

The process that answers may have no engine, so a worker makes them (the task `sample`) and says when it has.
They are stored as the sounds of announcements are, by what determines them, and deleted like those.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.rendered_sounds import store_sound
from catflap.clock import Clock
from catflap.errors import CatflapError, TryAgain
from catflap.log import log
from catflap.speech import NoVoice, Speech, Talkativeness, VoiceChoice, Voices, say_example
from catflap.store.counters import SUCCEEDED, Count, count_nothing
from catflap.store.notify import NotificationListener, announce_change
from catflap.store.queue import enqueue
from catflap.store.tables import sounds
from catflap.store.task_types import SAMPLE, SampleKey, outcome_of, sample_topic

# The first sentence of an engine takes a few seconds on a slow machine.
_WAIT = timedelta(seconds=20)
_AGAIN = timedelta(seconds=5)


@dataclass(frozen=True)
class Samples:
    """Looks examples up, and has them made.

    Args:
        engine: The database.
        clock: The current time.
        voices: The engines that will render the sounds.
        notifications: Tell when one is made.
        wait: How long to wait for it.
    """

    engine: AsyncEngine
    clock: Clock
    voices: Voices
    notifications: NotificationListener
    wait: timedelta = _WAIT

    def sample(self, voice: VoiceChoice, talk: Talkativeness | None = None) -> SampleKey:
        """Return what names an example in a voice.

        Raises:
            UnknownDialect: there is no such dialect.
        """
        key = self.voices.content_key(say_example(voice.dialect, talk).spoken, voice)
        return SampleKey(key, voice.dialect, voice.pitch, voice.engine_ja, voice.engine_en, talk)

    async def find(self, sample: SampleKey) -> bytes | None:
        """Return the WAV of an example that was made already."""
        async with self.engine.connect() as connection:
            wav = await connection.scalar(_sound(sample, self.clock.now()))
        return None if wav is None else bytes(wav)

    async def make(self, sample: SampleKey) -> bytes:
        """Have an example made, and return its WAV.

        Raises:
            NoVoice: no engine for its language is installed.
            TryAgain: `voice_unavailable`: the engine failed, or no worker has made it in time.
        """
        with self.notifications.watch_prefix(sample_topic(sample.sound_key)) as changes:
            async with self.engine.begin() as connection:
                await enqueue(connection, SAMPLE, sample, is_urgent=True)
            try:
                async with asyncio.timeout(self.wait.total_seconds()):
                    while True:
                        await changes.event.wait()
                        outcomes = {outcome_of(topic) for topic in changes.take() or ()}
                        if wav := await self.find(sample):
                            return wav
                        if failures := outcomes - {""}:
                            raise self._failure(sample, failures)
            except TimeoutError:
                raise self._failure(sample, set()) from None

    def _failure(self, sample: SampleKey, codes: set[str]) -> CatflapError:
        language = say_example(sample.dialect).language
        if "no_voice" in codes or (self.voices.engines and language in self.voices.missing_languages()):
            return NoVoice(language)
        return TryAgain("voice_unavailable", "The voice did not answer. Try again in a moment.", after=_AGAIN)


@dataclass(frozen=True)
class SampleRenderer:
    """Synthesises examples, and counts them as renders."""

    engine: AsyncEngine
    clock: Clock
    speech: Speech
    count: Count = count_nothing

    async def render(self, sample: SampleKey) -> None:
        """Synthesise an example unless it exists, and tell who waits how it went.

        An error is no failure of the task: nobody waits for another attempt.
        """
        voice = VoiceChoice(sample.dialect, sample.pitch, sample.engine_ja, sample.engine_en)
        outcome = ""
        async with self.engine.connect() as connection:
            is_made = await connection.scalar(_sound(sample, self.clock.now())) is not None
        try:
            said = say_example(sample.dialect, cast(Talkativeness | None, sample.talkativeness))
            sound = None if is_made else await self.speech.synthesise(said.spoken, voice)
        except CatflapError as error:
            log.warning("sample_not_made", code=error.code, hint=error.message)
            sound, outcome = None, error.code
        if not is_made:
            self.count("renders", outcome or SUCCEEDED)
        async with self.engine.begin() as connection:
            if sound is not None:
                await store_sound(connection, sample.sound_key, sound, self.clock.now())
            await announce_change(connection, sample_topic(sample.sound_key, outcome))


def _sound(sample: SampleKey, now: datetime) -> Select[bytes]:
    """Select the WAV of an example, unless another engine made it for a speech server that was away."""
    is_good = or_(sounds.c.render_again_at.is_(None), sounds.c.render_again_at > now)
    return select(sounds.c.wav).where(sounds.c.key == sample.sound_key, is_good)
