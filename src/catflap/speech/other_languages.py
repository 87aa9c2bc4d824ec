"""Prepare titles in languages other than English and Japanese for their voices.

eSpeak NG reads numbers, times, currencies and percentages in each of its languages, so these are kept.
"""

import re
import unicodedata

from catflap.speech.text import keep_words, speakable_text, truncate

_URL = re.compile(r"(?:https?://|www\.)[^\s()<>]+", re.IGNORECASE)
_STOPS = ",.:'’-+%&€$£¥°/،、。"
_ENDS = " ,.:-+&/،、。"


def title_reading(title: str, limit: int) -> str:
    """Return the text of a title for the voice of its language, cut to `limit` Latin letters."""
    words = keep_words(_URL.sub(" ", speakable_text(title)), _STOPS)
    return truncate(words.strip(_ENDS), limit, letters)


def letters(char: str) -> int:
    """Return how many Latin letters take as long to say: three for a syllable or a word in one character."""
    return 3 if unicodedata.east_asian_width(char) in "WF" else 1
