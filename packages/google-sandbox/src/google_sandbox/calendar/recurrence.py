"""The starts of a recurring event: RRULE, RDATE, EXRULE and EXDATE over wall-clock time.

Rules run on naive local time and are put into their zone afterwards, so a weekly meeting stays at ten
o'clock across a clock change (RFC 5545, 3.3.10). Two RRULE lines are a union. The first start belongs to
the set unless every rule had ended before it. Rules finer than a day are expanded only around the window
asked for, at most `MOST` starts at a time; others end after `MOST_COARSE`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any

from dateutil.rrule import rruleset

from google_sandbox.calendar.event_times import When, instant, local
from google_sandbox.calendar.rules import Rule, read_moment, read_rule
from google_sandbox.timestamps import parse_date, zone

LINE = re.compile(
    r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[A-Za-z-]+=(?:\"[^\"]*\"|[^;:\"]*))*):(.+)", re.IGNORECASE | re.DOTALL
)
# A rule that repeats daily takes 270 years to get there.
MOST_COARSE = 100_000
MOST = 20_000


class _Starts:
    """A rule as something `rruleset` can iterate."""

    def __init__(self, rule: Rule, first: datetime, zone: tzinfo | None, near: datetime | None) -> None:
        self._arguments = (first, zone, near)
        self._rule = rule

    def __iter__(self) -> Iterator[datetime]:
        return self._rule.starts(*self._arguments)


class Expansion:
    """The starts of a recurring event in one zone, as far as anyone asked.

    Args:
        first: The naive local start; midnight for whole days.
        zone: The zone the rules run in; UTC for whole days.
        lines: RRULE, EXRULE, RDATE and EXDATE properties; times without zone are in `zone`.

    Raises:
        ValueError: if a line cannot be read.
    """

    def __init__(self, first: datetime, zone: tzinfo, all_day: bool, lines: Iterable[str]) -> None:
        self.all_day = all_day
        self.zone = zone
        self.first = first
        self._rules: list[Rule] = []
        self._excluded_rules: list[Rule] = []
        self._added: list[datetime] = []
        self._excluded: set[datetime] = set()
        self._excluded_days: set[date] = set()
        for line in lines:
            self._read(line)
        self.is_subdaily = any(rule.is_subdaily for rule in (*self._rules, *self._excluded_rules))
        self._starts: list[datetime] = []
        self._seen_until = first - timedelta(seconds=1)
        self._source: Iterator[datetime] | None = None
        if not self.is_subdaily:
            first_of_all = min([first, *self._added])
            self._seen_until = first_of_all - timedelta(seconds=1)
            self._source = islice(self._all(None), MOST_COARSE)

    def between(self, low: datetime | None, high: datetime) -> list[datetime]:
        """Return the starts (naive local) from `low` on and before `high`, in order."""
        if self.is_subdaily:
            return self._around(low, high)
        self._advance(high)
        begin = 0 if low is None else bisect_left(self._starts, low)
        return self._starts[begin : bisect_left(self._starts, high)]

    def aware(self, start: datetime) -> datetime | date:
        """Return a naive local start as an aware datetime, or as a date for all-day events."""
        return start.date() if self.all_day else start.replace(tzinfo=self.zone).astimezone(UTC)

    def is_excluded(self, start: datetime) -> bool:
        """Return whether an EXDATE names this naive local start."""
        if start.date() in self._excluded_days:
            return True
        return bool(self._excluded) and self.aware(start) in self._excluded

    def _advance(self, latest: datetime) -> None:
        while self._source is not None and self._seen_until < latest:
            try:
                self._seen_until = next(self._source)
            except (StopIteration, OverflowError, ValueError):
                self._source = None
                break
            if not self.is_excluded(self._seen_until):
                self._starts.append(self._seen_until)

    def _around(self, low: datetime | None, high: datetime) -> list[datetime]:
        low = min([self.first, *self._added]) if low is None else low
        found: list[datetime] = []
        try:
            for start in self._all(low):
                if start >= high or len(found) >= MOST:
                    break
                if start >= low and not self.is_excluded(start):
                    found.append(start)
        except (OverflowError, ValueError):
            pass
        return found

    def _all(self, near: datetime | None) -> Iterator[datetime]:
        rules: Any = rruleset()
        ends = [rule.local_until(None if self.all_day else self.zone) for rule in self._rules]
        if not ends or any(end is None or end >= self.first for end in ends):
            rules.rdate(self.first)
        for moment in self._added:
            rules.rdate(moment)
        for rule in self._rules:
            rules.rrule(self._starts_of(rule, near))
        for rule in self._excluded_rules:
            rules.exrule(self._starts_of(rule, near))
        return iter(rules)

    def _starts_of(self, rule: Rule, near: datetime | None) -> _Starts:
        return _Starts(rule, self.first, None if self.all_day else self.zone, near)

    def _read(self, line: str) -> None:
        match = LINE.fullmatch(line.strip())
        if not match:
            raise ValueError(f"cannot read the recurrence line {line[:80]!r}")
        kind, parameters, value = match[1].upper(), match[2], match[3]
        if kind == "RRULE":
            self._rules.append(read_rule(value))
        elif kind == "EXRULE":
            self._excluded_rules.append(read_rule(value))
        elif kind == "RDATE":
            self._added += [self._as_local(moment) for moment in self._dates(parameters, value)]
        else:
            self._exclude(self._dates(parameters, value))

    def _exclude(self, moments: Iterable[datetime | date]) -> None:
        for moment in moments:
            if isinstance(moment, datetime) and not self.all_day:
                self._excluded.add(moment.astimezone(UTC))
            else:
                self._excluded_days.add(moment.date() if isinstance(moment, datetime) else moment)

    def _as_local(self, moment: datetime | date) -> datetime:
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time() if self.all_day else self.first.time())
        if self.all_day:
            return datetime.combine(moment.date(), time())
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def _dates(self, parameters: str, value: str) -> list[datetime | date]:
        named = dict(part.split("=", 1) for part in parameters.split(";") if part)
        where = next((zone(v.strip('"')) for k, v in named.items() if k.upper() == "TZID"), self.zone)
        return [read_moment(part.split("/")[0], where) for part in value.split(",") if part]


class Series(Expansion):
    """The occurrences of one recurring event resource.

    Raises:
        ValueError: if a recurrence line cannot be read.
    """

    def __init__(self, start: When, end: When, recurrence: Iterable[str], calendar_zone: tzinfo) -> None:
        all_day = "date" in start
        if all_day:
            where: tzinfo = UTC
            first = datetime.combine(parse_date(str(start["date"])), time())
            self.length = timedelta(days=max(1, (parse_date(str(end["date"])) - first.date()).days))
        else:
            first, where = local(start, calendar_zone)
            self.length = instant(end, calendar_zone) - instant(start, calendar_zone)
        super().__init__(first, where, all_day, recurrence)
