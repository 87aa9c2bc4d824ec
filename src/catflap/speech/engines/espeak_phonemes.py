"""The phoneme program: English text to IPA with eSpeak NG, for engines that read phonemes.

eSpeak NG is GPL-3, so this module only runs as its own process and nothing of Catflap imports it. Each line
of standard input is a JSON array, the name of a voice and texts; each line of output a JSON array of their
phonemes. It ends with its input.
"""

import ctypes
import json
import sys
from collections.abc import Sequence

import espeakng_loader

_SYNCHRONOUS, _UTF8, _OK = 2, 1, 0
_IPA = 2


class Phonemes:
    """The library, initialised once. Unlike its samples, its phonemes don't depend on earlier texts."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        if self._library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0) <= 0:
            raise RuntimeError("eSpeak NG could not be initialised")
        self._next = self._library.espeak_TextToPhonemes
        self._next.restype = ctypes.c_char_p
        self._next.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]

    def of(self, voice: str, texts: Sequence[str]) -> list[str]:
        """Return the phonemes of each text."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise RuntimeError("eSpeak NG has no such voice")
        return [self._of(text) for text in texts]

    def _of(self, text: str) -> str:
        rest = ctypes.c_char_p(text.encode())
        found: list[str] = []
        # Each call reads up to a punctuation mark, and clears the pointer at the end.
        while rest.value is not None:
            found.append((self._next(ctypes.byref(rest), _UTF8, _IPA) or b"").decode())
        return " ".join(part for part in found if part)


if __name__ == "__main__":
    phonemes = Phonemes()
    for line in sys.stdin.buffer:
        name, *texts = json.loads(line)
        sys.stdout.buffer.write(json.dumps(phonemes.of(name, texts)).encode() + b"\n")
        sys.stdout.buffer.flush()
