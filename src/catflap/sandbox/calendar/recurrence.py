"""The starts of a recurring event: RRULE, RDATE and EXDATE over wall-clock time.

Rules run on naive local time and are put into their zone afterwards, so a weekly meeting stays at ten
o'clock across a clock change (RFC 5545, 3.3.10). Two RRULE lines are a union; the first start always
belongs to the set. It refuses rules finer than a day, which Calendar has no use for, and stops looking
after 150 years.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any

from dateutil.rrule import rrule, rruleset, rrulestr

from catflap.sandbox.calendar.moments import When, instant, local, parse_date, zone

LINE = re.compile(
    r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[A-Za-z-]+=(?:\"[^\"]*\"|[^;:\"]*))*):(.+)", re.IGNORECASE | re.DOTALL
)
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
MOST = 20_000
DAYS_LOOKED_AT = 366 * 150


class Exhausted(Exception):
    """A rule matched nothing for so long that it never will."""


class _Months(tuple[int, ...]):
    """All the months a rule allows, counting how often it was asked: rules that match nothing must end."""

    def __contains__(self, month: object) -> bool:
        self.asked = getattr(self, "asked", 0) + 1
        if self.asked > DAYS_LOOKED_AT:
            raise Exhausted
        return super().__contains__(month)


class Series:
    """The occurrences of one recurring event, computed as far as anyone asked.

    Raises:
        ValueError: if a recurrence line cannot be read.
    """

    def __init__(self, start: When, end: When, recurrence: Iterable[str], calendar_zone: tzinfo) -> None:
        self.all_day = "date" in start
        if self.all_day:
            self._zone: tzinfo = UTC
            first = datetime.combine(parse_date(str(start["date"])), time())
            self._length = timedelta(days=max(1, (parse_date(str(end["date"])) - first.date()).days))
        else:
            first, self._zone = local(start, calendar_zone)
            self._length = instant(end, calendar_zone) - instant(start, calendar_zone)
        self._first = first
        self._excluded: set[datetime] = set()
        self._excluded_days: set[date] = set()
        self._starts: list[datetime] = []
        self._seen_until = first - timedelta(seconds=1)
        self._source: Iterator[datetime] | None = islice(self._iterate(list(recurrence)), MOST)

    @property
    def zone(self) -> tzinfo:
        """The zone the rules run in."""
        return self._zone

    @property
    def length(self) -> timedelta:
        """How long each occurrence lasts."""
        return self._length

    def until(self, latest: datetime) -> list[datetime]:
        """Return every start before a naive local time, in order (naive local themselves)."""
        while self._source is not None and self._seen_until < latest:
            try:
                self._seen_until = next(self._source)
            except (StopIteration, Exhausted, OverflowError, ValueError):
                self._source = None
                break
            if not self._is_excluded(self._seen_until):
                self._starts.append(self._seen_until)
        return self._starts[: bisect_left(self._starts, latest)]

    def aware(self, start: datetime) -> datetime | date:
        """Return a naive local start as an aware datetime, or as a date for all-day events."""
        return start.date() if self.all_day else start.replace(tzinfo=self._zone).astimezone(UTC)

    def _is_excluded(self, start: datetime) -> bool:
        if self.all_day:
            return start.date() in self._excluded_days
        moment = start.replace(tzinfo=self._zone).astimezone(UTC)
        return moment in self._excluded or start.date() in self._excluded_days

    def _iterate(self, lines: list[str]) -> Iterator[datetime]:
        rules = rruleset()
        rules.rdate(self._first)
        for line in lines:
            match = LINE.fullmatch(line.strip())
            if not match:
                raise ValueError(f"cannot read the recurrence line {line[:80]!r}")
            kind, parameters, value = match[1].upper(), match[2], match[3]
            if kind == "RRULE":
                rules.rrule(self._rule(value))
            elif kind == "EXRULE":
                rules.exrule(self._rule(value))
            elif kind == "RDATE":
                for moment in self._dates(parameters, value):
                    rules.rdate(self._as_local(moment))
            else:
                self._exclude(self._dates(parameters, value))
        return iter(rules)

    def _exclude(self, moments: Iterable[datetime | date]) -> None:
        for moment in moments:
            if isinstance(moment, datetime) and not self.all_day:
                self._excluded.add(moment.astimezone(UTC))
            else:
                self._excluded_days.add(moment.date() if isinstance(moment, datetime) else moment)

    def _as_local(self, moment: datetime | date) -> datetime:
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time() if self.all_day else self._first.time())
        if self.all_day:
            return datetime.combine(moment.date(), time())
        return moment.astimezone(self._zone).replace(tzinfo=None)

    def _dates(self, parameters: str, value: str) -> list[datetime | date]:
        named = dict(part.split("=", 1) for part in parameters.split(";") if part)
        where = next((zone(v.strip('"')) for k, v in named.items() if k.upper() == "TZID"), self._zone)
        return [_ical_moment(part.split("/")[0], where) for part in value.split(",") if part]

    def _rule(self, value: str) -> rrule:
        parts = dict(_part(part) for part in value.strip().strip(";").split(";"))
        if parts.get("FREQ", "").upper() not in FREQUENCIES:
            raise ValueError(f"cannot repeat {value[:80]!r}: FREQ must be one of {', '.join(FREQUENCIES)}")
        if until := parts.get("UNTIL"):
            parts["UNTIL"] = self._until(until).strftime("%Y%m%dT%H%M%S")
        parts = {name: text for name, text in parts.items() if not name.startswith("X-")}
        text = ";".join(f"{name}={text}" for name, text in parts.items())
        try:
            rule: Any = rrulestr(text, dtstart=self._first)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"cannot read the rule {value[:80]!r}") from error
        if not isinstance(rule, rrule) or parts.get("INTERVAL") == "0":
            raise ValueError(f"cannot read the rule {value[:80]!r}")
        numbered_weekdays = getattr(rule, "_bynweekday", None)
        if rule._bymonth or not numbered_weekdays:  # type: ignore[attr-defined]
            rule._bymonth = _Months(rule._bymonth or range(1, 13))  # type: ignore[attr-defined]
        return rule

    def _until(self, text: str) -> datetime:
        moment = _ical_moment(text, self._zone)
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time(23, 59, 59))
        if self.all_day:
            return datetime.combine(moment.date(), time())
        return moment.astimezone(self._zone).replace(tzinfo=None)


def _part(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"cannot read {text[:80]!r} in a rule")
    return name.strip().upper(), value.strip().upper()


def _ical_moment(text: str, where: tzinfo) -> datetime | date:
    readers: tuple[tuple[str, Callable[[datetime], datetime | date]], ...] = (
        ("%Y%m%dT%H%M%SZ", lambda m: m.replace(tzinfo=UTC)),
        ("%Y%m%dT%H%M%S", lambda m: m.replace(tzinfo=where)),
        ("%Y%m%d", lambda m: m.date()),
    )
    for form, finish in readers:
        try:
            return finish(datetime.strptime(text.strip().upper(), form))  # noqa: DTZ007 - finished with its zone
        except ValueError:
            continue
    raise ValueError(f"cannot read the date {text[:40]!r}")
