"""Events of the demo: a day in two languages, and one that is always due soon."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

_MINUTE = timedelta(minutes=1)
# The reminder is ten minutes ahead; sync and synthesis take some seconds.
_REMINDER = timedelta(minutes=10)
_AT_LEAST = timedelta(seconds=20)

# Minutes from now, how long, title.
_DAY: tuple[tuple[int, int, str], ...] = (
    (-120, 30, "Stand-up"),
    (-45, 45, "朝のおさんぽ"),
    (13, 30, "猫カフェで打ち合わせ"),
    (40, 30, "Design review"),
    (95, 60, "お昼ごはん"),
    (180, 25, "Dentist"),
    (240, 60, "設計会議"),
    (320, 45, "Piano lesson"),
    (420, 90, "晩ごはんの支度"),
)


def sample_day(now: datetime, zone: str) -> list[dict[str, Any]]:
    """Return event resources for the day around `now` (Calendar API v3, Events)."""
    start = _whole_minute(now)
    timed = [
        {"summary": title, **_times(start + minutes * _MINUTE, length * _MINUTE, zone)}
        for minutes, length, title in _DAY
    ]
    return [*timed, *(_all_day(now.date() + timedelta(days=n), title) for n, title in enumerate(_ALL_DAY))]


_ALL_DAY = ("燃えるゴミの日", "Grandma's birthday")


def due_soon(now: datetime, zone: str) -> dict[str, Any]:
    """Return an event whose reminder is due 20 to 80 seconds after `now`."""
    start = _whole_minute(now + _AT_LEAST + _REMINDER + _MINUTE)
    return {"id": "duesoon", "summary": "Tea with Mia", **_times(start, 20 * _MINUTE, zone)}


def _whole_minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _times(start: datetime, length: timedelta, zone: str) -> dict[str, Any]:
    return {
        "start": {"dateTime": start.isoformat(), "timeZone": zone},
        "end": {"dateTime": (start + length).isoformat(), "timeZone": zone},
    }


def _all_day(day: date, title: str) -> dict[str, Any]:
    return {
        "summary": title,
        "start": {"date": day.isoformat()},
        "end": {"date": (day + timedelta(days=1)).isoformat()},
    }
