"""Counters add up in several processes, by five minutes and in all, and survive a database that is away."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import CatflapError
from catflap.store.batches import in_batches
from catflap.store.counters import (
    BUCKET,
    COUNTERS_KEPT,
    Counters,
    bucket_of,
    delete_old_counters,
    read_series,
    read_totals,
)

Totals = dict[str, dict[str, int]]
HOUR = timedelta(hours=1)


async def totals(engine: AsyncEngine) -> Totals:
    async with engine.connect() as connection:
        return await read_totals(connection)


async def series(engine: AsyncEngine, clock: FixedClock, step: timedelta = BUCKET) -> Any:
    until = bucket_of(clock.now()) + BUCKET
    async with engine.connect() as connection:
        return await read_series(connection, until - HOUR, until, step)


async def test_processes_add_up(engine: AsyncEngine, clock: FixedClock) -> None:
    both = [Counters(engine, clock) for _ in range(2)]
    for process in both:
        for outcome in ("succeeded", "refused", "succeeded"):
            process.count("token_refreshes", outcome)
        process.count("renders", "succeeded", 3)
    await asyncio.gather(*(process.write() for process in both))
    expected = {"token_refreshes": {"succeeded": 4, "refused": 2}, "renders": {"succeeded": 6}}
    assert await totals(engine) == expected
    at = bucket_of(clock.now())
    assert await series(engine, clock) == {name: {at: counts} for name, counts in expected.items()}


async def test_what_was_written_is_not_written_again(engine: AsyncEngine, clock: FixedClock) -> None:
    counters = Counters(engine, clock)
    counters.count("renders", "succeeded")
    for _ in range(3):
        await counters.write()
    assert await totals(engine) == {"renders": {"succeeded": 1}}


async def test_times_are_summed_in_steps_that_end_now(engine: AsyncEngine, clock: FixedClock) -> None:
    counters = Counters(engine, clock)
    for _ in range(6):
        counters.count("renders", "succeeded")
        clock.advance(BUCKET)
    await counters.write()
    found = (await series(engine, clock, timedelta(minutes=15)))["renders"]
    end = bucket_of(clock.now()) + BUCKET
    assert found == {
        end - timedelta(minutes=15): {"succeeded": 2},
        end - timedelta(minutes=30): {"succeeded": 3},
        end - timedelta(minutes=45): {"succeeded": 1},
    }


async def test_after_a_failed_write_all_is_written_later(engine: AsyncEngine, clock: FixedClock) -> None:
    counters = Counters(engine, clock)
    counters.count("renders", "succeeded", -(2**70))
    with pytest.raises(CatflapError):
        await counters.write()
    counters.count("renders", "succeeded", 2**70)
    counters.count("renders", "succeeded", 5)
    await counters.write()
    assert await totals(engine) == {"renders": {"succeeded": 5}}


async def test_the_last_counts_are_written_at_the_end(engine: AsyncEngine, clock: FixedClock) -> None:
    async with Counters(engine, clock) as counters:
        counters.count("webhook_deliveries", "delivered")
    assert await totals(engine) == {"webhook_deliveries": {"delivered": 1}}


async def test_old_buckets_are_deleted_and_totals_stay(engine: AsyncEngine, clock: FixedClock) -> None:
    counters = Counters(engine, clock)
    counters.count("renders", "succeeded")
    clock.advance(COUNTERS_KEPT + BUCKET)
    counters.count("renders", "succeeded")
    await counters.write()
    now = clock.now()
    await in_batches(engine, lambda connection: delete_old_counters(now, connection))
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM app.counters")) == 1
    assert await totals(engine) == {"renders": {"succeeded": 2}}
