"""Plan the morning briefings: all-day events, ongoing events and the number of events to come."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from catflap.announcements.planned import (
    MAX_LIFETIME,
    PlannedAnnouncement,
    announced_title,
    announcement_key,
    dialect_for,
    make_announcement,
    phrase_seed,
)
from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.calendars.datetimes import to_utc
from catflap.speech import Language, language_of, say_briefing

_ONE_DAY = timedelta(days=1)


def briefings(
    wanted: Sequence[Occurrence], preferences: Preferences, start: datetime, end: datetime
) -> Iterator[PlannedAnnouncement]:
    """Yield the briefings from `start` (included) to `end` (excluded), one per day and language."""
    for day, play_at in briefing_times(preferences, start, end):
        yield from _briefing(
            day, play_at, _DayGroups.from_occurrences(wanted, day, play_at, preferences), preferences
        )


def briefing_times(
    preferences: Preferences, start: datetime, end: datetime
) -> Iterator[tuple[date, datetime]]:
    """Yield the day and the time of each briefing from `start` (included) to `end` (excluded)."""
    zone = preferences.time_zone
    if preferences.briefing_at is None:
        return
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        play_at = to_utc(datetime.combine(day, preferences.briefing_at), zone)
        if start <= play_at < end:
            yield day, play_at
        day += _ONE_DAY


@dataclass(frozen=True)
class _DayGroups:
    """The occurrences of a day, grouped as the briefing at one time of that day presents them."""

    all_day: Sequence[Occurrence]
    under_way: Sequence[Occurrence]
    to_come: Sequence[Occurrence]

    @classmethod
    def from_occurrences(
        cls, wanted: Sequence[Occurrence], day: date, at: datetime, preferences: Preferences
    ) -> "_DayGroups":
        timed = [one for one in wanted if not one.all_day]
        return cls(
            all_day=[one for one in wanted if one.covers(day)],
            under_way=sorted(
                (one for one in timed if one.starts_at < at < one.ends_at), key=lambda one: one.ends_at
            ),
            to_come=[one for one in timed if one.starts_at >= at and _starts_on(one, day, preferences)],
        )

    def languages(self) -> list[Language]:
        """Return the languages of the titles that the briefing names; English if there are none."""
        return sorted({language_of(one.title) for one in (*self.all_day, *self.under_way)}) or ["en"]


def _starts_on(one: Occurrence, day: date, preferences: Preferences) -> bool:
    return one.starts_at.astimezone(preferences.time_zone).date() == day


def _briefing(
    day: date, play_at: datetime, found: _DayGroups, preferences: Preferences
) -> Iterator[PlannedAnnouncement]:
    """Yield one briefing for each language of the named titles; only the first tells the number of events."""
    languages = found.languages()
    zone = preferences.time_zone
    for language in languages:
        all_day = [
            announced_title(one, preferences) for one in found.all_day if language_of(one.title) == language
        ]
        under_way = [
            replace(announced_title(one, preferences), until=one.ends_at.astimezone(zone))
            for one in found.under_way
            if language_of(one.title) == language
        ]
        counted = found.to_come if language == languages[0] else ()
        first = min((one.starts_at for one in counted), default=None)
        yield make_announcement(
            say_briefing,
            dialect_for(preferences, language),
            day,
            all_day,
            len(counted),
            first.astimezone(zone) if first else None,
            under_way,
            phrase_seed(play_at),
            key=announcement_key("briefing", play_at, 0, language, day.isoformat()),
            kind="briefing",
            language=language,
            play_at=play_at,
            expires_at=play_at + MAX_LIFETIME,
            titles=[*all_day, *under_way],
            event_start=day.isoformat(),
        )
