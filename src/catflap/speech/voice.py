"""From spoken words to sound: picks the engine by script, asks its worker, puts the pieces together.

Japanese never goes to eSpeak NG, and silence is never taken for speech: words that can't be heard are
replaced by the dialect's own for an appointment, or are an error; never a gap.
"""

import hashlib
import json
from collections.abc import Mapping

from catflap.speech import japanese
from catflap.speech.cleaning import capped, has_words, speakable
from catflap.speech.engines import Engine, installed_engines
from catflap.speech.failures import NothingToSay, NoVoice, SpeechFailed
from catflap.speech.frames import Request
from catflap.speech.language import Language, Run, runs
from catflap.speech.phrasebooks import Voice, phrasebook
from catflap.speech.sound import BETWEEN_SECONDS, RATE, Sound, assemble, seconds_for_words, seconds_of
from catflap.speech.worker import Worker

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
        stand_in = Run(book.dialect.language, book.private)
        if run.language not in self._engines:
            if run.language == stand_in.language:
                raise NoVoice(run.language)
            run = stand_in
        try:
            return await self._ask(run, dialect, seconds)
        except SpeechFailed as failure:
            # A script no engine knows: better a plain "appointment" than an announcement that never comes.
            if failure.code != "speech_empty" or run.language == stand_in.language:
                raise
            return await self._ask(stand_in, dialect, seconds)

    async def _ask(self, run: Run, dialect: str, seconds: float) -> bytes:
        voice = dict(_voice(run.language, dialect))
        request = Request(run.text, voice, RATE, seconds, self._timeout + _GRACE)
        return await self._workers[run.language].ask(request)


def content_key(spoken: str, dialect: str) -> str:
    """A stable hash of everything that shapes the sound: words, voices, engines and their versions."""
    engines = installed_engines()
    parts = [
        [run.text, run.language, dict(_voice(run.language, dialect)), engines[run.language].name]
        if run.language in engines
        else [run.text, run.language]
        for run in _stretches(spoken, dialect)
    ]
    recipe = json.dumps([_RECIPE, parts], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(recipe.encode()).hexdigest()


def _stretches(spoken: str, dialect: str) -> list[Run]:
    language = phrasebook(dialect).dialect.language
    words = capped(speakable(spoken), _MAX_CHARACTERS[language])
    if not has_words(words):
        raise NothingToSay
    return [
        Run("ja", japanese.reading(run.text)) if run.language == "ja" else run
        for run in runs(words, language)
    ]


def _voice(language: Language, dialect: str) -> Voice:
    book = phrasebook(dialect)
    return (book if book.dialect.language == language else phrasebook(_NEUTRAL[language])).voice
