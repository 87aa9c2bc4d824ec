"""Ordered rules that rewrite text for an engine, such as abbreviations and numbers."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Replacement = str | Callable[[re.Match[str]], str | None]
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
