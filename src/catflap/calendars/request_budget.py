"""Keep within Google's quotas of the Calendar API: per project over all processes, and per user.

Google's limits are "per minute per project" and "per minute per user per project", both over a sliding
window (Calendar API, "Manage quotas"). Each request takes a permit first. Those of the project are counted
in the database (`project_budget`), those of a user in the process, because the job of an account runs in one
process at a time.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.budget_windows import (
    Priority,
    Rule,
    Usage,
    UserCounts,
    polls_per_minute,
    rules,
    start_of,
    window_of,
)
from catflap.calendars.project_budget import ProjectBudget
from catflap.clock import Clock
from catflap.errors import TryAgain
from catflap.log import log

# A request waits this long for a permit; then its job comes back later.
_PATIENCE = timedelta(seconds=2)
_LONGEST_JITTER = timedelta(seconds=10)
_LOG_EVERY = timedelta(minutes=1)
# What a user may always poll in a minute, however scarce the budget is.
_POLLS_OF_USER = 10


class BudgetUsed(TryAgain):
    """The budget of requests to the Calendar API is used up; the same call succeeds later.

    Args:
        limit: Whose it is, `project` or `user`.
        priority: What the request was for.
        after: How long to wait.
    """

    def __init__(self, limit: str, priority: Priority, after: timedelta) -> None:
        super().__init__(
            "google_budget_used",
            "Too many requests to Google's calendars at the moment; it goes on by itself in a minute.",
            detail=f"limit of the {limit}",
            after=after,
        )
        self.priority = priority


class RequestBudget:
    """The permits of this process for requests to the Calendar API.

    Args:
        engine: The database.
        clock: The current time; those of all processes should agree within a second.
        per_minute: The limit of the project, over all processes.
        per_user: The limit of each user.
        patience: How long a request waits for a permit.
        jitter: Spreads the times at which refused requests come back; from 0 to 1.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        per_minute: int,
        per_user: int,
        *,
        patience: timedelta = _PATIENCE,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._jitter = jitter
        self._project = ProjectBudget(engine, clock, per_minute)
        self._users = UserCounts()
        self._user_rules = rules(per_user)
        self._fewest_polls = max(1, min(_POLLS_OF_USER, polls_per_minute(per_minute) // 20))
        self._log_at: datetime | None = None

    async def acquire(self, user_id: int, priority: Priority) -> None:
        """Take a permit for one request, which is to be sent at once; wait for it if that is short.

        Raises:
            BudgetUsed: there is none soon; with the time to wait, different for each caller.
            TryAgain: `database_unavailable`.
        """
        until = self._clock.now() + self._patience
        while True:
            now = self._clock.now()
            free, limit = self._free_for_user(user_id, priority, window_of(now)), "user"
            if free is None:
                free, limit = await self._take(user_id, priority), "project"
            if free is None:
                return
            if start_of(free) > until:
                await self._refuse(limit, priority, start_of(free) - now)
            await self._clock.sleep_until(start_of(free))

    async def _take(self, user_id: int, priority: Priority) -> int | None:
        polled = int(priority is Priority.POLL)
        # Counted first, because other requests of this user may come while the database is asked.
        window = window_of(self._clock.now())
        self._users.add(user_id, window, 1, polled)
        free: int | None = window
        try:
            free = await self._project.take(priority)
        finally:
            used_in = window_of(self._clock.now())
            if free is not None or used_in != window:
                self._users.add(user_id, window, -1, -polled)
            if free is None and used_in != window:
                self._users.add(user_id, used_in, 1, polled)
        return free

    def _free_for_user(self, user_id: int, priority: Priority, window: int) -> int | None:
        """Return the window to wait for, or None if the user may make a request now."""
        counts = self._users.of(user_id)
        free = self._user_rules[priority].free_from(counts, window)
        if priority is Priority.POLL and self._project.is_polling_scarce(window):
            # Twice the average, because most users need less than that.
            share = Rule(max(self._fewest_polls, 2 * self._users.polls_per_user(window)))
            free = max(free, share.free_from((Usage(one.window, one.polled, 0) for one in counts), window))
        return None if free <= window else free

    async def _refuse(self, limit: str, priority: Priority, wait: timedelta) -> NoReturn:
        now = self._clock.now()
        await self._project.note_refusal()
        if self._log_at is None or not self._log_at - _LOG_EVERY <= now < self._log_at:
            self._log_at = now + _LOG_EVERY
            log.warning("google_budget_used", limit=limit, priority=priority.name.lower())
        raise BudgetUsed(limit, priority, wait + min(wait, _LONGEST_JITTER) * self._jitter())
