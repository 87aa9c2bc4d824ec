"""The times of a Google event as instants: dates, zones and wall clocks of RFC 5545 and RFC 3339.

What can't be read raises ValueError here and nothing else, so that a hostile event is one skipped event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# The zone database has these too: machines' own settings, and clocks that count leap seconds.
_NO_PLACE = ("right/", "posix/", "localtime", "posixrules", "Factory")


@dataclass(frozen=True)
class Moment:
    """A start or an end: the wall clock where the event lives, or a whole day.

    Args:
        wall: Naive, `fold` tells which of two; midnight for a day.
        zone: Where `wall` is shown; None for a day, which is a day wherever the reader is.
    """

    wall: datetime
    zone: tzinfo | None

    @property
    def all_day(self) -> bool:
        return self.zone is None

    def at(self, elsewhere: tzinfo) -> datetime:
        """The instant, in UTC; a day begins at its midnight `elsewhere`."""
        return instant(self.wall, self.zone or elsewhere)


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """The UTC instant at which clocks in `zone` show `wall`.

    In a gap the offset before it counts, in a fold the first of the two (RFC 5545, 3.3.5) unless
    `wall.fold` says the second.

    Raises:
        ValueError: outside the years 1 to 9999.
    """
    try:
        return wall.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond the calendar") from None


def read_moment(value: object, fallback: tzinfo) -> Moment:
    """A `start`, `end` or `originalStartTime` of the Calendar API.

    Args:
        value: `{date}` or `{dateTime, timeZone?}`.
        fallback: The zone of the calendar, for a time that names neither zone nor offset.

    Raises:
        ValueError: it is none of these.
    """
    if not isinstance(value, Mapping):
        raise ValueError("no time")
    if isinstance(day := value.get("date"), str):
        return Moment(datetime.combine(date.fromisoformat(day), time()), None)
    if not isinstance(text := value.get("dateTime"), str):
        raise ValueError("no time")
    read = datetime.fromisoformat(text)
    zone = _named(value.get("timeZone"))
    home = zone or read.tzinfo or fallback
    at = instant(read.replace(tzinfo=None), read.tzinfo or home)
    try:
        return Moment(at.astimezone(home).replace(tzinfo=None), home)
    except OverflowError:
        raise ValueError("beyond the calendar") from None


def read_date(text: str, zone: tzinfo) -> Moment:
    """A DATE, or a DATE-TIME in UTC (`Z`) or else in `zone` (RFC 5545, 3.3.4 and 3.3.5).

    Raises:
        ValueError: it is neither.
    """
    bare = text.removesuffix("Z")
    if not (bare[:8].isdecimal() and bare.isascii() and len(bare) in (8, 15)):
        raise ValueError("no date")
    read = datetime.fromisoformat(bare)
    if len(bare) == 8:
        return Moment(read, None)
    return Moment(read, UTC if len(text) > len(bare) else zone)


def is_zone(name: object) -> bool:
    """Whether `name` is an IANA time zone that this installation has the rules of."""
    return _named(name) is not None


def zone_or(name: object, fallback: tzinfo) -> tzinfo:
    """The zone of this IANA name, else `fallback`."""
    return _named(name) or fallback


def _named(name: object) -> tzinfo | None:
    return _zone(name) if isinstance(name, str) and 0 < len(name) <= 64 else None


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo | None:
    if name.startswith(_NO_PLACE):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def text_of(resource: Mapping[str, Any], name: str) -> str:
    """A text field of a resource; "" where it is missing or no text."""
    value = resource.get(name)
    return value if isinstance(value, str) else ""
