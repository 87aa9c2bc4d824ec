"""Read the WAV files that speech servers send: PCM of 8 to 32 bits or IEEE float, of any rate and channels.

The module `wave` reads no floats, and takes the length in the header at its word: servers that stream, such
as OpenAI's, write 0xFFFFFFFF there.
"""

import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catflap.speech.engines.loudness import Samples

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_RATES = range(4_000, 192_001)
_MOST_CHANNELS = 8
_MOST_SECONDS = 60
# Lengths that a server writes that does not know them yet.
_UNKNOWN_LENGTHS = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFF - 36, 0xFFFFFFFF - 36})


class NotReadable(Exception):
    """It is no WAV file that can be read."""


class _Form(NamedTuple):
    kind: int
    channels: int
    rate: int
    bits: int


def read_wav(content: bytes) -> tuple[Samples, int]:
    """Return the samples of a WAV file, channels mixed, and their rate.

    Raises:
        NotReadable: it is something else, truncated, or longer than a minute.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise NotReadable
    form: _Form | None = None
    at = 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        body = content[at + 8 : at + 8 + size]
        if name == b"fmt ":
            form = _form(body)
        elif name == b"data" and form is not None:
            if size in _UNKNOWN_LENGTHS:
                body = content[at + 8 :]
            elif len(body) < size:
                raise NotReadable
            return _samples(body, form), form.rate
        # Chunks begin at even positions.
        at += 8 + size + size % 2
    raise NotReadable


def _form(body: bytes) -> _Form:
    if len(body) < 16:
        raise NotReadable
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if kind == _EXTENSIBLE and len(body) >= 26:
        kind = int.from_bytes(body[24:26], "little")
    if not 1 <= channels <= _MOST_CHANNELS or rate not in _RATES:
        raise NotReadable
    return _Form(kind, channels, rate, bits)


def _samples(body: bytes, form: _Form) -> Samples:
    frame = form.channels * form.bits // 8
    if frame == 0 or len(body) // frame > _MOST_SECONDS * form.rate:
        raise NotReadable
    body = body[: len(body) // frame * frame]
    mixed: Samples = _decode(body, form.kind, form.bits).reshape(-1, form.channels).mean(axis=1)
    return mixed.astype(np.float32)


def _decode(body: bytes, kind: int, bits: int) -> npt.NDArray[np.floating[Any]]:
    if (kind, bits) == (_PCM, 8):
        return (np.frombuffer(body, "u1").astype(np.float32) - 128) / 128
    if (kind, bits) == (_PCM, 16):
        return np.frombuffer(body, "<i2").astype(np.float32) / 32768
    if (kind, bits) == (_PCM, 24):
        # The three bytes become the upper ones of four.
        padded = np.zeros((len(body) // 3, 4), "u1")
        padded[:, 1:] = np.frombuffer(body, "u1").reshape(-1, 3)
        return padded.view("<i4").reshape(-1).astype(np.float32) / 2**31
    if (kind, bits) == (_PCM, 32):
        return np.frombuffer(body, "<i4").astype(np.float32) / 2**31
    if (kind, bits) in ((_FLOAT, 32), (_FLOAT, 64)):
        return np.frombuffer(body, f"<f{bits // 8}").astype(np.float32)
    raise NotReadable
