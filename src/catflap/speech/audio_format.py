"""Formats in which a device wants its sounds: WAV, MP3, Ogg/Opus or FLAC, at a sample rate.

Sounds are rendered as `RENDERED_AUDIO`; all other formats are encoded from that (`catflap.speech.encoding`,
extra `formats`).
"""

import asyncio
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self, get_args

from catflap.errors import BadRequest
from catflap.extras import load_optional
from catflap.speech.wav import RATE

Codec = Literal["wav", "mp3", "opus", "flac"]
SampleRate = Literal[8000, 16000, 22050, 24000, 44100, 48000]
MediaType = Literal["audio/wav", "audio/mpeg", "audio/ogg", "audio/flac"]

_MEDIA_TYPES: dict[str, MediaType] = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
}
_SUFFIXES = {".wav": "wav", ".mp3": "mp3", ".opus": "opus", ".ogg": "opus", ".flac": "flac"}
# RFC 6716 section 2: Opus has none of the rates of the compact disc.
_OPUS_RATES = (8000, 16000, 24000, 48000)
# The package that encodes, of the extra `formats`.
_ENCODER = "soundfile"


@dataclass(frozen=True)
class AudioFormat:
    """A codec, and a sample rate in Hz; its text (`mp3-24000`) is what is stored and signed.

    Raises:
        BadRequest: `invalid_request`, for a codec or rate that is not offered.
    """

    codec: str = "wav"
    rate: int = RATE

    def __post_init__(self) -> None:
        if self.codec not in _MEDIA_TYPES or self.rate not in get_args(SampleRate):
            raise BadRequest("invalid_request", "There is no such audio format.")
        if self.codec == "opus" and self.rate not in _OPUS_RATES:
            rates = ", ".join(map(str, _OPUS_RATES))
            raise BadRequest("invalid_request", f"Opus has no {self.rate} Hz; choose one of {rates}.")

    def __str__(self) -> str:
        return f"{self.codec}-{self.rate}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the format with this text."""
        codec, _, rate = text.partition("-")
        return cls(codec, int(rate))

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Return the format for the suffix of a file.

        Raises:
            BadRequest: `invalid_request`.
        """
        codec = _SUFFIXES.get(path.suffix.lower())
        if codec is None:
            known = ", ".join(_SUFFIXES)
            raise BadRequest("invalid_request", f"The name of the file must end in one of {known}.")
        return cls(codec)

    @property
    def media_type(self) -> MediaType:
        """The media type (RFC 9559 and RFC 7845 for FLAC and Ogg)."""
        return _MEDIA_TYPES[self.codec]


RENDERED_AUDIO = AudioFormat()


def check_available(audio: AudioFormat) -> None:
    """Check that this installation can encode a format.

    Raises:
        BadRequest: `format_unavailable`.
    """
    if audio != RENDERED_AUDIO and find_spec(_ENCODER) is None:
        raise BadRequest(
            "format_unavailable",
            f"Here sounds are WAV at {RATE} Hz only; the operator can install the extra 'formats'.",
        )


async def encode(wav: bytes, audio: AudioFormat) -> bytes:
    """Encode a rendered sound (WAV) in another format, in a thread: Opus takes a tenth of its duration.

    Raises:
        OperatorMustAct: `extra_missing`.
        SpeechFailed: `speech_not_encoded`.
    """
    if audio == RENDERED_AUDIO:
        return wav
    encoding = load_optional("catflap.speech.encoding", extra="formats")
    encoded: bytes = await asyncio.to_thread(encoding.encode, wav, audio)
    return encoded
