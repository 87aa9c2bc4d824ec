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

from catflap.speech.failures import UnknownDialect
from catflap.speech.language import Language

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
    }
)
_ORDER = (
    *("kansai", "kyoto", "hakata", "tsugaru", "nagoya", "hiroshima", "okinawa", "kagoshima", "standard"),
    *("kitten", "butler", "cowboy", "pirate", "plain"),
)

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


@dataclass(frozen=True)
class Phrasebook:
    """A dialect with its words and the settings of its voice."""

    dialect: Dialect
    private: str
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
    if absent := {"id", "language", "name", "native_name", "example", "private", "phrases"} - data.keys():
        raise BrokenPhrasebook(f"{source} lacks {', '.join(sorted(absent))}")
    shown, spoken = data["phrases"], data.get("spoken", {})
    if odd := (shown.keys() ^ REQUIRED.keys()) | (spoken.keys() - REQUIRED.keys()):
        raise BrokenPhrasebook(f"{source} lacks or should not have the phrases {', '.join(sorted(odd))}")
    phrases = {name: Phrase(shown[name], spoken.get(name, shown[name])) for name in REQUIRED}
    for name, phrase in phrases.items():
        _check(phrase, name, source)
    dialect = Dialect(
        **{field: data[field] for field in ("id", "language", "name", "native_name", "example")}
    )
    return Phrasebook(dialect, data["private"], data.get("voice", {}), phrases)


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
