"""In which voice a text is spoken, as a user chose it."""

import math
from dataclasses import dataclass

from catflap.speech.language import Language

# In semitones. Further away no voice is understood well.
LOWEST_PITCH, HIGHEST_PITCH = -6, 6


@dataclass(frozen=True)
class VoiceChoice:
    """A choice of a voice. What it sounds like depends on the engines of the installation, too.

    Args:
        dialect: Id of the phrasebook, which has the settings of its voice.
        pitch: How much higher than those say, in semitones.
        engine_ja: Id of the engine for what is Japanese; None for the best one, also if it is not installed.
        engine_en: The same for all else.
    """

    dialect: str
    pitch: int = 0
    engine_ja: str | None = None
    engine_en: str | None = None

    def engine(self, language: Language) -> str | None:
        """Return the id of the engine for a language."""
        return self.engine_ja if language == "ja" else self.engine_en

    @property
    def pitch_factor(self) -> float:
        """By what the fundamental is multiplied."""
        return round(math.pow(2, self.pitch / 12), 4)
