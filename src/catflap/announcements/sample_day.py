"""A made-up day, to show how preferences sound where the calendars have no appointments."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.calendars.datetimes import to_utc
from catflap.speech import Language

_PEOPLE = 4
_REMINDERS = (10,)


class _Sample(NamedTuple):
    """An appointment: its title in each language, when it is, and what is special about it."""

    en: str
    ja: str
    begin: time | None
    minutes: int = 60
    event_type: str = "default"
    is_meeting: bool = False
    is_elsewhere: bool = False
    private: bool = False
    tentative: bool = False


# Something for each preference to act on.
_SAMPLES = (
    _Sample("Bin day", "ゴミの日", None),
    _Sample("Working from home", "在宅勤務", None, event_type="workingLocation"),
    _Sample("Team meeting", "打ち合わせ", time(9, 30), is_meeting=True),
    _Sample("Call the plumber", "水道屋さんに電話", time(10, 0), 15),
    _Sample("Lunch with Grandma", "おばあちゃんとランチ", time(12, 30), is_elsewhere=True),
    _Sample("Focus time", "集中タイム", time(14, 0), event_type="focusTime"),
    _Sample("Dentist", "歯医者", time(15, 30), private=True),
    _Sample("Out of office", "外出", time(17, 0), event_type="outOfOffice"),
    _Sample("Choir", "合唱の練習", time(19, 0), tentative=True),
    _Sample("Night train", "夜行列車", time(22, 45), 30),
)
_WITH_QUIET_WORD = time(23, 15)


def sample_day(
    day: date, language: Language, preferences: Preferences, calendar_ids: Sequence[int]
) -> list[Occurrence]:
    """Return the occurrences of a made-up day, one of which is at the first of the user's places.

    Args:
        day: The day, in the user's time zone.
        language: Of the titles.
        preferences: The user's.
        calendar_ids: The calendars over which they are spread.
    """
    ids = calendar_ids or (0,)
    place = preferences.places[0].name if preferences.places else ""
    return [
        _occurrence(sample, number, ids[number % len(ids)], language, place, day, preferences)
        for number, sample in enumerate(_samples(preferences))
    ]


def _samples(preferences: Preferences) -> Iterator[_Sample]:
    yield from _SAMPLES
    if word := preferences.quiet_word:
        yield _Sample(word, word, _WITH_QUIET_WORD)


def _occurrence(
    sample: _Sample,
    number: int,
    calendar_id: int,
    language: Language,
    place: str,
    day: date,
    preferences: Preferences,
) -> Occurrence:
    starts_at = to_utc(datetime.combine(day, sample.begin or time()), preferences.time_zone)
    one = Occurrence(
        calendar_id=calendar_id,
        event_id=f"sample{number}",
        title=sample.ja if language == "ja" else sample.en,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=sample.minutes),
        all_day=False,
        day=None,
        private=sample.private,
        declined=False,
        event_type=sample.event_type,
        tentative=sample.tentative,
        reminders=_REMINDERS,
        place=place if sample.is_elsewhere else "",
        attendee_count=_PEOPLE if sample.is_meeting else 0,
        instance=f"sample{number}",
    )
    if sample.begin:
        return one
    next_day = day + timedelta(days=1)
    end = to_utc(datetime.combine(next_day, time()), preferences.time_zone)
    return replace(one, all_day=True, day=day, end_day=next_day, ends_at=end, reminders=())
