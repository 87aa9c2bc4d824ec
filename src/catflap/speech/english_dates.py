"""Rules for dates and weekdays in English titles.

12/5 is December 5th, since most who write slashes in English put the month first; 25/12 can only be the
other way round.
"""

import re
from calendar import monthrange

from catflap.speech.english_data import MONTHS, WEEKDAYS, ordinal, tables
from catflap.speech.rules import Rule, rule

_MONTH = (
    r"(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_MONTH_NAMES = "|".join(MONTHS)
_TH = r"(?:st|nd|rd|th)"
_CLEAR_DAY = r"(Mon|Tues?|Wed|Thu(?:rs?)?|Fri)"
_DAY = r"(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)"
_TO = r"\s*[-–—~]\s*"


def _month(name: str) -> str:
    return next(month for month in MONTHS if month.startswith(name[:3]))


def _weekday(name: str) -> str:
    return next(day for day in WEEKDAYS if day.startswith(name[:3]))


def _date(month: int, day: int, year: str = "") -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= monthrange(2000, month)[1]):
        return None
    return f"{MONTHS[month - 1]} {ordinal(day)}" + (f", {year}" if year else "")


def _year_first(match: re.Match[str]) -> str | None:
    words = _date(int(match[3]), int(match[4]), match[1])
    return words and words + (" " if match[5] else "")


def _year_last(match: re.Match[str]) -> str | None:
    first, second, year = int(match[1]), int(match[3]), match[4]
    if match[2] == ".":
        first, second = second, first
    full = year if len(year) == 4 else f"20{year}"
    return _date(first, second, full) or _date(second, first, full)


def _slashed(match: re.Match[str]) -> str | None:
    before, first, second, after = match["before"] or "", match["a"], match["b"], match["after"] or ""
    a, b = int(first), int(second)
    if (a, b) in ((24, 7), (50, 50)):
        words: str | None = f"{a} {b}"
    elif a <= b and ((before, after) == ("(", ")") or before.strip().lower() in tables().counted):
        words = f"{a} of {b}"
    elif a <= b and after.strip().lower() in tables().scores:
        words = f"{a} out of {b}"
    elif a < b <= 10 and after.strip().lower() in tables().measures:
        words = fraction(a, b)
    else:
        words = _date(a, b) or _date(b, a) or f"{a} slash {b}"
    return f"{before}{words}{after}"


def _mixed(match: re.Match[str]) -> str | None:
    return f"{match[1]} {match[2]}⁄{match[3]}" if int(match[2]) < int(match[3]) else None


_PARTS = {
    3: "third",
    4: "quarter",
    5: "fifth",
    6: "sixth",
    7: "seventh",
    8: "eighth",
    9: "ninth",
    10: "tenth",
}


def fraction(above: int, below: int) -> str:
    """Return a fraction in words: a half, two thirds, or one number over the other."""
    if (above, below) == (1, 2):
        return "half"
    if below not in _PARTS:
        return f"{above} over {below}"
    return f"a {_PARTS[below]}" if above == 1 else f"{above} {_PARTS[below]}s"


def _month_and_day(match: re.Match[str]) -> str | None:
    return _date(MONTHS.index(_month(match[1])) + 1, int(match[2]))


def _day_and_month(match: re.Match[str]) -> str | None:
    return f"{ordinal(int(match[1]))} of {_month(match[2])}" if 1 <= int(match[1]) <= 31 else None


DATES: tuple[Rule, ...] = (
    # 2026-12-05, 2026/12/5, 2026.12.05, 2026-12-05T10:00
    rule(r"(?<![\w.-])([12]\d{3})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)(T(?=\d))?", _year_first),
    # 12/5/2026, 25/12/26, 05.12.2026
    rule(r"(?<![\w./-])(\d{1,2})([/.-])(\d{1,2})\2([12]\d{3})(?![\w./-]\d|\d)", _year_last),
    rule(r"(?<![\w./-])(\d{1,2})(/)(\d{1,2})/(\d{2})(?![\w/-])", _year_last),
    # 2026-12, 2026/12
    rule(
        r"(?<![\w./-])((?:19|20)\d\d)[-/](0[1-9]|1[0-2])(?![\w/-])",
        lambda match: f"{MONTHS[int(match[2]) - 1]} {match[1]}",
    ),
    # 2 1/2 hours
    rule(r"(?<![\w.,/])(\d{1,2}) ([1-9])/([2-9])(?![\w/])", _mixed),
    # 12/5,12/6
    rule(r"(?:(?<=\d/\d)|(?<=\d/\d\d)),(?=\d{1,2}/\d{1,2}(?![\d/]))", ", "),
    # 12/5, 25/12, 1/2 day, part 1/2, (1/2), 24/7
    rule(
        r"(?P<before>\(|\b[A-Za-z]+\s+)?(?<![\w/.,])(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\d/]|[.,]\d)"
        r"(?P<after>\)|\s+[A-Za-z]+\b)?",
        _slashed,
    ),
    # Dec 5, December 5th, Dec. 2026, 5 Dec
    rule(rf"\b{_MONTH}\.?\s+(\d{{1,2}}){_TH}?(?![\w:/]|\.\d|\s*[ap]\.?m\b)", _month_and_day),
    rule(rf"(?<![\w.:/-])(\d{{1,2}}){_TH}?\s+{_MONTH}\b\.?", _day_and_month),
    rule(rf"\b{_MONTH}\.?(?=\s+[12]\d{{3}}\b)", lambda match: _month(match[1])),
    rule(rf"\b{_MONTH}{_TO}{_MONTH}\b\.?", lambda match: f"{_month(match[1])} to {_month(match[2])}"),
    # December 5th-8, 5th-8th
    rule(
        rf"\b((?:{_MONTH_NAMES}) \d{{1,2}}{_TH}){_TO}(\d{{1,2}}){_TH}?(?![\w:/])",
        lambda match: f"{match[1]} to {ordinal(int(match[2]))}",
    ),
    rule(rf"(?<=\d[snrt][tdh]){_TO}(?=\w)", " to "),
    # Mon-Fri, (Sat), Sun 7 Dec, Thu
    rule(rf"\b{_DAY}{_TO}{_DAY}\b\.?", lambda match: f"{_weekday(match[1])} to {_weekday(match[2])}"),
    rule(rf"\({_DAY}\.?\)", lambda match: f" {_weekday(match[1])} "),
    rule(rf"\b{_DAY}\.?(?=,?\s+(?:\d|{_MONTH_NAMES}))", lambda match: _weekday(match[1])),
    rule(rf"\b{_CLEAR_DAY}\b\.?(?!['’\w])", lambda match: _weekday(match[1])),
)
