"""Which of eSpeak NG's voices knows an alphabet.

An English voice reads foreign letters by their names ("Arabic letter meem"), which nobody understands.
One common language stands for each alphabet; a title is too short to guess better.
"""

import unicodedata
from itertools import groupby

_VOICES = {
    "ARABIC": "ar", "ARMENIAN": "hy", "BENGALI": "bn", "CYRILLIC": "ru", "DEVANAGARI": "hi", "ETHIOPIC": "am",
    "GEORGIAN": "ka", "GREEK": "el", "GUJARATI": "gu", "GURMUKHI": "pa", "HANGUL": "ko", "HEBREW": "he",
    "KANNADA": "kn", "MALAYALAM": "ml", "MYANMAR": "my", "SINHALA": "si", "TAMIL": "ta", "TELUGU": "te",
    "THAI": "th",
}  # fmt: skip


def by_voice(text: str, usual: str) -> list[tuple[str, str]]:
    """The text in stretches, each with the voice for its alphabet; `usual` speaks Latin and the rest."""
    voices = []
    for char in text:
        if char.isalpha():
            voices.append(_VOICES.get(unicodedata.name(char, "").partition(" ")[0], usual))
        else:
            # Marks and spaces stay with the letters before them.
            voices.append(voices[-1] if voices else usual)
    pairs = zip(voices, text, strict=True)
    return [
        (voice, "".join(char for _, char in group)) for voice, group in groupby(pairs, lambda pair: pair[0])
    ]
