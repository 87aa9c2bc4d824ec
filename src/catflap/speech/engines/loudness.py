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
_BLOCK_SECONDS, _BLOCKS_PER_BLOCK = 0.4, 4
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
# The filters' response ends within this time.
_RESPONSE_SECONDS = 0.5

_PEAK = 10 ** (PEAK_DBFS / 20)
# Longer than a period of the lowest voice, so that the limiter follows the envelope and not the wave.
_FRAME_SECONDS, _SMOOTHED_FRAMES = 0.001, 10
_PASSES, _TOLERANCE_LU = 4, 0.1


def loudness(samples: Samples, rate: int) -> float:
    """Return the integrated loudness in LUFS, or minus infinity for silence.

    A sound shorter than a gating block of 400 ms is measured as one block.
    """
    weighted = np.square(_k_weighted(samples, rate))
    step = round(_BLOCK_SECONDS * rate / _BLOCKS_PER_BLOCK)
    if len(weighted) < step * _BLOCKS_PER_BLOCK:
        blocks = np.array([weighted.mean()]) if len(weighted) else np.zeros(1)
    else:
        steps = weighted[: len(weighted) // step * step].reshape(-1, step).mean(axis=1)
        blocks = np.convolve(steps, np.full(_BLOCKS_PER_BLOCK, 1 / _BLOCKS_PER_BLOCK), "valid")
    gated = blocks[_lufs(blocks) > _ABSOLUTE_GATE_LUFS]
    if len(gated):
        gated = gated[_lufs(gated) > _lufs(gated.mean()) + _RELATIVE_GATE_LU]
    return float(_lufs(gated.mean())) if len(gated) else -np.inf


def level(samples: Samples, rate: int) -> Samples:
    """Return speech at -16 LUFS, with no sample above -1 dBFS; silence stays as it is."""
    levelled, gain = samples, 1.0
    difference = LOUDNESS_LUFS - loudness(samples, rate)
    if not np.isfinite(difference):
        return samples
    # The first pass sets the level; each further one makes up for what the limiter took.
    for _ in range(_PASSES):
        gain *= 10 ** (difference / 20)
        levelled = _limit(samples * np.float32(gain), rate)
        difference = LOUDNESS_LUFS - loudness(levelled, rate)
        if abs(difference) < _TOLERANCE_LU:
            break
    return levelled


def _limit(samples: Samples, rate: int) -> Samples:
    """Reduce the gain smoothly around peaks above -1 dBFS."""
    if np.abs(samples).max(initial=0.0) <= _PEAK:
        return samples
    frame = round(_FRAME_SECONDS * rate)
    padded = np.pad(samples, (0, -len(samples) % frame))
    peaks = np.abs(padded).reshape(-1, frame).max(axis=1)
    needed = np.minimum(1.0, _PEAK / np.maximum(peaks, 1e-9))
    # The gain of a frame and of its neighbours, between which it is interpolated, is a mean of minima that
    # all include the frame: it is never above what the frame needs.
    reach = _SMOOTHED_FRAMES + 1
    held = np.lib.stride_tricks.sliding_window_view(
        np.pad(needed, reach, constant_values=1.0), 2 * reach + 1
    ).min(axis=1)
    width = 2 * _SMOOTHED_FRAMES + 1
    gains = np.convolve(np.pad(held, _SMOOTHED_FRAMES, mode="edge"), np.full(width, 1 / width), "valid")
    centres = (np.arange(len(gains)) + 0.5) * frame
    return (samples * np.interp(np.arange(len(samples)), centres, gains)).astype(np.float32)


def _k_weighted(samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """Filter by the product of the spectra: the recursive filters in Python would take seconds."""
    size = 1 << (len(samples) + round(_RESPONSE_SECONDS * rate) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(samples, size) * _k_weighting(rate, size), size)[: len(samples)]


@lru_cache(maxsize=4)
def _k_weighting(rate: int, size: int) -> npt.NDArray[np.complex128]:
    """Return the response of both stages at the frequencies of a spectrum."""
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response: npt.NDArray[np.complex128] = np.ones_like(delay)
    for numerator, denominator in (_pre_filter(rate), _high_pass(rate)):
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return response


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


def _lufs(power: npt.NDArray[np.float64] | np.float64) -> npt.NDArray[np.float64]:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(power, 1e-20)))
