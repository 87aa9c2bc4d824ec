"""Synthesise utterances: choose an engine for each part of a text by its script, and join their samples.

Japanese never goes to eSpeak NG. When the best engine for a text fails or returns silence, the next one that
speaks its language is asked; text that none can say is replaced by the dialect's word for an appointment.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version

from catflap.speech import japanese
from catflap.speech.circuit import GuardedProcess
from catflap.speech.engine_process import EngineProcess
from catflap.speech.engines import Engine, engines_for
from catflap.speech.errors import NothingToSay, NoVoice, SpeechFailed
from catflap.speech.language import Language, Run, split_runs
from catflap.speech.phrasebooks import dialects, phrasebook
from catflap.speech.protocol import SynthesisRequest
from catflap.speech.segments import split_segments
from catflap.speech.source_hash import source_hash
from catflap.speech.text import has_words, speakable_text, truncate
from catflap.speech.wav import BETWEEN_SECONDS, RATE, Sound, assemble, duration_of, join, max_speech_seconds

# Increment it when the same text would sound different.
FORMAT_VERSION = 2
_MAX_CHARACTERS: Mapping[Language, int] = {"ja": 200, "en": 400}
_LEAST_SECONDS = 0.5
_GRACE = 5.0
# The dialect whose voice is used for a part in the other language.
_NEUTRAL_DIALECT: Mapping[Language, str] = {"ja": "standard", "en": "plain"}


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

    async def synthesise(self, spoken: str, *, dialect: str) -> Sound:
        """Synthesise `Utterance.spoken` in the voice of a dialect; equal texts give equal sounds.

        Raises:
            NothingToSay: it has nothing that can be pronounced.
            NoVoice: no engine for its language is installed.
            SpeechFailed: the engine crashed, hung or returned silence.
            UnknownDialect: there is no such dialect.
        """
        return assemble(await self._chunks(spoken, dialect))

    async def speak(self, spoken: str, *, dialect: str) -> bytes:
        """Synthesise as `synthesise`, without the chime: PCM s16le, mono, at `RATE`."""
        return join(await self._chunks(spoken, dialect))

    async def _chunks(self, spoken: str, dialect: str) -> list[bytes]:
        chunks: list[bytes] = []
        remaining = max_speech_seconds()
        parts = split_text(spoken, dialect)
        for run in parts:
            if remaining < _LEAST_SECONDS:
                break
            chunks.append(await self._synthesise_part(run, dialect, remaining))
            remaining -= duration_of(chunks[-1]) + BETWEEN_SECONDS
        return chunks

    async def aclose(self) -> None:
        """Kill the engine processes."""
        for process in self._processes.values():
            await process.aclose()

    async def _synthesise_part(self, run: Run, dialect: str, seconds: float) -> bytes:
        book = phrasebook(dialect)
        substitute = Run(book.dialect.language, book.untitled)
        if not engines_for(substitute, self._engines) and not engines_for(run, self._engines):
            raise NoVoice(substitute.language)
        failure: SpeechFailed | None = None
        for attempt in (run, substitute):
            for engine in engines_for(attempt, self._engines):
                voice = voice_settings(attempt, dialect, engine)
                request = SynthesisRequest(attempt.text, voice, RATE, seconds, self._timeout + _GRACE)
                try:
                    return await self._processes[engine.id].synthesise(request)
                except SpeechFailed as failed:
                    if failed.code == "speech_closed":
                        raise
                    failure = failure or failed
        assert failure is not None
        raise failure


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


def voice_settings(run: Run, dialect: str, engine: Engine) -> dict[str, float | str]:
    """Return the settings of the voice in which an engine reads a part of a text."""
    own, neutral = phrasebook(dialect), phrasebook(_NEUTRAL_DIALECT[run.language])
    voice = own.voices.get(engine.id) or neutral.voices.get(engine.id) or engine.voice
    return {**voice, "spoken_in": run.spoken_in} if run.spoken_in else dict(voice)
