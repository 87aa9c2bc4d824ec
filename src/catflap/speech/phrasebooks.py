"""Load phrasebooks: each dialect is a TOML file in `catflap/phrasebooks`.

A phrase has a text to display and, where the engine would misread it, a text to speak. A phrasebook that
lacks a phrase or has an unknown placeholder is rejected as a whole. How to add one: docs/phrasebooks.md.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter
from types import MappingProxyType

from catflap.speech.errors import UnknownDialect
from catflap.speech.language import Language
from catflap.speech.spoken_times import TextPair

# Every phrase a phrasebook must have, and the placeholders that must be in it.
REQUIRED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "before_one": frozenset({"titles"}),
        "before_many": frozenset({"titles", "time", "span"}),
        "before_hours": frozenset({"titles", "time", "span"}),
        "start": frozenset({"titles"}),
        "all_day": frozenset({"day", "titles"}),
        "greeting": frozenset({"date"}),
        "timed_one": frozenset({"time"}),
        "timed_many": frozenset({"count", "time"}),
        "nothing": frozenset(),
        "moved": frozenset({"titles", "time"}),
        "cancelled": frozenset({"titles", "time"}),
        "late": frozenset({"titles", "span"}),
        "catch_up": frozenset({"titles"}),
        "reconnect": frozenset(),
        "under_way": frozenset({"titles"}),
        # Parts of a sentence, around a title.
        "maybe": frozenset({"title"}),
        "until": frozenset({"title", "time"}),
    }
)
_ORDER = (
    *("kansai", "kyoto", "hakata", "tsugaru", "nagoya", "hiroshima", "okinawa", "kagoshima", "standard"),
    *("kitten", "butler", "cowboy", "pirate", "plain"),
)

_NAMES = ("id", "language", "name", "native_name", "example")
_SUBSTITUTES = ("private", "untitled", "birthday", "own_birthday")

Voice = Mapping[str, float | str]


@dataclass(frozen=True)
class Dialect:
    """The description of a dialect, for a list of choices."""

    id: str
    language: Language
    name: str
    native_name: str
    example: str


@dataclass(frozen=True)
class Phrase:
    """One sentence, to display and to speak, with `{placeholders}`."""

    display: str
    spoken: str

    def format(self, **values: TextPair) -> TextPair:
        """Return the sentence with its placeholders replaced."""
        return TextPair(
            self.display.format_map({name: words.display for name, words in values.items()}),
            self.spoken.format_map({name: words.spoken for name, words in values.items()}),
        )


@dataclass(frozen=True)
class Phrasebook:
    """A dialect with its words and the settings of its voice.

    Args:
        dialect: Its description.
        private: Substitute for a private title.
        untitled: Substitute for a missing title.
        birthdays: Substitutes for a missing title of a birthday, by Google's type: `birthday`, `self`.
        voice: Settings of the engine.
        phrases: Sentences, by the names in `REQUIRED`.
    """

    dialect: Dialect
    private: str
    untitled: str
    birthdays: Mapping[str, str]
    voice: Voice
    phrases: Mapping[str, Phrase]


class InvalidPhrasebook(ValueError):
    """A phrasebook file is invalid; the message says which and why."""


def dialects() -> tuple[Dialect, ...]:
    """Return all dialects in display order, Japanese first."""
    return tuple(book.dialect for book in _phrasebooks().values())


def phrasebook(dialect: str) -> Phrasebook:
    """Return the phrasebook with this id.

    Raises:
        UnknownDialect: there is none.
    """
    book = _phrasebooks().get(dialect)
    if book is None:
        raise UnknownDialect
    return book


def parse(text: str, source: str) -> Phrasebook:
    """Parse a phrasebook.

    Args:
        text: TOML.
        source: The name of the file, for error messages.

    Raises:
        InvalidPhrasebook: a key or phrase is missing, unknown, or has the wrong placeholders.
    """
    data = tomllib.loads(text)
    if absent := {*_NAMES, *_SUBSTITUTES, "phrases"} - data.keys():
        raise InvalidPhrasebook(f"{source} lacks {', '.join(sorted(absent))}")
    shown, spoken = data["phrases"], data.get("spoken", {})
    if odd := (shown.keys() ^ REQUIRED.keys()) | (spoken.keys() - REQUIRED.keys()):
        raise InvalidPhrasebook(f"{source} lacks or should not have the phrases {', '.join(sorted(odd))}")
    phrases = {name: Phrase(shown[name], spoken.get(name, shown[name])) for name in REQUIRED}
    for name, phrase in phrases.items():
        _check(phrase, name, source)
    return Phrasebook(
        dialect=Dialect(**{field: data[field] for field in _NAMES}),
        private=data["private"],
        untitled=data["untitled"],
        birthdays={"birthday": data["birthday"], "self": data["own_birthday"]},
        voice=data.get("voice", {}),
        phrases=phrases,
    )


def _check(phrase: Phrase, name: str, source: str) -> None:
    for words in (phrase.display, phrase.spoken):
        fields = {(field or "").lower() for _, field, _, _ in Formatter().parse(words) if field is not None}
        allowed = REQUIRED[name] | {"time"} if "titles" in REQUIRED[name] else REQUIRED[name]
        if not REQUIRED[name] <= fields <= allowed:
            raise InvalidPhrasebook(
                f"{source}: '{name}' has {sorted(fields)}, needs {sorted(REQUIRED[name])}"
            )


@cache
def _phrasebooks() -> dict[str, Phrasebook]:
    folder = files("catflap").joinpath("phrasebooks")
    found = [
        parse(file.read_text("utf-8"), file.name) for file in folder.iterdir() if file.name.endswith(".toml")
    ]
    found.sort(key=lambda book: (_rank(book.dialect.id), book.dialect.id))
    return {book.dialect.id: book for book in found}


def _rank(dialect: str) -> int:
    return _ORDER.index(dialect) if dialect in _ORDER else len(_ORDER)
