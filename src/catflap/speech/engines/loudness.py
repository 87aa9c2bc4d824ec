"""Level speech by its loudness (ITU-R BS.1770-5, one channel) and limit its peaks.

Sounds with equal peaks differ by 7 LU in loudness. pyloudnorm measures it too, but requires scipy (110 MB).
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

LOUDNESS_LUFS = -16.0
PEAK_DBFS = -1.0

# The two stages of K-weighting as analogue prototypes, for any sample rate. At 48 kHz they give the
# coefficients of BS.1770-5, annex 1, tables 1 and 2; by Mansbridge, Finn and Reiss (AES 132nd, 2012).
_PRE_FILTER_HZ, _PRE_FILTER_Q, _PRE_FILTER_DB, _PRE_FILTER_EXPONENT = (
    1681.974450955533,
    0.7071752369554196,
    3.999843853973347,
    0.4996667741545416,
)
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
_OFFSET = -0.691
# A gating block of 400 ms overlaps the next by three quarters.
_FRAME_SECONDS, _FRAMES_PER_STEP, _STEPS_PER_BLOCK = 0.001, 100, 4
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
# The filters' response ends within this time.
_RESPONSE_SECONDS = 0.5

_PEAK = 10 ** (PEAK_DBFS / 20)
# Longer than a period of the lowest voice, so that the limiter follows the envelope and not the wave.
_SMOOTHED_FRAMES = 10
_PASSES, _TOLERANCE_LU = 4, 0.1


def loudness(samples: Samples, rate: int) -> float:
    """Return the integrated loudness in LUFS, or minus infinity for silence.

    A sound shorter than a gating block of 400 ms is measured as one block.
    """
    return _integrated(_frame_energies(samples, rate))


def level(samples: Samples, rate: int) -> Samples:
    """Return speech at -16 LUFS, with no sample above -1 dBFS; silence stays as it is."""
    energies = _frame_energies(samples, rate)
    difference = LOUDNESS_LUFS - _integrated(energies)
    if not np.isfinite(difference):
        return samples
    peaks = _frames(np.abs(samples), rate).max(axis=1)
    gain, gains = 1.0, peaks
    # The first pass sets the level; each further one makes up for what the limiter took. Its gain changes so
    # slowly that the weighted sound is louder or quieter by the same: the filters need to run only once.
    for _ in range(_PASSES):
        gain *= 10 ** (difference / 20)
        gains = _limiting(peaks * np.float32(gain)) * np.float32(gain)
        difference = LOUDNESS_LUFS - _integrated(energies * np.square(gains))
        if abs(difference) < _TOLERANCE_LU:
            break
    centres = (np.arange(len(gains)) + 0.5) * _frame_length(rate)
    levelled: Samples = samples * np.interp(np.arange(len(samples)), centres, gains).astype(np.float32)
    return levelled


def _limiting(peaks: Samples) -> Samples:
    """Return the gain of each frame that lowers peaks above -1 dBFS smoothly.

    The gain of a frame and of its neighbours, between which it is interpolated, is a mean of minima that all
    include the frame: it is never above what the frame needs.
    """
    if peaks.max(initial=0.0) <= _PEAK:
        return np.ones_like(peaks)
    needed = np.minimum(np.float32(1.0), np.float32(_PEAK) / np.maximum(peaks, np.float32(1e-9)))
    reach = _SMOOTHED_FRAMES + 1
    held = np.lib.stride_tricks.sliding_window_view(
        np.pad(needed, reach, constant_values=1.0), 2 * reach + 1
    ).min(axis=1)
    width = 2 * _SMOOTHED_FRAMES + 1
    kernel = np.full(width, 1 / width, np.float32)
    smooth: Samples = np.convolve(np.pad(held, _SMOOTHED_FRAMES, mode="edge"), kernel, "valid")
    return smooth


def _integrated(energies: Samples) -> float:
    """Return the gated loudness of a sound with these energies of its weighted frames."""
    block = _FRAMES_PER_STEP * _STEPS_PER_BLOCK
    if len(energies) < block:
        blocks = np.array([energies.mean()]) if len(energies) else np.zeros(1)
    else:
        steps = energies[: len(energies) // _FRAMES_PER_STEP * _FRAMES_PER_STEP]
        steps = steps.reshape(-1, _FRAMES_PER_STEP).mean(axis=1)
        blocks = np.convolve(steps, np.full(_STEPS_PER_BLOCK, 1 / _STEPS_PER_BLOCK), "valid")
    gated = blocks[_lufs(blocks) > _ABSOLUTE_GATE_LUFS]
    if len(gated):
        gated = gated[_lufs(gated) > _lufs(gated.mean()) + _RELATIVE_GATE_LU]
    return float(_lufs(gated.mean())) if len(gated) else -np.inf


def _frame_energies(samples: Samples, rate: int) -> Samples:
    """Return the mean energy of each frame of the weighted sound; the last may be shorter than the others."""
    weighted = np.square(_k_weighted(samples, rate))
    energies: Samples = _frames(weighted, rate).mean(axis=1, dtype=np.float32)
    if rest := len(samples) % _frame_length(rate):
        energies[-1] *= _frame_length(rate) / rest
    return energies


def _frames(samples: Samples, rate: int) -> Samples:
    """Return the samples in frames of a millisecond, the last filled with silence."""
    frame = _frame_length(rate)
    return np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)


def _frame_length(rate: int) -> int:
    return round(_FRAME_SECONDS * rate)


def _k_weighted(samples: Samples, rate: int) -> Samples:
    """Filter by the product of the spectra: the recursive filters in Python would take seconds."""
    size = _transform_size(len(samples) + round(_RESPONSE_SECONDS * rate))
    weighted = np.fft.irfft(np.fft.rfft(samples, size) * _k_weighting(rate, size), size)
    return weighted[: len(samples)].astype(np.float32, copy=False)


def _transform_size(least: int) -> int:
    """Return a size of fast transforms, one of four in an octave, so that few weightings are kept."""
    quarter = 1 << max(0, (least - 1).bit_length() - 3)
    return next(parts * quarter for parts in (5, 6, 7, 8) if parts * quarter >= least)


@lru_cache(maxsize=8)
def _k_weighting(rate: int, size: int) -> npt.NDArray[np.complex64]:
    """Return the response of both stages at the frequencies of a spectrum."""
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response: npt.NDArray[np.complex128] = np.ones_like(delay)
    for numerator, denominator in (_pre_filter(rate), _high_pass(rate)):
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return response.astype(np.complex64)


def _pre_filter(rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the coefficients of the pre-filter, which lifts high frequencies as the head does."""
    k = np.tan(np.pi * _PRE_FILTER_HZ / rate)
    high = 10 ** (_PRE_FILTER_DB / 20)
    band = high**_PRE_FILTER_EXPONENT
    numerator = np.array(
        [high + band * k / _PRE_FILTER_Q + k * k, 2 * (k * k - high), high - band * k / _PRE_FILTER_Q + k * k]
    )
    denominator = np.array([1 + k / _PRE_FILTER_Q + k * k, 2 * (k * k - 1), 1 - k / _PRE_FILTER_Q + k * k])
    return numerator / denominator[0], denominator / denominator[0]


def _high_pass(rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the coefficients of the second stage, a high-pass."""
    k = np.tan(np.pi * _HIGH_PASS_HZ / rate)
    denominator = np.array([1 + k / _HIGH_PASS_Q + k * k, 2 * (k * k - 1), 1 - k / _HIGH_PASS_Q + k * k])
    return np.array([1.0, -2.0, 1.0]), denominator / denominator[0]


def _lufs(power: npt.NDArray[np.floating] | np.floating) -> npt.NDArray[np.float64]:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(power, 1e-20)), np.float64)
