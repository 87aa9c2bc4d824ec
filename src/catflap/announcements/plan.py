"""What to say in the coming hours, worked out from occurrences and preferences alone.

Pure: no database, no clock, no chance. The same input gives the same plan, and a plan of two stretches of
time is the plan of the first and the plan of the second.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.calendars.moments import instant
from catflap.speech import (
    Language,
    Utterance,
    language_of,
    private_title,
    say_before,
    say_briefing,
    say_start,
)

HORIZON = timedelta(hours=24)
# A briefing is of use for two hours, everything else for less.
LONGEST_LIFE = timedelta(hours=2)
Kind = Literal["before", "start", "briefing"]

_BEFORE_LASTS = timedelta(minutes=10)
_AFTER_START = timedelta(minutes=5)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Planned:
    """One thing to say.

    Args:
        key: The same for the same announcement, whatever its words are.
        play_at: When, in UTC.
        expires_at: Too late to be of use from here on.
        titles: All titles it is about, stand-ins for private ones.
        event_start: ISO 8601 in the user's zone; of a briefing the day.
    """

    key: str
    kind: Kind
    play_at: datetime
    expires_at: datetime
    titles: tuple[str, ...] = field(repr=False)
    event_start: str
    language: Language
    dialect: str
    display: str = field(repr=False)
    spoken: str = field(repr=False)


def window(
    preferences: Preferences, now: datetime, horizon: timedelta = HORIZON
) -> tuple[datetime, datetime]:
    """From when to when `plan` must know the occurrences."""
    farthest = timedelta(minutes=max(preferences.reminder_minutes, default=0))
    # A briefing at the end of the horizon tells of its whole day.
    return now - _ONE_DAY, now + horizon + max(farthest, _ONE_DAY)


def plan(
    occurrences: Iterable[Occurrence],
    preferences: Preferences,
    now: datetime,
    horizon: timedelta = HORIZON,
) -> list[Planned]:
    """What to say from `now` (included) to `now + horizon` (excluded), in order of time."""
    wanted = _once([one for one in occurrences if _counts(one)])
    timed = [one for one in wanted if not one.all_day]
    planned = [
        *_reminders(timed, preferences, now, now + horizon),
        *_briefings(timed, [one for one in wanted if one.all_day], preferences, now, now + horizon),
    ]
    return sorted(planned, key=lambda one: (one.play_at, one.kind, one.language, one.key))


def _counts(one: Occurrence) -> bool:
    return not one.declined and one.event_type != "workingLocation"


def _once(occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    """The same event in two calendars only once, and private when it is so in one of them."""
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
        elif one.private:
            kept[twin] = replace(kept[twin], private=True)
    return sorted(kept, key=lambda one: (one.starts_at, one.title, one.calendar_id, one.event_id))


def _reminders(
    timed: Sequence[Occurrence], preferences: Preferences, start: datetime, end: datetime
) -> Iterator[Planned]:
    """Everything with the same moment, lead and language is said in one breath."""
    breaths: dict[tuple[datetime, int, Language], list[Occurrence]] = defaultdict(list)
    for one in timed:
        for minutes in sorted(set(preferences.reminder_minutes)):
            play_at = one.starts_at - timedelta(minutes=minutes)
            if start <= play_at < end:
                breaths[play_at, minutes, language_of(one.title)].append(one)
    for (play_at, minutes, language), together in breaths.items():
        yield _reminder(play_at, minutes, language, together, preferences)


def _reminder(
    play_at: datetime, minutes: int, language: Language, together: list[Occurrence], preferences: Preferences
) -> Planned:
    dialect = _dialect(preferences, language)
    starts_at = together[0].starts_at.astimezone(preferences.time_zone)
    sayable = [_sayable(one) for one in together]
    kind: Kind = "before" if minutes else "start"
    said = (
        say_before(dialect, sayable, starts_at, minutes)
        if minutes
        else say_start(dialect, sayable, starts_at)
    )
    about = sorted([one.calendar_id, one.event_id, one.starts_at.isoformat()] for one in together)
    return _planned(
        said,
        key=_key(kind, play_at, minutes, language, about),
        kind=kind,
        play_at=play_at,
        expires_at=min(play_at + _BEFORE_LASTS, together[0].starts_at + _AFTER_START),
        sayable=sayable,
        event_start=starts_at.isoformat(),
    )


def _briefings(
    timed: Sequence[Occurrence],
    all_day: Sequence[Occurrence],
    preferences: Preferences,
    start: datetime,
    end: datetime,
) -> Iterator[Planned]:
    zone = preferences.time_zone
    if preferences.briefing_at is None:
        return
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        play_at = instant(datetime.combine(day, preferences.briefing_at), zone)
        if start <= play_at < end:
            todays = [one for one in timed if _is_on(one, day, preferences) and one.starts_at >= play_at]
            whole = [one for one in all_day if one.covers(day)]
            yield from _briefing(day, play_at, todays, whole, preferences)
        day += _ONE_DAY


def _is_on(one: Occurrence, day: date, preferences: Preferences) -> bool:
    return one.starts_at.astimezone(preferences.time_zone).date() == day


def _briefing(
    day: date,
    play_at: datetime,
    timed: Sequence[Occurrence],
    all_day: Sequence[Occurrence],
    preferences: Preferences,
) -> Iterator[Planned]:
    """One briefing for each language of the day's all-day titles; only one of them counts appointments."""
    languages = sorted({language_of(one.title) for one in all_day}) or ["en"]
    for language in languages:
        sayable = [_sayable(one) for one in all_day if language_of(one.title) == language]
        counted = timed if language == languages[0] else ()
        first = min((one.starts_at for one in counted), default=None)
        said = say_briefing(
            _dialect(preferences, language),
            day,
            sayable,
            len(counted),
            first.astimezone(preferences.time_zone) if first else None,
        )
        yield _planned(
            said,
            key=_key("briefing", play_at, 0, language, day.isoformat()),
            kind="briefing",
            play_at=play_at,
            expires_at=play_at + LONGEST_LIFE,
            sayable=sayable,
            event_start=day.isoformat(),
        )


def _planned(
    said: Utterance,
    *,
    key: str,
    kind: Kind,
    play_at: datetime,
    expires_at: datetime,
    sayable: Sequence[str],
    event_start: str,
) -> Planned:
    return Planned(
        key=key,
        kind=kind,
        play_at=play_at,
        expires_at=expires_at,
        titles=tuple(title or private_title(said.dialect) for title in sayable),
        event_start=event_start,
        language=said.language,
        dialect=said.dialect,
        display=said.display,
        spoken=said.spoken,
    )


def _sayable(one: Occurrence) -> str:
    """The title, or "" when it must stay private; speech has words for that."""
    return "" if one.private else one.title


def _dialect(preferences: Preferences, language: Language) -> str:
    return preferences.dialect_ja if language == "ja" else preferences.dialect_en


def _key(kind: Kind, play_at: datetime, minutes: int, language: Language, about: object) -> str:
    told = json.dumps([kind, play_at.astimezone(UTC).isoformat(), minutes, language, about])
    return hashlib.sha256(told.encode()).hexdigest()
