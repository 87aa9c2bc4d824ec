"""Generate the chime before announcements: a short meow, synthesised so that no recording needs a licence.

A gliding fundamental with harmonics weighted by moving formants, in a soft envelope. It is 1 LU
quieter than speech.
"""

import math
import struct
from functools import cache

_SECONDS = 0.42
_PEAK = 0.32
_HARMONICS = 9


@cache
def meow(rate: int) -> bytes:
    """Return the meow as PCM s16le mono at `rate` Hz."""
    count = int(_SECONDS * rate)
    samples = []
    phase = 0.0
    for i in range(count):
        at = i / count
        phase += 2 * math.pi * _pitch(at) / rate
        opening = math.pow(math.sin(math.pi * at), 0.7)
        samples.append(_envelope(at) * _timbre(phase, _pitch(at), opening))
    loudest = max(map(abs, samples))
    return struct.pack(f"<{count}h", *(int(32767 * _PEAK * sample / loudest) for sample in samples))


def _pitch(at: float) -> float:
    """Return the fundamental in Hz at a time from 0 to 1: rising in the first third, then falling."""
    return 520 + 240 * math.sin(math.pi * min(1.0, at * 1.15)) - 90 * at


def _timbre(phase: float, pitch: float, opening: float) -> float:
    formants = ((450 + 650 * opening, 260.0, 1.0), (1100 + 1300 * opening, 420.0, 0.55))
    value = math.sin(phase) * 0.4
    for harmonic in range(1, _HARMONICS + 1):
        weight = sum(
            strength * math.exp(-(((harmonic * pitch - centre) / width) ** 2))
            for centre, width, strength in formants
        )
        value += weight * math.sin(harmonic * phase)
    return value


def _envelope(at: float) -> float:
    return min(1.0, at / 0.12) * math.pow(min(1.0, (1 - at) / 0.35), 1.3)
