"""How OpenJTalk reads a Japanese text, in katakana. Needs the extra `mia`."""

import contextlib
import io
import re

from catflap.speech.engines.transliteration import transliterate

# It prints a notice about a model that we don't use.
with contextlib.redirect_stdout(io.StringIO()):
    import pyopenjtalk


def kana_reading(text: str) -> str:
    """Return the engine's own reading of a spoken text, without punctuation."""
    heard = pyopenjtalk.g2p(transliterate(text), kana=True, use_sudachi_kanji_yomi=False, predict_nani=False)
    return re.sub(r"[「」『』、。！？!?・]", "", str(heard))
