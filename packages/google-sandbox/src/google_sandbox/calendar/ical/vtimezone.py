"""Time zones as a file defines them: VTIMEZONE (RFC 5545, 3.6.5) as a `tzinfo`.

icalendar can make one, too, by way of `dateutil.tz.tzical`; it is not used, because that compares an UNTIL
in UTC with local onsets (which ends summer times east of Greenwich a year early), refuses properties it
does not know, and keeps what it made for later files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice, takewhile

from icalendar.prop import vUTCOffset

from google_sandbox.calendar.ical.components import Component
from google_sandbox.calendar.ical.report import Unreadable
from google_sandbox.calendar.ical.values import Moment, read_moment, read_moments
from google_sandbox.calendar.rules import Rule, read_rule

FIRST_YEAR, LAST_YEAR = 1852, 2150  # the first is a leap year: it has every day that 1601 has
MOST_ONSETS = 5000
Onset = tuple[datetime, timedelta, timedelta]


class DefinedZone(tzinfo):
    """The zone of a VTIMEZONE.

    Args:
        name: Its TZID.
        onsets: Instants (naive UTC) with the offset before and after each.
        earlier: The zone that holds before the first onset; None for that onset's TZOFFSETFROM.
        later: The zone that holds after the last onset; None for that onset's TZOFFSETTO.
    """

    def __init__(
        self, name: str, onsets: Iterable[Onset], earlier: tzinfo | None = None, later: tzinfo | None = None
    ) -> None:
        self.name = name
        ordered = {onset[0]: onset for onset in sorted(onsets)}
        self.instants = list(ordered)
        self._before = next(iter(ordered.values()))[1]
        self._after = [after for _, _, after in ordered.values()]
        self._walls = self._local_onsets()
        self._outside = {0: earlier, len(ordered): later}

    def _local_onsets(self) -> tuple[list[datetime], list[datetime]]:
        """The wall clocks from which each offset holds, for the first and the second of a repeated hour."""
        walls: tuple[list[datetime], list[datetime]] = ([], [])
        before = self._before
        for instant, after in zip(self.instants, self._after, strict=True):
            walls[0].append(instant + max(before, after))
            walls[1].append(instant + min(before, after))
            before = after
        return walls

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """The offset at a wall clock; in a gap the one before it, in a repeated hour the first (3.3.5)."""
        if moment is None:
            return None
        number = bisect_right(self._walls[moment.fold], moment.replace(tzinfo=None, fold=0))
        if outside := self._outside.get(number):
            return moment.replace(tzinfo=outside).utcoffset()
        return self._after[number - 1] if number else self._before

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Unknown: nothing here depends on it."""
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """The TZID."""
        return self.name

    def fromutc(self, moment: datetime) -> datetime:
        """Return the wall clock at an instant (given in UTC, but with this zone attached)."""
        plain = moment.replace(tzinfo=None)
        number = bisect_right(self.instants, plain)
        if outside := self._outside.get(number):
            offset = plain.replace(tzinfo=UTC).astimezone(outside).utcoffset() or timedelta(0)
        else:
            offset = self._after[number - 1] if number else self._before
        wall = (plain + offset).replace(tzinfo=self)
        return wall if self.utcoffset(wall) == offset else wall.replace(fold=1)


def read_zone(component: Component, known: tzinfo | None, in_part: bool = False) -> DefinedZone:
    """Return the zone a VTIMEZONE defines.

    Args:
        component: The VTIMEZONE.
        known: What its name means elsewhere. It holds where the definition says nothing: before its first
            onset, and after the last one of a list of single changes, which some writers make only as long
            as the calendar was when they wrote it.
        in_part: Whether to make do with the observances, and of those the offsets, that can be read.

    Raises:
        Unreadable: if it has no observance, or one that cannot be read.
    """
    observances = [child for child in component.children if child.name in ("STANDARD", "DAYLIGHT")]
    onsets: list[Onset] = []
    for observance in observances:
        try:
            onsets += _onsets(observance, in_part)
        except Unreadable:
            if not in_part:
                raise
    if not onsets:
        raise Unreadable("its time zone's definition is empty or cannot be read")
    is_list = len({after for _, _, after in onsets}) > 1 and not any("RRULE" in o.lines for o in observances)
    return DefinedZone(component.text("TZID"), onsets, known, known if is_list else None)


def _onsets(observance: Component, in_part: bool) -> list[Onset]:
    problem = Unreadable("its time zone's definition cannot be read")
    start = observance.first("DTSTART")
    try:
        after = _offset(observance.text("TZOFFSETTO"))
        before = _offset_before(observance, after if in_part else None)
        if start is None:
            raise problem
        first = read_moment(start).wall
        walls = {first}
        for line in observance.lines.get("RRULE", ()):
            walls |= _repeated(read_rule(line.value), first, before)
    except (ValueError, TypeError, OverflowError):
        raise problem from None
    for line in observance.lines.get("RDATE", ()):
        for found in read_moments(line):
            if found is not None:
                walls.add(_local(found[0], before))
            elif not in_part:
                raise problem
    return [(wall - before, before, after) for wall in walls]


def _offset_before(observance: Component, instead: timedelta | None) -> timedelta:
    try:
        return _offset(observance.text("TZOFFSETFROM"))
    except (ValueError, TypeError):
        if instead is None:
            raise
        return instead


def _offset(text: str) -> timedelta:
    offset = vUTCOffset.from_ical(text)  # type: ignore[no-untyped-call]
    if not isinstance(offset, timedelta) or abs(offset) >= timedelta(hours=24):
        raise ValueError("no offset")
    return offset


def _repeated(rule: Rule, first: datetime, before: timedelta) -> set[datetime]:
    if rule.frequency != "YEARLY":
        raise ValueError("clocks do not change more often")
    if isinstance(rule.until, datetime) and rule.until.tzinfo:
        until: date | datetime = rule.until.replace(tzinfo=None) + before
    else:
        until = rule.until or datetime(LAST_YEAR, 1, 1)  # noqa: DTZ001 - local by contract
    begin = first
    parts = {name: value for name, value in rule.parts.items() if (name, value) != ("INTERVAL", "1")}
    rule = replace(rule, parts=parts)
    if rule.count is None and "INTERVAL" not in parts:
        begin = first.replace(year=max(first.year, FIRST_YEAR))
        rule, begin = _monthly(rule, begin)
    local = replace(rule, until=until)
    found = takewhile(lambda wall: wall.year < LAST_YEAR, local.starts(begin, UTC))
    return {wall for wall in islice(found, MOST_ONSETS) if wall >= first}


def _monthly(rule: Rule, begin: datetime) -> tuple[Rule, datetime]:
    """The same rule for one month of each year, which dateutil expands twelve times as fast."""
    month = rule.parts.get("BYMONTH", "")
    if not month.isdecimal() or rule.parts.keys() - {"BYMONTH", "BYDAY", "BYMONTHDAY", "WKST"}:
        return rule, begin
    days = {name: value for name, value in rule.parts.items() if name != "BYMONTH"}
    if not days or not 1 <= int(month) <= 12:
        return rule, begin
    return Rule("MONTHLY", {"INTERVAL": "12", **days}), begin.replace(month=int(month), day=1)


def _local(moment: Moment, before: timedelta) -> datetime:
    if isinstance(moment.value, datetime) and moment.value.tzinfo:
        return moment.wall + before
    return moment.wall
