"""Raise the pitch of a voice to that of a cat, whichever engine it comes from.

WORLD separates the fundamental from the spectrum. Only the fundamental is multiplied: with shifted formants,
speech is hard to understand (docs/decisions/0027-kokoro-and-world.md).
"""

import numpy as np
import pyworld

from catflap.speech.engines.loudness import Samples
from catflap.speech.protocol import HIGHEST_FACTOR, LOWEST_FACTOR

# A fundamental needs a few periods.
_LEAST_SECONDS = 0.05


def raise_pitch(samples: Samples, rate: int, factor: float) -> Samples:
    """Return speech of the same duration with its fundamental multiplied by a factor.

    What has no fundamental, such as silence and noise, stays as it is.

    Args:
        samples: A voice, without NaN.
        rate: Sample rate in Hz.
        factor: 1.4 makes a woman's voice a cat's.

    Raises:
        ValueError: The factor is out of range, or samples are not numbers.
    """
    if not LOWEST_FACTOR <= factor <= HIGHEST_FACTOR:
        raise ValueError(f"the factor of a pitch must be from {LOWEST_FACTOR} to {HIGHEST_FACTOR}")
    if not np.isfinite(samples).all():
        raise ValueError("samples must be numbers")
    if factor == 1 or len(samples) < _LEAST_SECONDS * rate:
        return samples
    # Dio, not Harvest: that takes five times as long as all the rest.
    voice = samples.astype(np.float64)
    coarse, times = pyworld.dio(voice, rate)
    fundamental = pyworld.stonemask(voice, coarse, times, rate)
    if not fundamental.any():
        return samples
    spectrum = pyworld.cheaptrick(voice, fundamental, times, rate)
    aperiodicity = pyworld.d4c(voice, fundamental, times, rate)
    raised = pyworld.synthesize(fundamental * factor, spectrum, aperiodicity, rate)
    # It is longer by the rest of a frame of 5 ms.
    return raised[: len(samples)].astype(np.float32)
