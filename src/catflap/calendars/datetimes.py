"""Parse the dates, times and time zones of Google events (RFC 3339) and iCalendar values (RFC 5545).

The parsers raise ValueError and nothing else, so that an invalid event is skipped and stops no other. Its
message does not quote what was parsed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Entries of the zone database that are no places: the machine's own setting, and clocks with leap seconds.
_NOT_GEOGRAPHIC = ("right/", "posix/", "localtime", "posixrules", "Factory")
_DURATION = re.compile(
    r"\+?P(?:(?P<weeks>\d{1,9})W|(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?)"
)


@dataclass(frozen=True)
class EventDateTime:
    """A start or an end (the Calendar API's EventDateTime): local time in a zone, or a date without a time.

    Args:
        wall: Local time, naive; `fold` tells which of two; midnight for a date.
        zone: The zone of `wall`; None for a date, which begins at midnight of the reader's zone.
    """

    wall: datetime
    zone: tzinfo | None

    @property
    def all_day(self) -> bool:
        """Whether this is a date without a time."""
        return self.zone is None

    def at(self, reader: tzinfo) -> datetime:
        """Return the time in UTC; a date begins at midnight in the zone `reader`."""
        return to_utc(self.wall, self.zone or reader)


def to_utc(wall: datetime, zone: tzinfo) -> datetime:
    """Return the UTC time at which clocks in `zone` show `wall`.

    In a gap the offset before it counts, in a fold the first of the two (RFC 5545, 3.3.5) unless
    `wall.fold` says the second.

    Raises:
        ValueError: outside the years 1 to 9999.
    """
    try:
        return wall.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise ValueError("year out of range") from None


def parse_event_datetime(value: object, fallback: tzinfo) -> EventDateTime:
    """Parse a `start`, `end` or `originalStartTime` of the Calendar API.

    Args:
        value: `{date}` or `{dateTime, timeZone?}`.
        fallback: The zone of the calendar, for a time that names neither zone nor offset.

    Raises:
        ValueError: it has another form, or a year out of range.
    """
    if not isinstance(value, Mapping):
        raise ValueError("invalid or missing time")
    day, text = value.get("date"), value.get("dateTime")
    try:
        if isinstance(day, str):
            return EventDateTime(datetime.combine(date.fromisoformat(day), time()), None)
        read = datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        # The message of the original error quotes the value, and messages of these errors are logged.
        raise ValueError("invalid or missing time") from None
    zone = _find_zone(value.get("timeZone"))
    event_zone = zone or read.tzinfo or fallback
    at = to_utc(read.replace(tzinfo=None), read.tzinfo or event_zone)
    try:
        return EventDateTime(at.astimezone(event_zone).replace(tzinfo=None), event_zone)
    except OverflowError:
        raise ValueError("year out of range") from None


def parse_ical_date(text: str, zone: tzinfo) -> EventDateTime:
    """Parse a DATE, or a DATE-TIME in UTC (`Z`) or else in `zone` (RFC 5545, 3.3.4 and 3.3.5).

    Raises:
        ValueError: it is neither of them.
    """
    bare = text.removesuffix("Z")
    if not (bare[:8].isdecimal() and bare.isascii() and len(bare) in (8, 15)):
        raise ValueError("invalid date")
    try:
        read = datetime.fromisoformat(bare)
    except ValueError:
        raise ValueError("invalid date") from None
    if len(bare) == 8:
        return EventDateTime(read, None)
    return EventDateTime(read, UTC if len(text) > len(bare) else zone)


def parse_ical_duration(text: str) -> timedelta:
    """Parse a DURATION such as `PT1H30M`, `P1D` or `P2W` (RFC 5545, 3.3.6), not a negative one.

    Raises:
        ValueError: it has another form, or is longer than a `timedelta` can be.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        raise ValueError("invalid duration")
    try:
        return timedelta(**{name: int(number) for name, number in match.groupdict("0").items()})
    except OverflowError:
        raise ValueError("duration out of range") from None


def is_zone(name: object) -> bool:
    """Return whether `name` is an IANA time zone that is in this installation's zone database."""
    return _find_zone(name) is not None


def zone_or(name: object, fallback: tzinfo) -> tzinfo:
    """Return the zone with this IANA name, else `fallback`."""
    return _find_zone(name) or fallback


def _find_zone(name: object) -> tzinfo | None:
    return _load_zone(name) if isinstance(name, str) and 0 < len(name) <= 64 else None


@lru_cache(maxsize=1024)
def _load_zone(name: str) -> tzinfo | None:
    if name.startswith(_NOT_GEOGRAPHIC):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def text_of(resource: Mapping[str, Any], name: str) -> str:
    """Return a string field of a resource; "" where it is missing or not a string."""
    value = resource.get(name)
    return value if isinstance(value, str) else ""
