"""Plan what is said of changes: events that were moved or cancelled, and that a consent has ended."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import NamedTuple

from catflap.announcements.appointments import Appointment
from catflap.announcements.briefings import daily, usual_language
from catflap.announcements.context import PlanContext
from catflap.announcements.facts import OccurrenceChange
from catflap.announcements.planned import (
    MAX_LIFETIME,
    Kind,
    PlannedAnnouncement,
    announcement_key,
    make_announcement,
    phrase_seed,
    voice_for,
)
from catflap.speech import Language, Title, language_of, readings_in, say_cancelled, say_moved, say_reconnect

# From when a change was noticed until it is said, in which the sound is made.
_RENDERING = timedelta(seconds=15)
_LIFETIME = timedelta(minutes=10)
# Of the changes noticed at once, the rest is left to the page.
_MOST_AT_ONCE = 3
_USUAL_TIME = time(9, 0)


class _Group(NamedTuple):
    """What changes must have in common to be told in one sentence; `about_at` is the new or the old start."""

    noticed_at: datetime
    play_at: datetime
    kind: Kind
    about_at: datetime
    language: Language


class _Change(NamedTuple):
    """A change, with what may be said of its title."""

    row: OccurrenceChange
    title: Title


def notices(context: PlanContext) -> Iterator[PlannedAnnouncement]:
    """Yield the announcements of changes, and once a day the request to consent again."""
    yield from _changes(context)
    if context.facts.needs_consent:
        yield from _requests_to_consent(context)


def _changes(context: PlanContext) -> Iterator[PlannedAnnouncement]:
    """Yield moved and cancelled events; one that is held is told later, as long as it has not begun."""
    by_instance = {(one.occurrence.calendar_id, one.occurrence.instance): one for one in context.found}
    latest = {(row.calendar_id, row.instance): row for row in context.facts.changes}
    told: dict[tuple[datetime, Language], dict[_Group, list[_Change]]] = defaultdict(dict)
    for identity, row in latest.items():
        current = by_instance.get(identity)
        if not _is_told(row, current, context):
            continue
        about_at = row.moved_to or row.starts_at
        play_at = context.holding.first_time(row.noticed_at + _RENDERING, row.change, current)
        if play_at < about_at:
            title = context.title(current) if current else _cancelled_title(row, context)
            language = current.language if current else language_of(row.title)
            group = _Group(row.noticed_at, play_at, row.change, about_at, language)
            told[row.noticed_at, language].setdefault(group, []).append(_Change(row, title))
    for groups in told.values():
        for group, changes in islice(sorted(groups.items()), _MOST_AT_ONCE):
            if context.includes(group.play_at):
                yield _announcement(group, changes, context)


def _is_told(row: OccurrenceChange, current: Appointment | None, context: PlanContext) -> bool:
    if row.change == "cancelled":
        return context.preferences.says_cancelled and current is None
    return (
        context.preferences.says_moved
        and current is not None
        and current.occurrence.starts_at == row.moved_to
    )


def _cancelled_title(row: OccurrenceChange, context: PlanContext) -> Title:
    own = context.preferences.of_calendar(row.calendar_id)
    is_private = row.is_private and not context.preferences.says_private_titles
    hidden = not (context.audience.says_titles and own.says_titles) or is_private
    text = "" if hidden else row.title
    return Title(text, hidden, readings=readings_in(text, context.facts.readings))


def _announcement(group: _Group, changes: Sequence[_Change], context: PlanContext) -> PlannedAnnouncement:
    zone = context.zone
    titles = [change.title for change in changes]
    about = sorted(
        [row.calendar_id, row.instance, group.about_at.astimezone(UTC).isoformat()] for row, _ in changes
    )
    return make_announcement(
        say_moved if group.kind == "moved" else say_cancelled,
        voice_for(context.preferences, group.language),
        titles,
        group.about_at.astimezone(zone),
        group.play_at.astimezone(zone).date(),
        phrase_seed(group.play_at),
        # Not the time, which is another one when a meeting begins or the quiet hours change.
        key=announcement_key(group.kind, None, 0, group.language, [group.noticed_at.isoformat(), about]),
        kind=group.kind,
        language=group.language,
        play_at=group.play_at,
        expires_at=min(group.play_at + _LIFETIME, group.about_at),
        titles=titles,
        event_start=group.about_at.astimezone(zone).isoformat(),
    )


def _requests_to_consent(context: PlanContext) -> Iterator[PlannedAnnouncement]:
    preferences = context.preferences
    language = usual_language(context.found, preferences)
    for day, play_at in daily(preferences.briefing_at or preferences.all_day_at or _USUAL_TIME, context):
        yield make_announcement(
            say_reconnect,
            voice_for(preferences, language),
            phrase_seed(play_at),
            key=announcement_key("reconsent", None, 0, None, day.isoformat()),
            kind="reconsent",
            language=language,
            play_at=play_at,
            expires_at=context.holding.lasts_until(play_at, play_at + MAX_LIFETIME),
            titles=(),
            event_start=day.isoformat(),
            held_for=context.holding.held_for(play_at, "reconsent"),
        )
