"""What the parts of a plan are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from catflap.announcements.appointments import Appointment
from catflap.announcements.audience import ALONE, Audience
from catflap.announcements.facts import Facts
from catflap.announcements.holding import Holding
from catflap.announcements.planned import announced_title
from catflap.announcements.preferences import Preferences
from catflap.speech import Title


@dataclass(frozen=True)
class PlanContext:
    """The inputs of a plan and the interval that it is for.

    Args:
        found: What is announced, in order of time.
        preferences: The user's.
        facts: Other inputs.
        holding: What is held.
        audience: Who hears it.
        start: Included.
        end: Excluded.
    """

    found: Sequence[Appointment]
    preferences: Preferences
    facts: Facts
    holding: Holding
    start: datetime
    end: datetime
    audience: Audience = ALONE
    # Those that were returned: most are needed for several announcements, and reading them takes a while.
    _titles: dict[str, Title] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The user's time zone."""
        return self.preferences.time_zone

    def includes(self, at: datetime) -> bool:
        """Return whether a time is in the interval."""
        return self.start <= at < self.end

    def title(self, one: Appointment) -> Title:
        """Return what may be said of an appointment."""
        found = self._titles.get(one.reference)
        if found is None:
            shown = one.occurrence if self.audience.says_titles else replace(one.occurrence, private=True)
            found = announced_title(shown, self.preferences, self.facts.readings)
            self._titles[one.reference] = found
        return found
