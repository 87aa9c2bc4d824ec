"""What to say in the coming hours, worked out from occurrences and preferences alone.

Pure: no database, no clock, no chance. The same input gives the same plan, and a plan of two stretches of
time is the plan of the first and the plan of the second.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from catflap.announcements.briefings import briefings
from catflap.announcements.planned import Kind, Planned, dialect_of, key_of, planned, title_of
from catflap.announcements.preferences import OPTIONAL_TYPES, Preferences
from catflap.calendars import Occurrence
from catflap.google.calendar import MAX_REMINDER_MINUTES
from catflap.speech import Language, Title, Utterance, language_of, say_all_day, say_before, say_start

HORIZON = timedelta(hours=24)

_BEFORE_LASTS = timedelta(minutes=10)
_AFTER_START = timedelta(minutes=5)
_ONE_DAY = timedelta(days=1)


def window(
    preferences: Preferences, now: datetime, horizon: timedelta = HORIZON
) -> tuple[datetime, datetime]:
    """From when to when `plan` must know the occurrences."""
    leads = (
        (MAX_REMINDER_MINUTES,) if preferences.reminders_from == "google" else preferences.reminder_minutes
    )
    farthest = timedelta(minutes=max(leads, default=0))
    # A briefing at the end of the horizon tells of its whole day.
    return now - _ONE_DAY, now + horizon + max(farthest, _ONE_DAY)


def plan(
    occurrences: Iterable[Occurrence],
    preferences: Preferences,
    now: datetime,
    horizon: timedelta = HORIZON,
) -> list[Planned]:
    """What to say from `now` (included) to `now + horizon` (excluded), in order of time."""
    wanted = _once([one for one in occurrences if _counts(one, preferences)])
    found = [
        *_reminders(wanted, preferences, now, now + horizon),
        *briefings(wanted, preferences, now, now + horizon),
    ]
    return sorted(found, key=lambda one: (one.play_at, one.kind, one.language, one.key))


def _counts(one: Occurrence, preferences: Preferences) -> bool:
    """Whether the user wants to hear of it; what is "free" counts too, as it does for Google's reminders."""
    asked_for = one.event_type not in OPTIONAL_TYPES or one.event_type in preferences.event_types
    return asked_for and not one.declined and not (one.tentative and preferences.tentative == "skip")


def _once(occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    """The same event in two calendars only once.

    It is private when it is so in one of them, tentative when it is so in both, and keeps all reminders.
    """
    kept: list[Occurrence] = []
    places: dict[object, int] = {}
    for one in sorted(occurrences, key=lambda one: (one.calendar_id, one.event_id, one.starts_at)):
        names = [(name, one.starts_at, one.all_day) for name in (one.uid, one.title) if name]
        here = [places[name] for name in names if name in places]
        twin = next((place for place in here if kept[place].calendar_id != one.calendar_id), None)
        if twin is None:
            for name in names:
                places.setdefault(name, len(kept))
            kept.append(one)
        else:
            kept[twin] = _merged(kept[twin], one)
    return sorted(kept, key=lambda one: (one.starts_at, one.title, one.calendar_id, one.event_id))


def _merged(one: Occurrence, twin: Occurrence) -> Occurrence:
    return replace(
        one,
        private=one.private or twin.private,
        tentative=one.tentative and twin.tentative,
        reminders=tuple(sorted({*one.reminders, *twin.reminders})),
    )


def _reminders(
    wanted: Sequence[Occurrence], preferences: Preferences, start: datetime, end: datetime
) -> Iterator[Planned]:
    """Everything with the same moment, lead and language is said in one breath."""
    breaths: dict[tuple[datetime, bool, int, Language], list[Occurrence]] = defaultdict(list)
    for one in wanted:
        for minutes in _leads(one, preferences):
            play_at = one.starts_at - timedelta(minutes=minutes)
            if start <= play_at < end:
                breaths[play_at, one.all_day, minutes, language_of(one.title)].append(one)
    for (play_at, _, minutes, language), together in breaths.items():
        yield _reminder(play_at, minutes, language, together, preferences)


def _leads(one: Occurrence, preferences: Preferences) -> Sequence[int]:
    """How many minutes ahead of this occurrence something is said."""
    if preferences.reminders_from == "google":
        return sorted(set(one.reminders))
    # The briefing tells of whole days.
    return [] if one.all_day else sorted(set(preferences.reminder_minutes))


def _reminder(
    play_at: datetime, minutes: int, language: Language, together: list[Occurrence], preferences: Preferences
) -> Planned:
    first = together[0]
    kind: Kind = "before" if minutes else "start"
    about = sorted([one.calendar_id, one.event_id, one.starts_at.isoformat()] for one in together)
    starts_at = first.starts_at.astimezone(preferences.time_zone)
    titles = [title_of(one, preferences) for one in together]
    return planned(
        _words(first, starts_at, play_at, minutes, titles, dialect_of(preferences, language)),
        key=key_of(kind, play_at, minutes, language, about),
        kind=kind,
        play_at=play_at,
        expires_at=min(play_at + _BEFORE_LASTS, first.starts_at + _AFTER_START),
        titles=titles,
        event_start=first.day.isoformat() if first.day else starts_at.isoformat(),
    )


def _words(
    first: Occurrence,
    starts_at: datetime,
    play_at: datetime,
    minutes: int,
    titles: Sequence[Title],
    dialect: str,
) -> Utterance:
    if first.day:
        return say_all_day(dialect, titles, first.day, play_at.astimezone(starts_at.tzinfo).date())
    if minutes:
        return say_before(dialect, titles, starts_at, minutes)
    return say_start(dialect, titles, starts_at)
