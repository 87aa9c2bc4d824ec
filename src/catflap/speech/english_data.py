"""Load the tables of `english_words.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Tables:
    """Words and their spoken forms."""

    spelled: frozenset[str]
    titles: Mapping[str, str]
    streets: Mapping[str, str]
    short: Mapping[str, str]
    units: Mapping[str, str]
    per: Mapping[str, str]
    currencies: Mapping[str, list[str]]
    measures: frozenset[str]
    counted: frozenset[str]
    scores: frozenset[str]
    books: frozenset[str]
    names: frozenset[str]


@cache
def tables() -> Tables:
    """Return the tables, loaded once."""
    text = files("catflap.speech").joinpath("english_words.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    fractions, bible = data.pop("fractions"), data.pop("bible")
    return Tables(
        **data | {"spelled": frozenset(data["spelled"].split())},
        measures=frozenset(fractions["measures"].split()),
        counted=frozenset(fractions["counted"].split()),
        scores=frozenset(fractions["scores"].split()),
        books=frozenset(bible["books"].lower().split()),
        names=frozenset(bible["names"].lower().split()),
    )


def ordinal(number: int) -> str:
    """Return an ordinal number such as 1st, 2nd, 3rd or 11th."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
