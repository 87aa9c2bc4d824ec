"""Ordered rules that rewrite text for an engine, such as abbreviations and numbers."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Replacement = str | Callable[[re.Match[str]], str | None]
# Letters of the alphabets whose words are separated by spaces and don't take on particles: Latin, Greek,
# Cyrillic, Armenian.
_SPACED = "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u058f\u1e00-\u1fff"
_SPACED_LETTER = re.compile(f"[{_SPACED}]")
# Two rounds are enough for all rules so far; the limit prevents endless rewriting.
_ROUNDS = 5


@dataclass(frozen=True)
class Rule:
    """A pattern and its reading.

    Args:
        pattern: What is replaced.
        words: A template for `re.sub`, or a function that returns None to leave a match unchanged.
    """

    pattern: re.Pattern[str]
    words: Replacement

    def apply(self, text: str) -> str:
        """Return the text with every match replaced."""
        words = self.words
        if isinstance(words, str):
            return self.pattern.sub(words, text)
        return self.pattern.sub(lambda match: match[0] if (said := words(match)) is None else said, text)


def rule(pattern: str, words: Replacement, *, ignore_case: bool = False) -> Rule:
    """Create a rule from a regular expression."""
    return Rule(re.compile(pattern, re.IGNORECASE if ignore_case else 0), words)


def whole_word(word: str) -> str:
    """Return the pattern of a word, which in an alphabet with spaces isn't a part of another.

    A number is no part of a longer one either. Words of other scripts, such as kanji, match anywhere.
    """
    return _edge(word[0], "<!") + re.escape(word) + _edge(word[-1], "!")


def _edge(char: str, look: str) -> str:
    if char.isdigit():
        return rf"(?{look}[{_SPACED}\d])"
    return f"(?{look}[{_SPACED}])" if _SPACED_LETTER.match(char) else ""


def apply(rules: Iterable[Rule], text: str) -> str:
    """Apply all rules in order."""
    for one in rules:
        text = one.apply(text)
    return text


def apply_until_stable(rewrite: Callable[[str], str], text: str) -> str:
    """Apply `rewrite` until nothing changes, so that rewriting a result again changes nothing."""
    for _ in range(_ROUNDS):
        again = rewrite(text)
        if again == text:
            break
        text = again
    return text
