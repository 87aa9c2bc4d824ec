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
    reminder_minutes=(0, 10),
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


def occurrences(count: int = OCCURRENCES, title: str = "") -> list[Occurrence]:
    """Return so many occurrences of a week, five percent of them of whole days; `title` ends each title."""
    return [_occurrence(number, count, title) for number in range(count)]


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
    """Return the CPU time of plans in milliseconds, the median of `repeats`.

    Each has other titles, so that nothing that is remembered about a title counts for the next plan.
    """
    weeks = [occurrences(title=f"week {number}") for number in range(repeats + 1)]
    known = facts(weeks[0])

    def many(found: list[Occurrence], horizon: timedelta = WEEK) -> list[PlannedAnnouncement]:
        return plan(found, MANY, NOW, horizon, known)

    made = many(weeks[0])
    spoken = _median(lambda found: [one.spoken for one in many(found)], weeks[:4])
    whole = _median(many, weeks)
    return {
        "occurrences": len(weeks[0]),
        "a dump of them as JSON": _median(
            lambda found: json.dumps(list(map(asdict, found)), default=str), weeks
        ),
        "the week, ordinary preferences": _median(lambda found: plan(found, Preferences(), NOW, WEEK), weeks),
        "the week, everything switched on": whole,
        "its first day": _median(lambda found: many(found, DAY), weeks),
        "announcements of the week": len(made),
        "the text of an announcement": round((spoken - whole) / len(made), 3),
    }


def _occurrence(number: int, count: int, ending: str) -> Occurrence:
    all_day = number % 20 == 0
    day = NOW + number * 7 // count * DAY
    starts_at = day if all_day else day + timedelta(minutes=30 * (number * 7 % 29) + 60)
    title = f"{_TITLES[number % len(_TITLES)]} {_WORDS[number % 4]} {number} {ending}"
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


def _dump(found: list[Occurrence]) -> str:
    return json.dumps(list(map(asdict, found)), default=str)


def _median(step: Callable[[list[Occurrence]], Any], weeks: list[list[Occurrence]]) -> float:
    """Return the median CPU time of a step for each of the weeks but the first, in milliseconds."""
    took = []
    for found in weeks:
        began = time.process_time()
        step(found)
        took.append(time.process_time() - began)
    return round(statistics.median(took[1:]) * 1000, 2)
