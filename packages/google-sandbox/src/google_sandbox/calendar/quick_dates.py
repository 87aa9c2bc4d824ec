"""Days, times of day and lengths in the English text of `events.quickAdd`.

Google publishes no grammar. What is read: `today`, `tomorrow`, week days, `June 3rd`, `3 June 2027`, `6/3`,
`2026-12-01`, ranges of these, `in 2 weeks`; `10am`, `10:25`, `at 5`, `noon`, ranges of these; `for 2 hours`.
Choices: a bare hour is one of the day (`at 5` is 17:00, `at 9` is 9:00), a time with a colon is read on the
24-hour clock, and `next Friday` is the one of the week after this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

GAP = "\x1f"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
DAY = r"(?P<day>mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?)"
SHORT_DAY = r"(?P<day>mon|tues?|wed|thurs?|thu|fri|sat|sun)\b\.?"
MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
NUMBER = r"(?P<number>[0-3]?\d)(?:st|nd|rd|th)?\b"
YEAR = r"(?:,?\s+(?P<year>(?:19|20|21)\d\d)\b)?"
ON = r"(?:\b(?:on|from|starting)\s+)?(?:the\s+)?\b"
DATES = (
    rf"{ON}(?P<iso>(?:19|20|21)\d\d-[01]\d-[0-3]\d)(?:T|\b)",
    rf"{ON}{MONTH}\s+{NUMBER}{YEAR}",
    rf"{ON}{NUMBER}\s+(?:of\s+)?{MONTH}{YEAR}",
    r"(?:\bon\s+)?(?<![\d/])(?P<slash>\d{1,2}/\d{1,2}(?:/(?:19|20|21)?\d\d)?)(?![\d/])",
    r"(?:\bon\s+)?\b(?P<word>day after tomorrow|today|tonight|tomorrow|yesterday)\b",
    rf"\b(?P<next>next)\s+(?:{DAY}\b|{SHORT_DAY.replace('<day>', '<short>')})",
    rf"\b(?:on|this|coming)\s+(?:{DAY}\b|{SHORT_DAY.replace('<day>', '<short>')})",
    rf"\b{DAY}\b",
    rf"\b{SHORT_DAY}(?=\s+(?:at|from|@|\d)|\s*$|\s*{GAP})",
    r"\bin\s+(?P<amount>an?|\d{1,3})\s+(?P<unit>day|week|month|year)s?\b",
    r"\bnext\s+(?P<following>week|month|year)\b",
)


def _clock(name: str) -> str:
    return (
        rf"(?:(?P<{name}hour>\d{{1,2}})(?:[:.](?P<{name}minute>[0-5]\d))?(?::[0-5]\d)?"
        rf"(?:\s*(?P<{name}half>[ap])\.?m\b\.?)?|(?P<{name}name>noon|midday|midnight)\b)"
    )


FIRST, LAST = _clock("a"), _clock("b")
DASH = r"\s*(?:-|–|—|\bto\b|\buntil\b|\btill\b|\band\b)\s*"
RANGE = rf"(?:\b(?P<from>from|at|between)\s+|(?<![\w:/.-])){FIRST}{DASH}{LAST}(?![\w:/-])"
SINGLE = rf"(?:(?P<at>\bat|\bfrom|\bby|@)\s*|(?<![\w:/.-])){FIRST}(?![\w:/-])"
UNTIL = rf"\b(?:until|till)\s+{FIRST}(?![\w:/-])"
PARTS_OF_DAY = {"morning": time(9), "afternoon": time(14), "evening": time(19), "night": time(20)}
LENGTH = (
    r"\bfor\s+(?P<amount>half an|an?|\d{1,3}(?:\.\d)?)\s*"
    r"(?P<unit>hours?|hrs?|h|minutes?|mins?|m|days?|weeks?)\b"
    r"(?:\s*(?:and\s+)?(?P<more>\d{1,2})\s*(?:minutes?|mins?|m)\b)?"
)
SOON = r"\bin\s+(?P<amount>an?|\d{1,3})\s*(?P<unit>hour|hr|minute|min)s?\b"
UNITS = {"h": timedelta(hours=1), "m": timedelta(minutes=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(slots=True)
class Phrase:
    """A text from which what was understood is taken away, leaving a gap."""

    text: str

    def take(self, pattern: str) -> re.Match[str] | None:
        """Take the first match of a pattern away and return it."""
        match = re.search(pattern, self.text, re.IGNORECASE)
        if match:
            self.cut(match)
        return match

    def cut(self, match: re.Match[str]) -> None:
        """Take a match away."""
        self.text = self.text[: match.start()] + GAP + self.text[match.end() :]

    def matches(self, pattern: str) -> Iterator[re.Match[str]]:
        """Yield the matches of a pattern."""
        return re.finditer(pattern, self.text, re.IGNORECASE)


def take_day(phrase: Phrase, today: date, day_first: bool) -> date | None:
    """Take the first day out of a text."""
    for pattern in DATES:
        for match in phrase.matches(pattern):
            found = _day(match.groupdict(), today, day_first)
            if found is not None:
                phrase.cut(match)
                return found
    return None


def take_last_day(phrase: Phrase, first: date, day_first: bool) -> date | None:
    """Take the end of a range of days out of a text: what follows the gap the first one left."""
    match = re.search(rf"{GAP}\s*(?:-|–|—|to|until|till|through)\s*(?P<rest>.*)$", phrase.text, re.IGNORECASE)
    if match is None:
        return None
    rest = Phrase(match["rest"])
    last = take_day(rest, first, day_first)
    if last is None or not rest.text.startswith(GAP):
        rest = Phrase(match["rest"])
        number = re.match(rf"{NUMBER}(?!\s*(?:[ap]m|[:.]\d))", rest.text, re.IGNORECASE)
        if number is None:
            return None
        last = _safe(first.year, first.month, int(number["number"]))
        rest.cut(number)
    if last is None or last < first:
        return None
    phrase.text = phrase.text[: match.start()] + rest.text
    return last


def take_times(phrase: Phrase) -> tuple[time, time | None] | None:
    """Take a time of day, and where it ends if it says so, out of a text."""
    for match in phrase.matches(RANGE):
        found = match.groupdict()
        certain = [found[name] for name in ("from", "ahalf", "bhalf", "aminute", "bminute", "aname", "bname")]
        first, last = _time(found, "a", found["bhalf"], found), _time(found, "b")
        if any(certain) and first is not None and last is not None:
            phrase.cut(match)
            return first, last
    for match in phrase.matches(SINGLE):
        found = match.groupdict()
        first = _time(found, "a")
        if first is not None and any(found[name] for name in ("at", "ahalf", "aminute", "aname")):
            phrase.cut(match)
            until = phrase.take(UNTIL)
            return first, _time(until.groupdict(), "a") if until else None
    part = phrase.take(r"\b(?:in the |this )?(?P<part>morning|afternoon|evening)\b")
    return (PARTS_OF_DAY[part["part"].lower()], None) if part else None


def take_length(phrase: Phrase) -> timedelta | None:
    """Take how long something lasts out of a text."""
    match = phrase.take(LENGTH)
    if match is None:
        return None
    amount = {"a": 1.0, "an": 1.0, "half an": 0.5}.get(match["amount"].lower()) or float(match["amount"])
    more = timedelta(minutes=int(match["more"] or 0))
    return max(amount * UNITS[match["unit"][0].lower()] + more, timedelta(minutes=1))


def take_soon(phrase: Phrase, now: datetime) -> datetime | None:
    """Take a moment like `in 20 minutes` out of a text."""
    match = phrase.take(SOON)
    if match is None:
        return None
    amount = 1 if match["amount"].lower().startswith("a") else int(match["amount"])
    return now + amount * UNITS[match["unit"][0].lower()]


def day_index(name: str) -> int:
    """Return the number of a week day, Monday being 0, from its name or the beginning of it."""
    return next(index for index, day in enumerate(DAYS) if day.startswith(name.lower().rstrip(".")[:3]))


def _day(found: dict[str, str | None], today: date, day_first: bool) -> date | None:
    if iso := found.get("iso"):
        return _safe(*map(int, iso.split("-")))
    if month := found.get("month"):
        index = next(at for at, name in enumerate(MONTHS, 1) if name.startswith(month.lower()[:3]))
        return _month_day(index, int(found["number"] or 0), found["year"], today)
    if slash := found.get("slash"):
        one, other, *year = slash.split("/")
        month_number, number = (int(other), int(one)) if day_first else (int(one), int(other))
        return _month_day(month_number, number, year[0] if year else None, today)
    if word := found.get("word"):
        ahead = {"yesterday": -1, "tomorrow": 1, "day after tomorrow": 2}
        return today + timedelta(days=ahead.get(word.lower(), 0))
    if name := found.get("day") or found.get("short"):
        index = day_index(name)
        if found.get("next"):
            return today + timedelta(days=7 - today.weekday() + index)
        return today + timedelta(days=(index - today.weekday()) % 7)
    amount, unit = found.get("amount") or "1", found.get("unit") or str(found.get("following"))
    return _later(today, 1 if amount.lower().startswith("a") else int(amount), unit.lower())


def _later(day: date, amount: int, unit: str) -> date | None:
    if unit in ("day", "week"):
        return day + timedelta(days=amount * (7 if unit == "week" else 1))
    months = day.month - 1 + amount * (12 if unit == "year" else 1)
    return _safe(day.year + months // 12, months % 12 + 1, min(day.day, 28))


def _month_day(month: int, number: int, year: str | None, today: date) -> date | None:
    if year is not None:
        return _safe(int(year) + (2000 if len(year) == 2 else 0), month, number)
    candidates = (_safe(today.year + ahead, month, number) for ahead in range(9))
    return next((day for day in candidates if day is not None and day >= today), None)


def _safe(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


def _time(
    found: dict[str, str | None], at: str, half: str | None = None, end: dict[str, str | None] | None = None
) -> time | None:
    if name := found[f"{at}name"]:
        return time(0) if name.lower() == "midnight" else time(12)
    hour, minute = int(found[f"{at}hour"] or 0), int(found[f"{at}minute"] or 0)
    own = found[f"{at}half"]
    if own is None and half is not None and 1 <= hour <= 12:
        last = int((end or {}).get("bhour") or 12)
        same = hour % 12 <= last % 12
        own = half if same else ("a" if half.lower() == "p" else "p")
    if own is not None:
        return time(hour % 12 + (12 if own.lower() == "p" else 0), minute) if 1 <= hour <= 12 else None
    if found[f"{at}minute"] is None and 1 <= hour <= 7:
        hour += 12
    return time(hour, minute) if hour <= 23 else None
