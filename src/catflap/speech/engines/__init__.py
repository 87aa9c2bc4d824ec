"""The text-to-speech engines there are, and what runs each of them.

An engine is a module run as a program in a process of its own; nothing here loads one.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

from catflap.speech.engines.alphabets import SPOKEN
from catflap.speech.language import Language


@dataclass(frozen=True)
class Engine:
    """A text-to-speech backend.

    Args:
        name: Its packages with their versions: a part of every sound's key.
        command: The program that speaks the frames of `catflap.speech.protocol` on its standard input.
        also_speaks: Further languages it has voices for.
    """

    name: str
    command: tuple[str, ...]
    also_speaks: frozenset[str] = frozenset()


_PACKAGES: Mapping[Language, tuple[tuple[str, ...], str, frozenset[str]]] = MappingProxyType(
    {
        "ja": (("pyopenjtalk-plus", "e2k"), "openjtalk", frozenset()),
        "en": (("espeakng-loader",), "espeak", SPOKEN),
    }
)


@cache
def installed_engines() -> Mapping[Language, Engine]:
    """The engine for each language whose packages are installed here."""
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
    """The languages Mia speaks that have no engine here."""
    return [language for language in _PACKAGES if language not in installed_engines()]
