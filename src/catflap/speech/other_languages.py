"""Titles in languages that have no rules of ours: made safe, and left to the voice that knows them.

eSpeak NG reads numbers, times, currencies and percentages in each of its languages, so these are kept.
"""

import re
import unicodedata

from catflap.speech.text import capped, only_words, speakable

_URL = re.compile(r"(?:https?://|www\.)[^\s()<>]+", re.IGNORECASE)
_STOPS = ",.:'’-+%&€$£¥°/،、。"
_ENDS = " ,.:-+&/،、。"


def title_reading(title: str, limit: int) -> str:
    """A title as the voice of its language should get it, at most as long as `limit` Latin letters."""
    words = only_words(_URL.sub(" ", speakable(title)), _STOPS)
    return capped(words.strip(_ENDS), limit, letters)


def letters(char: str) -> int:
    """How many Latin letters take as long to say: three for a sign that is a syllable or a word."""
    return 3 if unicodedata.east_asian_width(char) in "WF" else 1
