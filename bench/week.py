"""CPU time of planning a user's week, the pure function `plan`, beside a dump of the same events as JSON.

The texts of announcements are made later, and only those that are new: they have a row of their own.
`python -m bench.profile week` prints the profile.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from catflap.announcements.facts import Facts, OccurrenceChange, Snooze
from catflap.announcements.planned import PlannedAnnouncement, occurrence_reference
from catflap.announcements.planning import plan
from catflap.announcements.preferences import CalendarPreferences, Place, Preferences
from catflap.calendars import Occurrence

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WEEK, DAY = timedelta(days=7), timedelta(days=1)
OCCURRENCES = 200
_TITLES = ("Daily standup", "定例会議", "Design review", "歯医者", "Lunch with Anna", "1:1", "企画書レビュー")
_WORDS = ("小鳥遊", "SRE", "東雲", "OKR")

# All that can be switched on.
MANY = Preferences(
    zone="Asia/Tokyo",
    reminder_minutes=(0, 10, 60),
    evening_at=time_of_day(21),
    countdown_minutes=(5, 2),
    repeat_minutes=5,
    places=(Place("office", 25), Place("渋谷", 40)),
    quiet_from=time_of_day(22),
    quiet_until=time_of_day(7),
    quiet_word="urgent",
    in_meetings="last_minutes",
    talkativeness="chatty",
    says_cancelled=True,
    calendars={2: CalendarPreferences(reminder_minutes=(15,), says_titles=False, ignores_quiet=True)},
)


def occurrences(count: int = OCCURRENCES) -> list[Occurrence]:
    """Return so many occurrences of a week, five percent of them of whole days, all of them different."""
    return [_occurrence(number, count) for number in range(count)]


def facts(found: list[Occurrence]) -> Facts:
    """Return what a user who uses everything has left behind."""
    changes = [
        OccurrenceChange(
            "moved" if number % 2 else "cancelled",
            one.calendar_id,
            one.event_id,
            one.title,
            False,
            one.starts_at - timedelta(hours=1),
            one.starts_at if number % 2 else None,
            NOW - timedelta(minutes=number),
        )
        for number, one in enumerate(found[1:11])
    ]
    return Facts(
        acknowledged=frozenset(map(occurrence_reference, found[::10])),
        snoozes=tuple(
            Snooze(occurrence_reference(one), NOW + timedelta(minutes=5 + number))
            for number, one in enumerate(found[1:4])
        ),
        changes=tuple(changes),
        needs_consent=True,
        readings=dict.fromkeys(_WORDS, "reading"),
    )


def planned(repeats: int = 50) -> dict[str, Any]:
    """Return the CPU time of plans in milliseconds, the median of `repeats`."""
    found = occurrences()
    known = facts(found)

    def many(horizon: timedelta = WEEK) -> list[PlannedAnnouncement]:
        return plan(found, MANY, NOW, horizon, known)

    made = many()
    return {
        "occurrences": len(found),
        "a dump of them as JSON": _median(lambda: json.dumps(list(map(asdict, found)), default=str), repeats),
        "the week, ordinary preferences": _median(lambda: plan(found, Preferences(), NOW, WEEK), repeats),
        "the week, everything switched on": _median(many, repeats),
        "its first day": _median(lambda: many(DAY), repeats),
        "announcements of the week": len(made),
        "their texts, each": round(_median(lambda: [one.spoken for one in many()], 3) / len(made), 4),
    }


def _occurrence(number: int, count: int) -> Occurrence:
    all_day = number % 20 == 0
    day = NOW + number * 7 // count * DAY
    starts_at = day if all_day else day + timedelta(minutes=30 * (number * 7 % 29) + 60)
    title = f"{_TITLES[number % len(_TITLES)]} {_WORDS[number % 4]} {number}"
    return Occurrence(
        calendar_id=1 + number % 2,
        event_id=f"event{number}",
        title=title,
        starts_at=starts_at,
        ends_at=starts_at + (DAY if all_day else timedelta(minutes=30)),
        all_day=all_day,
        day=day.date() if all_day else None,
        private=number % 17 == 0,
        declined=number % 23 == 0,
        end_day=(day + DAY).date() if all_day else None,
        uid=f"event{number}@google.com",
        tentative=number % 11 == 0,
        reminders=(10,),
        place="Head office" if number % 5 == 0 else "",
        conference_link="https://meet.google.com/abc" if number % 3 == 0 else "",
        attendee_count=number % 4 * 2,
        instance=f"event{number}",
    )


def _median(step: Callable[[], Any], repeats: int) -> float:
    step()
    took = []
    for _ in range(repeats):
        began = time.process_time()
        step()
        took.append(time.process_time() - began)
    return round(statistics.median(took) * 1000, 2)
