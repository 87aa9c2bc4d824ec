"""English words in Japanese sentences, before and in the Japanese engine."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

from catflap.speech import Speech, VoiceChoice, engines, say_text
from catflap.speech.engines.transliteration import transliterate
from catflap.speech.japanese import reading


def test_planning_loads_no_model() -> None:
    """Planning runs in an event loop, and in an installation without the extra `mia`."""
    code = (
        "import sys; from catflap.speech import say_text;"
        "print(say_text('standard', 'plumberが来る').spoken);"
        "print(sorted({'e2k', 'numpy'} & sys.modules.keys()))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["plumberが来る", "[]"]


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("shibuya", "シブヤ"),
        ("matcha", "マッチャ"),
        ("sapporo", "サッポロ"),
        ("shin'ichi", "シンイチ"),
        ("honda", "ホンダ"),
        # English words that could be syllables of Japanese.
        ("remake", "remake"),
        ("sunrise", "sunrise"),
        ("hero", "hero"),
        ("moon", "moon"),
    ],
)
def test_only_english_words_are_left_for_the_model(word: str, read: str) -> None:
    assert reading(word) == read


@pytest.mark.parametrize("text", ["plumber", "foo bar", "zzzzzz", "a" * 500, "make アップ", "ABCDEFGH会議"])
def test_no_latin_letter_is_left(text: str) -> None:
    assert not re.search("[A-Za-z]", transliterate(reading(text)))


def test_there_is_no_pause_between_katakana_words() -> None:
    assert transliterate("plumber plumber が") == "プランバープランバー が"


def test_the_japanese_engine_needs_all_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_e2k(package: str) -> str:
        if package == "e2k":
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(engines, "version", without_e2k)
    assert "openjtalk" not in [engine.id for engine in engines.installed_engines.__wrapped__()]


def test_another_version_of_the_model_changes_the_sound_key() -> None:
    assert f"e2k {version('e2k')}" in engines.installed_engines()[0].name


async def test_the_engine_speaks_english_words() -> None:
    """The engine process has limited memory."""
    speech = Speech(engines=engines.installed_engines())
    try:
        said = await speech.synthesise(say_text("standard", "plumber").spoken, VoiceChoice("standard"))
        meant = await speech.synthesise("プランバー", VoiceChoice("standard"))
    finally:
        await speech.aclose()
    assert said.sha256 == meant.sha256
