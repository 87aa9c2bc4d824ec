"""The eSpeak NG engine program, for English and all alphabets except the Japanese.

eSpeak NG is GPL-3 and crashes with several threads, so this module only runs as its own process and nothing
of Catflap imports it. Its output depends on all previous output, which neither a seed nor a new
initialisation resets; so each request is synthesised by a fork of a process that has synthesised nothing.
"""

import ctypes
import os
import signal
from collections.abc import Mapping

import espeakng_loader
import numpy as np

from catflap.speech.engines.alphabets import split_by_voice
from catflap.speech.engines.serving import Samples, serve

_SYNCHRONOUS, _UTF8, _CHARACTERS = 2, 1, 1
_RATE, _PITCH, _RANGE, _GAP = 1, 3, 4, 7
_OK, _SEED = 0, 1
_SECONDS = 30
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class ESpeak:
    """The library, initialised once; a callback collects its samples."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._samples = bytearray()
        self._callback = _Callback(self._collect)
        data = espeakng_loader.get_data_path().encode()
        self._rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
        if self._rate <= 0:
            raise RuntimeError("eSpeak NG could not be initialised")
        self._library.espeak_SetSynthCallback(self._callback)
        # Its noise is random and seeded by the clock; equal texts must give equal sounds.
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))

    def speak(self, text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
        """Return samples and their rate.

        `voice` may have `voice`, `spoken_in`, `rate`, `tempo`, `pitch`, `range` and `gap`: a pause between
        words in units of 10 ms at the usual rate.
        """
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
            default, spoken_in = str(voice.get("voice", "en-us")), str(voice.get("spoken_in", ""))
            for name, part in split_by_voice(text, default, spoken_in):
                # The gap is measured for English; in a language with shorter words it would tear them apart.
                self._set(name, {**voice, "gap": voice.get("gap", 0) if name == default else 0})
                self._synthesise(part)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(self._samples)
            status = _OK
        finally:
            os._exit(status)

    def _synthesise(self, text: str) -> None:
        words = text.encode() + b"\0"
        status = self._library.espeak_Synth(
            words, ctypes.c_size_t(len(words)), 0, _CHARACTERS, 0, _UTF8, None, None
        )
        if status != _OK:
            raise RuntimeError("eSpeak NG could not speak")

    def _set(self, name: str, voice: Mapping[str, float | str]) -> None:
        if self._library.espeak_SetVoiceByName(name.encode()) != _OK:
            raise RuntimeError("eSpeak NG has no such voice")
        rate = float(voice.get("rate", 160)) * float(voice.get("tempo", 1.0))
        settings = {
            _RATE: rate,
            _PITCH: voice.get("pitch", 70),
            _RANGE: voice.get("range", 60),
            _GAP: voice.get("gap", 0),
        }
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, int(value), 0)

    def _collect(self, wave: int, count: int, _events: int | None) -> int:
        if wave and count > 0:
            self._samples += ctypes.string_at(wave, 2 * count)
        return 0


if __name__ == "__main__":
    serve(ESpeak().speak)
