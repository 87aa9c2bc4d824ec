"""Clocks: fixed, advanced and shifted time."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

from catflap.clock import FixedClock, SystemClock, rfc3339

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


def test_a_fixed_clock_stands_still_and_never_runs_backwards() -> None:
    clock = FixedClock(START)
    assert clock.now() == START
    clock.advance(timedelta(minutes=5))
    clock.advance_to(START)
    assert clock.now() == START + timedelta(minutes=5)


async def test_advancing_wakes_the_sleepers_that_are_due_and_no_others() -> None:
    clock, woken = FixedClock(START), []

    async def sleeper(minutes: int) -> None:
        await clock.sleep_until(START + timedelta(minutes=minutes))
        woken.append(minutes)

    early, late = asyncio.ensure_future(sleeper(1)), asyncio.ensure_future(sleeper(10))
    await asyncio.sleep(0)
    clock.advance(timedelta(minutes=1))
    await early
    assert woken == [1]
    clock.advance(timedelta(minutes=9))
    await late


def test_a_shifted_system_clock_shows_the_start_in_utc_and_goes_on() -> None:
    tokyo = START.astimezone(timezone(timedelta(hours=9)))
    clock = SystemClock(tokyo)
    first = clock.now()
    assert first.tzinfo is UTC
    assert START <= first < START + timedelta(seconds=30)
    assert clock.now() >= first


def test_an_instant_is_written_in_utc_whatever_zone_it_came_in() -> None:
    at = datetime(2026, 11, 24, 8, 30, 0, 1000, tzinfo=timezone(timedelta(hours=9)))
    assert rfc3339(at) == "2026-11-23T23:30:00.001000Z"
    assert rfc3339(at, "milliseconds") == "2026-11-23T23:30:00.001Z"
    assert rfc3339(START) == "2026-11-24T06:00:00Z"
