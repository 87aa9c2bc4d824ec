"""Encode speech as IMA ADPCM in WAV (Microsoft's format 0x11): 4 bits a sample, for small devices."""

import io
import struct
import wave
from array import array

BLOCK_BYTES = 512
_SAMPLES = (BLOCK_BYTES - 4) * 2 + 1
_LAST_STEP = 88


def _steps() -> list[int]:
    """Return the step sizes of the IMA's recommendation: each 1.1 times the one before, as it rounds them."""
    steps = (
        "7 8 9 10 11 12 13 14 16 17 19 21 23 25 28 31 34 37 41 45 50 55 60 66 73 80 88 97 107 118 130 "
        "143 157 173 190 209 230 253 279 307 337 371 408 449 494 544 598 658 724 796 876 963 1060 1166 1282 "
        "1411 1552 1707 1878 2066 2272 2499 2749 3024 3327 3660 4026 4428 4871 5358 5894 6484 7132 7845 8630 "
        "9493 10442 11487 12635 13899 15289 16818 18500 20350 22385 24623 27086 29794 32767"
    )
    return [int(step) for step in steps.split()]


STEPS = _steps()


def encode_adpcm(wav: bytes) -> bytes:
    """Return a WAV file with 16-bit mono samples as one with IMA ADPCM, a quarter of the size.

    The last block is filled with silence, so that each block is whole.
    """
    with wave.open(io.BytesIO(wav)) as file:
        rate, samples = file.getframerate(), array("h", file.readframes(file.getnframes()))
    samples.extend([0] * (-len(samples) % _SAMPLES))
    index, blocks = 0, []
    for start in range(0, len(samples), _SAMPLES):
        block, index = _block(samples[start : start + _SAMPLES], index)
        blocks.append(block)
    data = b"".join(blocks)
    head = struct.pack("<HHIIHHHH", 17, 1, rate, rate * BLOCK_BYTES // _SAMPLES, BLOCK_BYTES, 4, 2, _SAMPLES)
    chunks = struct.pack("<4sI", b"fmt ", len(head)) + head
    chunks += struct.pack("<4sII", b"fact", 4, len(samples)) + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def _block(samples: "array[int]", index: int) -> tuple[bytes, int]:
    """Return one block, and the step with which the next begins."""
    value, codes = samples[0], []
    head = struct.pack("<hBB", value, index, 0)
    for sample in samples[1:]:
        code, value, index = _code(sample - value, value, index)
        codes.append(code)
    return head + bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True)), index


def _code(difference: int, value: int, index: int) -> tuple[int, int, int]:
    """Return the code of a difference, and the value and step that a decoder has after it."""
    step, left = STEPS[index], abs(difference)
    code, change = 0, step >> 3
    for bit, part in ((4, step), (2, step >> 1), (1, step >> 2)):
        if left >= part:
            code |= bit
            left -= part
            change += part
    value = max(value - change, -32768) if difference < 0 else min(value + change, 32767)
    index = min(max(index + ((code & 3) + 1) * 2 if code & 4 else index - 1, 0), _LAST_STEP)
    return code | (8 if difference < 0 else 0), value, index
