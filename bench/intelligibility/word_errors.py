"""Compare what was said with what a recogniser wrote, word by word, however either is spelled.

Both are normalised in the same way: lower case, no punctuation, numbers and short forms in words ("10",
"3rd", "it's" are "ten", "third", "it is"), a dialect's spellings as usual ("ridin'", "ye"). Words that the
recogniser's dictionary pronounces alike are the same ("two" and "too", "cancelled" and "canceled"), and so
are words written apart or together ("stand up").
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"} | {
    "nine": "ninth",
    "twelve": "twelfth",
}
_SHORT_FORMS = (
    (r"\bo ?'? ?clock\b", "oclock"),
    (r"\bcan't\b", "cannot"),
    (r"\bwon't\b", "will not"),
    (r"\blet'?s\b", "let us"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'ve\b", " have"),
    (r"'ll\b", " will"),
    (r"'d\b", " would"),
    (r"\bi'm\b", "i am"),
    (r"\bits\b", "it is"),
    (r"\b(it|that|there|here|what|he|she|who)'s\b", r"\1 is"),
    (r"in'(?!\w)", "ing"),
    (r"'", ""),
    (r"\bye\b", "you"),
    (r"\byer\b", "your"),
)
_NUMBER = re.compile(r"\d+")
# How many words may be written as one, or one as many.
_TOGETHER = 3

Sounds = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Score:
    """Words that were said, understood, and wrong (substituted, left out or added)."""

    said: int = 0
    understood: int = 0
    wrong: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.said + other.said, self.understood + other.understood, self.wrong + other.wrong)

    @property
    def share(self) -> float:
        """The percentage of the words that was understood."""
        return round(100 * self.understood / max(1, self.said), 1)

    @property
    def error_rate(self) -> float:
        """The word error rate in percent."""
        return round(100 * self.wrong / max(1, self.said), 1)


def words(text: str) -> list[str]:
    """Return the normalised words of a text."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = plain.replace("%", " percent ").replace("&", " and ")
    for pattern, replacement in _SHORT_FORMS:
        plain = re.sub(pattern, replacement, plain)
    plain = re.sub(r"(\d+)(?:st|nd|rd|th)\b", lambda match: f" {_ordinal(int(match[1]))} ", plain)
    plain = _NUMBER.sub(lambda match: f" {_in_words(int(match[0]))} ", plain)
    return re.findall(r"[a-z]+", plain)


def score(said: str, heard: str, sounds: Sounds) -> Score:
    """Return how much of what was said is in what was heard; `sounds` is of `read_dictionary`."""
    return _align(words(said), words(heard), _alike(sounds))


def read_dictionary(file: Path) -> Sounds:
    """Return the pronunciations of each word in a dictionary of CMU's format."""
    found: dict[str, set[str]] = {}
    for line in file.read_text("utf-8").splitlines():
        word, _, phones = line.partition(" ")
        found.setdefault(re.sub(r"\(\d+\)$|'", "", word.lower()), set()).add(phones.strip())
    return {word: frozenset(phones) for word, phones in found.items()}


def misheard(pairs: Iterable[tuple[str, str]], sounds: Sounds) -> dict[str, int]:
    """Return how often each word that was said was not understood."""
    same = _alike(sounds)
    counts: dict[str, int] = {}
    for said, heard in pairs:
        for word in _lost(words(said), words(heard), same):
            counts[word] = counts.get(word, 0) + 1
    return counts


def _alike(sounds: Sounds) -> Callable[[Sequence[str], Sequence[str]], bool]:
    def same(said: Sequence[str], heard: Sequence[str]) -> bool:
        one, other = "".join(said), "".join(heard)
        return one == other or not sounds.get(one, frozenset()).isdisjoint(sounds.get(other, frozenset()))

    return same


@dataclass(frozen=True)
class _Cell:
    """The best way to align the beginnings of both: errors, words understood, and the step that led here."""

    wrong: int
    understood: int
    step: tuple[int, int] = (0, 0)
    matches: bool = False


def _table(said: Sequence[str], heard: Sequence[str], same: Callable[..., bool]) -> list[list[_Cell]]:
    table: list[list[_Cell]] = []
    for i in range(len(said) + 1):
        table.append([])
        for j in range(len(heard) + 1):
            ways = [_Cell(0, 0)] if i == j == 0 else []
            for rows, columns in _STEPS:
                if i < rows or j < columns:
                    continue
                before = table[i - rows][j - columns]
                if rows and columns and same(said[i - rows : i], heard[j - columns : j]):
                    ways.append(_Cell(before.wrong, before.understood + rows, (rows, columns), True))
                elif max(rows, columns) == 1:
                    ways.append(_Cell(before.wrong + 1, before.understood, (rows, columns)))
            table[i].append(min(ways, key=lambda cell: (cell.wrong, -cell.understood)))
    return table


_STEPS = [(0, 1), (1, 0), (1, 1)] + [
    step for size in range(2, _TOGETHER + 1) for step in ((1, size), (size, 1))
]


def _align(said: Sequence[str], heard: Sequence[str], same: Callable[..., bool]) -> Score:
    last = _table(said, heard, same)[-1][-1]
    return Score(len(said), last.understood, last.wrong)


def _lost(said: Sequence[str], heard: Sequence[str], same: Callable[..., bool]) -> list[str]:
    table = _table(said, heard, same)
    lost: list[str] = []
    i, j = len(said), len(heard)
    while i or j:
        cell = table[i][j]
        rows, columns = cell.step
        if rows and not cell.matches:
            lost += said[i - rows : i]
        i, j = i - rows, j - columns
    return lost


def _in_words(number: int) -> str:
    """Return a number below ten thousand as it is said; a longer one digit by digit."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        return f"{_TENS[number // 10]} {_SMALL[number % 10] if number % 10 else ''}".strip()
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if size <= number < 10_000:
            rest = f" {_in_words(number % size)}" if number % size else ""
            return f"{_in_words(number // size)} {name}{rest}"
    return " ".join(_SMALL[int(digit)] for digit in str(number))


def _ordinal(number: int) -> str:
    *before, last = _in_words(number).split()
    word = f"{last[:-1]}ieth" if last.endswith("y") else _ORDINALS.get(last, f"{last}th")
    return " ".join([*before, word])
