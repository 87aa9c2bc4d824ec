"""Parts of a sentence in languages of their own, marked inside the spoken text.

A title in Korean within an English sentence is `⟦ko:회의⟧`: the sentence stays one text that can be stored
and compared, and the voice splits it again. No title can forge a mark, since its reading has no brackets.
"""

import re
from typing import NamedTuple

_MARKED = re.compile(r"⟦([a-z]{2,3}):([^⟦⟧]*)⟧")


class Segment(NamedTuple):
    """A part of a spoken text; `language` is "" for the sentence's own."""

    language: str
    text: str


def marked(language: str, text: str) -> str:
    """The text as a part in this language (BCP 47, a primary subtag alone)."""
    return f"⟦{language}:{text}⟧"


def segments(spoken: str) -> list[Segment]:
    """The parts of a spoken text, in order; joined they are all its words."""
    found: list[Segment] = []
    begin = 0
    for match in _MARKED.finditer(spoken):
        found += [Segment("", spoken[begin : match.start()]), Segment(match[1], match[2])]
        begin = match.end()
    return [segment for segment in (*found, Segment("", spoken[begin:])) if segment.text]
