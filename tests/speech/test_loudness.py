"""Loudness by ITU-R BS.1770-5 and EBU Tech 3341, for one channel, and the limiter."""

import numpy as np
import pytest

from catflap.speech.engines.loudness import level, loudness

PEAK = 10 ** (-1 / 20)


def tone(dbfs: float, seconds: float, rate: int, hertz: float = 997.0) -> np.ndarray:
    at = np.arange(round(seconds * rate)) / rate
    return (10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_full_scale_tone_in_one_channel_has_the_loudness_that_the_standard_names(rate):
    """BS.1770-5, annex 1: 0 dBFS at 997 Hz in one front channel reads -3.01 LKFS."""
    assert loudness(tone(0, 3, rate), rate) == pytest.approx(-3.01, abs=0.05)


# EBU Tech 3341, table 1, cases 1 to 5: level and seconds of each tone. They are for two equal channels, which
# are 3.01 LU louder than one.
EBU_CASES = {
    "1": ([(-23, 20)], -23.0),
    "2": ([(-33, 20)], -33.0),
    "3": ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
    "4": ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
    "5": ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
}


@pytest.mark.parametrize(("parts", "expected"), EBU_CASES.values(), ids=EBU_CASES.keys())
def test_the_gates_are_those_of_ebu_tech_3341(parts, expected):
    samples = np.concatenate([tone(dbfs, seconds, 16_000, 1000.0) for dbfs, seconds in parts])
    assert loudness(samples, 16_000) + 3.01 == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("hertz", "gain"),
    [(20, -13.7), (38, -6.1), (100, -1.1), (500, 0.0), (2000, 3.0), (7000, 4.0)],
)
def test_the_weighting_is_that_of_the_standard(hertz, gain):
    """The response of the coefficients of BS.1770-5, tables 1 and 2, less its 0.691 dB at 997 Hz."""
    numerator = np.polymul([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -2.0, 1.0])
    denominator = np.polymul(
        [1.0, -1.69065929318241, 0.73248077421585], [1.0, -1.99004745483398, 0.99007225036621]
    )
    z = np.exp(2j * np.pi * hertz / 48_000)
    expected = 20 * np.log10(abs(np.polyval(numerator, z) / np.polyval(denominator, z)))
    measured = loudness(tone(-20, 5, 48_000, hertz), 48_000) + 20 + 3.01 + 0.691
    assert measured == pytest.approx(expected, abs=0.05)
    assert expected - 0.691 == pytest.approx(gain, abs=1.0)


def speech(seconds: float, rate: int = 16_000) -> np.ndarray:
    """Return four syllables a second of a voice of 110 Hz, with peaks 15 dB above its loudness."""
    at = np.arange(round(seconds * rate)) / rate
    pulses = np.diff(np.floor(110 * at), prepend=-1)
    resonance = np.exp(-at[:400] / 0.002) * np.sin(2 * np.pi * 700 * at[:400])
    return (np.convolve(pulses, resonance)[: len(at)] * np.abs(np.sin(4 * np.pi * at))).astype(np.float32)


@pytest.mark.parametrize("gain", [0.01, 0.1, 1, 30])
@pytest.mark.parametrize("seconds", [0.1, 0.35, 0.4, 1.0, 5.0])
def test_any_speech_gets_the_same_loudness(seconds, gain):
    levelled = level(speech(seconds) * np.float32(gain), 16_000)
    assert loudness(levelled, 16_000) == pytest.approx(-16, abs=0.5)
    assert np.abs(levelled).max() <= PEAK + 1e-6


def test_the_limiter_keeps_what_is_far_from_a_peak():
    quiet = tone(-20, 4, 16_000, 300.0)
    click = quiet.copy()
    click[32_000] = 0.9
    levelled = level(click, 16_000)
    assert np.abs(levelled).max() <= PEAK + 1e-6
    ratio = levelled[:16_000] / np.where(quiet[:16_000] == 0, 1, quiet[:16_000])
    assert np.ptp(ratio[1:]) < 1e-4


@pytest.mark.parametrize("count", [0, 1, 15, 17, 20_000])
def test_silence_and_single_samples_are_levelled_without_an_error(count):
    assert np.array_equal(level(np.zeros(count, np.float32), 16_000), np.zeros(count, np.float32))
    assert loudness(np.zeros(count, np.float32), 16_000) == -np.inf
    ones = level(np.ones(count, np.float32), 16_000)
    assert np.isfinite(ones).all() and np.abs(ones).max(initial=0) <= PEAK + 1e-6


def test_speech_that_has_the_loudness_already_is_limited_too():
    samples = level(speech(2.0), 16_000)
    samples[16_000] = 1.0
    assert loudness(samples, 16_000) == pytest.approx(-16, abs=0.1)
    assert np.abs(level(samples, 16_000)).max() <= PEAK + 1e-6


def test_levelling_twice_changes_nothing_that_can_be_heard():
    once = level(speech(3.0), 16_000)
    assert np.abs(level(once, 16_000) - once).max() < 0.01
