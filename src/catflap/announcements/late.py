"""Announce what a device missed while it was offline, as far as that is of use still.

Pure functions. At most one announcement for each language, whatever was missed: with the minutes that are
left, or since when it lasts, or where several begin at different times, what they are. Of what is over,
nothing. Why so: docs/decisions/0030-noticing-changes.md.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta

from catflap.announcements.appointments import Appointment
from catflap.announcements.context import PlanContext
from catflap.announcements.planned import (
    LATE,
    PlannedAnnouncement,
    announcement_key,
    make_announcement,
    phrase_seed,
    voice_for,
)
from catflap.speech import Language, Utterance, say_before, say_catch_up, say_late

# Announcements whose text is true for about a minute: how long it is until something, or since when it lasts.
MINUTE_KINDS = frozenset({"before", "start", "leave", "countdown", "again", "snoozed", "repeat", LATE})
# What began longer ago is not announced.
_USEFUL = timedelta(minutes=15)
# Until it is played, so that its sound is made, and the device can tell what it has played by itself.
RENDERING = timedelta(seconds=10)
_LIFETIME = timedelta(minutes=2)
_MOST_TITLES = 3
_ONE_MINUTE = timedelta(minutes=1)


def late_announcements(
    context: PlanContext, missed: Collection[str], now: datetime
) -> Iterator[PlannedAnnouncement]:
    """Yield what a device says that is back, for each language.

    The keys depend on what it is about and not on the time, so that it is told once.

    Args:
        context: The appointments, what is held, and the preferences.
        missed: References of what was to be announced meanwhile and was not, nor will be in a moment.
        now: The time.
    """
    at = now.replace(microsecond=0) + RENDERING
    groups: dict[Language, list[Appointment]] = defaultdict(list)
    for one in context.found:
        if one.reference in missed and _is_useful(one, at) and _is_wanted(one, context, at):
            groups[one.language].append(one)
    for language, group in groups.items():
        yield _announcement(group, language, at, context)


def _is_useful(one: Appointment, at: datetime) -> bool:
    starts_at, ends_at = one.occurrence.starts_at, one.occurrence.ends_at
    return not one.occurrence.all_day and (starts_at > at or (at - starts_at <= _USEFUL and at < ends_at))


def _is_wanted(one: Appointment, context: PlanContext, at: datetime) -> bool:
    acknowledged = one.reference in context.facts.acknowledged
    return not acknowledged and context.holding.held_for(at, LATE, one) is None


def _announcement(
    group: Sequence[Appointment], language: Language, at: datetime, context: PlanContext
) -> PlannedAnnouncement:
    # The next one first, of those that began the last one.
    group = sorted(group, key=lambda one: abs(one.occurrence.starts_at - at))
    references = sorted(one.reference for one in group)
    named = group[:_MOST_TITLES]
    titles = [context.title(one) for one in named]
    starts_at = group[0].occurrence.starts_at
    here = starts_at.astimezone(context.preferences.time_zone)
    wording: tuple[Callable[..., Utterance], tuple[object, ...]]
    minutes = round((starts_at - at) / _ONE_MINUTE)
    if len({one.occurrence.starts_at for one in group}) > 1:
        wording = say_catch_up, (titles, phrase_seed(at))
    elif starts_at > at:
        wording = say_before, (titles, here, minutes, phrase_seed(at), context.preferences.talkativeness)
    else:
        wording = say_late, (titles, -minutes, phrase_seed(at))
    say, arguments = wording
    return make_announcement(
        say,
        voice_for(context.preferences, language),
        *arguments,
        key=announcement_key(LATE, None, 0, language, references),
        kind=LATE,
        language=language,
        play_at=at,
        expires_at=at + _LIFETIME,
        titles=titles,
        event_start=here.isoformat(),
        occurrences=references,
    )
