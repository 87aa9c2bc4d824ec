"""English, and every alphabet but the Japanese: eSpeak NG, as a program.

eSpeak NG is GPL-3 and crashes with several threads: this module is only ever run as a process of its
own, and nothing of Catflap imports it. What it says depends on all it has said before, and neither a seed
nor a new start undoes that; so each request is spoken by a fork of a process that has never spoken.
"""

import ctypes
import os
import signal
from collections.abc import Mapping

import espeakng_loader
import numpy as np

from catflap.speech.engines.alphabets import by_voice
from catflap.speech.engines.serving import Samples, serve

_SYNCHRONOUS, _UTF8, _CHARACTERS = 2, 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_OK, _SEED = 0, 1
_SECONDS = 30
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class ESpeak:
    """The library, initialised once; it collects samples in a callback."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._samples = bytearray()
        self._callback = _Callback(self._collect)
        data = espeakng_loader.get_data_path().encode()
        self._rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
        if self._rate <= 0:
            raise RuntimeError("eSpeak NG could not be initialised")
        self._library.espeak_SetSynthCallback(self._callback)
        # Its breath is random, seeded by the clock; the same words must sound the same.
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))

    def speak(self, text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
        """The words as samples and their rate; `voice` may hold `voice`, `spoken_in`, `rate`, …"""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self._speak_and_exit(text, voice, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            samples = pipe.read()
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != _OK:
            raise RuntimeError("eSpeak NG could not speak")
        return np.frombuffer(samples, "<i2").astype(np.float32) / np.float32(32768), self._rate

    def _speak_and_exit(self, text: str, voice: Mapping[str, float | str], writing: int) -> None:
        signal.alarm(_SECONDS)
        status = 1
        try:
            usual, spoken_in = str(voice.get("voice", "en-us")), str(voice.get("spoken_in", ""))
            for name, stretch in by_voice(text, usual, spoken_in):
                self._set(name, voice)
                self._say(stretch)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(self._samples)
            status = _OK
        finally:
            os._exit(status)

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

    def _collect(self, wave: int, count: int, _events: int | None) -> int:
        if wave and count > 0:
            self._samples += ctypes.string_at(wave, 2 * count)
        return 0


if __name__ == "__main__":
    serve(ESpeak().speak)
