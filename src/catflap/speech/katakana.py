"""Reading Latin words inside Japanese sentences, in katakana.

OpenJTalk spells unknown Latin words letter by letter, which nobody follows. Common words of calendars
come from `loanwords.toml`; short capitals and words without a vowel are spelled; all others are read the
way a Japanese reader would sound them out. This is no pronunciation dictionary of English.
"""

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files

_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+(?:'[A-Za-z]+)?")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_LETTERS = {
    "a": "エー", "b": "ビー", "c": "シー", "d": "ディー", "e": "イー", "f": "エフ", "g": "ジー",
    "h": "エイチ", "i": "アイ", "j": "ジェー", "k": "ケー", "l": "エル", "m": "エム", "n": "エヌ",
    "o": "オー", "p": "ピー", "q": "キュー", "r": "アール", "s": "エス", "t": "ティー", "u": "ユー",
    "v": "ブイ", "w": "ダブリュー", "x": "エックス", "y": "ワイ", "z": "ゼット",
}  # fmt: skip
_VOWELS = "aiueo"
_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "c": "カシクセコ", "q": "カキクケコ", "g": "ガギグゲゴ",
    "s": "サシスセソ", "z": "ザジズゼゾ", "t": "タチツテト", "d": "ダヂヅデド", "n": "ナニヌネノ",
    "h": "ハヒフヘホ", "b": "バビブベボ", "p": "パピプペポ", "m": "マミムメモ", "r": "ラリルレロ",
    "l": "ラリルレロ", "y": "ヤイユエヨ",
}  # fmt: skip
_SYLLABLES = {
    consonant + vowel: row[i] for consonant, row in _ROWS.items() for i, vowel in enumerate(_VOWELS)
}
_GLIDES = {
    "sh": ("シ", "ャュェョ"), "ch": ("チ", "ャュェョ"), "j": ("ジ", "ャュェョ"), "ky": ("キ", "ャュェョ"),
    "gy": ("ギ", "ャュェョ"), "ny": ("ニ", "ャュェョ"), "hy": ("ヒ", "ャュェョ"), "my": ("ミ", "ャュェョ"),
    "ry": ("リ", "ャュェョ"), "by": ("ビ", "ャュェョ"), "py": ("ピ", "ャュェョ"),
}  # fmt: skip
for _start, (_kana, _small) in _GLIDES.items():
    _SYLLABLES |= {_start + v: _kana + s for v, s in zip("aueo", _small, strict=True)} | {_start + "i": _kana}
_SYLLABLES |= {
    "fa": "ファ", "fi": "フィ", "fu": "フ", "fe": "フェ", "fo": "フォ",
    "va": "バ", "vi": "ビ", "vu": "ブ", "ve": "ベ", "vo": "ボ",
    "wa": "ワ", "wi": "ウィ", "wu": "ウ", "we": "ウェ", "wo": "ウォ",
    "tsu": "ツ", "ti": "ティ", "di": "ディ", "tu": "トゥ", "du": "ドゥ",
    "ee": "イー", "ea": "イー", "oo": "ウー", "ou": "アウ", "ow": "アウ", "ai": "エイ", "ay": "エイ",
    "tion": "ション", "sion": "ション", "igh": "アイ", "ck": "ック", "ng": "ング", "n": "ン", "m": "ム",
    "sh": "シュ", "ch": "チ", "j": "ジ", "x": "クス", "t": "ト", "d": "ド", "y": "イ", "w": "ウ",
    "f": "フ", "v": "ブ", "h": "", "ß": "ス",
}  # fmt: skip
_SYLLABLES |= {c: _ROWS[c][2] for c in "kcqgszbprl"}
_LONGEST = max(map(len, _SYLLABLES))
_SPELLINGS = (("ph", "f"), ("th", "s"), ("qu", "kw"), ("wh", "w"), ("dge", "j"), ("tch", "ch"), ("mb", "nb"))
_DOUBLED = re.compile(r"([bcdfgjkpqstz])\1(?=[aiueoy])")


def in_katakana(text: str) -> str:
    """The text with every Latin word replaced by katakana; everything else is left alone."""
    return _WORD.sub(lambda match: _read(_unaccented(match[0])), text)


def _read(word: str) -> str:
    key = word.lower().replace("'", "")
    known = loanwords().get(key)
    if known:
        return known
    if _CAMEL.search(word):
        return "".join(map(_read, _CAMEL.split(word)))
    if len(word) == 1 or (word.isupper() and len(word) <= 5) or not set(key) & set("aiueoy"):
        return "".join(_LETTERS.get(letter, "") for letter in key)
    return sounded_out(key)


def _unaccented(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def sounded_out(word: str) -> str:
    """A lower-case Latin word by its letters: "kubernetes" gives "クベルネテス"."""
    for spelling, sound in _SPELLINGS:
        word = word.replace(spelling, sound)
    if len(word) > 3 and word[-1] == "e" and word[-2] not in _VOWELS:
        word = word[:-1]
    word = _DOUBLED.sub(r"ッ\1", word)
    kana = ""
    while word:
        for size in range(min(_LONGEST, len(word)), 0, -1):
            if word[:size] in _SYLLABLES:
                kana, word = kana + _SYLLABLES[word[:size]], word[size:]
                break
        else:
            kana, word = kana + ("ッ" if word[0] == "ッ" else ""), word[1:]
    return kana


@cache
def loanwords() -> dict[str, str]:
    """Common words of calendars and how they are said in Japanese, by lower-case spelling."""
    text = files("catflap.speech").joinpath("loanwords.toml").read_text(encoding="utf-8")
    return {str(word): str(reading) for word, reading in tomllib.loads(text).items()}
