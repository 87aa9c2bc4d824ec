"""Samples of a WAV file, and their volume."""

import array
import io
import sys
import wave
from dataclasses import dataclass

from catflap.errors import BadRequest


@dataclass(frozen=True)
class Pcm:
    """Samples s16le, mono, and how many of them a second has."""

    samples: bytes
    rate: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.samples) / 2 / self.rate

    def at_volume(self, volume: int) -> "Pcm":
        """Return it at a volume of 0 to 100, squared, because ears hear loudness that way; never louder."""
        if volume >= 100:
            return self
        level = int((max(0, volume) / 100) ** 2 * 65_536)
        values = array.array("h", self.samples)
        if sys.byteorder == "big":
            values.byteswap()
        scaled = array.array("h", [value * level >> 16 for value in values])
        if sys.byteorder == "big":
            scaled.byteswap()
        return Pcm(scaled.tobytes(), self.rate)

    def as_wav(self) -> bytes:
        """Return it as RIFF WAVE."""
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate)
            out.writeframes(self.samples)
        return file.getvalue()


def read_wav(content: bytes) -> Pcm:
    """Return the samples of a WAV file.

    Raises:
        BadRequest: `sound_broken`, also for other than 16 bits, mono.
    """
    try:
        with wave.open(io.BytesIO(content)) as sound:
            if sound.getnchannels() == 1 and sound.getsampwidth() == 2:
                return Pcm(sound.readframes(sound.getnframes()), sound.getframerate())
    except (wave.Error, EOFError):
        pass
    raise BadRequest("sound_broken", "This is no sound of 16 bits, mono, in a WAV file.")
