"""A sound for the page to play."""

import io
import math
import struct
import wave


def purr(seconds: float) -> bytes:
    """A WAV that rises and falls like syllables, so that a mouth has something to follow."""
    rate, frames = 8000, bytearray()
    for index in range(int(seconds * rate)):
        at = index / rate
        level = 0.35 * abs(math.sin(math.pi * 3 * at)) * math.sin(2 * math.pi * 330 * at)
        frames += struct.pack("<h", int(level * 32767))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(frames))
    return file.getvalue()
