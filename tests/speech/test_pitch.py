"""The pitch of a voice is raised without its spectrum, for every engine, in the code that serves them."""

from contextlib import aclosing

import numpy as np
import pytest
import pyworld

from catflap.speech import Speech, VoiceChoice, installed_engines
from catflap.speech.engine_process import EngineProcess
from catflap.speech.engines.loudness import loudness
from catflap.speech.engines.pitch import raise_pitch
from catflap.speech.engines.serving import SilentOutput, normalize_samples
from catflap.speech.errors import SpeechFailed
from catflap.speech.protocol import SynthesisRequest
from tests.support.voices import quick_engines

RATE = 16_000
# What every installed engine says here, with the settings that make it low.
SENTENCES = {
    "kokoro": ("Lunch in ten minutes.", {"voice": "af_heart"}),
    "openjtalk": ("会議は午後三時からです。", {"half_tone": 0.0}),
    "flite": ("Lunch with Sarah in ten minutes.", {"voice": "slt"}),
    "espeak": ("Lunch with Sarah in ten minutes.", {"voice": "en-us+f2", "pitch": 40}),
}


def vowel(seconds: float, hertz: float = 200.0, rate: int = RATE) -> np.ndarray:
    """Return pulses through two resonances, as a throat makes them."""
    at = np.arange(round(seconds * rate)) / rate
    pulses = np.diff(np.floor(hertz * at), prepend=-1)
    short = np.arange(rate // 40) / rate
    throat = sum(np.exp(-short / 0.004) * np.sin(2 * np.pi * formant * short) for formant in (700, 1200))
    return (0.1 * np.convolve(pulses, throat)[: len(at)]).astype(np.float32)


def fundamental(samples: np.ndarray, rate: int = RATE) -> float:
    """Return the median by Harvest; `raise_pitch` measures with Dio."""
    found, _ = pyworld.harvest(samples.astype(np.float64), rate, f0_floor=60, f0_ceil=1000)
    return float(np.median(found[found > 0]))


def centroid(samples: np.ndarray, rate: int = RATE) -> float:
    """Return the mean frequency of the power, which moves with the resonances."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(np.average(np.fft.rfftfreq(len(samples), 1 / rate), weights=power))


def samples_of(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768


@pytest.mark.parametrize("factor", [0.7, 1.2, 1.4, 2.0])
@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_the_fundamental_is_multiplied_and_the_spectrum_and_duration_stay(factor, rate):
    before = vowel(1.5, rate=rate)
    after = raise_pitch(before, rate, factor)
    assert len(after) == len(before) and after.dtype == np.float32
    assert fundamental(after, rate) / fundamental(before, rate) == pytest.approx(factor, rel=0.05)
    assert centroid(after, rate) == pytest.approx(centroid(before, rate), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("engine", installed_engines(), ids=lambda engine: engine.id)
async def test_a_sentence_of_each_engine_is_raised_by_the_setting_of_a_voice(engine):
    text, voice = SENTENCES[engine.id]
    process = EngineProcess(engine.command, timeout=60)
    async with aclosing(process):
        low, high = [
            samples_of(await process.synthesise(SynthesisRequest(text, settings, RATE, 10.0, 60.0)))
            for settings in (voice, {**voice, "pitch_factor": 1.4})
        ]
    assert fundamental(high) / fundamental(low) == pytest.approx(1.4, rel=0.05)
    assert len(high) == len(low)
    assert loudness(high, RATE) == pytest.approx(loudness(low, RATE), abs=0.5)


@pytest.mark.slow
async def test_a_factor_out_of_range_is_refused_and_the_engine_lives_on():
    (engine,) = (engine for engine in installed_engines() if engine.id == "openjtalk")
    process = EngineProcess(engine.command, timeout=20)
    async with aclosing(process):
        for factor in (0.0, -1.4, 100.0, "high"):
            wrong = SynthesisRequest("会議です", {"pitch_factor": factor}, RATE, 10.0, 30.0)
            with pytest.raises(SpeechFailed) as failure:
                await process.synthesise(wrong)
            assert failure.value.code == "speech_refused"
        assert await process.synthesise(SynthesisRequest("会議です", {}, RATE, 10.0, 30.0))


def test_equal_samples_stay_equal():
    assert np.array_equal(raise_pitch(vowel(1.0), RATE, 1.4), raise_pitch(vowel(1.0), RATE, 1.4))


def test_silence_around_and_inside_speech_stays_silence():
    gap = np.zeros(RATE, np.float32)
    after = raise_pitch(np.concatenate([gap, vowel(1.0), gap, vowel(1.0), gap]), RATE, 1.4)
    for start in (0, 2, 4):
        quiet = after[start * RATE + RATE // 10 : (start + 1) * RATE - RATE // 10]
        assert np.abs(quiet).max() < 1e-4


@pytest.mark.parametrize("factor", [1.0, 1.4])
def test_what_has_no_fundamental_stays_as_it_is(factor):
    noise = np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    for samples in (np.zeros(RATE, np.float32), noise, *(vowel(1.0)[:count] for count in (0, 1, 2, 799))):
        assert np.array_equal(raise_pitch(samples, RATE, factor), samples)


@pytest.mark.parametrize("count", [800, 801, 879, 881, 3333])
def test_any_length_keeps_its_length(count):
    assert len(raise_pitch(vowel(1.0)[:count], RATE, 1.4)) == count


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(wrong):
    samples = vowel(1.0)
    samples[100] = wrong
    with pytest.raises(ValueError, match="numbers"):
        raise_pitch(samples, RATE, 1.4)
    with pytest.raises(SilentOutput):
        normalize_samples(samples, RATE, RATE, 10.0, 1.4)


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.float32), np.ones(1, np.float32), np.zeros(RATE, np.float32)]
)
def test_next_to_nothing_is_silence(samples):
    with pytest.raises(SilentOutput):
        normalize_samples(samples, RATE, RATE, 10.0, 1.4)


def test_a_minute_is_cut_before_it_is_raised():
    pcm = normalize_samples(vowel(60.0, rate=24_000), 24_000, RATE, 10.0, 1.4)
    assert len(pcm) == 2 * 10 * RATE
    assert fundamental(samples_of(pcm)) == pytest.approx(280, rel=0.05)


async def test_the_setting_of_a_phrasebook_reaches_every_engine(monkeypatch):
    """`Speech` sends all settings of a voice, so none of them needs code of its own."""
    sent: list[SynthesisRequest] = []

    async def note(self: EngineProcess, request: SynthesisRequest) -> bytes:
        sent.append(request)
        return bytes(RATE)

    monkeypatch.setattr(EngineProcess, "synthesise", note)
    monkeypatch.setattr("catflap.speech.synthesis.voice_settings", lambda *_: {"pitch_factor": 1.4})
    async with aclosing(Speech(engines=quick_engines())) as speech:
        await speech.synthesise("Lunch", VoiceChoice("plain"))
    assert sent[0].voice == {"pitch_factor": 1.4}
