"""Permits of the project for requests to the Calendar API, counted by all processes in the database.

`app.request_budgets` has a row for each window of a few seconds. A process takes several permits at once, for
the current window only, and gives back what it did not use; so it asks the database once for many requests.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.budget_windows import COUNTED, Priority, Usage, rules, start_of, window_of
from catflap.clock import Clock
from catflap.store.batches import next_batch
from catflap.store.calendar_tables import request_budgets
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_alone

_KEPT = timedelta(hours=1)
# At low rates; what is left over is given back.
_SMALLEST_CHUNK = 5
# A process takes at most this part of what is left, so that others find permits too.
_PART_OF_LEFT = 20
# A chunk lasts for this part of a window.
_CHUNKS_PER_WINDOW = 8
# Statements that ended after the window in which they began; the database is slow then.
_LATE_ANSWERS = 3


class ProjectBudget:
    """Permits of the project that this process has taken and not yet used, for the current window."""

    def __init__(self, engine: AsyncEngine, clock: Clock, per_minute: int) -> None:
        self._engine = engine
        self._clock = clock
        self._rules = rules(per_minute)
        self._lock = asyncio.Lock()
        self._window = 0
        self._held = dict.fromkeys(Priority, 0)
        # Requests of this process in this window and in the one before.
        self._made = dict.fromkeys(Priority, 0)
        self._made_before = dict.fromkeys(Priority, 0)
        # No permit before this window, as far as is known.
        self._closed = dict.fromkeys(Priority, 0)
        # Of the last answer: its window, and how many requests the last minute had.
        self._answer = Usage(0, 0, 0)
        self._unused = Usage(0, 0, 0)
        self._refused = 0
        self._refusals_noted = 0

    async def take(self, priority: Priority) -> int | None:
        """Take a permit for the current window; otherwise return the window to wait for."""
        for _ in range(_LATE_ANSWERS):
            if not self._knows(priority):
                async with self._lock:
                    if not self._knows(priority):
                        await self._ask(priority)
            if not self._knows(priority):
                continue
            if not self._held[priority]:
                return self._closed[priority]
            self._held[priority] -= 1
            self._made[priority] += 1
            return None
        return window_of(self._clock.now()) + 1

    def is_polling_scarce(self, window: int) -> bool:
        """Return whether more than half of what polling may use was used at the last answer."""
        is_recent = 0 <= window - self._answer.window < COUNTED
        return is_recent and 2 * self._answer.used > self._rules[Priority.POLL].most

    async def note_refusal(self) -> None:
        """Count a request that was refused; written once a window."""
        self._refused += 1
        window = window_of(self._clock.now())
        if self._refusals_noted != window:
            self._refusals_noted = window
            refused, self._refused = self._refused, 0
            await fetch_alone(self._engine, _NOTE_REFUSED, window_at=start_of(window), refused=refused)

    def _knows(self, priority: Priority) -> bool:
        """Return whether there is a permit, or known to be none. Permits of an earlier window have ended."""
        window = window_of(self._clock.now())
        if window != self._window:
            self._give_back(self._window, self._held)
            self._made_before = self._made if window == self._window + 1 else dict.fromkeys(Priority, 0)
            self._held, self._made = dict.fromkeys(Priority, 0), dict.fromkeys(Priority, 0)
            self._window = window
        return self._held[priority] > 0 or window < self._closed[priority] < window + COUNTED + 1

    def _give_back(self, window: int, held: Mapping[Priority, int]) -> None:
        # Of one window only; those of an earlier one are forgotten a minute later.
        if any(held.values()):
            self._unused = Usage(window, sum(held.values()), held[Priority.POLL])

    async def _ask(self, priority: Priority) -> None:
        """Take permits from the database for the current window, or find out when there will be some."""
        window, rule, is_poll = self._window, self._rules[priority], priority is Priority.POLL
        rate = max(self._made[priority], self._made_before[priority])
        left = max(0, rule.most - self._answer.used) if window - self._answer.window < COUNTED else rule.most
        chunk = max(1, min(max(_SMALLEST_CHUNK, rate // _CHUNKS_PER_WINDOW), left // _PART_OF_LEFT))
        for n in (chunk, 1) if chunk > 1 else (1,):
            unused, self._unused = self._unused, Usage(0, 0, 0)
            row = await fetch_alone(
                self._engine,
                _TAKE,
                window_at=start_of(window),
                counted_from=start_of(window - COUNTED + 1),
                counted_to=start_of(window + COUNTED),
                n=n,
                polled=n if is_poll else 0,
                most=rule.most,
                always=rule.always,
                always_most=rule.always_most,
                unused_at=start_of(unused.window),
                unused=unused.used,
                unused_polled=unused.polled,
            )
            if row:
                self._answer = Usage(window, row[0]["used"], row[0]["polled"])
                self._closed[priority] = 0
                if self._window == window:
                    # If the window has ended meanwhile, they end at the next look at the clock.
                    self._held[priority] += n
                else:
                    self._unused = Usage(window, n, n if is_poll else 0)
                return
        async with self._engine.connect() as connection:
            usages = await read_usages(connection, window)
        self._answer = Usage(window, sum(one.used for one in usages), sum(one.polled for one in usages))
        # Another process may have given some back meanwhile.
        self._closed[priority] = max(rule.free_from(usages, window), window + 1)


_TAKE = PreparedQuery(
    text("""
    WITH given_back AS (
        UPDATE app.request_budgets SET used = used - CAST(:unused AS integer),
            polled = polled - CAST(:unused_polled AS integer)
        WHERE window_at = CAST(:unused_at AS timestamptz) AND :unused > 0
    ), others AS MATERIALIZED (
        SELECT coalesce(sum(used), 0) AS used, coalesce(sum(polled), 0) AS polled FROM app.request_budgets
        WHERE window_at >= CAST(:counted_from AS timestamptz) AND window_at < CAST(:counted_to AS timestamptz)
            AND window_at <> CAST(:window_at AS timestamptz)
    )
    INSERT INTO app.request_budgets AS b (window_at, used, polled, refused)
    SELECT CAST(:window_at AS timestamptz), CAST(:n AS integer), CAST(:polled AS integer), 0 FROM others
    WHERE others.used + :n <= CAST(:most AS integer) OR (
        others.polled + :n <= CAST(:always AS integer) AND others.used + :n <= CAST(:always_most AS integer)
    )
    ON CONFLICT (window_at) DO UPDATE SET used = b.used + excluded.used, polled = b.polled + excluded.polled
    WHERE b.used + (SELECT used FROM others) + :n <= :most OR (
        b.polled + (SELECT polled FROM others) + :n <= :always
        AND b.used + (SELECT used FROM others) + :n <= :always_most
    )
    RETURNING CAST(used + (SELECT used FROM others) AS integer) AS used,
        CAST(polled + (SELECT polled FROM others) AS integer) AS polled
    """)
)
_NOTE_REFUSED = PreparedQuery(
    text("""
    INSERT INTO app.request_budgets AS b (window_at, used, polled, refused)
    VALUES (CAST(:window_at AS timestamptz), 0, 0, CAST(:refused AS integer))
    ON CONFLICT (window_at) DO UPDATE SET refused = b.refused + excluded.refused
    """)
)


async def read_usages(connection: AsyncConnection, window: int) -> list[Usage]:
    """Return the requests of each window that counts in `window`, of all processes."""
    t = request_budgets.c
    counted = t.window_at >= start_of(window - COUNTED + 1), t.window_at < start_of(window + COUNTED)
    rows = await connection.execute(select(t.window_at, t.used, t.polled).where(*counted))
    return [Usage(window_of(row.window_at), row.used, row.polled) for row in rows]


async def delete_old_windows(now: datetime, connection: AsyncConnection) -> int:
    """Delete windows that count no more."""
    t = request_budgets
    old = next_batch(t, t.c.window_at < now - _KEPT, oldest=t.c.window_at)
    return (await connection.execute(delete(t).where(old))).rowcount
