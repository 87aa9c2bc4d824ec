"""Plan the announcements of single appointments: reminders, starts, countdowns, times to leave, repeats."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from catflap.announcements.appointments import Appointment
from catflap.announcements.context import PlanContext
from catflap.announcements.planned import (
    MAX_LIFETIME,
    HeldFor,
    Kind,
    PlannedAnnouncement,
    announcement_key,
    make_announcement,
    phrase_seed,
    voice_for,
)
from catflap.announcements.preferences import Preferences
from catflap.calendars.datetimes import to_utc
from catflap.speech import (
    Language,
    Title,
    Utterance,
    VoiceChoice,
    say_all_day,
    say_before,
    say_countdown,
    say_late,
    say_leave,
    say_start,
)

MAX_REPEATS = 5
_BEFORE_LIFETIME = timedelta(minutes=10)
_AFTER_START = timedelta(minutes=5)
_REPEAT_LIFETIME = timedelta(minutes=3)
# The usual lead in steps of five minutes; it takes the variant of its time.
_USUAL_STEPS = 2


class _Moment(NamedTuple):
    """When and what is said of an appointment; `minutes` are those to its start, negative after it."""

    play_at: datetime
    kind: Kind
    minutes: int


class _Group(NamedTuple):
    """What appointments must have in common to be announced in one sentence."""

    moment: _Moment
    all_day: bool
    language: Language
    held_for: HeldFor | None


def reminders(context: PlanContext) -> Iterator[PlannedAnnouncement]:
    """Yield what is said of single appointments; those with all in common are announced together."""
    snoozed: dict[str, list[datetime]] = defaultdict(list)
    for snooze in context.facts.snoozes:
        snoozed[snooze.occurrence].append(snooze.play_at)
    groups: dict[_Group, list[Appointment]] = defaultdict(list)
    for one in context.found:
        for moment in _moments(one, context, snoozed):
            if context.includes(moment.play_at):
                held_for = context.holding.held_for(moment.play_at, moment.kind, one)
                groups[_Group(moment, one.occurrence.all_day, one.language, held_for)].append(one)
    for group, members in groups.items():
        yield _announcement(group, members, context)


def _moments(
    one: Appointment, context: PlanContext, snoozed: Mapping[str, Sequence[datetime]]
) -> Iterator[_Moment]:
    preferences, starts_at = context.preferences, one.occurrence.starts_at
    fixed = [
        _Moment(starts_at - timedelta(minutes=minutes), "before" if minutes else "start", minutes)
        for minutes in one.leads
    ]
    if one.occurrence.all_day:
        yield from fixed
        yield from _all_day(one, context)
        return
    fixed += [
        _Moment(starts_at - timedelta(minutes=minutes), "countdown", minutes)
        for minutes in sorted(set(preferences.countdown_minutes) - set(one.leads))
    ]
    yield from fixed
    if one.travel_minutes is not None:
        yield _Moment(starts_at - timedelta(minutes=one.travel_minutes), "leave", one.travel_minutes)
    repeated = list(_repeats(one, preferences.repeat_minutes)) if preferences.repeat_minutes else []
    if snoozed or any(context.includes(moment.play_at) for moment in repeated):
        asked_for = [
            _Moment(play_at, "snoozed", round((starts_at - play_at) / timedelta(minutes=1)))
            for play_at in sorted(set(snoozed.get(one.reference, ())))
        ]
        again = [] if one.reference in context.facts.acknowledged else repeated
        yield from _without_said((*again, *asked_for), fixed, one, context)


def _without_said(
    moments: Iterable[_Moment], fixed: Sequence[_Moment], one: Appointment, context: PlanContext
) -> Iterator[_Moment]:
    """Yield those whose minutes no reminder or countdown says, half a minute before or after at most."""
    for moment in moments:
        same = (other for other in fixed if other.minutes == moment.minutes)
        if not any(context.holding.held_for(other.play_at, other.kind, one) is None for other in same):
            yield moment


def _all_day(one: Appointment, context: PlanContext) -> Iterator[_Moment]:
    """Yield when an all-day event is announced on its first day, unless briefing or reminder does it."""
    at, day = context.preferences.all_day_at, one.occurrence.day
    if at and day and not one.leads and not context.preferences.briefing_at:
        yield _Moment(to_utc(datetime.combine(day, at), context.zone), "all_day", 0)


def _repeats(one: Appointment, every: int) -> Iterator[_Moment]:
    """Yield the repeats of the last reminder, as long as the event lasts."""
    for count in range(1, MAX_REPEATS + 1) if one.leads else ():
        minutes = min(one.leads) - count * every
        play_at = one.occurrence.starts_at - timedelta(minutes=minutes)
        if play_at >= max(one.occurrence.ends_at, one.occurrence.starts_at + timedelta(minutes=1)):
            return
        if minutes not in one.leads:
            yield _Moment(play_at, "again", minutes)


def _announcement(group: _Group, members: Sequence[Appointment], context: PlanContext) -> PlannedAnnouncement:
    moment, first = group.moment, members[0].occurrence
    starts_at = first.starts_at.astimezone(context.zone)
    titles = [context.title(one) for one in members]
    about = sorted(one.identity for one in members)
    voice = voice_for(context.preferences, group.language)
    return make_announcement(
        *_wording(moment, first.day, starts_at, titles, voice, context.preferences),
        key=announcement_key(moment.kind, moment.play_at, moment.minutes, group.language, about),
        kind=moment.kind,
        language=group.language,
        play_at=moment.play_at,
        expires_at=_expires_at(moment, members, context),
        titles=titles,
        occurrences=[one.reference for one in members],
        event_start=first.day.isoformat() if first.day else starts_at.isoformat(),
        held_for=group.held_for,
    )


def _expires_at(moment: _Moment, members: Sequence[Appointment], context: PlanContext) -> datetime:
    starts_at = members[0].occurrence.starts_at
    match moment.kind:
        case "all_day":
            end = moment.play_at + MAX_LIFETIME
            is_loud = all(one.ignores_quiet for one in members)
            return end if is_loud else context.holding.lasts_until(moment.play_at, end)
        case "again" | "snoozed":
            return moment.play_at + _REPEAT_LIFETIME
        case "countdown":
            return starts_at
    return min(moment.play_at + _BEFORE_LIFETIME, starts_at + _AFTER_START)


def _seed(moment: _Moment, starts_at: datetime, repeat_minutes: int | None) -> int:
    """Return what chooses the variant.

    That is the time, and for what may be heard at the same time, or a few minutes later about the same event,
    also the minutes: reminders with different leads, countdowns, and each repeat in turn.
    """
    minutes = moment.minutes
    if moment.kind == "again" and repeat_minutes:
        return phrase_seed(starts_at) - minutes // repeat_minutes
    seed = phrase_seed(moment.play_at)
    match moment.kind:
        case "countdown":
            return seed + minutes
        case "before":
            return seed + 2 * (minutes // 5 - _USUAL_STEPS)
    return seed


def _wording(
    moment: _Moment,
    day: date | None,
    starts_at: datetime,
    titles: Sequence[Title],
    voice: VoiceChoice,
    preferences: Preferences,
) -> tuple[Callable[..., Utterance], VoiceChoice, *tuple[object, ...]]:
    """Return the function that makes the text, and its arguments."""
    minutes, talk = moment.minutes, preferences.talkativeness
    seed = _seed(moment, starts_at, preferences.repeat_minutes)
    if day:
        return say_all_day, voice, titles, day, moment.play_at.astimezone(starts_at.tzinfo).date(), seed
    match moment.kind:
        case "leave":
            return say_leave, voice, titles, starts_at, minutes, seed
        case "countdown":
            return say_countdown, voice, titles, minutes, seed
    if minutes > 0:
        return say_before, voice, titles, starts_at, minutes, seed, talk
    if minutes < 0:
        return say_late, voice, titles, -minutes, seed
    return say_start, voice, titles, starts_at, seed, talk
