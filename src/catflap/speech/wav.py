"""From spoken pieces to one WAV a small speaker can play without a decoder.

Silence first (speakers swallow the beginning), a meow so that people listen up, then the words. Plain
PCM: the engines' workers have already resampled and levelled, so nothing heavy is loaded here.
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
    """A WAV file: PCM s16le, mono, 16 kHz, with its true length in the header."""

    wav: bytes
    sha256: str
    seconds: float


def assemble(pieces: Sequence[bytes]) -> Sound:
    """One sound from spoken pieces (PCM s16le mono 16 kHz) said one after the other."""
    pcm = _silence(_LEAD_SECONDS) + meow(RATE) + _silence(_AFTER_CHIME_SECONDS)
    pcm += _silence(BETWEEN_SECONDS).join(pieces) + _silence(_TAIL_SECONDS)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    wav = buffer.getvalue()
    return Sound(wav, hashlib.sha256(wav).hexdigest(), round(seconds_of(pcm), 3))


def seconds_of(pcm: bytes) -> float:
    """How long these samples last."""
    return len(pcm) / 2 / RATE


def seconds_for_words() -> float:
    """How much of the longest sound is left for words."""
    frame = _LEAD_SECONDS + _AFTER_CHIME_SECONDS + _TAIL_SECONDS
    return MAX_SECONDS - frame - seconds_of(meow(RATE))


def _silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE))
