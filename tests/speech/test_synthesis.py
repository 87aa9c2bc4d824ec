"""Synthesised sounds: format, duration, audible speech and reproducibility."""

import hashlib
import io
import re
import subprocess
import sys
from datetime import date, datetime, timedelta

import numpy as np
import psutil
import pyopenjtalk
import pytest
import soundfile

from catflap.speech import (
    Engine,
    NothingToSay,
    NoVoice,
    Sound,
    Speech,
    Title,
    UnknownDialect,
    VoiceChoice,
    dialects,
    installed_engines,
    installed_voices,
    say_before,
    say_briefing,
    say_start,
)
from catflap.speech.chime import meow
from catflap.speech.engine_process import EngineProcess
from catflap.speech.engines.loudness import loudness
from catflap.speech.phrasebooks import phrasebook
from catflap.speech.protocol import SynthesisRequest
from tests.support.voices import quick_engines

pytestmark = pytest.mark.slow

with_voice = pytest.mark.asyncio(loop_scope="module")
AT = datetime.fromisoformat("2026-11-24T10:30+09:00")
CHIME_SECONDS = len(meow(16_000)) / 2 / 16_000
EVERY_DIALECT = [dialect.id for dialect in dialects()]


def samples_of(sound: Sound) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(sound.wav), dtype="float32")
    assert rate == 16_000
    return samples


def words_of(sound: Sound) -> np.ndarray:
    """Return the samples after the silence and the chime."""
    return samples_of(sound)[int((0.3 + CHIME_SECONDS) * 16_000) :]


def engine(name: str) -> Engine:
    return next(engine for engine in installed_engines() if engine.id == name)


@with_voice
@pytest.mark.parametrize("dialect", EVERY_DIALECT)
async def test_every_dialect_gives_a_pcm_wav(speech, dialect):
    sound = await speech.synthesise(say_start(dialect, ["Lunch"], AT).spoken, VoiceChoice(dialect))
    info = soundfile.info(io.BytesIO(sound.wav))
    assert (info.format, info.subtype, info.channels, info.samplerate) == ("WAV", "PCM_16", 1, 16_000)
    assert sound.seconds == pytest.approx(info.frames / 16_000, abs=0.001)
    assert sound.sha256 == hashlib.sha256(sound.wav).hexdigest()
    assert len(sound.wav) == 44 + 2 * info.frames
    samples = samples_of(sound)
    assert np.abs(samples[: int(0.3 * 16_000)]).max() == 0
    assert np.abs(samples[int(0.3 * 16_000) : int((0.3 + CHIME_SECONDS) * 16_000)]).max() > 0.2
    assert 20 * np.log10(np.abs(samples).max()) < -0.99
    assert loudness(np.trim_zeros(words_of(sound)), 16_000) == pytest.approx(-16, abs=0.5)
    # The silence around it and the chime are quieter, which counts in a short sound.
    assert loudness(samples, 16_000) == pytest.approx(-16.5, abs=1.3)
    assert 2 < sound.seconds < 8


@with_voice
@pytest.mark.parametrize("dialect", [d.id for d in dialects() if d.language == "ja"])
async def test_the_duration_of_japanese_speech_matches_its_kana(speech, dialect):
    spoken = say_before(dialect, ["設計会議"], AT, 10).spoken
    kana = pyopenjtalk.g2p(spoken, kana=True, use_sudachi_kanji_yomi=False)
    moras = len(re.sub(r"[ァィゥェォャュョ]|[^ァ-ー]", "", kana))
    audible = np.abs(words_of(await speech.synthesise(spoken, VoiceChoice(dialect))))
    frames = audible[: len(audible) // 160 * 160].reshape(-1, 160).max(axis=1)
    per_mora = (frames > 0.02).sum() / 100 / moras
    assert 0.07 < per_mora < 0.19


@with_voice
@pytest.mark.parametrize("dialect", ["kansai", "kitten"])
async def test_the_voice_is_high(speech, dialect):
    """The fundamental frequency, by autocorrelation of the loudest parts."""
    words = words_of(await speech.synthesise(say_start(dialect, ["Lunch"], AT).spoken, VoiceChoice(dialect)))
    pitches = []
    for start in range(0, len(words) - 1024, 512):
        frame = words[start : start + 1024]
        if np.sqrt((frame**2).mean()) < 0.1:
            continue
        frame = frame - frame.mean()
        correlation = np.correlate(frame, frame, "full")[1023:]
        low, high = 16_000 // 700, 16_000 // 90
        pitches.append(16_000 / (low + int(correlation[low:high].argmax())))
    assert len(pitches) > 5
    assert np.median(pitches) > 230


@with_voice
async def test_english_words_are_set_apart_by_gaps():
    """Gaps made the share of words that a recogniser understands six times as large."""
    for dialect in dialects():
        if dialect.language == "en":
            assert phrasebook(dialect.id).voices["espeak"]["gap"] in (4, 5)
    voice = dict(phrasebook("plain").voices["espeak"])
    process = EngineProcess(engine("espeak").command, timeout=20)
    sentence = "Lunch with Sarah in ten minutes"
    lengths = [
        len(await process.synthesise(SynthesisRequest(sentence, {**voice, "gap": gap}, 16_000, 20, 25)))
        for gap in (0, 4)
    ]
    await process.aclose()
    assert lengths[1] > lengths[0] + 5 * 0.03 * 16_000 * 2


@with_voice
async def test_the_longest_titles_leave_room_for_the_whole_sentence(speech):
    for dialect, title in (
        ("okinawa", "全社横断企画定例会議反省会準備片付" * 3),
        ("butler", "Extraordinarily long title " * 9),
    ):
        titles = [f"{number} {title}" for number in range(2, 9)]
        ending = [Title(one, tentative=True, until=AT + timedelta(days=2)) for one in titles]
        for spoken in (
            say_briefing(dialect, date(2026, 11, 24), titles, 12, AT).spoken,
            say_briefing(dialect, date(2026, 11, 24), titles, 12, AT, ending).spoken,
            say_briefing(dialect, date(2026, 11, 24), [], 12, AT, ending).spoken,
            say_before(dialect, titles, AT, 150).spoken,
            say_before(dialect, titles[:1], AT, 150).spoken,
        ):
            assert (await speech.synthesise(spoken, VoiceChoice(dialect))).seconds < 19.99


@with_voice
async def test_long_speech_fades_out_at_twenty_seconds(speech):
    for dialect, words in (("okinawa", "設計会議"), ("butler", "extraordinarily ")):
        sound = await speech.synthesise(words * 200, VoiceChoice(dialect))
        assert sound.seconds == pytest.approx(20, abs=0.01)
        assert np.abs(samples_of(sound)[-3400:-3200]).max() < 0.05


@with_voice
async def test_equal_texts_give_equal_sounds(speech):
    spoken = say_before("kyoto", ["設計会議", "Привет"], AT, 10).spoken
    first = await speech.synthesise(spoken, VoiceChoice("kyoto"))
    await speech.synthesise("なにか別のこと", VoiceChoice("kansai"))
    await speech.synthesise("Something else", VoiceChoice("pirate"))
    other = Speech(engines=quick_engines())
    fresh = await other.synthesise(spoken, VoiceChoice("kyoto"))
    await other.aclose()
    assert first == await speech.synthesise(spoken, VoiceChoice("kyoto")) == fresh


@with_voice
async def test_a_japanese_title_in_an_english_sentence_is_spoken_in_japanese(speech):
    without = await speech.synthesise("It's time for.", VoiceChoice("plain"))
    spoken = say_start("plain", ["勤労感謝の日"], AT).spoken
    assert (await speech.synthesise(spoken, VoiceChoice("plain"))).seconds > without.seconds + 0.8


@with_voice
async def test_without_the_other_engine_a_foreign_title_becomes_an_appointment():
    english = Speech(engines=[engine("espeak")])
    spoken = say_start("plain", ["設計会議"], AT).spoken
    sound = await english.synthesise(spoken, VoiceChoice("plain"))
    private = await english.synthesise("It's time for an appointment.", VoiceChoice("plain"))
    await english.aclose()
    assert sound.seconds == pytest.approx(private.seconds, abs=0.6)


@with_voice
async def test_without_the_engine_of_the_dialect_the_error_names_what_to_install():
    english = Speech(engines=[engine("espeak")])
    with pytest.raises(NoVoice, match=r"catflap\[mia\]"):
        await english.synthesise("会議です", VoiceChoice("kansai"))
    await english.aclose()


@with_voice
async def test_empty_text_and_unknown_dialects_are_bad_requests(speech):
    for nothing in ("", "  ", "😀", "\x00\x07", "。、!", "ーーー"):
        with pytest.raises(NothingToSay):
            await speech.synthesise(nothing, VoiceChoice("kansai"))
    with pytest.raises(UnknownDialect):
        await speech.synthesise("hello", VoiceChoice("klingon"))


@with_voice
async def test_engine_processes_use_little_memory():
    # Engines of its own, because long texts of other tests leave them larger.
    speech = Speech(engines=quick_engines())
    try:
        for dialect, title in (("kansai", "祝日"), ("butler", "Holiday")):
            briefing = say_briefing(dialect, AT.date(), [title], 5, AT)
            await speech.synthesise(briefing.spoken, VoiceChoice(dialect))
        found = (getattr(one, "pid", None) for one in speech._processes.values())
        workers = [psutil.Process(pid) for pid in found if pid is not None]
        assert len(workers) == 2
        assert sum(worker.memory_full_info().pss for worker in workers) < 200 * 1024 * 1024
    finally:
        await speech.aclose()


def test_the_key_depends_on_all_that_determines_the_sound():
    key = installed_voices().content_key("会議です", VoiceChoice("kansai"))
    assert key == installed_voices().content_key("会議です", VoiceChoice("kansai"))
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert key != installed_voices().content_key("会議ですね", VoiceChoice("kansai"))
    assert key != installed_voices().content_key("会議です", VoiceChoice("kyoto"))
    program = (
        "from catflap.speech import VoiceChoice, installed_voices\n"
        "print(installed_voices().content_key('会議です', VoiceChoice('kansai')))"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == key


def test_importing_speech_loads_no_engine():
    program = "import sys, catflap.speech; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "pyopenjtalk", "espeakng_loader", "soxr", "soundfile"} & set(loaded.stdout.split())
