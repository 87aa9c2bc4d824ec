"""Readings of the Japanese speech engine."""

import re

import pyopenjtalk

from catflap.speech.engines.transliteration import transliterate


def kana(text: str) -> str:
    """The engine's own reading, without punctuation."""
    heard = pyopenjtalk.g2p(transliterate(text), kana=True, use_sudachi_kanji_yomi=False, predict_nani=False)
    assert isinstance(heard, str)
    return re.sub(r"[「」『』、。！？!?・]", "", heard)
