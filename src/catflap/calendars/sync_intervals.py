"""How long after a sync the next one is due."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from catflap.calendars.sync_state import SyncState

# Calendars that Google publishes itself, such as public holidays: they hardly change, and have no push.
_OF_GOOGLE = "@group.v.calendar.google.com"


@dataclass(frozen=True)
class SyncIntervals:
    """The longest times between two syncs; each is shortened at random, so that syncs spread out.

    Args:
        polled: Of a calendar about which Google sends no notifications.
        seldom: Of one about which it does, in case a notification is lost; of calendars that Google
            publishes; of a list about which it sends notifications.
        jitter: A random number of [0, 1).
    """

    polled: timedelta = timedelta(minutes=5)
    seldom: timedelta = timedelta(hours=1)
    jitter: Callable[[], float] = random.random

    def of_calendar(self, calendar: SyncState) -> timedelta:
        """Return the time until the next sync of a calendar that was just synced."""
        is_seldom = calendar.has_push or calendar.google_id.endswith(_OF_GOOGLE)
        return self._spread(self.seldom if is_seldom else self.polled)

    def of_list(self, *, has_push: bool) -> timedelta:
        """Return the time until the next sync of a calendar list that was just read; lists change seldom."""
        return self._spread(self.seldom if has_push else 3 * self.polled)

    def _spread(self, longest: timedelta) -> timedelta:
        # Google asks for ±25 % (Calendar API, "Manage quotas"). Less than the interval, because the job
        # begins a little after it is due.
        return longest * (0.7 + 0.25 * self.jitter())
