"""Recurrence rules (RFC 5545, 3.3.10) read tolerantly and expanded by python-dateutil within bounds.

Case, spaces, order and stray semicolons do not matter; a part that is not in RFC 5545 makes a rule
unreadable, because dropping it would change what the rule means. A rule that matches nothing ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any

from dateutil.rrule import DAILY, rrule, rrulestr

NAMES = (
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY"),
    *("BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST"),
)
# RFC 7529; these values say what holds without them.
NO_MEANING = {("RSCALE", "GREGORIAN"), ("SKIP", "OMIT")}
SECONDS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", *SECONDS)
# The least and the most of each part; in those of the second table also from the end, negative.
RANGES = {"BYSECOND": (0, 60), "BYMINUTE": (0, 59), "BYHOUR": (0, 23), "BYMONTH": (1, 12)}
RANGES_FROM_BOTH_ENDS = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
DAYS_LOOKED_AT = 366 * 150
MOST_COUNTED = 200_000


class _Exhausted(Exception):
    """A rule matched nothing for so long that its expansion ends."""


class _Months(tuple[int, ...]):
    """The months a rule allows; it counts how often it is asked, because dateutil searches without end."""

    asked = 0

    def __contains__(self, month: object) -> bool:
        self.asked += 1
        if self.asked > DAYS_LOOKED_AT:
            raise _Exhausted
        return super().__contains__(month)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in one spelling.

    Args:
        frequency: FREQ.
        parts: The other parts but COUNT and UNTIL, by name.
        count: COUNT, None for no bound; negative numbers, as some phones write them, mean the same.
        until: UNTIL as it is written: a date, an instant, or a local (naive) time.
    """

    frequency: str
    parts: dict[str, str] = field(default_factory=dict)
    count: int | None = None
    until: date | datetime | None = None

    @property
    def is_subdaily(self) -> bool:
        """Whether it repeats more often than daily."""
        return self.frequency in SECONDS

    def text(self) -> str:
        """Return the value of an RRULE property."""
        written = {"FREQ": self.frequency, **self.parts}
        if self.count is not None:
            written["COUNT"] = str(self.count)
        if isinstance(self.until, datetime):
            zulu = "Z" if self.until.tzinfo else ""
            written["UNTIL"] = f"{self.until:%Y%m%dT%H%M%S}{zulu}"
        elif self.until is not None:
            written["UNTIL"] = f"{self.until:%Y%m%d}"
        return ";".join(f"{name}={value}" for name, value in written.items())

    def local_until(self, zone: tzinfo | None) -> datetime | None:
        """Return UNTIL on the wall clock of a zone; None stands for the days of a whole-day event.

        A date where a time belongs ends at 00:00 UTC of that day, as in Google's own expansion library
        (google-rfc-2445) and in dateutil; a time where a date belongs ends with the date it is written with.
        """
        until = self.until
        if until is None:
            return None
        if zone is None:
            day = until.date() if isinstance(until, datetime) else until
            return datetime.combine(day, time())
        if not isinstance(until, datetime):
            until = datetime.combine(until, time(), UTC)
        if until.tzinfo is None:
            return until
        try:
            return until.astimezone(zone).replace(tzinfo=None)
        except OverflowError:
            return datetime.max  # noqa: DTZ901 - a wall clock has no zone

    def starts(
        self, first: datetime, zone: tzinfo | None, near: datetime | None = None
    ) -> Iterator[datetime]:
        """Yield wall clocks from `first` on; a rule finer than daily may skip what lies before `near`.

        Raises:
            ValueError: at once, if python-dateutil cannot read the rule.
        """
        found = self._bounded(self._shifted(first, near))
        return self._within(found, self.local_until(zone))

    def _within(self, found: Iterator[datetime], until: datetime | None) -> Iterator[datetime]:
        most = MOST_COUNTED if self.count is None else min(self.count, MOST_COUNTED)
        for start in islice(found, most):
            if until is not None and start > until:
                return
            yield start

    def _shifted(self, first: datetime, near: datetime | None) -> datetime:
        if near is None or near <= first or not self.is_subdaily or self.count is not None:
            return first
        step = SECONDS[self.frequency] * int(self.parts.get("INTERVAL", "1"))
        return first + (near - first) // timedelta(seconds=step) * timedelta(seconds=step)

    def _bounded(self, first: datetime) -> Iterator[datetime]:
        text = replace(self, count=None, until=None).text()
        try:
            rule: Any = rrulestr(text, dtstart=first.replace(fold=0))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
            raise ValueError("the rule cannot be read") from None
        if not isinstance(rule, rrule):
            raise ValueError("the rule cannot be read")
        numbered = getattr(rule, "_bynweekday", None)
        months = _Months(rule._bymonth or range(1, 13))  # type: ignore[attr-defined]
        if rule._bymonth or not numbered or rule._freq >= DAILY:  # type: ignore[attr-defined]
            rule._bymonth = months  # type: ignore[attr-defined]
        return _with_search_limit(rule, months)


def _with_search_limit(rule: Iterable[datetime], months: _Months) -> Iterator[datetime]:
    """Yield what a rule yields; the search for each start has its own limit.

    It just ends where nothing will come any more: raised, that would end the other rules and dates of the
    event too.
    """
    try:
        for start in rule:
            months.asked = 0
            yield start
    except _Exhausted:
        return


def read_rule(text: str) -> Rule:
    """Return the rule a text describes.

    Raises:
        ValueError: if it cannot be read; the message holds none of the text.
    """
    parts: dict[str, str] = {}
    for part in text.upper().removeprefix("RRULE:").split(";"):
        name, _, value = ("".join(piece.split()) for piece in part.partition("="))
        value = value.strip(",")
        if (
            (not value and (name in NAMES or not name))
            or name.startswith("X-")
            or (name, value) in NO_MEANING
        ):
            continue
        if name not in NAMES:
            raise ValueError("the rule has a part that is not in RFC 5545")
        parts[name] = f"{parts[name]},{value}" if name in parts and name.startswith("BY") else value
    frequency = parts.pop("FREQ", "")
    if frequency not in FREQUENCIES:
        raise ValueError("the rule has no frequency of RFC 5545")
    until = parts.pop("UNTIL", None)
    count = _number(parts.pop("COUNT", "-1"))
    if count == 0 or ("INTERVAL" in parts and not 0 < _number(parts["INTERVAL"]) < 10**9):
        raise ValueError("the rule has an impossible COUNT or INTERVAL")
    if not all(_in_range(name, value) for name, value in parts.items()):
        raise ValueError("the rule has a number that is out of range")
    rule = Rule(frequency, parts, count if count > 0 else None, _read_until(until) if until else None)
    rule.starts(datetime(2000, 1, 1), None)  # noqa: DTZ001 - only to see whether dateutil accepts it
    return rule


def _in_range(name: str, value: str) -> bool:
    """Whether a part can match: python-dateutil takes BYMONTH=13 for a month that never comes."""
    if name in RANGES_FROM_BOTH_ENDS:
        return all(1 <= abs(_number(one)) <= RANGES_FROM_BOTH_ENDS[name] for one in value.split(","))
    if name not in RANGES:
        return True
    least, most = RANGES[name]
    return all(least <= _number(one) <= most for one in value.split(","))


def _number(text: str) -> int:
    if not text.lstrip("+-").isdecimal() or len(text) > 12:
        raise ValueError("the rule has a number that cannot be read")
    return int(text)


def _read_until(text: str) -> date | datetime:
    try:
        return read_moment(text)
    except ValueError:
        raise ValueError("the rule has an UNTIL that cannot be read") from None


def read_moment(text: str, where: tzinfo | None = None) -> datetime | date:
    """Return a DATE, or a DATE-TIME: aware if it ends in `Z` or `where` is given, else naive.

    Raises:
        ValueError: if it is neither.
    """
    text = text.strip().upper()
    bare = text.removesuffix("Z")
    if not (bare.isascii() and bare[:8].isdecimal() and len(bare) in (8, 15)):
        raise ValueError(f"cannot read the date {text[:40]!r}")
    if len(bare) == 8:
        return date.fromisoformat(bare)
    if bare[8] != "T" or not bare[9:].isdecimal():
        raise ValueError(f"cannot read the date {text[:40]!r}")
    moment = datetime.fromisoformat(bare[:13] + ("59" if bare[13:] == "60" else bare[13:]))
    return moment.replace(tzinfo=UTC if bare != text else where)
