"""Replace words of titles by the readings that a user set: 小鳥遊 by たかなし, SRE by "es are ee".

Only the spoken text is changed, before the rules of its language, so that a reading is as untrusted as the
title that it is put into. A word of an alphabet with spaces is replaced as a whole, in upper and lower case;
other words, such as Japanese ones, wherever they occur.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from catflap.speech.language import Language
from catflap.speech.rules import whole_word
from catflap.speech.text import has_words, speakable_text

MAX_WORD = 60
MAX_READING = 120
_MARKUP = frozenset("<>{}[]⟦⟧\\")
_CONTROLS = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\u30fb\\s、]+")
_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
# How English spells out letters, for the Japanese voice: "es are ee" are the letters SRE.
_LETTERS = {
    name: letter
    for letter, names in {
        "A": "ay eh", "B": "bee", "C": "see cee", "D": "dee", "E": "ee", "F": "ef eff", "G": "gee jee",
        "H": "aitch", "I": "eye", "J": "jay", "K": "kay", "L": "el ell", "M": "em", "N": "en", "O": "oh",
        "P": "pee", "Q": "cue queue", "R": "are ar", "S": "es ess", "T": "tee", "U": "you yu", "V": "vee",
        "X": "ex", "Y": "why wye", "Z": "zee zed",
    }.items()
    for name in names.split()
}  # fmt: skip


def normalise_word(word: str) -> str:
    """Return a word in the form in which titles are searched for it; "" if it can't be one.

    It may consist of emoji. Control characters, mark-up and more than 60 characters are refused.
    """
    return _normalise(word, MAX_WORD)


def normalise_reading(reading: str) -> str:
    """Return a reading as it is stored; "" if it can't be one.

    It needs a letter or a number. Control characters, mark-up and more than 120 characters are refused.
    """
    line = _normalise(reading, MAX_READING)
    return line if has_words(line) else ""


def word_identity(word: str) -> str:
    """Return what is equal for words of which a dictionary can have only one: SRE and sre."""
    return normalise_word(word).casefold()


def readings_in(title: str, readings: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the entries of a dictionary that a title is spoken with, in the order of their words.

    Args:
        title: The title as it is stored.
        readings: Readings by normalised word.
    """
    if not readings:
        return ()
    text = speakable_text(title)
    folded = text.casefold()
    # Most words are in no title, and looking for a text is much faster than for a pattern.
    found = [(word, readings[word]) for one, word in _folded(tuple(readings)) if one in folded]
    if not found:
        return ()
    used = {index for match in _matches(text, found) if (index := match.lastindex)}
    return tuple(sorted(pair for index, pair in enumerate(_longest_first(found), 1) if index in used))


@lru_cache(maxsize=16)
def _folded(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return words with their case folded, once for all titles of a plan."""
    return tuple((word.casefold(), word) for word in words)


def apply_readings(title: str, readings: Sequence[tuple[str, str]], language: Language = "en") -> str:
    """Return a title, without mark-up, with its words replaced by their readings.

    Of overlapping words the longest counts; a reading is not searched for words. Hiragana become katakana,
    which OpenJTalk reads as they are written: は is no ワ.

    Args:
        title: The title.
        readings: Pairs of a word and its reading.
        language: `ja` if the Japanese voice reads the title; Latin letters by name are then letters to spell.
    """
    entries = _longest_first(
        [
            (normalise_word(word), _speakable(reading, language))
            for word, reading in readings
            if normalise_word(word)
        ]
    )
    text = speakable_text(title)
    pieces, begin = [], 0
    for match in _matches(text, entries):
        _, reading = entries[(match.lastindex or 1) - 1]
        pieces += [text[begin : match.start()], reading or match[0]]
        begin = match.end()
    return "".join([*pieces, text[begin:]])


def _matches(text: str, entries: Sequence[tuple[str, str]]) -> list[re.Match[str]]:
    """Return where words occur in a text; the group that matched is the place of the word, longest first."""
    if not entries:
        return []
    words = "|".join(f"({whole_word(word)})" for word, _ in _longest_first(entries))
    return list(re.finditer(words, text, re.IGNORECASE))


def _longest_first(entries: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(entries, key=lambda pair: (-len(pair[0]), pair))


def _speakable(reading: str, language: Language) -> str:
    """Return the reading for the engine; "" for none."""
    line = normalise_reading(reading)
    if _KANA.fullmatch(line):
        return line.translate(_TO_KATAKANA)
    names = re.split(r"[\s-]+", line.casefold())
    if language == "ja" and len(names) > 1 and all(name in _LETTERS for name in names):
        return " ".join(_LETTERS[name] for name in names)
    return line


def _normalise(text: str, limit: int) -> str:
    stripped = text.strip()
    if len(stripped) > limit or _MARKUP & set(unicodedata.normalize("NFKC", stripped)):
        return ""
    if any(unicodedata.category(char) in _CONTROLS for char in stripped):
        return ""
    line = speakable_text(stripped)
    return line if len(line) <= limit else ""
