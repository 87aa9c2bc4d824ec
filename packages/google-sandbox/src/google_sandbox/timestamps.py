"""RFC 3339 timestamps, dates and IANA time zones, as Google's APIs read and write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d")


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


def parse_timestamp(text: str, default: tzinfo | None = None) -> datetime:
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


def format_timestamp(moment: datetime) -> str:
    """Return an instant as Calendar writes `created` and `updated`: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
