"""Which sentence a title belongs in, and which engine says which stretch of a sentence.

A title with kana or Japanese kanji gets a Japanese sentence: the Japanese engine copes with Latin words (in
katakana), while eSpeak NG reads kanji as "Chinese letter". All other titles get an English sentence.
"""

import re
from typing import Literal, NamedTuple

from catflap.speech.text import has_words
from catflap.speech.title_language import alphabet, title_language

Language = Literal["ja", "en"]

JAPANESE_SIGN = (
    "[\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003134f]"
)
_JAPANESE = re.compile(JAPANESE_SIGN)
_FOREIGN = re.compile("f(?:n*f)*")


class Run(NamedTuple):
    """A stretch of text for one engine.

    Args:
        language: Whose engine says it.
        text: What it says.
        spoken_in: The language of the text, where it is another one than the engine's own.
    """

    language: Language
    text: str
    spoken_in: str = ""


def language_of(text: str) -> Language:
    """Japanese for a text in Japanese, English otherwise."""
    return "ja" if title_language(text) == "ja" else "en"


def runs(text: str, language: Language) -> list[Run]:
    """Split a sentence where its script belongs to the other engine.

    An English sentence hands over its Japanese titles, a Japanese one its Cyrillic, Hangul or Arabic ones
    (eSpeak NG knows their alphabets, and Chinese); Latin words stay in Japanese sentences, to be read in
    katakana.
    """
    classes = "".join(_class_of(char, language) for char in text)
    found: list[Run] = []
    begin = 0
    for match in _FOREIGN.finditer(classes):
        found += [
            Run(language, text[begin : match.start()]),
            _handed_over(text[match.start() : match.end()], language),
        ]
        begin = match.end()
    found.append(Run(language, text[begin:]))
    return [run for run in found if has_words(run.text)]


def _handed_over(text: str, language: Language) -> Run:
    """A stretch in a script that the engine of `language` does not read."""
    spoken_in = title_language(text)
    if language == "en" and spoken_in == "ja":
        return Run("ja", text)
    return Run("en", text, spoken_in)


def _class_of(char: str, language: Language) -> Literal["o", "f", "n"]:
    """`o`wn script, `f`oreign script, or `n`either (digits, punctuation, spaces)."""
    if _JAPANESE.match(char):
        return "o" if language == "ja" else "f"
    if not char.isalpha():
        return "n"
    if language == "en":
        return "o"
    return "o" if alphabet(char) in ("LATIN", "GREEK") else "f"
