"""Texts of the web page per language, and the choice of a language for a request.

The texts are data: one flat table of strings in `locales/LANGUAGE.toml`. Nothing in them comes from a
request.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

Texts = Mapping[str, str]

LANGUAGES: Final = ("en", "ja")
DEFAULT: Final = "en"


class InvalidLocaleFile(ValueError):
    """Error: a locale file is not a flat table of non-empty strings; the message names file and key."""


@cache
def texts(language: str) -> Texts:
    """Return the texts of one of `LANGUAGES`, read from its file once.

    Raises:
        InvalidLocaleFile: the file is not TOML, or a value is not a non-empty string.
    """
    file = files("catflap.web").joinpath("locales", f"{language}.toml")
    return parse_locale(file.read_text("utf-8"), file.name)


def parse_locale(toml: str, source: str) -> Texts:
    """Return the texts in a locale file.

    Args:
        toml: The file's content.
        source: The file's name, for error messages.

    Raises:
        InvalidLocaleFile: as for `texts`.
    """
    try:
        table = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise InvalidLocaleFile(f"{source} is not valid TOML: {error}") from error
    for key, value in table.items():
        if not isinstance(value, str) or not value.strip():
            raise InvalidLocaleFile(f"{source}: {key!r} must be a non-empty string, not {value!r}")
    return MappingProxyType(table)


def choose_language(accept_language: str, override: str | None = None) -> str:
    """Return the page's language: `?lang=` if supported, else the browser's preference, else English.

    Args:
        accept_language: The header's value (RFC 9110 section 12.5.4); malformed parts are ignored.
        override: The value of `?lang=`.
    """
    if override in LANGUAGES:
        return str(override)
    ranges = sorted((_language_range(part) for part in accept_language.split(",")), key=lambda it: -it[1])
    return next((tag for tag, quality in ranges if quality > 0 and tag in LANGUAGES), DEFAULT)


def _language_range(part: str) -> tuple[str, float]:
    tag, _, quality = part.partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
    except ValueError:
        weight = 0.0
    return tag.strip().split("-")[0].lower(), weight
