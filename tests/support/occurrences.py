"""Occurrences of events, to be planned for."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


HOUR = timedelta(hours=1)


QUIET = Preferences(reminder_minutes=(10,), briefing_at=None)


def timed(title: str, starts_at: datetime, **more: Any) -> Occurrence:
    values = {
        "calendar_id": 1,
        "event_id": f"{title} {starts_at}",
        "title": title,
        "starts_at": starts_at,
        "ends_at": starts_at + HOUR,
        "all_day": False,
        "day": None,
        "private": False,
        "declined": False,
    }
    return Occurrence(**(values | more))


def whole(title: str, day: date, days: int = 1, zone: str = "UTC", **more: Any) -> Occurrence:
    midnight = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    end = timedelta(days=days)
    return timed(
        title, midnight, ends_at=midnight + end, all_day=True, day=day, end_day=day + end, **more
    )  # fmt: skip
