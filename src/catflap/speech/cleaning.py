"""Making any text safe to show and to speak, before a language's own rules.

Calendar titles come from strangers: control characters, bidirectional overrides, mark-up meant for a
speech engine, ten thousand letters. Nothing here knows a language; nothing here fails.
"""

import re
import unicodedata

MAX_DISPLAY = 120
MAX_SPOKEN = 60

# Control, format (zero-width, bidi), surrogate, private use, unassigned; enclosing marks.
_UNSPEAKABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me"})
_TAG = re.compile(r"<[/?!]?[A-Za-z][^<>]*>")
_REPEATED = re.compile(r"(.)\1{3,}", re.DOTALL)
_SPACES = re.compile(r"\s+")


def displayed(text: str) -> str:
    """One line that is safe to show anywhere: no controls, no bidi overrides, at most 120 characters."""
    line = _one_line(unicodedata.normalize("NFC", text), keep_joiners=True)
    return line if len(line) <= MAX_DISPLAY else line[: MAX_DISPLAY - 1].rstrip() + "…"


def speakable(text: str) -> str:
    """One line of letters, digits, marks and symbols; mark-up dropped, compatibility forms folded (NFKC)."""
    folded = unicodedata.normalize("NFKC", text[:2000])
    return _REPEATED.sub(r"\1\1\1", _one_line(_TAG.sub(" ", folded), keep_joiners=False))


def capped(text: str, limit: int) -> str:
    """At most `limit` characters, cut at the last pause in the second half if there is one."""
    if len(text) <= limit:
        return text
    head = text[: limit + 1]
    cut = max(head.rfind(pause) for pause in " 、。,")
    return text[: cut if cut > limit // 2 else limit].rstrip(" 、。,")


def has_words(text: str) -> bool:
    """Whether anything in the text can be pronounced."""
    return any(char.isalnum() for char in text)


def _one_line(text: str, *, keep_joiners: bool) -> str:
    kept = []
    for char in text:
        if char.isspace():
            kept.append(" ")
        elif (keep_joiners and char == "\u200d") or unicodedata.category(char) not in _UNSPEAKABLE:
            kept.append(char)
    return _SPACES.sub(" ", "".join(kept)).strip()
