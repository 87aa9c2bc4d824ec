"""Word search of Drive: letters and digits only, regardless of case.

Source: Drive guide "Search query terms and operators": `name contains` finds beginnings of words,
`fullText contains` whole words, and a phrase in double quotes stands together.
"""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return WORD.findall(text.casefold())


def all_begin(wanted: str, text: str) -> bool:
    """Return whether each wanted word begins a word of a text."""
    there = words(text)
    return all(any(word.startswith(each) for word in there) for each in _needed(wanted, text))


def all_present(wanted: str, text: str) -> bool:
    """Return whether each wanted word is in a text, or the phrase, if it stands in double quotes."""
    there = words(text)
    if len(wanted) > 1 and wanted[0] == wanted[-1] == '"':
        phrase = words(wanted)
        return any(there[at : at + len(phrase)] == phrase for at in range(len(there)))
    return all(each in there for each in _needed(wanted, text))


def _needed(wanted: str, text: str) -> list[str]:
    return words(wanted) or ([] if wanted in text else [wanted])
