"""Choose the language of the sentence for a title, and the engine for each part of a sentence.

A title with kana or Japanese kanji gets a Japanese sentence: the Japanese engine can read Latin words (in
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
    """A part of a text for one engine.

    Args:
        language: The language of the engine.
        text: The text.
        spoken_in: The language of the text, if it is not that of the engine.
    """

    language: Language
    text: str
    spoken_in: str = ""


def language_of(text: str) -> Language:
    """Return `ja` for a Japanese text, else `en`."""
    return "ja" if not text.isascii() and title_language(text) == "ja" else "en"


def split_runs(text: str, language: Language) -> list[Run]:
    """Split a sentence where its script belongs to the other engine.

    In an English sentence, Japanese parts go to the Japanese engine; in a Japanese one, parts in Cyrillic,
    Hangul, Arabic and so on go to eSpeak NG. Latin words stay in Japanese sentences, to be read in katakana.
    """
    classes = "".join(_class_of(char, language) for char in text)
    found: list[Run] = []
    begin = 0
    for match in _FOREIGN.finditer(classes):
        found += [
            Run(language, text[begin : match.start()]),
            _foreign_run(text[match.start() : match.end()], language),
        ]
        begin = match.end()
    found.append(Run(language, text[begin:]))
    return [run for run in found if has_words(run.text)]


def _foreign_run(text: str, language: Language) -> Run:
    """Return the run for text in a script that the engine of `language` does not support."""
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
