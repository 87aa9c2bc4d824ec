"""From spoken words to sound: picks the engine by script, asks its worker, puts the pieces together.

Japanese never goes to eSpeak NG, and silence is never taken for speech: words that can't be heard are
replaced by the dialect's own for an appointment, or are an error; never a gap.
"""

import hashlib
import json
from collections.abc import Mapping

from catflap.speech import japanese
from catflap.speech.engine_process import Worker
from catflap.speech.engines import Engine, installed_engines
from catflap.speech.errors import NothingToSay, NoVoice, SpeechFailed
from catflap.speech.language import Language, Run, runs
from catflap.speech.phrasebooks import Voice, phrasebook
from catflap.speech.protocol import Request
from catflap.speech.segments import segments
from catflap.speech.text import capped, has_words, speakable
from catflap.speech.wav import BETWEEN_SECONDS, RATE, Sound, assemble, seconds_for_words, seconds_of

# Raise it whenever the same words would sound different.
_RECIPE = 1
_MAX_CHARACTERS: Mapping[Language, int] = {"ja": 200, "en": 400}
_LEAST_SECONDS = 0.5
_GRACE = 5.0
# The dialect whose voice speaks a stretch in the other language.
_NEUTRAL: Mapping[Language, str] = {"ja": "standard", "en": "plain"}


class Speech:
    """Turns spoken words into sound; owns one worker process per engine, started when first needed.

    Args:
        engines: By language; `installed_engines()` gives what this machine has.
        timeout: Seconds one stretch of words may take before its worker is killed.
    """

    def __init__(self, *, engines: Mapping[Language, Engine], timeout: float = 20.0) -> None:
        self._engines = engines
        self._timeout = timeout
        self._workers = {language: Worker(engine.command, timeout) for language, engine in engines.items()}

    async def synthesise(self, spoken: str, *, dialect: str) -> Sound:
        """The sound of `Utterance.spoken` in its dialect's voice; the same words always sound the same.

        Raises:
            NothingToSay: no word in it can be pronounced.
            NoVoice: no engine for its language is installed.
            SpeechFailed: the engine crashed, hung or stayed silent.
            UnknownDialect: there is no such dialect.
        """
        pieces: list[bytes] = []
        left = seconds_for_words()
        stretches = _stretches(spoken, dialect)
        for run in stretches:
            if left < _LEAST_SECONDS:
                break
            pieces.append(await self._piece(run, dialect, left))
            left -= seconds_of(pieces[-1]) + BETWEEN_SECONDS
        return assemble(pieces)

    async def aclose(self) -> None:
        """End the workers, whatever they are doing."""
        for worker in self._workers.values():
            await worker.aclose()

    async def _piece(self, run: Run, dialect: str, seconds: float) -> bytes:
        book = phrasebook(dialect)
        stand_in = Run(book.dialect.language, book.untitled)
        if not self._can_say(run):
            if stand_in.language not in self._engines:
                raise NoVoice(stand_in.language)
            run = stand_in
        try:
            return await self._ask(run, dialect, seconds)
        except SpeechFailed as failure:
            # A title no voice can say: better a plain "appointment" than an announcement that never comes.
            foreign = run.spoken_in or run.language != stand_in.language
            if not foreign or failure.code not in ("speech_empty", "speech_refused"):
                raise
            return await self._ask(stand_in, dialect, seconds)

    def _can_say(self, run: Run) -> bool:
        engine = self._engines.get(run.language)
        return engine is not None and (not run.spoken_in or run.spoken_in in engine.also_speaks)

    async def _ask(self, run: Run, dialect: str, seconds: float) -> bytes:
        voice = _voice(run, dialect)
        request = Request(run.text, voice, RATE, seconds, self._timeout + _GRACE)
        return await self._workers[run.language].ask(request)


def content_key(spoken: str, dialect: str) -> str:
    """A stable hash of everything that shapes the sound: words, voices, engines and their versions."""
    engines = installed_engines()
    parts = [
        [run.text, run.language, _voice(run, dialect), engines[run.language].name]
        if run.language in engines
        else [run.text, run.language]
        for run in _stretches(spoken, dialect)
    ]
    recipe = json.dumps([_RECIPE, parts], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(recipe.encode()).hexdigest()


def _stretches(spoken: str, dialect: str) -> list[Run]:
    """What each engine says, in order, with no more words than fit into a sound."""
    language = phrasebook(dialect).dialect.language
    found: list[Run] = []
    left = _MAX_CHARACTERS[language]
    for spoken_in, text in segments(spoken):
        words = capped(speakable(text), left)
        left -= len(words)
        if spoken_in:
            found += [Run("ja" if spoken_in == "ja" else "en", words, spoken_in)] if has_words(words) else []
        else:
            found += runs(words, language)
    if not found:
        raise NothingToSay
    return [_as_read(run) for run in found]


def _as_read(run: Run) -> Run:
    return Run("ja", japanese.reading(run.text)) if run.language == "ja" else run


def _voice(run: Run, dialect: str) -> dict[str, float | str]:
    book = phrasebook(dialect)
    voice: Voice = (
        book if book.dialect.language == run.language else phrasebook(_NEUTRAL[run.language])
    ).voice
    return {**voice, "spoken_in": run.spoken_in} if run.spoken_in else dict(voice)
