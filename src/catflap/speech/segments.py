"""Mark and split parts of a spoken text that are in another language than the sentence.

A title in Korean within an English sentence is `⟦ko:회의⟧`, so that the sentence is one text that can be
stored and compared. No title can forge a mark, because brackets are removed from titles.
"""

import re
from typing import NamedTuple

_MARKED = re.compile(r"⟦([a-z]{2,3}):([^⟦⟧]*)⟧")


class Segment(NamedTuple):
    """A part of a spoken text; `language` is "" for that of the sentence."""

    language: str
    text: str


def mark_segment(language: str, text: str) -> str:
    """Return the text marked with its language (BCP 47, primary subtag only)."""
    return f"⟦{language}:{text}⟧"


def split_segments(spoken: str) -> list[Segment]:
    """Split a spoken text into its segments, in order."""
    found: list[Segment] = []
    begin = 0
    for match in _MARKED.finditer(spoken):
        found += [Segment("", spoken[begin : match.start()]), Segment(match[1], match[2])]
        begin = match.end()
    return [segment for segment in (*found, Segment("", spoken[begin:])) if segment.text]
