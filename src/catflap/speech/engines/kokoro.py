"""The Kokoro engine program: a neural voice for English, and a soft one for Japanese.

It takes about half a second of CPU for each second of sound, so sounds are made ahead of time.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType

import numpy as np

from catflap.extras import load_optional
from catflap.speech.engines.kokoro_english import EnglishPhonemes
from catflap.speech.engines.kokoro_model import MOST_PHONEMES, RATE, KokoroModel
from catflap.speech.engines.serving import Samples, serve

# The model needs 0.3 GiB, and a piece of text of the greatest length as much again.
_MEMORY = 2 * 1024**3
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
# Sentences are put together up to this length: melody goes over several, and time and memory grow with it.
_USUAL_PHONEMES = 120
_PAUSE_SECONDS, _MARGIN_SECONDS, _AUDIBLE = 0.25, 0.03, 0.01
# A text that would be longer is spoken faster at once: to speak it twice would take too long.
_LONG_SECONDS, _PHONEMES_PER_SECOND, _MOST_TEMPO = 17.0, 16.0, 1.25


class Kokoro:
    """The model and what it needs to read text."""

    def __init__(self) -> None:
        self._model = KokoroModel()
        self._english = EnglishPhonemes()

    def speak(self, text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
        """Return samples and their rate.

        `voice` may have `voice`, `speed` and `tempo`. The first letter of `voice` is the language that it
        reads: American (a), British (b) or Japanese (j).
        """
        name = str(voice.get("voice", "af_heart"))
        phonemes = self._phonemes(text, name[:1])
        speed = float(voice.get("speed", 1.0))
        seconds = len(phonemes) / _PHONEMES_PER_SECOND / speed
        tempo = max(float(voice.get("tempo", 1.0)), min(_MOST_TEMPO, seconds / _LONG_SECONDS))
        pause = np.zeros(int(_PAUSE_SECONDS * RATE), np.float32)
        spoken: list[Samples] = []
        for piece in split_phonemes(phonemes):
            spoken += [_trim(self._model.speak(piece, name, speed * tempo)), pause]
        return np.concatenate(spoken or [pause]), RATE

    def _phonemes(self, text: str, language: str) -> str:
        if language == "j":
            return str(_japanese().japanese_phonemes(text))
        return self._english.of(text, british=language == "b")


def split_phonemes(phonemes: str) -> Iterator[str]:
    """Split phonemes into pieces for the model: at the ends of sentences, else at spaces."""
    piece = ""
    for part in _parts(phonemes):
        if piece and len(piece) + 1 + len(part) > _USUAL_PHONEMES:
            yield piece
            piece = ""
        piece = f"{piece} {part}".strip()
    if piece:
        yield piece


def _parts(phonemes: str) -> Iterator[str]:
    for sentence in _SENTENCE.split(phonemes):
        rest = sentence
        while len(rest) > MOST_PHONEMES:
            space = rest.rfind(" ", 1, MOST_PHONEMES)
            end = space if space > 0 else MOST_PHONEMES
            yield rest[:end]
            rest = rest[end:].strip()
        yield rest


def _trim(samples: Samples) -> Samples:
    audible = np.flatnonzero(np.abs(samples) > _AUDIBLE)
    if not len(audible):
        return samples
    margin = int(_MARGIN_SECONDS * RATE)
    return samples[max(0, audible[0] - margin) : audible[-1] + margin]


@cache
def _japanese() -> ModuleType:
    """Load what needs the extra `mia` too."""
    return load_optional("catflap.speech.engines.kokoro_japanese")


if __name__ == "__main__":
    serve(Kokoro().speak, memory=_MEMORY)
