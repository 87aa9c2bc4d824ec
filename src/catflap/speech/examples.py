"""What is said to somebody who chooses a voice: a dialect's example, and one appointment in each manner."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import get_args

from catflap.speech.language import Language
from catflap.speech.phrasebooks import phrasebook, respell
from catflap.speech.sentences import Talkativeness, Utterance
from catflap.speech.utterances import say_before, say_text

_TITLES: Mapping[Language, str] = {"ja": "会議", "en": "Lunch"}
_STARTS_AT = datetime(2026, 11, 24, 12, 30)  # noqa: DTZ001 - a time of day in no zone
_MINUTES = 10


def say_example(dialect: str, talk: Talkativeness | None = None) -> Utterance:
    """Return a dialect's example; with `talk` how a reminder is said so. It is about nobody's appointments.

    Raises:
        UnknownDialect: there is no such dialect.
    """
    if talk is not None:
        return examples_by_talkativeness(dialect)[talk]
    book = phrasebook(dialect)
    example = book.dialect.example
    said = say_text(dialect, respell(example, book.respelled))
    return Utterance(example, said.spoken, dialect, said.language)


@cache
def examples_by_talkativeness(dialect: str) -> Mapping[Talkativeness, Utterance]:
    """Return one reminder in each manner.

    Raises:
        UnknownDialect: there is no such dialect.
    """
    title = _TITLES[phrasebook(dialect).dialect.language]
    manners: tuple[Talkativeness, ...] = get_args(Talkativeness)
    return MappingProxyType(
        {talk: say_before(dialect, [title], _STARTS_AT, _MINUTES, 0, talk) for talk in manners}
    )
