"""Detect the language of a title, to choose a voice for it.

The alphabet decides first, then letters that only one of its languages has. Kana are Japanese; kanji alone
are Japanese too, unless one of the characters or words is used in Chinese only. Latin titles are English
unless more of their words and letters belong to another language. Titles are short: where the result is
uncertain, the language of the sentence is used.
"""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

# For letters of an alphabet that no engine knows (ISO 639: undetermined).
UNDETERMINED = "und"
_KANA = frozenset({"HIRAGANA", "KATAKANA"})
_HAN = frozenset({"CJK", "IDEOGRAPHIC", "BOPOMOFO"})
# How many letters one character of these scripts counts for.
_SYLLABIC = {"HANGUL": 3, "ETHIOPIC": 2}
_LONGEST = 500
_FUNCTION, _COMMON, _LETTER = 3, 2, 1
# Letters of a word whose ending may tell its language, so that Samsung is not German.
_COMPOUND = 8
_WORD = re.compile(r"(?<![.@\w])[^\W\d_]+(?:-[^\W\d_]+)*")


def title_language(text: str) -> str:
    """Return a BCP 47 code: `en` for Latin if uncertain, `und` when no engine supports the alphabet."""
    letters = unicodedata.normalize("NFKC", text[:_LONGEST])
    alphabets = Counter(map(alphabet, filter(str.isalpha, letters)))
    if alphabets.keys() & _KANA:
        return "ja"
    han = sum(alphabets[name] for name in _HAN)
    if han >= max(1, alphabets["HANGUL"]):
        return _han_language(letters)
    latin = alphabets.pop("LATIN", 0)
    known = [
        (count * _SYLLABIC.get(name, 1), name) for name, count in alphabets.items() if languages_of(name)
    ]
    # A name in another alphabet does not make an English title foreign, nor an English word a foreign title
    # English.
    if known and 2 * max(known)[0] >= latin:
        return _by_letters(max(known)[1], letters)
    if latin:
        return _latin_language(letters)
    return UNDETERMINED if alphabets else "en"


@cache
def alphabet(char: str) -> str:
    """Return the script of a letter from its Unicode name, such as `LATIN` or `CYRILLIC`."""
    name = unicodedata.name(char, "")
    for width in ("FULLWIDTH ", "HALFWIDTH ", "MODIFIER LETTER "):
        name = name.removeprefix(width)
    return name.partition(" ")[0].partition("-")[0]


def languages_of(script: str) -> tuple[str, ...]:
    """Return the languages of a script, the most common first; none when no engine supports one."""
    if script == "LATIN":
        return _tables().latin
    if script in _HAN:
        return ("zh", "yue")
    found = _tables().alphabets.get(script)
    return tuple(dict.fromkeys((found.usual, *found.letters, *found.words))) if found else ()


def languages() -> frozenset[str]:
    """Return every language that `title_language` detects, including Japanese and English."""
    scripts = ("LATIN", *_HAN, *_tables().alphabets)
    return frozenset({"ja", *(code for script in scripts for code in languages_of(script))})


def _by_letters(script: str, text: str) -> str:
    found = _tables().alphabets[script]
    folded = text.casefold()
    held, words = set(folded), set(_WORD.findall(folded))
    tells = (
        *(code for code, letters in found.letters.items() if held & letters),
        *(code for code, common in found.words.items() if words & common),
    )
    return next(iter(tells), found.usual)


def _han_language(text: str) -> str:
    tables = _tables()
    if set(text) & tables.cantonese:
        return "yue"
    if any(_is_chinese_only(char) for char in text) or any(word in text for word in tables.chinese_words):
        return "zh"
    return "ja"


@cache
def _is_chinese_only(char: str) -> bool:
    """Return whether a character is not used in Japanese: in a Chinese standard, and in no Japanese one."""
    tables = _tables()
    if char in tables.chinese_signs or alphabet(char) == "BOPOMOFO":
        return True
    if not char.isalpha() or char in tables.japanese_too or _encodes(char, "cp932"):
        return False
    return _encodes(char, "gb2312") or (_encodes(char, "big5") and not _encodes(char, "euc_jis_2004"))


def _encodes(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _latin_language(text: str) -> str:
    # Capitals among small letters are abbreviations: MIT is no German "mit".
    words = [word.lower() for word in _WORD.findall(text) if text.isupper() or not word.isupper()]
    tables = _tables()
    scores: Counter[str] = Counter()
    for word in words:
        known = tables.latin_words.get(word, {})
        scores.update(known)
        scores.update({code: _COMMON for code in _by_ending(word) if code not in known})
    for code in {code for letter in set(text.lower()) for code in tables.latin_letters.get(letter, ())}:
        scores[code] += _LETTER
    most = max(scores.values(), default=0)
    # English comes first, and the first of the best is taken.
    return next((code for code in tables.latin if most and scores[code] == most), "en")


def _by_ending(word: str) -> frozenset[str]:
    """Return the languages of a long word, by the end of the compound: Vereinssitzung is German."""
    if len(word) < _COMPOUND:
        return frozenset()
    endings = _tables().latin_endings
    return frozenset().union(*(endings.get(word[at:], ()) for at in range(1, len(word) - 2)))


@dataclass(frozen=True)
class _Alphabet:
    usual: str
    letters: Mapping[str, frozenset[str]]
    words: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class _Tables:
    alphabets: Mapping[str, _Alphabet]
    latin: tuple[str, ...]
    latin_words: Mapping[str, Mapping[str, int]]
    latin_endings: Mapping[str, frozenset[str]]
    latin_letters: Mapping[str, frozenset[str]]
    chinese_signs: frozenset[str]
    chinese_words: tuple[str, ...]
    cantonese: frozenset[str]
    japanese_too: frozenset[str]


@cache
def _tables() -> _Tables:
    text = files("catflap.speech").joinpath("languages.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    chinese, latin = data["chinese"], data["latin"]
    return _Tables(
        alphabets={
            name: _Alphabet(
                one["usual"],
                {code: frozenset(letters) for code, letters in one.get("letters", {}).items()},
                {code: frozenset(words.split()) for code, words in one.get("words", {}).items()},
            )
            for name, one in data["alphabets"].items()
        },
        latin=tuple(latin),
        latin_words=_word_scores(latin),
        latin_endings=_languages_by(latin, "endings", str.split),
        latin_letters=_languages_by(latin, "letters", list),
        chinese_signs=frozenset(chinese["signs"].strip()),
        chinese_words=tuple(chinese["words"]),
        cantonese=frozenset(chinese["cantonese"]),
        japanese_too=frozenset(chinese["japanese_too"]),
    )


def _languages_by(
    latin: Mapping[str, Mapping[str, str]], name: str, split: Callable[[str], list[str]]
) -> Mapping[str, frozenset[str]]:
    """Return the languages that list each letter or ending."""
    listed = {code: split(one.get(name, "")) for code, one in latin.items()}
    return {
        part: frozenset(code for code, parts in listed.items() if part in parts)
        for part in {part for parts in listed.values() for part in parts}
    }


def _word_scores(latin: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, int]]:
    """Return what each word counts for each of its languages."""
    found: dict[str, Counter[str]] = {}
    for code, one in latin.items():
        for name, score in (("function", _FUNCTION), ("words", _COMMON)):
            for word in set(one[name].split()):
                found.setdefault(word, Counter())[code] += score
    return found
