"""Titles in more than forty languages are detected and heard, in sentences of both languages."""

import io
import tomllib
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from catflap.speech import Speech, Title, VoiceChoice, installed_engines, say_start
from catflap.speech.chime import meow
from catflap.speech.engines import engines_for
from catflap.speech.synthesis import split_text
from catflap.speech.title_language import title_language
from catflap.speech.titles import spoken_title
from tests.speech.phonemes_of import phonemes

pytestmark = pytest.mark.slow

AT = datetime.fromisoformat("2026-11-24T10:30+09:00")
TITLES = tomllib.loads((Path(__file__).parent / "titles_of_many_languages.toml").read_text(encoding="utf-8"))
TITLES_ALONE = [title for titles in TITLES.values() for title in titles]
BEFORE_WORDS = 0.3 + len(meow(16_000)) / 2 / 16_000


def test_the_table_is_large() -> None:
    assert len(TITLES) > 40
    assert len(TITLES_ALONE) > 70


@pytest.mark.parametrize(
    ("language", "title"), [(code, title) for code, titles in TITLES.items() for title in titles]
)
def test_its_language_is_detected(language: str, title: str) -> None:
    assert title_language(title) == language


@pytest.mark.parametrize("dialect", ["plain", "kansai"])
def test_no_part_is_given_to_a_voice_that_spells_its_letters(dialect: str) -> None:
    """An English voice of eSpeak NG reads what it can't read as "Chinese letter" or "letter 0 x 4"."""
    spelled, questions = phonemes(("letter", "en-us", ""))[0][:4], []
    for title in TITLES_ALONE:
        for run in split_text(say_start(dialect, [Title(title)], AT).spoken, dialect):
            engine = engines_for(run, installed_engines())[0]
            if engine.id == "espeak":
                questions.append((run.text, "en-us", run.spoken_in))
            else:
                assert engine.languages == {"ja"} or run.language == "en"
    said = phonemes(*questions)
    assert len(said) > 50
    assert [text for (text, *_), sounds in zip(questions, said, strict=True) if spelled in sounds] == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("dialect", "language"), [("plain", "en"), ("kansai", "ja")])
async def test_each_is_heard(speech: Speech, dialect: str, language: str) -> None:
    quiet = {}
    for title in TITLES_ALONE:
        sound = await speech.synthesise(spoken_title(title, language), VoiceChoice(dialect))
        samples, rate = soundfile.read(io.BytesIO(sound.wav), dtype="float32")
        words = np.abs(samples[int(BEFORE_WORDS * rate) :])
        # In pieces of 10 ms.
        loud = words[: len(words) // 160 * 160].reshape(-1, 160).max(axis=1) > 0.02
        if loud.sum() / 100 <= 0.3:
            quiet[title] = loud.sum() / 100
    assert quiet == {}
