"""English, and every alphabet but the Japanese: eSpeak NG, as a program.

eSpeak NG is GPL-3 and crashes with several threads: this module is only ever run as a process of its
own, and nothing of Catflap imports it.
"""

import ctypes
from collections.abc import Mapping

import espeakng_loader
import numpy as np

from catflap.speech.engines.alphabets import by_voice
from catflap.speech.engines.serving import Samples, serve

_SYNCHRONOUS, _UTF8, _CHARACTERS = 2, 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_OK = 0
_SCALE = np.float32(1 / 32768)
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class ESpeak:
    """The library, initialised once; it collects samples in a callback."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._samples: list[Samples] = []
        self._callback = _Callback(self._collect)
        data = espeakng_loader.get_data_path().encode()
        self._sample_rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
        if self._sample_rate <= 0:
            raise RuntimeError("eSpeak NG could not be initialised")
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
        """The words as samples and their rate; `voice` may hold `voice`, `rate`, `pitch` and `range`."""
        self._samples.clear()
        for name, stretch in by_voice(text, str(voice.get("voice", "en-us"))):
            self._set(name, voice)
            self._say(stretch)
        return np.concatenate([*self._samples, np.zeros(0, np.float32)]), self._sample_rate

    def _say(self, text: str) -> None:
        words = text.encode() + b"\0"
        status = self._library.espeak_Synth(
            words, ctypes.c_size_t(len(words)), 0, _CHARACTERS, 0, _UTF8, None, None
        )
        if status != _OK:
            raise RuntimeError("eSpeak NG could not speak")

    def _set(self, name: str, voice: Mapping[str, float | str]) -> None:
        if self._library.espeak_SetVoiceByName(name.encode()) != _OK:
            raise RuntimeError("eSpeak NG has no such voice")
        for parameter, setting, usual in ((_RATE, "rate", 160), (_PITCH, "pitch", 70), (_RANGE, "range", 60)):
            self._library.espeak_SetParameter(parameter, int(voice.get(setting, usual)), 0)

    def _collect(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
        if wave and count > 0:
            self._samples.append(np.ctypeslib.as_array(wave, (count,)).astype(np.float32) * _SCALE)
        return 0


if __name__ == "__main__":
    serve(ESpeak().speak)
