"""The worker's side: take a request from standard input, let the engine speak, answer, again and again.

Standard input is a socket in both directions, so that whatever the engine prints disturbs nobody. The
loop ends with the stream. A hung engine is ended by its parent, or by the alarm when no parent is left.
"""

import contextlib
import resource
import signal
import socket
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import soxr

from catflap.speech.protocol import AUDIO, ERROR, HEADER, Request, framed

Samples = npt.NDArray[np.float32]
Speak = Callable[[str, Mapping[str, float | str]], tuple[Samples, int]]

_PEAK = 10 ** (-1 / 20)
_AUDIBLE = 10 ** (-45 / 20)
_FRAME_SECONDS, _MARGIN_SECONDS, _FADE_SECONDS, _LEAST_SECONDS = 0.01, 0.03, 0.15, 0.1
_MEMORY = 1024**3


class NearlySilent(Exception):
    """The engine dropped the words without a word."""


def serve(speak: Speak) -> None:
    """Answer requests until the stream ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # not every system knows this limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with socket.socket(fileno=0) as wire:
        while header := _received(wire, HEADER.size):
            body = _received(wire, HEADER.unpack(header)[0])
            if not body:
                return
            wire.sendall(framed(_reply(Request.decode(body), speak)))


def finished(samples: Samples, source_rate: int, rate: int, max_seconds: float) -> bytes:
    """PCM s16le at `rate`: trimmed, faded out after `max_seconds`, with its peak at -1 dBFS.

    Raises:
        NearlySilent: less than a tenth of a second can be heard.
    """
    samples = soxr.resample(samples, source_rate, rate, quality="HQ").astype(np.float32)
    loudest = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(loudest) or loudest < 1e-4:
        raise NearlySilent
    frame = int(_FRAME_SECONDS * rate)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    audible = np.flatnonzero(np.abs(frames).max(axis=1) > loudest * _AUDIBLE)
    if len(audible) * _FRAME_SECONDS < _LEAST_SECONDS:
        raise NearlySilent
    margin = int(_MARGIN_SECONDS * rate)
    samples = samples[max(0, audible[0] * frame - margin) : (audible[-1] + 1) * frame + margin]
    if len(samples) > max_seconds * rate:
        samples = samples[: int(max_seconds * rate)].copy()
        fade = min(len(samples), int(_FADE_SECONDS * rate))
        samples[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    levelled = samples * (_PEAK / float(np.abs(samples).max()))
    return bytes(np.rint(levelled * 32767).astype("<i2").tobytes())


def _reply(request: Request, speak: Speak) -> bytes:
    signal.setitimer(signal.ITIMER_REAL, request.deadline)
    try:
        samples, source_rate = speak(request.text, request.voice)
        return AUDIO + finished(samples, source_rate, request.rate, request.max_seconds)
    except NearlySilent:
        return ERROR + b"speech_empty"
    except Exception:
        # Foreign code may raise anything, and its message may hold the words.
        return ERROR + b"speech_refused"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _received(wire: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, or none when the stream ended."""
    chunks = bytearray()
    while len(chunks) < size:
        chunk = wire.recv(size - len(chunks))
        if not chunk:
            return b""
        chunks += chunk
    return bytes(chunks)
