"""Dates, instants and zones as Calendar writes them: `{"date"}` or `{"dateTime", "timeZone"}`.

Source: calendar.v3 discovery document, EventDateTime. It refuses times without an offset unless a zone is
named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
When = Mapping[str, Any]


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """Return the zone of an IANA name, aliases included.

    Raises:
        ValueError: if there is no such zone.
    """
    if name in ("UTC", "Z", "Etc/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name[:80]!r}") from None


def parse_instant(text: str, default: tzinfo | None = None) -> datetime:
    """Return an RFC 3339 timestamp as an aware datetime; without an offset it is read in `default`.

    Raises:
        ValueError: if it is no timestamp, or has no offset and there is no default.
    """
    if not RFC3339.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not an RFC 3339 timestamp")
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is None:
        if default is None:
            raise ValueError(f"{text[:60]!r} has no offset")
        moment = moment.replace(tzinfo=default)
    _ = moment.astimezone(UTC) if 1 < moment.year < 9999 else _out_of_range(text)
    return moment


def _out_of_range(text: str) -> datetime:
    raise ValueError(f"{text[:60]!r} is out of range")


def parse_date(text: str) -> date:
    """Return a `YYYY-MM-DD` date.

    Raises:
        ValueError: if it is none.
    """
    if not DATE.fullmatch(text) or not 1 < int(text[:4]) < 9999:
        raise ValueError(f"{text[:60]!r} is not a date")
    return date.fromisoformat(text)


def stamp(moment: datetime) -> str:
    """Return an instant as Calendar writes `created` and `updated`: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def instant(when: When, calendar_zone: tzinfo) -> datetime:
    """Return a start or end as an instant; a date begins at midnight in the calendar's zone."""
    if "date" in when:
        day = parse_date(str(when["date"]))
        return datetime(day.year, day.month, day.day, tzinfo=calendar_zone).astimezone(UTC)
    return _in_utc(str(when["dateTime"]), _zone_of(when, calendar_zone))


@lru_cache(maxsize=100_000)
def _in_utc(text: str, where: tzinfo) -> datetime:
    return parse_instant(text, where).astimezone(UTC)


def _zone_of(when: When, calendar_zone: tzinfo) -> tzinfo:
    return zone(str(when["timeZone"])) if when.get("timeZone") else calendar_zone


def local(when: When, calendar_zone: tzinfo) -> tuple[datetime, tzinfo]:
    """Return the wall-clock time (naive) of a `dateTime` and the zone it is in."""
    where = _zone_of(when, calendar_zone)
    return parse_instant(str(when["dateTime"]), where).astimezone(where).replace(tzinfo=None), where


def written(moment: datetime, where: tzinfo, name: str | None) -> dict[str, str]:
    """Return an instant as `{"dateTime", "timeZone"}` in a zone."""
    text = moment.astimezone(where).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"dateTime": text, **({"timeZone": name} if name else {})}


def instance_suffix(original: datetime | date) -> str:
    """Return the tail of an instance id: `20261124T085000Z`, or `20261124` for an all-day event."""
    if isinstance(original, datetime):
        return original.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return original.strftime("%Y%m%d")
