"""Reading the phrasebooks: dialects are data, one TOML file each in `catflap/phrasebooks`.

A phrase has what is shown and, where the engine would misread it, what is spoken. A phrasebook that
lacks a phrase or names an unknown placeholder is refused as a whole, so a dialect never falls silent
in the middle of a day. How to add one: docs/phrasebooks.md.
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
from catflap.speech.spoken_times import Words

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
        # Parts of a sentence: what is put around a title.
        "maybe": frozenset({"title"}),
        "until": frozenset({"title", "time"}),
    }
)
_ORDER = (
    *("kansai", "kyoto", "hakata", "tsugaru", "nagoya", "hiroshima", "okinawa", "kagoshima", "standard"),
    *("kitten", "butler", "cowboy", "pirate", "plain"),
)

_NAMES = ("id", "language", "name", "native_name", "example")
_STAND_INS = ("private", "untitled", "birthday", "own_birthday")

Voice = Mapping[str, float | str]


@dataclass(frozen=True)
class Dialect:
    """A way for Mia to speak, as shown in a list of choices."""

    id: str
    language: Language
    name: str
    native_name: str
    example: str


@dataclass(frozen=True)
class Phrase:
    """One sentence, shown and spoken, with `{placeholders}`."""

    display: str
    spoken: str

    def filled(self, **values: Words) -> Words:
        """The sentence with words in its placeholders."""
        return Words(
            self.display.format_map({name: words.display for name, words in values.items()}),
            self.spoken.format_map({name: words.spoken for name, words in values.items()}),
        )


@dataclass(frozen=True)
class Phrasebook:
    """A dialect with its words and the settings of its voice.

    Args:
        dialect: Its description.
        private: What is said in place of a title that must not be said.
        untitled: What is said of an event without a title.
        birthdays: What is said of a birthday without a title, by Google's type: `birthday` and `self`.
        voice: Settings of the engine.
        phrases: Its sentences, by the names in `REQUIRED`.
    """

    dialect: Dialect
    private: str
    untitled: str
    birthdays: Mapping[str, str]
    voice: Voice
    phrases: Mapping[str, Phrase]


class BrokenPhrasebook(ValueError):
    """A phrasebook file lacks something; the message says which and what."""


def dialects() -> tuple[Dialect, ...]:
    """Every dialect, Japanese first, in the order to offer them."""
    return tuple(book.dialect for book in _library().values())


def phrasebook(dialect: str) -> Phrasebook:
    """The phrasebook with this id, or `UnknownDialect`."""
    book = _library().get(dialect)
    if book is None:
        raise UnknownDialect
    return book


def parse(text: str, source: str) -> Phrasebook:
    """A phrasebook from TOML.

    Args:
        text: The file's text.
        source: Its name, for the error message.

    Raises:
        BrokenPhrasebook: a key or phrase is missing, unknown, or has the wrong placeholders.
    """
    data = tomllib.loads(text)
    if absent := {*_NAMES, *_STAND_INS, "phrases"} - data.keys():
        raise BrokenPhrasebook(f"{source} lacks {', '.join(sorted(absent))}")
    shown, spoken = data["phrases"], data.get("spoken", {})
    if odd := (shown.keys() ^ REQUIRED.keys()) | (spoken.keys() - REQUIRED.keys()):
        raise BrokenPhrasebook(f"{source} lacks or should not have the phrases {', '.join(sorted(odd))}")
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
            raise BrokenPhrasebook(f"{source}: '{name}' has {sorted(fields)}, needs {sorted(REQUIRED[name])}")


@cache
def _library() -> dict[str, Phrasebook]:
    folder = files("catflap").joinpath("phrasebooks")
    found = [
        parse(file.read_text("utf-8"), file.name) for file in folder.iterdir() if file.name.endswith(".toml")
    ]
    found.sort(key=lambda book: (_rank(book.dialect.id), book.dialect.id))
    return {book.dialect.id: book for book in found}


def _rank(dialect: str) -> int:
    return _ORDER.index(dialect) if dialect in _ORDER else len(_ORDER)
