"""Plan the announcements of the coming hours from occurrences and preferences.

Pure functions, without database, clock or randomness. The plan of two adjacent intervals is the plan of the
first followed by that of the second.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from catflap.announcements.briefings import briefing_times, briefings
from catflap.announcements.facts import NO_FACTS, Facts
from catflap.announcements.planned import (
    Kind,
    PlannedAnnouncement,
    announced_title,
    announcement_key,
    dialect_for,
    make_announcement,
    occurrence_reference,
    phrase_seed,
)
from catflap.announcements.preferences import OPTIONAL_TYPES, Preferences
from catflap.calendars import Occurrence
from catflap.google.calendar import MAX_REMINDER_MINUTES
from catflap.speech import Language, Title, Utterance, language_of, say_all_day, say_before, say_start

HORIZON = timedelta(hours=24)

_BEFORE_LIFETIME = timedelta(minutes=10)
_AFTER_START = timedelta(minutes=5)
_ONE_DAY = timedelta(days=1)


def occurrence_window(
    preferences: Preferences, now: datetime, horizon: timedelta = HORIZON
) -> tuple[datetime, datetime]:
    """Return the interval for which `plan` needs the occurrences."""
    leads = (
        (MAX_REMINDER_MINUTES,) if preferences.reminders_from == "google" else preferences.reminder_minutes
    )
    farthest = timedelta(minutes=max(leads, default=0))
    # A briefing at the end of the horizon covers its whole day.
    return now - _ONE_DAY, now + horizon + max(farthest, _ONE_DAY)


def plan(
    occurrences: Iterable[Occurrence],
    preferences: Preferences,
    now: datetime,
    horizon: timedelta = HORIZON,
    facts: Facts = NO_FACTS,
) -> list[PlannedAnnouncement]:
    """Return the announcements from `now` (included) to `now + horizon` (excluded), in order of time."""
    wanted = _deduplicate([one for one in occurrences if _is_announced(one, preferences)])
    found = [
        *_reminders(wanted, preferences, now, now + horizon),
        *briefings(wanted, preferences, now, now + horizon),
    ]
    return sorted(found, key=lambda one: (one.play_at, one.kind, one.language, one.key))


def next_play_at(
    occurrences: Iterable[Occurrence], preferences: Preferences, start: datetime, end: datetime
) -> datetime:
    """Return when the first announcement from `start` (included) to `end` is played; `end` without one.

    For the same arguments as `plan`, but without making a text.
    """
    times = [
        one.starts_at - timedelta(minutes=minutes)
        for one in occurrences
        if _is_announced(one, preferences)
        for minutes in _leads(one, preferences)
    ]
    times += [at for _, at in briefing_times(preferences, start, end)]
    return min((at for at in times if start <= at < end), default=end)


def _is_announced(one: Occurrence, preferences: Preferences) -> bool:
    """Return whether the user wants it announced; events shown as "free" are, as by Google's reminders."""
    asked_for = one.event_type not in OPTIONAL_TYPES or one.event_type in preferences.event_types
    return asked_for and not one.declined and not (one.tentative and preferences.tentative == "skip")


def _deduplicate(occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    """Merge occurrences of one event in two calendars, matched by UID or title.

    The result is private if one of them is, tentative if both are, and has the reminders of both.
    """
    unique: list[Occurrence] = []
    indexes: dict[object, int] = {}
    for one in sorted(occurrences, key=lambda one: (one.calendar_id, one.event_id, one.starts_at)):
        identities = [(identity, one.starts_at, one.all_day) for identity in (one.uid, one.title) if identity]
        matches = [indexes[identity] for identity in identities if identity in indexes]
        twin = next((index for index in matches if unique[index].calendar_id != one.calendar_id), None)
        if twin is None:
            for identity in identities:
                indexes.setdefault(identity, len(unique))
            unique.append(one)
        else:
            unique[twin] = _merge(unique[twin], one)
    return sorted(unique, key=lambda one: (one.starts_at, one.title, one.calendar_id, one.event_id))


def _merge(one: Occurrence, twin: Occurrence) -> Occurrence:
    return replace(
        one,
        private=one.private or twin.private,
        tentative=one.tentative and twin.tentative,
        reminders=tuple(sorted({*one.reminders, *twin.reminders})),
    )


def _reminders(
    wanted: Sequence[Occurrence], preferences: Preferences, start: datetime, end: datetime
) -> Iterator[PlannedAnnouncement]:
    """Yield one announcement for all occurrences with the same play time, lead and language."""
    groups: dict[tuple[datetime, bool, int, Language], list[Occurrence]] = defaultdict(list)
    for one in wanted:
        for minutes in _leads(one, preferences):
            play_at = one.starts_at - timedelta(minutes=minutes)
            if start <= play_at < end:
                groups[play_at, one.all_day, minutes, language_of(one.title)].append(one)
    for (play_at, _, minutes, language), group in groups.items():
        yield _reminder(play_at, minutes, language, group, preferences)


def _leads(one: Occurrence, preferences: Preferences) -> Sequence[int]:
    """Return how many minutes ahead of this occurrence it is announced."""
    if preferences.reminders_from == "google":
        return sorted(set(one.reminders))
    # All-day events are announced by the briefing.
    return [] if one.all_day else sorted(set(preferences.reminder_minutes))


def _reminder(
    play_at: datetime, minutes: int, language: Language, group: list[Occurrence], preferences: Preferences
) -> PlannedAnnouncement:
    first = group[0]
    kind: Kind = "before" if minutes else "start"
    about = sorted([one.calendar_id, one.event_id, one.starts_at.isoformat()] for one in group)
    starts_at = first.starts_at.astimezone(preferences.time_zone)
    titles = [announced_title(one, preferences) for one in group]
    return make_announcement(
        *_wording(first, starts_at, play_at, minutes, titles, dialect_for(preferences, language)),
        key=announcement_key(kind, play_at, minutes, language, about),
        kind=kind,
        language=language,
        play_at=play_at,
        expires_at=min(play_at + _BEFORE_LIFETIME, first.starts_at + _AFTER_START),
        titles=titles,
        occurrences=[occurrence_reference(one) for one in group],
        event_start=first.day.isoformat() if first.day else starts_at.isoformat(),
    )


def _wording(
    first: Occurrence,
    starts_at: datetime,
    play_at: datetime,
    minutes: int,
    titles: Sequence[Title],
    dialect: str,
) -> tuple[Callable[..., Utterance], str, *tuple[object, ...]]:
    """Return the function that makes the text, and its arguments."""
    if first.day:
        return say_all_day, dialect, titles, first.day, play_at.astimezone(starts_at.tzinfo).date()
    if minutes:
        return say_before, dialect, titles, starts_at, minutes, phrase_seed(play_at)
    return say_start, dialect, titles, starts_at, phrase_seed(play_at)
