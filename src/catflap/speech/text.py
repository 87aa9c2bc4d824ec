"""Sanitise untrusted text for display and speech, before the rules of a language.

Anybody may send an event title: with control characters, bidirectional overrides, mark-up for a speech engine
or ten thousand letters. The functions are independent of the language and never raise.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

MAX_DISPLAY = 120
# Limits of input and output; both are longer than any stored title.
_LONGEST, _MOST = 2000, 600

_PRONOUNCEABLE = frozenset({"Lu", "Ll", "Lt", "Lo", "Nd", "Nl", "No"})
# Control, format (zero-width, bidi), surrogate, private use, unassigned; enclosing marks.
_UNSPEAKABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me"})
# Joins emoji into one; safe to display.
_JOINER = "\u200d"
# Selects a glyph; without meaning for speech.
# The category Me: printable for Python, and not spoken.
_ENCLOSING = re.compile("[\u0488\u0489\u1abe\u20dd-\u20e0\u20e2-\u20e4\ua670-\ua672]")
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_TAG = re.compile(r"<[/?!]?[A-Za-z][^<>]*>")
# Numbers in one character, which NFKC would join to their neighbours: 2½ is not 21⁄2, ①② not 12.
_SIGN = "[²³¹¼-¾⁰⁴-⁹⅐-⅞↉①-⓿❶-➓㉑-㉟㊱-㊿]"
_GLUED = re.compile(rf"(?<=\d)(?={_SIGN})|(?<={_SIGN})(?=\d)|(?<=[①-⓿❶-➓㉑-㉟㊱-㊿])(?=[①-⓿❶-➓㉑-㉟㊱-㊿])")
_DEGREE = re.compile(r"(?<=\d)\s?[º˚](?=\s?[CF]?\b|$)")
_PLAIN = str.maketrans({"№": "#", **dict.fromkeys("‐‑‒−﹣", "-"), **dict.fromkeys("™®©℠", " ")})
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")
# Not digits: 10000 is no 1000, and 77 is read ナナナナ.
_REPEATED = re.compile(r"([^\dナ])\1{3,}")
_SPACES = re.compile(r"\s+")
_PAUSES = " 、。,"


def display_text(text: str) -> str:
    """Return one line that is safe to display: no controls, no bidi overrides, at most 120 characters."""
    line = _one_line(unicodedata.normalize("NFC", text), keep_joiners=True)
    return line if len(line) <= MAX_DISPLAY else line[: MAX_DISPLAY - 1].rstrip() + "…"


def speakable_text(text: str) -> str:
    """Return one line of letters, digits, marks and symbols, without mark-up, in NFKC."""
    plain = _DEGREE.sub("°", _GLUED.sub(" ", text[:_LONGEST])).translate(_PLAIN)
    folded = unicodedata.normalize("NFKC", plain)
    folded = _FOREIGN_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), folded)
    folded = _VARIATION.sub("", folded)
    line = _REPEATED.sub(r"\1\1\1", _one_line(_TAG.sub(" ", folded), keep_joiners=False))
    return line[:_MOST].rstrip()


def keep_words(text: str, stops: str) -> str:
    """Keep letters, their marks, numbers and the given `stops`; replace all else by single spaces."""
    kept = (char if char in stops or unicodedata.category(char)[0] in "LMN" else " " for char in text)
    return _SPACES.sub(" ", "".join(kept)).strip()


def truncate(text: str, limit: int, cost: Callable[[str], int] = lambda _: 1) -> str:
    """Cut a text to a total cost of at most `limit`, at the last pause in its second half if there is one.

    Args:
        text: The text.
        limit: The maximum cost.
        cost: The cost of a character, such as the time to say it; 1 unless given.
    """
    spent = list(accumulate(map(cost, text)))
    fitting = bisect_right(spent, limit)
    if fitting == len(text):
        return text
    cut = max(text.rfind(pause, 0, fitting + 1) for pause in _PAUSES)
    return text[: cut if cut > fitting // 2 else fitting].rstrip(_PAUSES)


def has_words(text: str) -> bool:
    """Return whether the text has a letter or a number that can be pronounced, not only ー or 々."""
    return any(unicodedata.category(char) in _PRONOUNCEABLE for char in text)


def _one_line(text: str, *, keep_joiners: bool) -> str:
    if text.isprintable() and not _ENCLOSING.search(text):
        # It has no space but the usual one, and nothing of a category that is removed.
        return _SPACES.sub(" ", text).strip()
    kept = []
    for char in text:
        if char.isspace():
            kept.append(" ")
        elif (keep_joiners and char == _JOINER) or unicodedata.category(char) not in _UNSPEAKABLE:
            kept.append(char)
    return _SPACES.sub(" ", "".join(kept)).strip()
