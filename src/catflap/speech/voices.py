"""The engines of an installation, and the keys of the sounds that they make.

Planning computes the key of a sound and rendering makes it, in other processes perhaps; both build the same
value from the settings. An engine counts by its name, which says what determines its sound, so a key does
not depend on the address of a server.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from catflap.errors import OperatorMustAct
from catflap.speech.engines import Engine, engines_for, installed_engines
from catflap.speech.language import Language
from catflap.speech.synthesis import FORMAT_VERSION, speech_version, split_text, voice_settings
from catflap.speech.voice_choice import VoiceChoice

_LANGUAGES: tuple[Language, ...] = ("ja", "en")


@dataclass(frozen=True)
class Voices:
    """The engines of an installation, the best for a language before the others."""

    engines: tuple[Engine, ...]

    def content_key(self, spoken: str, voice: VoiceChoice) -> str:
        """Return a hash of all that determines the sound: text, voices, engines and their versions.

        Raises:
            NothingToSay, UnknownDialect: as `Speech.synthesise`.
        """
        parts = []
        for run in split_text(spoken, voice.dialect):
            engines = engines_for(run, self.engines, voice.engine(run.language))
            chosen = [[engine.name, voice_settings(run, voice, engine)] for engine in engines[:1]]
            parts.append([run.text, run.language, run.spoken_in, chosen])
        return _hash([FORMAT_VERSION, parts])

    @cached_property
    def version(self) -> str:
        """A hash of engines, phrasebooks and version, on which all sounds and texts depend."""
        return _hash([speech_version(), [[engine.name, dict(engine.voice)] for engine in self.engines]])

    def wording_key(self, fingerprint: str, voice: VoiceChoice) -> str:
        """Return a hash of a text's fingerprint, its voice and the engines: its sound key changes with it."""
        return _hash([self.version, fingerprint, vars(voice)])

    def speaking(self, language: Language) -> list[Engine]:
        """Return the engines that speak a language, the best first."""
        return [engine for engine in self.engines if language in engine.languages]

    def missing_languages(self) -> Sequence[Language]:
        """Return the languages of the phrasebooks that have no engine."""
        return [language for language in _LANGUAGES if not self.speaking(language)]


def choose_engines(engines: Sequence[Engine], ids: Sequence[str]) -> tuple[Engine, ...]:
    """Return the engines that the setting `CATFLAP_VOICES` names, in its order; all for an empty one.

    Raises:
        OperatorMustAct: `settings_invalid`: one of them is not installed.
    """
    by_id = {engine.id: engine for engine in engines}
    for id_ in ids:
        if id_ not in by_id:
            raise OperatorMustAct(
                "settings_invalid",
                f"CATFLAP_VOICES: {id_!r} is not installed; there are: {', '.join(by_id) or 'none'}",
            )
    return tuple(by_id[id_] for id_ in dict.fromkeys(ids)) or tuple(engines)


@cache
def installed_voices() -> Voices:
    """Return the engines that are installed here, without those that settings switch on."""
    return Voices(installed_engines())


def _hash(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
