"""Preview what would be said on a day with other preferences, by the functions of the planner.

Nothing is stored or enqueued: changes of occurrences are not noticed here, so the next plan still tells them
(docs/decisions/0041-previews-of-a-day.md).
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.appointments import Appointment, appointments
from catflap.announcements.audience import ALONE, Audience, devices_of_user
from catflap.announcements.facts import load_facts
from catflap.announcements.planned import PlannedAnnouncement
from catflap.announcements.planning import occurrence_window, plan
from catflap.announcements.preferences import Preferences
from catflap.announcements.sample_day import sample_day
from catflap.calendars import Occurrence, list_occurrences
from catflap.calendars.datetimes import to_utc
from catflap.speech import Language
from catflap.store.calendar_tables import calendars as c
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_within

_ONE_DAY = timedelta(days=1)
_SELECTED = PreparedQuery(
    select(c.c.id)
    .where(c.c.user_id == bindparam("user_id"), c.c.is_selected)
    .order_by(c.c.is_primary.desc(), c.c.id)
)


@dataclass(frozen=True)
class Preview:
    """What would be said on a day.

    Args:
        appointments: How many the stored calendars have on that day, also those that are not announced
            because they are uncertain, or because of their calendar.
        is_sample: Whether the day is made up.
        meetings: When the user is in a meeting.
        announcements: In the order in which they would be said, also those that are held.
    """

    appointments: int
    is_sample: bool
    meetings: Sequence[tuple[datetime, datetime]]
    announcements: Sequence[PlannedAnnouncement]


async def preview_day(
    connection: AsyncConnection,
    user_id: int,
    preferences: Preferences,
    day: date,
    *,
    without: Collection[int] = (),
    sample_language: Language | None = None,
) -> Preview:
    """Return what would be said on a day on most of the user's own devices.

    Args:
        connection: The database; it is only read.
        user_id: The user.
        preferences: Those to preview.
        day: The day, in the time zone of `preferences`.
        without: Calendars that are not to be announced.
        sample_language: That of a made-up day for one without appointments; None for none.
    """
    begin, end = _bounds(day, preferences)
    window = occurrence_window(preferences, begin, end - begin)
    # Also before the first sync: it is about the preferences.
    facts = replace(await load_facts(connection, user_id), has_calendars=True)
    found = await list_occurrences(connection, user_id, *window, preferences.time_zone)
    uncertain_too = replace(preferences, tentative="plain")
    count = sum(_is_on(one, day, begin, end) for one in appointments(found, uncertain_too))
    is_sample = sample_language is not None and count == 0
    if sample_language is not None and is_sample:
        rows = await fetch_within(connection, _SELECTED, user_id=user_id)
        found += sample_day(day, sample_language, preferences, [row["id"] for row in rows])
    own = [one for one in found if one.calendar_id not in without]
    audience = await _usual_audience(connection, user_id)
    planned = plan(own, preferences, begin, end - begin, facts, audience)
    return Preview(count, is_sample, _meetings(own, preferences, begin, end), planned)


def _bounds(day: date, preferences: Preferences) -> tuple[datetime, datetime]:
    """Return when a day begins and ends, which is 23 or 25 hours later where clocks change."""
    first, last = (
        to_utc(datetime.combine(one, time()), preferences.time_zone) for one in (day, day + _ONE_DAY)
    )
    return first, last


def _is_on(one: Appointment, day: date, begin: datetime, end: datetime) -> bool:
    found = one.occurrence
    if found.all_day:
        return found.covers(day)
    return begin <= found.starts_at < end or found.starts_at < begin < found.ends_at


def _meetings(
    found: Sequence[Occurrence], preferences: Preferences, begin: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    return [
        (one.occurrence.starts_at, one.occurrence.ends_at)
        for one in appointments(found, preferences)
        if one.is_meeting and one.occurrence.starts_at < end and one.occurrence.ends_at > begin
    ]


async def _usual_audience(connection: AsyncConnection, user_id: int) -> Audience:
    """Return how announcements are said on most of the user's own devices."""
    own = Counter(one.audience for one in await devices_of_user(connection, user_id) if one.is_owner)
    return own.most_common(1)[0][0] if own else ALONE
