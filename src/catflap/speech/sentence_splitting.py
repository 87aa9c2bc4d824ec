"""Split a long text into sentences that are short enough to be said as one."""

import re
from collections.abc import Iterator

from catflap.speech.errors import NothingToSay
from catflap.speech.text import has_words

# Well below what `say_text` cuts to, because numbers and times get longer when they are read out.
_MOST_CHARACTERS = 100
_ENDS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\s*[\r\n]+\s*")
_COMMAS = re.compile(r"(?<=[,;:]\s)|(?<=[、，])")
_SPACES = re.compile(r"(?<=\s)")


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text that have a word, long ones in parts.

    Raises:
        NothingToSay: none has one.
    """
    found = [part.strip() for sentence in _ENDS.split(text) for part in _parts(sentence)]
    found = [part for part in found if has_words(part)]
    if not found:
        raise NothingToSay
    return found


def _parts(sentence: str) -> Iterator[str]:
    """Yield a sentence in parts of at most `_MOST_CHARACTERS`, split at commas, else between words."""
    part = ""
    for phrase in _phrases(sentence):
        if part and len(part) + len(phrase) > _MOST_CHARACTERS:
            yield part
            part = ""
        part += phrase
        while len(part) > _MOST_CHARACTERS:
            yield part[:_MOST_CHARACTERS]
            part = part[_MOST_CHARACTERS:]
    yield part


def _phrases(sentence: str) -> Iterator[str]:
    for clause in _COMMAS.split(sentence):
        yield from [clause] if len(clause) <= _MOST_CHARACTERS else _SPACES.split(clause)
