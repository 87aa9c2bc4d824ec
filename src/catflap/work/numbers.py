"""The numbers of this installation for its operator: of now, in all, and over time.

The screen of the operator and `/metrics` are made from these, so that they can't disagree. Each is remembered
for some seconds, so that it costs the same however often somebody asks; see `catflap.work.status` for what
one reading costs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.lateness import LATENESS_BOUNDS, LATER
from catflap.clock import Clock
from catflap.store.counters import BUCKET, CounterName, bucket_of, read_series, read_totals
from catflap.vault.api_keys import ApiKey
from catflap.vault.health import VaultHealth, WebhookHealth
from catflap.work.status import Status, read_status

_T = TypeVar("_T")
_REMEMBERED = timedelta(seconds=5)
# What is counted by how it ended; lateness is a histogram.
OUTCOMES: tuple[CounterName, ...] = (
    "token_refreshes",
    "calendar_syncs",
    "announcements",
    "renders",
    "webhook_deliveries",
)
# So many points of a chart at most, and how far apart they are.
_MOST_POINTS = 96
_STEPS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120))
MOST_HOURS = 7 * 24


@dataclass(frozen=True)
class Lateness:
    """How late announcements were played.

    Attributes:
        ranges: the upper bound of each range in seconds, None for the last, and how many were in it.
        seconds: the sum.
    """

    ranges: tuple[tuple[float | None, int], ...]
    seconds: float

    @property
    def played(self) -> int:
        """How many were played."""
        return sum(number for _, number in self.ranges)


@dataclass(frozen=True)
class Numbers:
    """The state at one moment, and the totals since the first start."""

    at: datetime
    grants: dict[str, int]
    status: Status
    keys: list[ApiKey]
    webhooks: list[WebhookHealth]
    totals: dict[CounterName, dict[str, int]]
    lateness: Lateness


@dataclass(frozen=True)
class Series:
    """What happened over time.

    Attributes:
        times: the beginning of each step, without gaps.
        step: its length.
        counts: by name, for each step how often it ended how.
        lateness: of the whole time.
    """

    times: list[datetime]
    step: timedelta
    counts: dict[CounterName, list[dict[str, int]]]
    lateness: Lateness


class OperatorNumbers:
    """Reads the numbers, at most once in some seconds.

    Args:
        engine: The database.
        clock: The current time.
        health: Of the vault.
        requests_per_minute: The limit of requests to Google's Calendar API.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Clock, health: VaultHealth, requests_per_minute: int
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._health = health
        self._limit = requests_per_minute
        self._remembered: dict[Hashable, tuple[datetime, Any]] = {}
        self._reading = asyncio.Lock()

    async def now(self) -> Numbers:
        """Return the numbers of now.

        Raises:
            TryAgain: `database_unavailable`.
        """
        return await self._remember("now", self._read_now)

    async def over(self, hours: int) -> Series:
        """Return what happened in the last hours, up to MOST_HOURS.

        Raises:
            TryAgain: `database_unavailable`.
        """
        return await self._remember(hours, lambda: self._read_over(hours))

    async def _remember(self, key: Hashable, read: Callable[[], Awaitable[_T]]) -> _T:
        # One at a time: those who wait get what was read meanwhile.
        async with self._reading:
            now = self._clock.now()
            if key in self._remembered:
                remembered: _T
                read_at, remembered = self._remembered[key]
                if timedelta(0) <= now - read_at < _REMEMBERED:
                    return remembered
            new = await read()
            self._remembered[key] = (now, new)
            return new

    async def _read_now(self) -> Numbers:
        now = self._clock.now()
        async with self._engine.connect() as connection:
            totals = await read_totals(connection)
        return Numbers(
            at=now,
            grants=await self._health.grants(),
            status=await read_status(self._engine, now, self._limit),
            keys=await self._health.keys(),
            webhooks=await self._health.webhooks(),
            totals={name: totals.get(name, {}) for name in OUTCOMES},
            lateness=_lateness(totals),
        )

    async def _read_over(self, hours: int) -> Series:
        span = timedelta(hours=hours)
        step = next(one for one in _STEPS if span <= one * _MOST_POINTS)
        until = bucket_of(self._clock.now()) + BUCKET
        times = [until - step * back for back in range(-(-span // step), 0, -1)]
        async with self._engine.connect() as connection:
            found = await read_series(connection, times[0], until, step)
        summed: dict[str, dict[str, int]] = {}
        for name, steps in found.items():
            for labels in steps.values():
                for label, value in labels.items():
                    summed.setdefault(name, {}).setdefault(label, 0)
                    summed[name][label] += value
        counts = {name: [found.get(name, {}).get(at, {}) for at in times] for name in OUTCOMES}
        return Series(times, step, counts, _lateness(summed))


def _lateness(counts: dict[str, dict[str, int]]) -> Lateness:
    found = counts.get("announcement_lateness", {})
    ranges = tuple((bound, found.get(str(bound), 0)) for bound in LATENESS_BOUNDS)
    milliseconds = sum(counts.get("announcement_late_milliseconds", {}).values())
    return Lateness((*ranges, (None, found.get(LATER, 0))), milliseconds / 1000)
