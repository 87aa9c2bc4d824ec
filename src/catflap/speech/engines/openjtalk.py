"""Japanese: OpenJTalk with the voice "Mei", as a program.

The fundamental is raised (`half_tone`), never the spectrum: shifted formants can't be understood.
Sudachi's readings of homographs stay off: they would cost 90 MB for words our phrases don't need.
"""

from collections.abc import Mapping

import numpy as np
import pyopenjtalk

from catflap.speech.engines.serving import Samples, serve
from catflap.speech.engines.transliteration import transliterated

_FULL_SCALE = 32768.0


def speak(text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
    """The words as samples and their rate; `voice` may hold `half_tone` and `speed`."""
    features = pyopenjtalk.run_frontend(
        transliterated(text), use_sudachi_kanji_yomi=False, predict_nani=False
    )
    samples, rate = pyopenjtalk.synthesize(
        pyopenjtalk.make_label(features),
        speed=float(voice.get("speed", 1.0)),
        half_tone=float(voice.get("half_tone", 0.0)),
    )
    return (samples / _FULL_SCALE).astype(np.float32), int(rate)


if __name__ == "__main__":
    serve(speak)
