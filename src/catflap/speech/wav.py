"""Assemble synthesised speech into a WAV file: silence, chime, speech.

It begins with silence because loudspeakers need time to wake up. PCM needs no decoder; the engine processes
have resampled and levelled the speech already, so no numeric library is loaded here.
"""

import hashlib
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass

from catflap.speech.chime import meow

RATE = 16_000
MAX_SECONDS = 20.0
BETWEEN_SECONDS = 0.1
_LEAD_SECONDS, _AFTER_CHIME_SECONDS, _TAIL_SECONDS = 0.3, 0.2, 0.2


@dataclass(frozen=True)
class Sound:
    """A WAV file: PCM s16le, mono, 16 kHz, with its true length in the header.

    Attributes:
        is_substitute: Whether a speech server should have said it and another engine did.
    """

    wav: bytes
    sha256: str
    seconds: float
    is_substitute: bool = False


def assemble(chunks: Sequence[bytes], *, is_substitute: bool = False) -> Sound:
    """Return one sound of the given chunks of speech (PCM s16le mono 16 kHz), in order."""
    pcm = _silence(_LEAD_SECONDS) + meow(RATE) + _silence(_AFTER_CHIME_SECONDS)
    pcm += join(chunks)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    wav = buffer.getvalue()
    return Sound(wav, hashlib.sha256(wav).hexdigest(), round(duration_of(pcm), 3), is_substitute)


def join(chunks: Sequence[bytes]) -> bytes:
    """Return chunks of speech as one, with pauses between them and at the end."""
    return _silence(BETWEEN_SECONDS).join(chunks) + _silence(_TAIL_SECONDS)


def duration_of(pcm: bytes) -> float:
    """Return the duration of PCM samples in seconds."""
    return len(pcm) / 2 / RATE


def max_speech_seconds() -> float:
    """Return how many seconds of the longest sound are left for speech."""
    frame = _LEAD_SECONDS + _AFTER_CHIME_SECONDS + _TAIL_SECONDS
    return MAX_SECONDS - frame - duration_of(meow(RATE))


def _silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE))
