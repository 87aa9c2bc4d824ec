"""Transliterate English words to katakana with the e2k model, in the process of the Japanese engine.

`catflap.speech.katakana` has converted what needs no model; words of the letters a to z are left for this.
"""

import re
from functools import cache, lru_cache

from e2k import C2K

from catflap.speech.katakana import spell_letters

_WORD = re.compile("(?<![A-Za-z])[a-z]+(?![A-Za-z])")
_KATAKANA = "\u30a1-\u30fc"
# Katakana words follow each other without a space, which OpenJTalk would take for a pause.
_BLANK = re.compile(f"(?<=[{_KATAKANA}]) +(?=[{_KATAKANA}])")
# The time of the model is proportional to the length.
_LONGEST = 30


def transliterate(text: str) -> str:
    """Return the text with every Latin word in katakana."""
    return _BLANK.sub("", _WORD.sub(lambda match: _katakana(match[0][:_LONGEST]), text))


@lru_cache(maxsize=2048)
def _katakana(word: str) -> str:
    return str(_model()(word)) or spell_letters(word)


@cache
def _model() -> C2K:
    # The smaller of two models of equal accuracy (docs/decisions/0015-loanwords-by-e2k.md).
    return C2K(max_len=_LONGEST, model="turbo")
