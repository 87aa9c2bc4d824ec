"""Synthesise utterances: choose an engine for each part of a text by its script, and join their samples.

Japanese never goes to eSpeak NG. When the best engine for a text fails or returns silence, the next one that
speaks its language is asked; text that none can say is replaced by the dialect's word for an appointment.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

from catflap.log import log
from catflap.speech import japanese
from catflap.speech.circuit import GuardedProcess
from catflap.speech.engine_process import EngineProcess
from catflap.speech.engines import Engine, engines_for
from catflap.speech.errors import NothingToSay, NoVoice, SpeechFailed
from catflap.speech.language import Language, Run, split_runs
from catflap.speech.phrasebooks import dialects, phrasebook
from catflap.speech.protocol import HIGHEST_FACTOR, LOWEST_FACTOR, SynthesisRequest
from catflap.speech.segments import split_segments
from catflap.speech.source_hash import source_hash
from catflap.speech.text import has_words, speakable_text, truncate
from catflap.speech.voice_choice import VoiceChoice
from catflap.speech.wav import BETWEEN_SECONDS, RATE, Sound, assemble, duration_of, join, max_speech_seconds

# Increment it when the same text would sound different.
FORMAT_VERSION = 2
_MAX_CHARACTERS: Mapping[Language, int] = {"ja": 200, "en": 400}
_LEAST_SECONDS = 0.5
_GRACE = 5.0
# The dialect whose voice is used for a part in the other language.
_NEUTRAL_DIALECT: Mapping[Language, str] = {"ja": "standard", "en": "plain"}


class _Part(NamedTuple):
    """A part of a text as samples, and whether a speech server should have said it."""

    pcm: bytes
    is_substitute: bool


class Speech:
    """Speech synthesiser with one process per engine, started when first needed.

    Args:
        engines: The best for a language before the others, such as `installed_engines()`.
        timeout: Seconds for one part of a text; then the engine process is killed.
    """

    def __init__(self, *, engines: Sequence[Engine], timeout: float = 20.0) -> None:
        self._engines = engines
        self._timeout = timeout
        self._processes = {engine.id: _process(engine, timeout) for engine in engines}

    async def synthesise(self, spoken: str, voice: VoiceChoice) -> Sound:
        """Synthesise `Utterance.spoken` in a voice; equal texts give equal sounds.

        Raises:
            NothingToSay: it has nothing that can be pronounced.
            NoVoice: no engine for its language is installed.
            SpeechFailed: the engine crashed, hung or returned silence.
            UnknownDialect: there is no such dialect.
        """
        parts = await self._parts(spoken, voice)
        is_substitute = any(part.is_substitute for part in parts)
        return assemble([part.pcm for part in parts], is_substitute=is_substitute)

    async def speak(self, spoken: str, voice: VoiceChoice) -> bytes:
        """Synthesise as `synthesise`, without the chime: PCM s16le, mono, at `RATE`."""
        return join([part.pcm for part in await self._parts(spoken, voice)])

    async def _parts(self, spoken: str, voice: VoiceChoice) -> list[_Part]:
        said: list[_Part] = []
        remaining = max_speech_seconds()
        for run in split_text(spoken, voice.dialect):
            if remaining < _LEAST_SECONDS:
                break
            said.append(await self._synthesise_part(run, voice, remaining))
            remaining -= duration_of(said[-1].pcm) + BETWEEN_SECONDS
        return said

    async def aclose(self) -> None:
        """Kill the engine processes."""
        for process in self._processes.values():
            await process.aclose()

    async def _synthesise_part(self, run: Run, voice: VoiceChoice, seconds: float) -> _Part:
        book = phrasebook(voice.dialect)
        substitute = Run(book.dialect.language, book.untitled)
        attempts = [(one, self._engines_for(one, voice)) for one in (run, substitute)]
        if not any(engines for _, engines in attempts):
            raise NoVoice(substitute.language)
        failure: SpeechFailed | None = None
        has_server_failed = False
        for attempt, engines in attempts:
            for engine in engines:
                settings = voice_settings(attempt, voice, engine)
                request = SynthesisRequest(attempt.text, settings, RATE, seconds, self._timeout + _GRACE)
                try:
                    pcm = await self._processes[engine.id].synthesise(request)
                    return _Part(pcm, has_server_failed)
                except SpeechFailed as failed:
                    if failed.code == "speech_closed":
                        raise
                    if engine.timeout is None:  # else its circuit logs it, once for all texts
                        log.warning("voice_failed", engine=engine.id, code=failed.code, hint=failed.message)
                    failure = failure or failed
                    has_server_failed |= engine.timeout is not None
        assert failure is not None
        raise failure

    def _engines_for(self, run: Run, voice: VoiceChoice) -> list[Engine]:
        return engines_for(run, self._engines, voice.engine(run.language))


def _process(engine: Engine, timeout: float) -> EngineProcess | GuardedProcess:
    if engine.timeout is None:
        return EngineProcess(engine.command, timeout, engine.environment)
    # The engine gives up by itself; this is for its start, and in case it hangs.
    process = EngineProcess(engine.command, engine.timeout + _GRACE, engine.environment)
    return GuardedProcess(engine.id, process)


@cache
def speech_version() -> str:
    """Return a hash of this installation's phrasebooks, code and version, which all texts depend on."""
    books = [repr(phrasebook(one.id)) for one in dialects()]
    parts = [version("catflap"), FORMAT_VERSION, source_hash(), books]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def split_text(spoken: str, dialect: str) -> list[Run]:
    """Split a text into the parts for each engine, in order, cut to what fits into a sound.

    Raises:
        NothingToSay: it has nothing that can be pronounced.
    """
    language = phrasebook(dialect).dialect.language
    found: list[Run] = []
    left = _MAX_CHARACTERS[language]
    for spoken_in, text in split_segments(spoken):
        words = truncate(speakable_text(text), left)
        left -= len(words)
        if spoken_in:
            found += [Run("ja" if spoken_in == "ja" else "en", words, spoken_in)] if has_words(words) else []
        else:
            found += split_runs(words, language)
    if not found:
        raise NothingToSay
    return [_with_reading(run) for run in found]


def _with_reading(run: Run) -> Run:
    return Run("ja", japanese.reading(run.text)) if run.language == "ja" else run


def voice_settings(run: Run, voice: VoiceChoice, engine: Engine) -> dict[str, float | str]:
    """Return the settings of the voice in which an engine reads a part of a text."""
    own, neutral = phrasebook(voice.dialect), phrasebook(_NEUTRAL_DIALECT[run.language])
    # An engine of both languages must not read one with the voice of the other.
    voices = own.voices if own.dialect.language == run.language else {}
    settings = dict(voices.get(engine.id) or neutral.voices.get(engine.id) or engine.voice)
    if voice.pitch:
        factor = float(settings.get("pitch_factor", 1.0)) * voice.pitch_factor
        settings["pitch_factor"] = min(max(factor, LOWEST_FACTOR), HIGHEST_FACTOR)
    return {**settings, "spoken_in": run.spoken_in} if run.spoken_in else settings
