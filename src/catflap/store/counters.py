"""Count what happens, in all processes together: for the charts of the operator and for Prometheus.

Counts say how often something happened and how it ended, and nothing of whom it concerned. They are kept in
memory and written every few seconds, so nothing that is counted waits for the database; a killed process
loses the last of them. While the database is unavailable they stay in memory, where a day takes a few
thousand numbers.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.background import Background
from catflap.clock import Clock
from catflap.store.batches import next_batch
from catflap.store.counter_tables import counter_totals, counters

CounterName = Literal[
    "token_refreshes",
    "calendar_syncs",
    "announcements",
    "announcement_lateness",
    "announcement_late_milliseconds",
    "renders",
    "webhook_deliveries",
]
SUCCEEDED = "succeeded"
BUCKET = timedelta(minutes=5)
COUNTERS_KEPT = timedelta(days=14)
_EVERY_SECONDS = 5.0

# Sorted, so that processes which write the same rows lock them in the same order.
_ADD_TO_BUCKETS = text(
    "INSERT INTO app.counters (bucket_at, name, label, value) SELECT * FROM unnest("
    "CAST(:bucket_at AS timestamptz[]), CAST(:name AS text[]), CAST(:label AS text[]), "
    "CAST(:value AS bigint[])) AS added (bucket_at, name, label, value) ORDER BY bucket_at, name, label "
    "ON CONFLICT (bucket_at, name, label) DO UPDATE SET value = counters.value + excluded.value"
)
_ADD_TO_TOTALS = text(
    "INSERT INTO app.counter_totals (name, label, value) SELECT name, label, sum(value) FROM unnest("
    "CAST(:name AS text[]), CAST(:label AS text[]), CAST(:value AS bigint[])) AS added (name, label, value) "
    "GROUP BY name, label ORDER BY name, label "
    "ON CONFLICT (name, label) DO UPDATE SET value = counter_totals.value + excluded.value"
)
_SERIES = text(
    "SELECT date_bin(CAST(:step AS interval), bucket_at, CAST(:until AS timestamptz)) AS at, name, label, "
    "CAST(sum(value) AS bigint) AS value FROM app.counters WHERE bucket_at >= :since AND bucket_at < :until "
    "GROUP BY 1, 2, 3"
)


class Count(Protocol):
    """Counts something that happened, in memory; `label` says how it ended."""

    def __call__(self, name: CounterName, label: str, times: int = 1) -> None:
        """Add `times` to a count."""


def count_nothing(name: CounterName, label: str, times: int = 1) -> None:
    """Count nothing, for components that are built without counters."""


class Counters(Background):
    """Counts of this process, added to those in the database while the context is open."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._counts: Counter[tuple[datetime, str, str]] = Counter()
        self._writing = asyncio.Lock()

    async def __aexit__(self, *raised: object) -> None:
        await super().__aexit__(*raised)
        await self.attempt_last(self.write)

    def count(self, name: CounterName, label: str, times: int = 1) -> None:
        """Add `times` to a count of the present bucket; it is written within seconds."""
        self._counts[bucket_of(self._clock.now()), name, label] += times

    async def write(self) -> None:
        """Add what was counted to the database; after a failure it is written with the next."""
        async with self._writing:
            batch, self._counts = self._counts, Counter()
            if not batch:
                return
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(_ADD_TO_BUCKETS, _columns(batch))
                    await connection.execute(_ADD_TO_TOTALS, _columns(batch))
            except BaseException:
                self._counts.update(batch)
                raise

    async def run(self) -> None:
        """Write every few seconds until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await asyncio.shield(self.attempt(self.write))


def bucket_of(moment: datetime, step: timedelta = BUCKET) -> datetime:
    """Return the beginning of the bucket that a time is in."""
    epoch = datetime.fromtimestamp(0, UTC)
    return moment - (moment - epoch) % step


async def read_totals(connection: AsyncConnection) -> dict[str, dict[str, int]]:
    """Return, by name and label, how often each thing has happened since the first start."""
    t = counter_totals.c
    totals: dict[str, dict[str, int]] = {}
    for name, label, value in await connection.execute(select(t.name, t.label, t.value)):
        totals.setdefault(name, {})[label] = value
    return totals


async def read_series(
    connection: AsyncConnection, since: datetime, until: datetime, step: timedelta
) -> dict[str, dict[datetime, dict[str, int]]]:
    """Return, by name, time and label, how often each thing happened; times without a count are left out.

    Args:
        connection: To the database.
        since: From this time on.
        until: Up to this time, which is the end of a step.
        step: A multiple of BUCKET.
    """
    found = await connection.execute(_SERIES, {"since": since, "until": until, "step": step})
    series: dict[str, dict[datetime, dict[str, int]]] = {}
    for at, name, label, value in found:
        series.setdefault(name, {}).setdefault(at, {})[label] = value
    return series


async def delete_old_counters(now: datetime, connection: AsyncConnection) -> int:
    """Delete a batch of buckets that are older than COUNTERS_KEPT; the totals stay."""
    t = counters
    old = next_batch(t, t.c.bucket_at < now - COUNTERS_KEPT, oldest=t.c.bucket_at)
    return (await connection.execute(delete(t).where(old))).rowcount


def _columns(batch: Mapping[tuple[datetime, str, str], int]) -> dict[str, list[object]]:
    rows = [(*key, times) for key, times in batch.items()]
    return dict(zip(("bucket_at", "name", "label", "value"), map(list, zip(*rows, strict=True)), strict=True))
