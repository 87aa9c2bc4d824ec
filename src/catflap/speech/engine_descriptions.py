"""What each engine is, for people who choose one; NOTICE has the licences of all that they consist of."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from catflap.speech.engines import Engine


@dataclass(frozen=True)
class EngineDescription:
    """An engine in a few words.

    Args:
        name: What it is called.
        about: What it sounds like, or where it is.
        licence: Of engine and voice; None for a server, whose terms are its own.
        credit: Whom to name where its sound is shown or published; None if nobody has to be.
    """

    name: str
    about: str
    licence: str | None = None
    credit: str | None = None


_DESCRIPTIONS: Mapping[str, EngineDescription] = MappingProxyType(
    {
        "openjtalk": EngineDescription(
            "Open JTalk",
            "Clear Japanese with exact accents, the voice “Mei”",
            "Modified BSD; voice CC BY 3.0",
            "HTS Voice “Mei” © 2009–2013 Nagoya Institute of Technology, Department of Computer Science; "
            "MMDAgent Project Team, http://www.mmdagent.jp/ (CC BY 3.0), with its pitch raised",
        ),
        "kokoro": EngineDescription("Kokoro", "A warm neural voice", "Apache 2.0"),
        "flite": EngineDescription(
            "Flite", "Clear and a little flat", "Permissive, Carnegie Mellon University"
        ),
        "espeak": EngineDescription("eSpeak NG", "A robot with a hundred languages", "GPL 3.0 or later"),
        "voicevox": EngineDescription(
            "VOICEVOX",
            "A speech server that the operator has chosen",
            None,
            "VOICEVOX; its terms ask to name the character",
        ),
        "openai_speech": EngineDescription("Speech server", "A speech server that the operator has chosen"),
    }
)


def describe(engine: Engine) -> EngineDescription:
    """Return what an engine is."""
    return _DESCRIPTIONS.get(engine.id) or EngineDescription(engine.id, "")
