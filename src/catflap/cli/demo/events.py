"""Events of the demo: three days in two languages, and one event that is always due soon.

Each has the time of day at which people do such things, in the zone of the demo's user, so that the day looks
right whenever the demo is started.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)
# The reminder is ten minutes ahead; sync and synthesis take some seconds.
_REMINDER = timedelta(minutes=10)
_AT_LEAST = timedelta(seconds=20)


@dataclass(frozen=True)
class _Habit:
    """Something that happens at the same time each day; `more` are further fields of the event."""

    at: time
    minutes: int
    title: str
    more: dict[str, Any] = field(default_factory=dict)


def _video(link: str) -> dict[str, Any]:
    return {"conferenceData": {"entryPoints": [{"entryPointType": "video", "uri": link}]}}


# Two overlap, one goes on beyond midnight, and none is between 1:00 and 6:00, where clocks are changed.
_HABITS = (
    _Habit(time(7, 30), 30, "Breakfast"),
    _Habit(time(8, 15), 30, "朝のおさんぽ"),
    _Habit(time(9, 30), 15, "Stand-up", _video("https://meet.example.com/stand-up")),
    _Habit(time(10, 30), 60, "猫カフェで打ち合わせ", {"location": "猫カフェ ひだまり"}),
    _Habit(time(12, 15), 60, "お昼ごはん"),
    _Habit(time(14, 0), 60, "Design review", _video("https://meet.example.com/design-review")),
    _Habit(time(14, 30), 60, "設計会議"),
    _Habit(time(16, 15), 25, "Dentist", {"location": "12 Station Street"}),
    _Habit(time(17, 30), 45, "Piano lesson"),
    _Habit(time(19, 0), 75, "晩ごはん"),
    _Habit(time(22, 30), 120, "Film night"),
)
# Of yesterday, today and tomorrow.
_ALL_DAY = ("図書館の返却日", "燃えるゴミの日", "Grandma's birthday")


def sample_day(now: datetime, zone: str) -> list[dict[str, Any]]:
    """Return event resources for the day of `now` and those beside it (Calendar API v3, Events)."""
    today = now.astimezone(ZoneInfo(zone)).date()
    days = zip((today + timedelta(days=n) for n in (-1, 0, 1)), _ALL_DAY, strict=True)
    return [event for day, all_day in days for event in (_all_day(day, all_day), *_habits(day, zone))]


def due_soon(now: datetime, zone: str) -> dict[str, Any]:
    """Return an event whose reminder is due 20 to 80 seconds after `now`."""
    start = _whole_minute(now + _AT_LEAST + _REMINDER + _MINUTE)
    return {"id": "duesoon", "summary": "Tea with Mia", **_times(start, 20 * _MINUTE, zone)}


def _habits(day: date, zone: str) -> Iterator[dict[str, Any]]:
    for one in _HABITS:
        start = datetime.combine(day, one.at, ZoneInfo(zone)).astimezone(UTC)
        yield {"summary": one.title, **_times(start, one.minutes * _MINUTE, zone), **one.more}


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
