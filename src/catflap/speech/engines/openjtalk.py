"""The OpenJTalk engine program, for Japanese, with the voice "Mei".

Only the fundamental frequency is raised (`half_tone`): with shifted formants, speech is hard to understand.
Sudachi's readings of homographs are off: they need 90 MB, and our phrases don't depend on them.
"""

from collections.abc import Mapping

import numpy as np
import pyopenjtalk

from catflap.speech.engines.serving import Samples, serve
from catflap.speech.engines.transliteration import transliterate

_FULL_SCALE = 32768.0


def speak(text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
    """Return samples and their rate; `voice` may have `half_tone`, `speed` and `tempo`."""
    features = pyopenjtalk.run_frontend(transliterate(text), use_sudachi_kanji_yomi=False, predict_nani=False)
    samples, rate = pyopenjtalk.synthesize(
        pyopenjtalk.make_label(features),
        speed=float(voice.get("speed", 1.0)) * float(voice.get("tempo", 1.0)),
        half_tone=float(voice.get("half_tone", 0.0)),
    )
    return (samples / _FULL_SCALE).astype(np.float32), int(rate)


if __name__ == "__main__":
    serve(speak)
