"""The reading dictionary of a user: how words of titles are spoken."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field

from catflap.announcements.reading_store import MAX_READINGS
from catflap.speech import MAX_READING, MAX_WORD
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, StrictBody

_WORD = "What stands in titles; of Latin letters, it counts as a whole word, in upper and lower case."
_READING = "How it is spoken: kana, or words of Latin letters that sound like it."
Word = Annotated[Text, Field(min_length=1, max_length=MAX_WORD, description=_WORD, examples=["小鳥遊"])]
Reading = Annotated[
    Text, Field(min_length=1, max_length=MAX_READING, description=_READING, examples=["たかなし"])
]


class ReadingBody(StrictBody):
    """A word and its reading."""

    word: Word
    reading: Reading


class ReadingsBody(StrictBody):
    """The whole dictionary."""

    readings: Annotated[list[ReadingBody], Field(max_length=MAX_READINGS)]


class ReadingChange(StrictBody):
    """A word and its new reading; with null it is removed from the dictionary."""

    word: Word
    reading: Reading | None


class ReadingChanges(StrictBody):
    """Changes of single words."""

    readings: Annotated[list[ReadingChange], Field(max_length=MAX_READINGS)]


class ReadingResource(Answer):
    """A word and its reading."""

    word: str = Field(examples=["小鳥遊"])
    reading: str = Field(examples=["たかなし"])


class ReadingDictionary(Answer):
    """How words of titles are spoken, sorted by word."""

    readings: list[ReadingResource]

    @classmethod
    def of(cls, readings: Mapping[str, str]) -> Self:
        """Build it from stored readings."""
        return cls(
            readings=[ReadingResource(word=word, reading=reading) for word, reading in readings.items()]
        )
