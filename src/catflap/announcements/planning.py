"""Plan the announcements of the coming hours from occurrences, preferences and other facts.

Pure functions, without database, clock or randomness. The plan of two adjacent intervals is the plan of the
first followed by that of the second.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from catflap.announcements.appointments import appointments
from catflap.announcements.audience import ALONE, Audience, addressed
from catflap.announcements.briefings import briefings
from catflap.announcements.context import PlanContext
from catflap.announcements.facts import NO_FACTS, Facts
from catflap.announcements.holding import Holding
from catflap.announcements.notices import notices
from catflap.announcements.planned import PlannedAnnouncement
from catflap.announcements.preferences import Preferences
from catflap.announcements.reminders import reminders
from catflap.calendars import Occurrence
from catflap.google.calendar import MAX_REMINDER_MINUTES

HORIZON = timedelta(hours=24)

_ONE_DAY = timedelta(days=1)


def occurrence_window(
    preferences: Preferences, now: datetime, horizon: timedelta = HORIZON
) -> tuple[datetime, datetime]:
    """Return the interval for which `plan` needs the occurrences."""
    leads = [
        *preferences.reminder_minutes,
        *preferences.countdown_minutes,
        *(place.minutes for place in preferences.places),
        *(minutes for own in preferences.calendars.values() for minutes in own.reminder_minutes or ()),
        *([MAX_REMINDER_MINUTES] if preferences.reminders_from == "google" else []),
    ]
    # A briefing at the end of the horizon covers its whole day, and a look-ahead the next.
    whole_days = 2 * _ONE_DAY if preferences.evening_at else _ONE_DAY
    return now - _ONE_DAY, now + horizon + max(timedelta(minutes=max(leads, default=0)), whole_days)


def plan(
    occurrences: Iterable[Occurrence],
    preferences: Preferences,
    now: datetime,
    horizon: timedelta = HORIZON,
    facts: Facts = NO_FACTS,
    audience: Audience = ALONE,
) -> list[PlannedAnnouncement]:
    """Return the announcements from `now` (included) to `now + horizon` (excluded), in order of time.

    Also those that are held, with the reason.

    Args:
        occurrences: Those of `occurrence_window`.
        preferences: The user's.
        now: The beginning.
        horizon: How long it is for.
        facts: Other inputs.
        audience: Who hears it.
    """
    found = appointments(occurrences, preferences)
    holding = Holding(found, preferences, audience.quiet)
    context = PlanContext(found, preferences, facts, holding, now, now + horizon, audience)
    planned = [*reminders(context), *briefings(context), *notices(context)]
    said = addressed(planned, audience, facts.readings)
    return sorted(said, key=lambda one: (one.play_at, one.kind, one.language, one.key))
