"""How eSpeak NG says a text in the voices we choose, as a program of its own (the library is GPL-3).

Reads JSON `[[text, voice, spoken_in], …]` from standard input, writes the phonemes of each as a list.
"""

import ctypes
import json
import sys

import espeakng_loader

from catflap.speech.engines.alphabets import split_by_voice

_SYNCHRONOUS, _UTF8, _IPA = 2, 1, 2


def main() -> None:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    found = []
    for text, usual, spoken_in in json.load(sys.stdin):
        said = []
        for voice, stretch in split_by_voice(text, usual, spoken_in):
            if library.espeak_SetVoiceByName(voice.encode()) != 0:
                raise SystemExit(f"no voice {voice}")
            rest = ctypes.c_char_p(stretch.encode())
            while rest.value:
                said.append(library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA).decode())
        found.append(" ".join(said))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
