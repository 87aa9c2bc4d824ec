"""A recurring VEVENT as the file means it, and cut in two where RANGE=THISANDFUTURE changes it.

Everything here is wall-clock time in the zone of the series. Instances that a changed rule cannot describe
are listed one by one, as far as `horizon`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from google_sandbox.calendar.ical.zones import Zone
from google_sandbox.calendar.recurrence import Expansion
from google_sandbox.calendar.rules import Rule

SECOND = timedelta(seconds=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# With 17 characters each, as much as one event's recurrence may reasonably hold: 64 KiB.
MOST_LISTED = 3600
PLAIN_DAYS = re.compile(r"(?:MO|TU|WE|TH|FR|SA|SU)(?:,(?:MO|TU|WE|TH|FR|SA|SU))*")


@dataclass(frozen=True)
class Recurrence:
    """The recurrence set of an event.

    Args:
        first: The wall clock of DTSTART; midnight for whole days.
        where: The zone the rules run in.
        is_day: Whether the instances are whole days.
        rules: RRULEs.
        excluded_rules: EXRULEs.
        added: Wall clocks of RDATEs.
        excluded: Wall clocks of EXDATEs.
        excluded_days: EXDATEs of timed events that name a day.
    """

    first: datetime
    where: Zone
    is_day: bool
    rules: tuple[Rule, ...] = ()
    excluded_rules: tuple[Rule, ...] = ()
    added: tuple[datetime, ...] = ()
    excluded: tuple[datetime, ...] = ()
    excluded_days: tuple[date, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether there is more than DTSTART."""
        return bool(self.rules or self.added)

    @property
    def is_endless(self) -> bool:
        """Whether a rule has no end."""
        return any(rule.count is None and rule.until is None for rule in self.rules)

    @cached_property
    def expansion(self) -> Expansion:
        """Its instances.

        Raises:
            ValueError: if a rule cannot be expanded.
        """
        return Expansion(self.first, UTC if self.is_day else self.where.tz, self.is_day, self.lines())

    def lines(self) -> list[str]:
        """Return it as properties: rules on the wall clock, dates and instants in UTC."""
        lines = [f"RRULE:{self._in_utc(rule).text()}" for rule in self.rules]
        lines += [f"EXRULE:{self._in_utc(rule).text()}" for rule in self.excluded_rules]
        for name, walls in (("RDATE", self.added), ("EXDATE", self.excluded)):
            if walls:
                kind = ";VALUE=DATE" if self.is_day else ""
                lines.append(f"{name}{kind}:{','.join(map(self._written, sorted(set(walls))))}")
        if self.excluded_days:
            lines.append(
                f"EXDATE;VALUE=DATE:{','.join(f'{d:%Y%m%d}' for d in sorted(set(self.excluded_days)))}"
            )
        return lines

    def instant(self, wall: datetime) -> datetime:
        """Return the instant of a wall clock; of a whole day its midnight in UTC."""
        return wall.replace(tzinfo=UTC if self.is_day else self.where.tz).astimezone(UTC)

    def wall(self, instant: datetime) -> datetime:
        """Return the wall clock of the series at an instant."""
        return instant.astimezone(UTC if self.is_day else self.where.tz).replace(tzinfo=None)

    def is_excluded(self, wall: datetime) -> bool:
        """Return whether an EXDATE names this instance."""
        return self.expansion.is_excluded(wall)

    def before(self, end: datetime) -> Recurrence:
        """Return the instances before a wall clock."""
        return replace(
            self,
            rules=tuple(self._ended(rule, end) for rule in self.rules),
            added=tuple(wall for wall in self.added if wall < end),
        )

    def moved(
        self, since: datetime, first: datetime, where: Zone, is_day: bool, recent: datetime, until: datetime
    ) -> Recurrence:
        """Return the instances from one on, moved so that it begins at `first`.

        Args:
            since: The wall clock of the first instance to move.
            first: What it becomes.
            where: The zone of the new series.
            is_day: Whether the new instances are whole days.
            recent: From when on instances matter, if no rule describes them and there are too many to list.
            until: How far to list them.
        """
        shift = first - since
        own = [] if self.is_excluded(since) else [first]
        later = [_fitted(w + shift, is_day) for w in self.expansion.between(since + SECOND, until)]
        expected = sorted({*own, *later})
        changed = Recurrence(
            first,
            where,
            is_day,
            rules=tuple(self._moved_rules(since, first)),
            excluded_rules=self.excluded_rules,
            added=tuple(wall + shift for wall in self.added if wall > since),
            excluded=tuple(wall + shift for wall in self.excluded if wall >= since),
            excluded_days=tuple(day + timedelta(days=shift.days) for day in self.excluded_days),
        )
        if changed.expands_to(expected, until + shift):
            return changed
        return _one_by_one(changed, expected, recent)

    def listed(self, recent: datetime, until: datetime) -> Recurrence:
        """Return its instances one by one, without rules; those before `recent` only if there is room."""
        walls = self.expansion.between(recent if self.expansion.is_subdaily else None, until)
        return _one_by_one(self, walls, recent)

    def expands_to(self, expected: list[datetime], until: datetime) -> bool:
        """Return whether these are its instances before a wall clock."""
        try:
            return self.expansion.between(None, until) == [wall for wall in expected if wall < until]
        except ValueError:
            return False

    def _moved_rules(self, since: datetime, first: datetime) -> Iterator[Rule]:
        days = (first.date() - since.date()).days
        for rule in self.rules:
            until = rule.local_until(None if self.is_day else self.where.tz)
            left = None if rule.count is None else rule.count - self._how_many_before(rule, since)
            if (left is None or left > 0) and (until is None or until >= since):
                moved = None if until is None else until + (first - since)
                yield replace(rule, parts=_turned(rule, days), count=left, until=moved)

    def _ended(self, rule: Rule, end: datetime) -> Rule:
        last: date | datetime = end - SECOND
        if self.is_day:
            last = (end - SECOND).date()
        if rule.count is not None:
            too_many = rule.count > self._how_many_before(rule, end)
            return replace(rule, count=None, until=last) if too_many else rule
        until = rule.local_until(None if self.is_day else self.where.tz)
        return rule if until is not None and until < end else replace(rule, until=last)

    def _how_many_before(self, rule: Rule, end: datetime) -> int:
        number = 0
        try:
            for wall in rule.starts(self.first, None if self.is_day else self.where.tz):
                if wall >= end:
                    break
                number += 1
        except (OverflowError, ValueError):
            pass
        return number

    def _in_utc(self, rule: Rule) -> Rule:
        """A rule as Google writes it: UNTIL in UTC, or a date for whole days; COUNT or UNTIL, not both."""
        until = rule.local_until(None if self.is_day else self.where.tz)
        if until is None:
            return rule
        if (
            rule.count is not None
            and self._how_many_before(replace(rule, until=None), until + SECOND) >= rule.count
        ):
            return replace(rule, until=None)
        if self.is_day:
            return replace(rule, count=None, until=until.date())
        try:
            return replace(rule, count=None, until=self.instant(until))
        except OverflowError:
            return replace(rule, count=None, until=None)

    def _written(self, wall: datetime) -> str:
        return f"{wall:%Y%m%d}" if self.is_day else f"{self.instant(wall):%Y%m%dT%H%M%SZ}"


def _one_by_one(recurrence: Recurrence, walls: list[datetime], recent: datetime) -> Recurrence:
    later = [wall for wall in walls if wall >= recent][:MOST_LISTED]
    room = MOST_LISTED - len(later)
    earlier = [wall for wall in walls if wall < recent][-room:] if room else []
    first = recurrence.first
    return Recurrence(
        first,
        recurrence.where,
        recurrence.is_day,
        added=(*earlier, *later),
        excluded=() if first in earlier or first in later else (first,),
    )


def _fitted(wall: datetime, is_day: bool) -> datetime:
    return datetime.combine(wall.date(), datetime.min.time()) if is_day else wall


def _turned(rule: Rule, days: int) -> dict[str, str]:
    """The parts of a weekly rule with its weekdays moved by some days."""
    weekdays = rule.parts.get("BYDAY", "")
    if rule.frequency != "WEEKLY" or not PLAIN_DAYS.fullmatch(weekdays) or not days:
        return rule.parts
    turned = [WEEKDAYS[(WEEKDAYS.index(day) + days) % 7] for day in weekdays.split(",")]
    return {**rule.parts, "BYDAY": ",".join(turned)}
