"""The zone of every time in a file, and the IANA zone under which Google would keep it.

What a file defines (VTIMEZONE) comes before what its name means elsewhere (RFC 5545, 3.6.5). Google's events
name IANA zones only, so a defined zone is replaced by one with the same offsets while an event lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from google_sandbox.calendar.ical.components import Component
from google_sandbox.calendar.ical.report import Unreadable
from google_sandbox.calendar.ical.vtimezone import DefinedZone, read_zone
from google_sandbox.calendar.ical.zone_names import common_names, iana_name
from google_sandbox.timestamps import zone

STEP = timedelta(days=13)
AROUND = timedelta(days=400)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, eq=False)
class Zone:
    """A zone that times of a file are in.

    Args:
        tz: What tells its offsets.
        name: Its IANA name; for a defined zone the one its TZID seems to mean, "" if none does.
        problem: What of its definition in the file cannot be read, "" if all can, or there is none.
    """

    tz: tzinfo
    name: str
    problem: str = ""

    @property
    def is_defined(self) -> bool:
        """Whether a VTIMEZONE of the file says what its offsets are."""
        return isinstance(self.tz, DefinedZone)


def known_zone(name: str) -> Zone:
    """Return the zone of an IANA name."""
    return Zone(zone(name), name)


class Definitions:
    """The VTIMEZONEs of all VCALENDARs of a file; equal ones are read once."""

    def __init__(self, calendars: Iterable[Component]) -> None:
        self._read: dict[tuple[str, ...], Zone | Unreadable] = {}
        self.anywhere = {
            key: component for calendar in calendars for key, component in _definitions(calendar).items()
        }

    def zone(self, component: Component) -> Zone:
        """Return the zone a VTIMEZONE defines, or its name means if the definition cannot be read.

        Raises:
            Unreadable: if neither tells.
        """
        content = tuple(component.content())
        if content not in self._read:
            self._read[content] = _zone_or_problem(component)
        found = self._read[content]
        if isinstance(found, Unreadable):
            raise found
        return found


def _zone_or_problem(component: Component) -> Zone | Unreadable:
    name = iana_name(component.text("TZID")) or iana_name(component.text("X-LIC-LOCATION"))
    try:
        return Zone(read_zone(component, zone(name) if name else None), name or "")
    except Unreadable as problem:
        if name:
            return Zone(zone(name), name, f"{problem}; the zone of that name was used")
    try:
        part = read_zone(component, None, in_part=True)
        return Zone(part, "", "its time zone's definition can be read only in part")
    except Unreadable as problem:
        return problem


class FileZones:
    """The zones of one VCALENDAR; definitions elsewhere in the file serve where it has none."""

    def __init__(self, calendar: Component, definitions: Definitions) -> None:
        self._own = _definitions(calendar)
        self._all = definitions

    def named(self, tzid: str) -> Zone | None:
        """Return the zone a TZID stands for, None if neither the file nor the IANA database has it."""
        component = self._component(tzid)
        if component is None:
            name = iana_name(tzid)
            return known_zone(name) if name else None
        try:
            return self._all.zone(component)
        except Unreadable:
            return None

    def problem(self, tzid: str) -> str:
        """Return why a definition cannot be used; "" if it can."""
        component = self._component(tzid)
        try:
            _ = component and self._all.zone(component)
        except Unreadable as problem:
            return str(problem)
        return ""

    def _component(self, tzid: str) -> Component | None:
        key = _key(tzid)
        return self._own.get(key) or self._all.anywhere.get(key)


def _definitions(calendar: Component) -> dict[str, Component]:
    return {_key(component.text("TZID")): component for component in calendar.walk("VTIMEZONE")}


def _key(tzid: str) -> str:
    return tzid.strip().strip('"').strip().casefold()


@dataclass(eq=False)
class Matcher:
    """Finds IANA zones with the same offsets as defined ones.

    Args:
        preferred: The names to try first: the calendar's own zone.
        horizon: Until when series without an end are compared.
    """

    preferred: list[str]
    horizon: datetime
    _since: dict[tuple[int, str], datetime] = field(default_factory=dict)
    _matched: dict[int, dict[str, None]] = field(default_factory=dict)
    _kept: dict[int, DefinedZone] = field(default_factory=dict)

    def match(self, where: Zone, low: datetime, high: datetime) -> str | None:
        """Return the name of a zone whose offsets agree with `where` from `low` to `high`, None if none does.

        A zone that also agrees for a year around is better: one instant alone agrees with many zones.
        """
        if not isinstance(where.tz, DefinedZone):
            return where.name
        self._kept[id(where.tz)] = where.tz  # ids stay unique while what they name is kept
        for begin, end in ((_back(low), min(self.horizon, high + AROUND)), (low, high)):
            for name in self._candidates(where):
                if self._agrees(where.tz, name, begin, max(begin, end)):
                    self._matched.setdefault(id(where.tz), {})[name] = None
                    return name
        return None

    def _candidates(self, where: Zone) -> Iterator[str]:
        known = [name for name in (where.name, *self.preferred) if name]
        yield from dict.fromkeys([*known, *self._matched.get(id(where.tz), ()), *common_names()])

    def _agrees(self, defined: DefinedZone, name: str, low: datetime, high: datetime) -> bool:
        since = self._since.get((id(defined), name))
        if since is not None and since <= low and high <= self.horizon:
            return True
        other = zone(name)
        middle = low + (high - low) / 2
        if not all(_same(defined, other, moment) for moment in (low, high, middle)):
            return False
        if since is None:
            since = self._since[id(defined), name] = _agree_since(defined, other, self.horizon)
            if since <= low and high <= self.horizon:
                return True
        return all(_same(defined, other, moment) for moment in _checked(defined, low, high))


def _back(moment: datetime) -> datetime:
    return moment - AROUND if moment.year > 3 else moment


def _checked(defined: DefinedZone, low: datetime, high: datetime) -> Iterable[datetime]:
    """Every change of the defined zone, and moments between which no zone changes twice."""
    moment = low
    while moment < high:
        yield moment
        moment += STEP
    for plain in defined.instants:
        instant = plain.replace(tzinfo=UTC)
        if low <= instant <= high:
            yield from (instant - SECOND, instant)
    yield high


def _agree_since(defined: DefinedZone, other: tzinfo, horizon: datetime) -> datetime:
    """The earliest moment from which two zones agree until the horizon, looking back 60 years."""
    low = horizon - timedelta(days=366 * 60)
    since = horizon
    for moment in sorted(_checked(defined, low, horizon), reverse=True):
        if not _same(defined, other, moment):
            break
        since = moment
    return since


def _same(one: tzinfo, other: tzinfo, moment: datetime) -> bool:
    return moment.astimezone(one).utcoffset() == moment.astimezone(other).utcoffset()
