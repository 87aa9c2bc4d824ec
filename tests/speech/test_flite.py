"""Flite, where the system has it: the default for English, and what it can't read goes to another engine."""

import os
import select
from contextlib import aclosing
from datetime import datetime

import psutil
import pytest

from catflap.speech import (
    Engine,
    Speech,
    SpeechFailed,
    VoiceChoice,
    Voices,
    dialects,
    installed_engines,
    say_start,
)
from catflap.speech.engine_process import EngineProcess
from catflap.speech.engines import engines_for
from catflap.speech.engines.ascii_text import is_latin, plain_letters
from catflap.speech.language import Run
from catflap.speech.phrasebooks import phrasebook
from catflap.speech.protocol import SynthesisRequest

with_flite = pytest.mark.skipif(
    all(engine.id != "flite" for engine in installed_engines()), reason="needs Debian's flite"
)
OPENJTALK = Engine("openjtalk", "openjtalk", (), frozenset({"ja"}))
FLITE = Engine("flite", "flite", (), frozenset({"en"}), is_latin)
ESPEAK = Engine("espeak", "espeak", (), frozenset({"en", "ru", "de"}))
NOON = datetime.fromisoformat("2026-11-24T12:00+09:00")
ALL = (OPENJTALK, FLITE, ESPEAK)


@pytest.mark.parametrize(
    ("run", "engines"),
    [
        (Run("en", "Lunch at Café Noël"), ["flite", "espeak"]),
        (Run("en", "Lunch with Иван"), ["espeak", "flite"]),
        (Run("en", "Mittag", "de"), ["espeak"]),
        (Run("en", "Обед", "ru"), ["espeak"]),
        (Run("en", "점심", "ko"), []),
        (Run("ja", "会議"), ["openjtalk"]),
    ],
)
def test_a_text_goes_to_the_best_engine_that_can_read_it(run, engines):
    assert [engine.id for engine in engines_for(run, ALL)] == engines


def test_latin_letters_are_rewritten_in_ascii():
    assert plain_letters("Café “Ærø”, Straße\x00 — naïve") == "Cafe  Aero , Strasse    naive"
    assert is_latin("Café “Ærø”, Straße 12 — naïve!") and is_latin("")
    assert not is_latin("Обед") and not is_latin("lunch 점심") and not is_latin("昼食")


def test_each_english_dialect_has_its_voice_in_both_engines():
    voices = {
        one.id: phrasebook(one.id).voices["flite"]["voice"] for one in dialects() if one.language == "en"
    }
    assert voices == {"butler": "rms", "cowboy": "rms", "pirate": "rms", "kitten": "slt", "plain": "slt"}
    for dialect in voices:
        assert phrasebook(dialect).voices["espeak"]["voice"]


def test_the_key_of_a_sound_names_its_engine():
    keys = set()
    for engines in ([FLITE, ESPEAK], [ESPEAK], [OPENJTALK, FLITE, ESPEAK]):
        keys.add(Voices(tuple(engines)).content_key("Lunch in ten minutes", VoiceChoice("kitten")))
    assert len(keys) == 2


@with_flite
@pytest.mark.slow
async def test_flite_speaks_in_a_process_of_its_own():
    (flite,) = (engine for engine in installed_engines() if engine.id == "flite")
    assert flite.name.startswith("flite-")
    async with aclosing(Speech(engines=[flite])) as speech:
        for dialect in ("kitten", "butler"):
            sound = await speech.synthesise("Lunch with Sarah in ten minutes.", VoiceChoice(dialect))
            assert 2.5 < sound.seconds < 6
        # Other tests of this process may have left helpers of multiprocessing.
        commands = [child.cmdline() for child in psutil.Process().children(recursive=True)]
        assert [command[-1] for command in commands if "catflap.speech" in command[-1]] == [
            "catflap.speech.engines.flite"
        ]


@with_flite
@pytest.mark.slow
@pytest.mark.parametrize("text", ["x" * 5000, "Обед", "", "-voice kal", "9" * 400])
async def test_flite_survives_any_text(text):
    (flite,) = (engine for engine in installed_engines() if engine.id == "flite")
    speech = Speech(engines=[flite])
    sound = await speech.synthesise(say_start("plain", [text], NOON).spoken, VoiceChoice("plain"))
    assert 2 < sound.seconds <= 20.01
    await speech.aclose()


@with_flite
@pytest.mark.slow
async def test_no_user_of_the_machine_sees_a_text_in_the_arguments_of_flite(tmp_path, monkeypatch):
    program = tmp_path / "flite"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat > {tmp_path}/input\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (flite,) = (engine for engine in installed_engines() if engine.id == "flite")
    process = EngineProcess(flite.command, timeout=20)
    with pytest.raises(SpeechFailed):
        await process.synthesise(SynthesisRequest("Lunch with Sarah", {"voice": "rms"}, 16_000, 10, 30))
    await process.aclose()
    assert (tmp_path / "input").read_text() == "Lunch with Sarah"
    assert "-voice rms" in (tmp_path / "arguments").read_text()
    assert "Sarah" not in (tmp_path / "arguments").read_text()


@with_flite
@pytest.mark.slow
async def test_a_hung_flite_ends_with_its_engine(tmp_path, monkeypatch):
    program = tmp_path / "flite"
    program.write_text("#!/bin/sh\necho $$ > " + str(tmp_path / "pid") + "\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (flite,) = (engine for engine in installed_engines() if engine.id == "flite")
    process = EngineProcess(flite.command, timeout=3)
    with pytest.raises(Exception, match="too long"):
        await process.synthesise(SynthesisRequest("hello", {}, 16_000, 10, 30))
    await process.aclose()
    assert ends(int((tmp_path / "pid").read_text()))


def ends(pid: int) -> bool:
    """Wait for the end of a process that was killed just now, and return whether it came."""
    try:
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([ended], [], [], 30)[0])
    finally:
        os.close(ended)
