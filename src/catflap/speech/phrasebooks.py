"""Load phrasebooks: each dialect is a TOML file in `catflap/phrasebooks`.

A phrase is one sentence or a list of sentences that mean the same, its variants. Where the engine would
misread a word, the table `[spoken]` has another spelling for it. A phrasebook that lacks a phrase or has an
unknown placeholder is rejected as a whole, with every reason. How to add one: docs/phrasebooks.md.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from catflap.speech.errors import UnknownDialect
from catflap.speech.language import Language
from catflap.speech.phrasebook_format import NAMES, REQUIRED, problems_of, variants_of
from catflap.speech.rules import whole_word
from catflap.speech.spoken_times import TextPair

_ORDER = (
    *("kansai", "kyoto", "hakata", "tsugaru", "nagoya", "hiroshima", "okinawa", "kagoshima", "standard"),
    *("kitten", "butler", "cowboy", "pirate", "plain"),
)

# Number of announcements after which a variant may come again, if the phrase has so many.
ROUND = 5
DAY_SLOTS = 24 * 60 // 5

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
        voices: Settings of each engine, by its id.
        phrases: The variants of each phrase, by the names in `REQUIRED`.
        respelled: The `[spoken]` spellings.
    """

    dialect: Dialect
    private: str
    untitled: str
    birthdays: Mapping[str, str]
    voices: Mapping[str, Voice]
    phrases: Mapping[str, Sequence[Phrase]]
    respelled: Mapping[str, str]

    def phrase(self, kind: str, seed: int = 0) -> Phrase:
        """Return the variant of a phrase for an announcement.

        Args:
            kind: A name in `REQUIRED`.
            seed: Of the announcement; the same seed gets the same variant. Seeds that differ by no multiple
                of five get different variants of a phrase that has at least five.
        """
        variants = self.phrases[kind]
        if len(variants) > ROUND:
            variants = variants[seed % ROUND :: ROUND]
            return variants[seed // DAY_SLOTS % len(variants)]
        return variants[seed % len(variants)]


class InvalidPhrasebook(ValueError):
    """A phrasebook file is invalid.

    Args:
        source: The name of the file.
        problems: What is wrong, by the key in the file; "" for the file as a whole.
    """

    def __init__(self, source: str, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(": ".join(filter(None, (source, *problem))) for problem in problems))
        self.problems = tuple(problems)


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
        raise UnknownDialect(_phrasebooks())
    return book


def parse(text: str, source: str) -> Phrasebook:
    """Parse a phrasebook.

    Args:
        text: TOML.
        source: The name of the file, for error messages.

    Raises:
        InvalidPhrasebook: a key or phrase is missing, unknown, or has the wrong placeholders.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidPhrasebook(source, [("", f"is no TOML: {error}")]) from None
    if problems := problems_of(data):
        raise InvalidPhrasebook(source, problems)
    respelled = data.get("spoken", {})
    return Phrasebook(
        dialect=Dialect(**{field: data[field] for field in NAMES}),
        private=data["private"],
        untitled=data["untitled"],
        birthdays={"birthday": data["birthday"], "self": data["own_birthday"]},
        voices=data.get("voices", {}),
        phrases={
            kind: tuple(Phrase(text, respell(text, respelled)) for text in variants_of(data["phrases"][kind]))
            for kind in REQUIRED
        },
        respelled=respelled,
    )


def respell(text: str, respelled: Mapping[str, str]) -> str:
    """Return a phrase as it is spoken: of overlapping spellings the longest counts; placeholders stay."""
    if not respelled:
        return text
    words = "|".join(map(whole_word, sorted(respelled, key=len, reverse=True)))
    return re.sub(rf"\{{[^}}]*\}}|{words}", lambda match: respelled.get(match[0], match[0]), text)


def is_phrasebook(name: str) -> bool:
    """Return whether a file of this name is a phrasebook; `*.readings.toml` beside it is not."""
    return name.endswith(".toml") and not name.endswith(".readings.toml")


@cache
def _phrasebooks() -> dict[str, Phrasebook]:
    folder = files("catflap").joinpath("phrasebooks")
    found = [
        parse(file.read_text("utf-8"), file.name) for file in folder.iterdir() if is_phrasebook(file.name)
    ]
    found.sort(key=lambda book: (_rank(book.dialect.id), book.dialect.id))
    return {book.dialect.id: book for book in found}


def _rank(dialect: str) -> int:
    return _ORDER.index(dialect) if dialect in _ORDER else len(_ORDER)
