"""Plan what is said of whole days: the briefing in the morning, and the look-ahead in the evening before."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from catflap.announcements.appointments import Appointment
from catflap.announcements.context import PlanContext
from catflap.announcements.planned import (
    MAX_LIFETIME,
    PlannedAnnouncement,
    announcement_key,
    make_announcement,
    phrase_seed,
    voice_for,
)
from catflap.announcements.preferences import Preferences
from catflap.calendars.datetimes import to_utc
from catflap.speech import Language, say_briefing, say_evening

_ONE_DAY = timedelta(days=1)


def briefings(context: PlanContext) -> Iterator[PlannedAnnouncement]:
    """Yield the briefings and look-aheads, one for each day and language; none where no calendar was read."""
    preferences = context.preferences
    if not context.facts.has_calendars:
        return
    for day, play_at in daily(preferences.briefing_at, context):
        yield from _of_day("briefing", play_at, _Day.of(day, play_at, context), context)
    for day, play_at in daily(preferences.evening_at, context):
        tomorrow = replace(_Day.of(day + _ONE_DAY, play_at, context), under_way=())
        yield from _of_day("evening", play_at, tomorrow, context)


def daily(at: time | None, context: PlanContext) -> Iterator[tuple[date, datetime]]:
    """Yield each day of the plan's interval and its time `at`; None is never."""
    if at is None:
        return
    zone = context.zone
    day = context.start.astimezone(zone).date()
    while (play_at := to_utc(datetime.combine(day, at), zone)) < context.end:
        if context.includes(play_at):
            yield day, play_at
        day += _ONE_DAY


def usual_language(found: Iterable[Appointment], preferences: Preferences) -> Language:
    """Return the language of what names no title: that of most titles, or else that of the time zone."""
    counted = Counter(one.language for one in found)
    if counted["ja"] == counted["en"]:
        return "ja" if preferences.zone in ("Asia/Tokyo", "Japan") else "en"
    return "ja" if counted["ja"] > counted["en"] else "en"


@dataclass(frozen=True)
class _Day:
    """The appointments of a day, grouped as an announcement at one time presents them."""

    day: date
    all_day: Sequence[Appointment]
    under_way: Sequence[Appointment]
    to_come: Sequence[Appointment]

    @classmethod
    def of(cls, day: date, at: datetime, context: PlanContext) -> "_Day":
        zone = context.zone
        timed = [one for one in context.found if not one.occurrence.all_day]
        under_way = [one for one in timed if one.occurrence.starts_at < at < one.occurrence.ends_at]
        return cls(
            day,
            all_day=[one for one in context.found if one.occurrence.covers(day)],
            under_way=sorted(under_way, key=lambda one: one.occurrence.ends_at),
            to_come=[
                one
                for one in timed
                if one.occurrence.starts_at >= at and one.occurrence.starts_at.astimezone(zone).date() == day
            ],
        )

    def told_in(self, language: Language, *, counts_all: bool | None) -> "_Day":
        """Return what is told in a language; of those to come all, none, or (with None) those in it."""
        to_come = [one for one in self.to_come if one.language == language] if counts_all is None else []
        return replace(
            self,
            all_day=[one for one in self.all_day if one.language == language],
            under_way=[one for one in self.under_way if one.language == language],
            to_come=self.to_come if counts_all else to_come,
        )


_Kind = Literal["briefing", "evening"]


def _of_day(
    kind: _Kind, play_at: datetime, found: _Day, context: PlanContext
) -> Iterator[PlannedAnnouncement]:
    """Yield one announcement for each language of the titles that it names.

    One that names all appointments counts those in its language; else the first counts all of them.
    """
    names_all = context.preferences.talkativeness == "chatty"
    named = [*found.all_day, *found.under_way, *(found.to_come if names_all else ())]
    languages = sorted({one.language for one in named}) or [
        usual_language(found.to_come or context.found, context.preferences)
    ]
    for place, language in enumerate(languages):
        counts_all = None if names_all else place == 0
        told = found.told_in(language, counts_all=counts_all)
        # Neither the time nor the language, so that a day is told once, also after they have changed.
        key = announcement_key(kind, None, place, None, told.day.isoformat())
        yield _announcement(kind, key, play_at, told, language, context)


def _announcement(
    kind: _Kind, key: str, play_at: datetime, told: _Day, language: Language, context: PlanContext
) -> PlannedAnnouncement:
    zone = context.zone
    all_day = [context.title(one) for one in told.all_day]
    under_way = [
        replace(context.title(one), until=one.occurrence.ends_at.astimezone(zone)) for one in told.under_way
    ]
    to_come = [(one.occurrence.starts_at.astimezone(zone), context.title(one)) for one in told.to_come]
    counted = told.day, all_day, len(to_come), min((at for at, _ in to_come), default=None)
    talk = context.preferences.talkativeness
    manner = phrase_seed(play_at), talk, to_come if talk == "chatty" else []
    values: dict[str, Any] = {
        "kind": kind,
        "key": key,
        "language": language,
        "play_at": play_at,
        "expires_at": context.holding.lasts_until(play_at, play_at + MAX_LIFETIME),
        "titles": [*all_day, *under_way],
        "event_start": told.day.isoformat(),
        "held_for": context.holding.held_for(play_at, kind),
    }
    voice = voice_for(context.preferences, language)
    if kind == "evening":
        return make_announcement(say_evening, voice, *counted, *manner, **values)
    return make_announcement(say_briefing, voice, *counted, under_way, *manner, **values)
