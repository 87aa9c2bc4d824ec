"""Rules for times of day in English titles: "half past three PM", "five forty-two", "3 to 4 PM".

Minutes are said in words, because recognisers hear "at 3 30 PM" as "free thirty". "Quarter to" is left to
Mia's own sentences: within a range it would be heard as its beginning. Ratios and scores keep their numbers.
"""

import re
from datetime import time

from catflap.speech.clock_words import clock_en, part_of_day
from catflap.speech.rules import Rule, rule

_UNITS = (
    "",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("", "", "twenty", "thirty", "forty", "fifty")
_AM_PM = ("AM", "PM")
_HALF = r"([ap])\.?\s?m\b\.?"
_DASH = r"\s*[-–—~]\s*"
_RANGE = rf"(?P<range>{_DASH}(?=\d{{1,2}}(?!\d)|midnight\b|noon\b|late\b|close\b))?"
_HOUR = r"(?<![\d:.])(\d{1,2})"
# Ratios and scores are introduced by such words, or followed by them.
_RATIO = r"(?:ratios?|odds|scores?|scale|aspect)"


def _say(hour: int, minute: int, half: str = "") -> str | None:
    """Return a time of day; None if it is none. `half` is "a", "p" or "" if it is not written."""
    if hour > 24:
        return None
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    is_known = bool(half) or hour > 12
    at = time(hour % 24, minute)
    if not minute:
        if at.hour % 12 == 0:
            return clock_en(at)
        return f"{hour % 12} {_AM_PM[hour > 12]}" if is_known else f"{hour} o'clock"
    named = minute <= 30 and minute % 5 == 0
    words = clock_en(at) if named else f"{_UNITS[at.hour % 12 or 12]} {_minutes(minute)}"
    needs_half = (is_known or at.hour == 0) and not (named and not part_of_day(at))
    return f"{words} {_AM_PM[at.hour >= 12]}" if needs_half else words


def _minutes(minute: int) -> str:
    if minute < 10:
        return f"oh {_UNITS[minute]}"
    if minute <= 12:
        return _UNITS[minute]
    if minute < 20:
        return _TEENS[minute - 13]
    return f"{_TENS[minute // 10]}{'-' if minute % 10 else ''}{_UNITS[minute % 10]}"


def _with_half(match: re.Match[str]) -> str | None:
    words = _say(int(match[1]), int(match[2] or 0), match[3].lower())
    return words and words + (" to " if match["range"] else "")


def _without_half(match: re.Match[str]) -> str | None:
    words = _say(int(match[1]), int(match[2] or 0))
    return words and words + (" to " if match["range"] else "")


def _about(match: re.Match[str]) -> str | None:
    words = _say(int(match[1]), int(match[2]))
    return words and f"{words} or so"


TIMES: tuple[Rule, ...] = (
    # Odds 10:11, ratio 3:30, a 10:30 scale
    rule(rf"\b({_RATIO}(?: of)?:? )(\d{{1,3}}):(\d{{1,3}})(?![\d:])", r"\1\2 to \3", ignore_case=True),
    rule(rf"(?<![\d:.])(\d{{1,3}}):(\d{{1,3}})(?= {_RATIO}\b)", r"\1 to \2", ignore_case=True),
    # 10-11:30, 3-4:45pm, 10-11am
    rule(
        rf"{_HOUR}{_DASH}(?=\d{{1,2}}(?::[0-5]\d(?![\d:])|(?:[:.][0-5]\d)?\s*[ap]\.?\s?m\b))",
        r"\1 to ",
        ignore_case=True,
    ),
    # 10:00am, 3 pm, 10:30 p.m.
    rule(rf"{_HOUR}(?:[:.]([0-5]\d))?(?::[0-5]\d)?\s*{_HALF}(?!\w){_RANGE}", _with_half, ignore_case=True),
    # 10:00Z
    rule(r"(?<![\d:.])(\d{1,2}:[0-5]\d)(?::[0-5]\d)?(?:\.\d+)?Z\b", r"\1 UTC"),
    # 5:30ish
    rule(rf"{_HOUR}:([0-5]\d)[\s-]?ish\b", _about),
    # 10:30, 15:00, 00:15:30
    rule(rf"{_HOUR}:([0-5]\d)(?::[0-5]\d)?(?![\d:]){_RANGE}", _without_half, ignore_case=True),
    # 17h, 17h30, at 9h, 9h-17h; 2h and 1h30 are durations
    rule(rf"(?<![\w.:])(1[3-9]|2[0-3])h([0-5]\d)?(?!\w){_RANGE}", _without_half),
    rule(rf"(?<=\bat )(\d{{1,2}})h([0-5]\d)?(?!\w){_RANGE}", _without_half, ignore_case=True),
    # noon-1pm
    rule(rf"\b(midnight|noon){_DASH}(?=\d|midnight\b|noon\b|late\b|close\b)", r"\1 to ", ignore_case=True),
    # 2:1, 16:9
    rule(r"(?<![\d:.])(\d{1,3}):(\d{1,3})(?![\d:])", r"\1 to \2"),
)
