"""Text-to-speech engines and their commands.

An engine is a module that runs as a program in its own process; nothing here imports one.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

from catflap.speech.engines.alphabets import SUPPORTED_LANGUAGES
from catflap.speech.language import Language


@dataclass(frozen=True)
class Engine:
    """A text-to-speech backend.

    Args:
        name: Its packages with their versions, a part of the key of each sound.
        command: A program that implements `catflap.speech.protocol` on its standard input.
        also_speaks: Further languages that it has voices for.
    """

    name: str
    command: tuple[str, ...]
    also_speaks: frozenset[str] = frozenset()


_PACKAGES: Mapping[Language, tuple[tuple[str, ...], str, frozenset[str]]] = MappingProxyType(
    {
        "ja": (("pyopenjtalk-plus", "e2k"), "openjtalk", frozenset()),
        "en": (("espeakng-loader",), "espeak", SUPPORTED_LANGUAGES),
    }
)


@cache
def installed_engines() -> Mapping[Language, Engine]:
    """Return the engine of each language whose packages are installed."""
    found: dict[Language, Engine] = {}
    for language, (packages, module, also_speaks) in _PACKAGES.items():
        try:
            name = ", ".join(f"{package} {version(package)}" for package in packages)
        except PackageNotFoundError:
            continue
        command = (sys.executable, "-P", "-m", f"catflap.speech.engines.{module}")
        found[language] = Engine(name, command, also_speaks)
    return MappingProxyType(found)


def missing_voices() -> list[Language]:
    """Return the languages of the phrasebooks that have no installed engine."""
    return [language for language in _PACKAGES if language not in installed_engines()]
