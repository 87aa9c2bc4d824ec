"""Which language a text is in, told by its script alone.

A title with one kana or kanji is Japanese: the Japanese engine copes with Latin words (in katakana),
while eSpeak NG reads kanji as "Chinese letter". No statistics, no guessing among Latin languages.
"""

import re
import unicodedata
from typing import Literal, NamedTuple

from catflap.speech.cleaning import has_words

Language = Literal["ja", "en"]

JAPANESE_SIGN = (
    "[\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003134f]"
)
_JAPANESE = re.compile(JAPANESE_SIGN)
_FOREIGN = re.compile("f(?:n*f)*")


class Run(NamedTuple):
    """A stretch of text for one engine."""

    language: Language
    text: str


def language_of(text: str) -> Language:
    """Japanese when any kana or kanji is in the text, English otherwise."""
    return "ja" if _JAPANESE.search(text) else "en"


def runs(text: str, language: Language) -> list[Run]:
    """Split a sentence where its script belongs to the other engine.

    An English sentence hands over its Japanese titles, a Japanese one its Cyrillic, Hangul or Arabic ones
    (eSpeak NG knows their alphabets); Latin words stay in Japanese sentences, to be read in katakana.
    """
    classes = "".join(_class_of(char, language) for char in text)
    other: Language = "en" if language == "ja" else "ja"
    found: list[Run] = []
    begin = 0
    for match in _FOREIGN.finditer(classes):
        found += [Run(language, text[begin : match.start()]), Run(other, text[match.start() : match.end()])]
        begin = match.end()
    found.append(Run(language, text[begin:]))
    return [run for run in found if has_words(run.text)]


def _class_of(char: str, language: Language) -> Literal["o", "f", "n"]:
    """`o`wn script, `f`oreign script, or `n`either (digits, punctuation, spaces)."""
    if _JAPANESE.match(char):
        return "o" if language == "ja" else "f"
    if not char.isalpha():
        return "n"
    if language == "en":
        return "o"
    return "o" if unicodedata.name(char, "").startswith(("LATIN", "GREEK", "FULLWIDTH LATIN")) else "f"
