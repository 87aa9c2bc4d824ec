"""The morning briefing: what takes the whole day, what is under way, and what is to come."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from catflap.announcements.planned import LONGEST_LIFE, Planned, dialect_of, key_of, planned, title_of
from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.calendars.datetimes import to_utc
from catflap.speech import Language, language_of, say_briefing

_ONE_DAY = timedelta(days=1)


def briefings(
    wanted: Sequence[Occurrence], preferences: Preferences, start: datetime, end: datetime
) -> Iterator[Planned]:
    """The briefings from `start` (included) to `end` (excluded), one or more for each day."""
    zone = preferences.time_zone
    if preferences.briefing_at is None:
        return
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        play_at = to_utc(datetime.combine(day, preferences.briefing_at), zone)
        if start <= play_at < end:
            yield from _briefing(day, play_at, _Day.of(wanted, day, play_at, preferences), preferences)
        day += _ONE_DAY


@dataclass(frozen=True)
class _Day:
    """The occurrences of a day, as a briefing at some moment of it tells them."""

    all_day: Sequence[Occurrence]
    under_way: Sequence[Occurrence]
    to_come: Sequence[Occurrence]

    @classmethod
    def of(cls, wanted: Sequence[Occurrence], day: date, at: datetime, preferences: Preferences) -> "_Day":
        timed = [one for one in wanted if not one.all_day]
        return cls(
            all_day=[one for one in wanted if one.covers(day)],
            under_way=sorted(
                (one for one in timed if one.starts_at < at < one.ends_at), key=lambda one: one.ends_at
            ),
            to_come=[one for one in timed if one.starts_at >= at and _is_on(one, day, preferences)],
        )

    def languages(self) -> list[Language]:
        """Those of everything that is named."""
        return sorted({language_of(one.title) for one in (*self.all_day, *self.under_way)}) or ["en"]


def _is_on(one: Occurrence, day: date, preferences: Preferences) -> bool:
    return one.starts_at.astimezone(preferences.time_zone).date() == day


def _briefing(day: date, play_at: datetime, found: _Day, preferences: Preferences) -> Iterator[Planned]:
    """One briefing for each language of the titles that are named; only one of them counts appointments."""
    languages = found.languages()
    zone = preferences.time_zone
    for language in languages:
        all_day = [title_of(one, preferences) for one in found.all_day if language_of(one.title) == language]
        under_way = [
            replace(title_of(one, preferences), until=one.ends_at.astimezone(zone))
            for one in found.under_way
            if language_of(one.title) == language
        ]
        counted = found.to_come if language == languages[0] else ()
        first = min((one.starts_at for one in counted), default=None)
        yield planned(
            say_briefing(
                dialect_of(preferences, language),
                day,
                all_day,
                len(counted),
                first.astimezone(zone) if first else None,
                under_way,
            ),
            key=key_of("briefing", play_at, 0, language, day.isoformat()),
            kind="briefing",
            play_at=play_at,
            expires_at=play_at + LONGEST_LIFE,
            titles=[*all_day, *under_way],
            event_start=day.isoformat(),
        )
