"""WAV files with a tone or silence, in any form that a server may send."""

import io
import math
import struct
import wave


def tone_wav(
    seconds: float = 1.0, rate: int = 16_000, *, channels: int = 1, width: int = 2, peak: float = 0.5
) -> bytes:
    """A WAV file with 220 Hz: PCM of 1, 2 or 3 bytes a sample, and IEEE float for 4."""
    values = [peak * math.sin(2 * math.pi * 220 * i / rate) for i in range(int(seconds * rate))]
    frames = b"".join(_sample(value, width) * channels for value in values)
    if width == 4:
        return _riff(3, channels, rate, 32, frames)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return buffer.getvalue()


def _sample(value: float, width: int) -> bytes:
    if width == 1:
        return struct.pack("<B", round(128 + 127 * value))
    if width == 2:
        return struct.pack("<h", round(32767 * value))
    if width == 3:
        return struct.pack("<i", round(8388607 * value))[:3]
    return struct.pack("<f", value)


def _riff(kind: int, channels: int, rate: int, bits: int, frames: bytes) -> bytes:
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * block, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(frames)) + frames
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
