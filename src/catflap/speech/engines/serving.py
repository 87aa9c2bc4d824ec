"""Serve synthesis requests in an engine process, over the socket that is its standard input.

Standard output is not used, so that output of the native library does no harm. The loop ends with the stream.
A hung engine is killed by its parent, or by the alarm if the parent has died.
"""

import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable, Mapping

import numpy as np
import soxr

from catflap.speech.engines.loudness import Samples, level
from catflap.speech.engines.pitch import raise_pitch
from catflap.speech.protocol import AUDIO, ERROR, HEADER, SynthesisRequest, encode_frame

__all__ = [
    "ChangedFiles",
    "EngineUnavailable",
    "Samples",
    "SilentOutput",
    "Speak",
    "normalize_samples",
    "serve",
]

Speak = Callable[[str, Mapping[str, float | str]], tuple[Samples, int]]

_AUDIBLE = 10 ** (-45 / 20)
_FRAME_SECONDS, _MARGIN_SECONDS, _FADE_SECONDS, _LEAST_SECONDS = 0.01, 0.03, 0.15, 0.1
_USUAL_MEMORY = 1024**3
# How much faster a text is spoken that would be too long.
_MOST_TEMPO = 1.25


class SilentOutput(Exception):
    """The engine returned silence."""


class EngineUnavailable(Exception):
    """The engine can say nothing at the moment, whatever the text; `reason` is a word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChangedFiles(Exception):
    """A file of the engine is not the one that was tested."""


def serve(speak: Speak, *, memory: int = _USUAL_MEMORY) -> None:
    """Handle requests until the stream ends.

    Args:
        speak: Synthesises a text with the settings of a voice. The setting `tempo` is a factor of its speed;
            `pitch_factor` is none of its business, for every voice is raised here.
        memory: How many bytes of address space the process may have.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Sounds are made ahead of time; the processes that serve requests and sync calendars go first.
    os.nice(10)
    with contextlib.suppress(OSError, ValueError):  # not every system knows this limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with socket.socket(fileno=0) as connection:
        while header := _receive_exactly(connection, HEADER.size):
            body = _receive_exactly(connection, HEADER.unpack(header)[0])
            if not body:
                return
            connection.sendall(encode_frame(_handle(SynthesisRequest.decode(body), speak)))


def normalize_samples(
    samples: Samples, source_rate: int, rate: int, max_seconds: float, pitch_factor: float = 1.0
) -> bytes:
    """Return PCM s16le at `rate`: trimmed, faded out after `max_seconds`, at the loudness of `level`.

    Raises:
        SilentOutput: less than a tenth of a second is audible.
        ValueError: `pitch_factor` is out of range.
    """
    samples = soxr.resample(samples, source_rate, rate, quality="HQ").astype(np.float32)
    loudest = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(loudest) or loudest < 1e-4:
        raise SilentOutput
    frame = int(_FRAME_SECONDS * rate)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    audible = np.flatnonzero(np.abs(frames).max(axis=1) > loudest * _AUDIBLE)
    if len(audible) * _FRAME_SECONDS < _LEAST_SECONDS:
        raise SilentOutput
    margin = int(_MARGIN_SECONDS * rate)
    samples = samples[max(0, audible[0] * frame - margin) : (audible[-1] + 1) * frame + margin]
    if len(samples) > max_seconds * rate:
        samples = samples[: int(max_seconds * rate)].copy()
        fade = min(len(samples), int(_FADE_SECONDS * rate))
        samples[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    # At the final rate and length, where it costs least.
    samples = raise_pitch(samples, rate, pitch_factor)
    # Full scale first: an engine's quiet output must not be below the gate of the loudness.
    levelled = level(samples / np.float32(np.abs(samples).max()), rate)
    return bytes(np.rint(levelled * 32767).astype("<i2").tobytes())


def _handle(request: SynthesisRequest, speak: Speak) -> bytes:
    signal.setitimer(signal.ITIMER_REAL, request.deadline)
    try:
        samples, source_rate = _speak_in_time(request, speak)
        pitch_factor = float(request.voice.get("pitch_factor", 1.0))
        return AUDIO + normalize_samples(
            samples, source_rate, request.rate, request.max_seconds, pitch_factor
        )
    except SilentOutput:
        return ERROR + b"speech_empty"
    except EngineUnavailable as error:
        return ERROR + f"speech_unavailable {error.reason}".encode()
    except ChangedFiles:
        return ERROR + b"speech_files_changed"
    except Exception:
        # The engine may raise anything, and its message may contain the text.
        return ERROR + b"speech_refused"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _speak_in_time(request: SynthesisRequest, speak: Speak) -> tuple[Samples, int]:
    """Speak, and again faster if that was too long, so that a sentence is heard to its end."""
    samples, rate = speak(request.text, request.voice)
    excess = len(samples) / rate / request.max_seconds
    if excess <= 1:
        return samples, rate
    return speak(request.text, {**request.voice, "tempo": min(_MOST_TEMPO, 1.02 * excess)})


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    """Return exactly `size` bytes, or none when the stream has ended."""
    chunks = bytearray()
    while len(chunks) < size:
        chunk = connection.recv(size - len(chunks))
        if not chunk:
            return b""
        chunks += chunk
    return bytes(chunks)
