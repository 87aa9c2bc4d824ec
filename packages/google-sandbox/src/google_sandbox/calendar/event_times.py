"""Start and end times of events: `{"date"}` or `{"dateTime", "timeZone"}`.

Source: calendar.v3 discovery document, EventDateTime.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any

from google_sandbox.timestamps import parse_date, parse_timestamp, zone

When = Mapping[str, Any]


def instant(when: When, calendar_zone: tzinfo) -> datetime:
    """Return a start or end as an instant; a date begins at midnight in the calendar's zone."""
    if "date" in when:
        day = parse_date(str(when["date"]))
        return datetime(day.year, day.month, day.day, tzinfo=calendar_zone).astimezone(UTC)
    return _in_utc(str(when["dateTime"]), _zone_of(when, calendar_zone))


@lru_cache(maxsize=100_000)
def _in_utc(text: str, where: tzinfo) -> datetime:
    return parse_timestamp(text, where).astimezone(UTC)


def _zone_of(when: When, calendar_zone: tzinfo) -> tzinfo:
    return zone(str(when["timeZone"])) if when.get("timeZone") else calendar_zone


def local(when: When, calendar_zone: tzinfo) -> tuple[datetime, tzinfo]:
    """Return the wall-clock time (naive) of a `dateTime` and the zone it is in."""
    where = _zone_of(when, calendar_zone)
    return parse_timestamp(str(when["dateTime"]), where).astimezone(where).replace(tzinfo=None), where


def written(moment: datetime, where: tzinfo, name: str | None) -> dict[str, str]:
    """Return an instant as `{"dateTime", "timeZone"}` in a zone."""
    text = moment.astimezone(where).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"dateTime": text, **({"timeZone": name} if name else {})}


def instance_suffix(original: datetime | date) -> str:
    """Return the tail of an instance id: `20261124T085000Z`, or `20261124` for an all-day event."""
    if isinstance(original, datetime):
        return original.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return original.strftime("%Y%m%d")
