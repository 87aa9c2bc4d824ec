"""Convert Latin words in Japanese sentences to katakana, as far as that needs no model.

OpenJTalk spells unknown Latin words letter by letter. Common words of calendars come
from `loanwords.toml`; short capitals and words without a vowel are spelled; Japanese names in Hepburn
romanisation are read as Japanese. All other words stay as plain lower-case letters for
`catflap.speech.engines.transliteration`, which runs in the engine's process.
"""

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files

_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ſ]+(?:'[A-Za-z]+)?")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_LETTERS = {
    "a": "エー", "b": "ビー", "c": "シー", "d": "ディー", "e": "イー", "f": "エフ", "g": "ジー",
    "h": "エイチ", "i": "アイ", "j": "ジェー", "k": "ケー", "l": "エル", "m": "エム", "n": "エヌ",
    "o": "オー", "p": "ピー", "q": "キュー", "r": "アール", "s": "エス", "t": "ティー", "u": "ユー",
    "v": "ブイ", "w": "ダブリュー", "x": "エックス", "y": "ワイ", "z": "ゼット",
}  # fmt: skip
# Letters that have no canonical decomposition (Unicode Standard Annex 15).
_WHOLE = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "đ": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h"}
    | {"Æ": "Ae", "Œ": "Oe", "Ø": "O", "Ð": "D", "Đ": "D", "Þ": "Th", "Ł": "L", "Ħ": "H"}
)
_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "g": "ガギグゲゴ", "s": "サ スセソ", "z": "ザ ズゼゾ",
    "t": "タ  テト", "d": "ダ  デド", "n": "ナニヌネノ", "h": "ハヒ ヘホ", "b": "バビブベボ",
    "p": "パピプペポ", "m": "マミムメモ", "r": "ラリルレロ", "y": "ヤ ユ ヨ", "w": "ワ    ",
}  # fmt: skip
_GLIDES = {
    "sh": "シ", "ch": "チ", "j": "ジ", "ky": "キ", "gy": "ギ", "ny": "ニ", "hy": "ヒ", "my": "ミ", "ry": "リ",
    "by": "ビ", "py": "ピ",
}  # fmt: skip
_SYLLABLES = {
    **{onset + "aiueo"[i]: kana for onset, row in _ROWS.items() for i, kana in enumerate(row) if kana != " "},
    **{
        onset + vowel: kana + small
        for onset, kana in _GLIDES.items()
        for vowel, small in zip("auo", "ャュョ", strict=True)
    },
    **{"shi": "シ", "chi": "チ", "ji": "ジ", "tsu": "ツ", "fu": "フ"},
}
_SYLLABLE = "|".join(sorted(_SYLLABLES, key=len, reverse=True))
# A syllable, after a doubled consonant or not; or the final n of one.
_HEPBURN = re.compile(
    rf"(?P<double>[kstp])(?=(?P=double))|t(?=ch)|(?P<syllable>{_SYLLABLE})|n(?:'|(?![aiueoy]))"
)
# Fewer would take in English words: make, sunrise, hero.
_FEWEST_SYLLABLES = 3


def to_katakana(text: str) -> str:
    """Return the text with Latin words replaced by katakana where that needs no model.

    What is left of a Latin word is made of a to z alone; everything else is left alone.
    """
    return _WORD.sub(lambda match: _read(_unaccented(match[0])), text)


def spell_letters(word: str) -> str:
    """Return the names of the letters of a lower-case Latin word."""
    return "".join(_LETTERS.get(letter, "") for letter in word)


def _read(word: str) -> str:
    key = word.lower().replace("'", "")
    known = loanwords().get(key)
    if known:
        return known
    if _CAMEL.search(word):
        return " ".join(map(_read, _CAMEL.split(word)))
    if len(word) == 1 or (word.isupper() and len(word) <= 5) or not set(key) & set("aiueoy"):
        return spell_letters(key)
    return _romanised(word.lower()) or key


def _unaccented(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.translate(_WHOLE))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _romanised(word: str) -> str:
    """Return the katakana of a Japanese word in Hepburn romanisation; "" for what is none."""
    kana, end, syllables = "", 0, 0
    for match in _HEPBURN.finditer(word):
        if match.start() != end:
            return ""
        end = match.end()
        syllables += 1
        kana += _SYLLABLES[match["syllable"]] if match["syllable"] else "ン" if match[0][0] == "n" else "ッ"
    is_japanese = end == len(word) and syllables >= _FEWEST_SYLLABLES and word[-1] in "aiuo"
    return kana if is_japanese else ""


@cache
def loanwords() -> dict[str, str]:
    """Return common calendar words in katakana, by lower-case spelling."""
    text = files("catflap.speech").joinpath("loanwords.toml").read_text(encoding="utf-8")
    return {str(word): str(reading) for word, reading in tomllib.loads(text).items()}
