"""Making any text safe to show and to speak, before a language's own rules.

Calendar titles come from strangers: control characters, bidirectional overrides, mark-up meant for a
speech engine, ten thousand letters. Nothing here knows a language; nothing here fails.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

MAX_DISPLAY = 120
# What is looked at, and what is left of it: longer than any title that is kept.
_LONGEST, _MOST = 2000, 600

_PRONOUNCEABLE = frozenset({"Lu", "Ll", "Lt", "Lo", "Nd", "Nl", "No"})
# Control, format (zero-width, bidi), surrogate, private use, unassigned; enclosing marks.
_UNSPEAKABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me"})
# Joins emoji into one; harmless to show.
_JOINER = "\u200d"
# Which picture of a letter to draw; says nothing to an ear.
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_TAG = re.compile(r"<[/?!]?[A-Za-z][^<>]*>")
# Numbers in one sign, which NFKC would glue to their neighbours: 2½ is not 21⁄2, ①② not 12.
_SIGN = "[²³¹¼-¾⁰⁴-⁹⅐-⅞↉①-⓿❶-➓㉑-㉟㊱-㊿]"
_GLUED = re.compile(rf"(?<=\d)(?={_SIGN})|(?<={_SIGN})(?=\d)|(?<=[①-⓿❶-➓㉑-㉟㊱-㊿])(?=[①-⓿❶-➓㉑-㉟㊱-㊿])")
_DEGREE = re.compile(r"(?<=\d)\s?[º˚](?=\s?[CF]?\b|$)")
_PLAIN = str.maketrans({"№": "#", **dict.fromkeys("‐‑‒−﹣", "-"), **dict.fromkeys("™®©℠", " ")})
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")
# Not digits: 10000 is no 1000, and 77 is read ナナナナ.
_REPEATED = re.compile(r"([^\dナ])\1{3,}")
_SPACES = re.compile(r"\s+")
_PAUSES = " 、。,"


def displayed(text: str) -> str:
    """One line that is safe to show anywhere: no controls, no bidi overrides, at most 120 characters."""
    line = _one_line(unicodedata.normalize("NFC", text), keep_joiners=True)
    return line if len(line) <= MAX_DISPLAY else line[: MAX_DISPLAY - 1].rstrip() + "…"


def speakable(text: str) -> str:
    """One line of letters, digits, marks and symbols; mark-up dropped, compatibility forms folded (NFKC)."""
    plain = _DEGREE.sub("°", _GLUED.sub(" ", text[:_LONGEST])).translate(_PLAIN)
    folded = unicodedata.normalize("NFKC", plain)
    folded = _FOREIGN_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), folded)
    folded = _VARIATION.sub("", folded)
    line = _REPEATED.sub(r"\1\1\1", _one_line(_TAG.sub(" ", folded), keep_joiners=False))
    return line[:_MOST].rstrip()


def only_words(text: str, stops: str) -> str:
    """Letters, their marks, numbers and the given stops; everything between them becomes one space."""
    kept = (char if char in stops or unicodedata.category(char)[0] in "LMN" else " " for char in text)
    return _SPACES.sub(" ", "".join(kept)).strip()


def capped(text: str, limit: int, cost: Callable[[str], int] = lambda _: 1) -> str:
    """As much of the text as costs at most `limit`, cut at the last pause in its second half if there is one.

    Args:
        text: What to cut.
        limit: The most it may cost.
        cost: How long a character takes to say; 1 for each unless given.
    """
    spent = list(accumulate(map(cost, text)))
    fitting = bisect_right(spent, limit)
    if fitting == len(text):
        return text
    cut = max(text.rfind(pause, 0, fitting + 1) for pause in _PAUSES)
    return text[: cut if cut > fitting // 2 else fitting].rstrip(_PAUSES)


def has_words(text: str) -> bool:
    """Whether anything in the text can be pronounced: a letter or a number, not a lone ー or 々."""
    return any(unicodedata.category(char) in _PRONOUNCEABLE for char in text)


def _one_line(text: str, *, keep_joiners: bool) -> str:
    kept = []
    for char in text:
        if char.isspace():
            kept.append(" ")
        elif (keep_joiners and char == _JOINER) or unicodedata.category(char) not in _UNSPEAKABLE:
            kept.append(char)
    return _SPACES.sub(" ", "".join(kept)).strip()
