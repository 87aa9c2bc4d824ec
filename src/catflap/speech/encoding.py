"""Encode sounds by libsndfile. Needs the extra `formats`; `catflap.speech.audio_format` loads it."""

import io
import wave

import numpy as np
import soundfile
import soxr

from catflap.speech.audio_format import AudioFormat
from catflap.speech.errors import SpeechFailed

# Format and subtype of libsndfile, and how much it compresses: 24 to 32 kbit/s for speech.
_ENCODERS: dict[str, tuple[str, str, dict[str, object]]] = {
    "wav": ("WAV", "PCM_16", {}),
    # A constant bit rate, because small players tell the time by it.
    "mp3": ("MP3", "MPEG_LAYER_III", {"compression_level": 0.85, "bitrate_mode": "CONSTANT"}),
    "opus": ("OGG", "OPUS", {"compression_level": 0.9}),
    "flac": ("FLAC", "PCM_16", {}),
}


def encode(wav: bytes, audio: AudioFormat) -> bytes:
    """Encode a WAV file (PCM s16le mono) in another format.

    Raises:
        SpeechFailed: `speech_not_encoded`.
    """
    name, subtype, options = _ENCODERS[audio.codec]
    buffer = io.BytesIO()
    try:
        with wave.open(io.BytesIO(wav)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        if audio.rate != rate:
            samples = soxr.resample(samples, rate, audio.rate, quality="HQ")
        # Resampled peaks may be above full scale, where integers would wrap.
        samples = np.clip(samples, -1.0, 1.0)
        soundfile.write(buffer, samples, audio.rate, format=name, subtype=subtype, **options)
    except (RuntimeError, TypeError, ValueError, EOFError, wave.Error) as error:
        raise SpeechFailed(
            "speech_not_encoded", "The sound could not be encoded.", detail=type(error).__name__
        ) from None
    return buffer.getvalue()
