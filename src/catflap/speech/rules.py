"""Ordered rules that rewrite text for an engine: a pattern and what a person says instead."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Words = str | Callable[[re.Match[str]], str | None]
# Rules settle after two rounds; what has not settled by then never would.
_ROUNDS = 5


@dataclass(frozen=True)
class Rule:
    """A pattern and its reading.

    Args:
        pattern: What is rewritten.
        words: A template for `re.sub`, or a function that returns None to leave a match as it is.
    """

    pattern: re.Pattern[str]
    words: Words

    def apply(self, text: str) -> str:
        """The text with every match rewritten."""
        words = self.words
        if isinstance(words, str):
            return self.pattern.sub(words, text)
        return self.pattern.sub(lambda match: match[0] if (said := words(match)) is None else said, text)


def rule(pattern: str, words: Words, *, ignore_case: bool = False) -> Rule:
    """A rule from the source of its pattern."""
    return Rule(re.compile(pattern, re.IGNORECASE if ignore_case else 0), words)


def apply(rules: Iterable[Rule], text: str) -> str:
    """The text after all rules, in their order."""
    for one in rules:
        text = one.apply(text)
    return text


def settled(rewrite: Callable[[str], str], text: str) -> str:
    """Rewritten again until nothing changes, so that a reading may be read once more."""
    for _ in range(_ROUNDS):
        again = rewrite(text)
        if again == text:
            break
        text = again
    return text
