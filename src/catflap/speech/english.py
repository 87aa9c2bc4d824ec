"""Rewrite English text so that eSpeak NG reads it as a person would.

Rewriting is idempotent.
"""

import re
from functools import cache

from catflap.speech.bible_verses import verses_en
from catflap.speech.english_abbreviations import NAMES, abbreviations
from catflap.speech.english_dates import DATES
from catflap.speech.english_numbers import DECIMALS, PHONES, THOUSANDS, money, numbers
from catflap.speech.english_times import TIMES
from catflap.speech.rules import Rule, apply, apply_until_stable, rule
from catflap.speech.text import keep_words, speakable_text, truncate

_BETWEEN = rule(r"(?<=\d)\s*[~–—-]\s*(?=\d)", " to ")
_SYMBOLS = str.maketrans(
    {"&": " and ", "@": " at ", "%": " percent ", "+": " plus ", "=": " equals ", "°": " degrees "}
    | {"$": " dollars ", "€": " euros ", "£": " pounds ", "¥": " yen "}
    | dict.fromkeys("()[]{}|;→⇒…–—~", ", ")
    | dict.fromkeys('_#*^`\\<>"“”/⁄', " ")
)
_STOPS = ",.!?:'’-、。"
_PAUSES = re.compile(r"[\s,]*,[\s,]*")
_ENDS = " ,.!?:;-"
# Words that nothing ends with: what was cut off belongs to them.
_DANGLING = re.compile(
    r"(?:[\s,]+(?:a|an|and|as|at|by|for|from|in|into|of|on|or|our|the|their|to|with|your))+[\s,]*$",
    re.IGNORECASE,
)


@cache
def _rules() -> tuple[Rule, ...]:
    return (
        *verses_en(),
        *NAMES,
        *abbreviations(),
        *DECIMALS,
        *money(),
        THOUSANDS,
        *DATES,
        *PHONES,
        *TIMES,
        *numbers(),
        rule(r"([$€£¥])\1+", " "),
        # A chain of numbers is no range: 1-2-3.
        rule(r"(?<![\w-])\d{1,4}(?:-\d{1,4}){2,}(?![\w-])", lambda match: match[0].replace("-", " ")),
        # Long telephone numbers are read digit by digit.
        rule(r"\d{7,}", lambda match: " ".join(match[0])),
        _BETWEEN,
    )


def reading(text: str) -> str:
    """Return English text for eSpeak NG, with its sentence punctuation."""
    return apply_until_stable(_read, text)


def title_reading(title: str, limit: int) -> str:
    """Return the text of a title inside a sentence, without full stops, cut to `limit` characters."""
    flat = re.sub(r"[.!?:]+(?=\s|$)", ",", reading(title))
    whole = _PAUSES.sub(", ", flat).strip(_ENDS)
    cut = truncate(whole, limit)
    return cut if cut == whole else _DANGLING.sub("", cut) or cut


def _read(text: str) -> str:
    words = keep_words(apply(_rules(), speakable_text(text)).translate(_SYMBOLS), _STOPS)
    return _PAUSES.sub(", ", words).strip(" ,")
