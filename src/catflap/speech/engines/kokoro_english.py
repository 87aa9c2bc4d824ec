"""English text to phonemes for Kokoro.

eSpeak NG pronounces the words, in a process of its own because it is GPL-3. Its own symbols for diphthongs
and long vowels stay: rewritten in those that the training used, a recogniser understood less
(docs/decisions/0027-kokoro-and-world.md).
"""

import json
import re
import subprocess
import sys

# Where eSpeak NG takes a word for foreign.
_LANGUAGE = re.compile(r"\([a-z-]+\)")
_PUNCTUATION = re.compile(r'\s*([;:,.!?—…"]+)\s*')
# What the model has no symbol for.
_SYMBOLS = str.maketrans({"r": "ɹ", "x": "k", "ɬ": "l", "ʲ": "j"})


class EnglishPhonemes:
    """The phoneme program, started at the first text and again after it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def of(self, text: str, *, british: bool) -> str:
        """Return the phonemes of a text, with its punctuation.

        Raises:
            RuntimeError: the program ended or does not start; it is started again for the next text.
        """
        # Words and punctuation in turn: eSpeak NG drops the latter, and Kokoro makes its pauses of it.
        parts = _PUNCTUATION.split(text)
        spoken = self._ask("en-gb" if british else "en-us", parts[::2])
        phonemes = [to_kokoro(part) for part in spoken]
        marks = [f"{mark[0]} " for mark in parts[1::2]]
        return "".join(a + b for a, b in zip(phonemes, [*marks, ""], strict=True)).strip()

    def _ask(self, voice: str, texts: list[str]) -> list[str]:
        if self._process is None:
            command = (sys.executable, "-P", "-m", "catflap.speech.engines.espeak_phonemes")
            self._process = subprocess.Popen(  # noqa: S603 - a module of ours
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([voice, *texts]).encode() + b"\n")
            self._process.stdin.flush()
            return [str(part) for part in json.loads(self._process.stdout.readline())]
        except (OSError, ValueError):
            self._process.kill()
            self._process.wait()
            self._process = None
            raise RuntimeError("eSpeak NG ended") from None


def to_kokoro(phonemes: str) -> str:
    """Return eSpeak NG's phonemes in the symbols of Kokoro."""
    return _LANGUAGE.sub("", phonemes).translate(_SYMBOLS)
