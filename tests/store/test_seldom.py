"""A seldom task runs in one of all processes, once per interval."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.store.seldom import SeldomTask
from catflap.store.tables import seldom_tasks
from tests.support.statements import recorded_statements

EVERY = timedelta(hours=1)


@pytest.fixture
def processes(engine: AsyncEngine) -> list[SeldomTask]:
    """The same task in three processes."""
    return [SeldomTask(engine, seldom_tasks, "deletion", EVERY) for _ in range(3)]


async def test_one_of_several_processes_runs_it_once_per_interval(
    processes: list[SeldomTask], clock: FixedClock
) -> None:
    for _ in range(3):
        answers = await asyncio.gather(*(one.is_due(clock.now()) for one in processes))
        assert sorted(answers) == [False, False, True]
        clock.advance(EVERY)


async def test_another_process_goes_on_when_the_first_has_ended(
    processes: list[SeldomTask], clock: FixedClock
) -> None:
    first, other, _ = processes
    assert await first.is_due(clock.now())
    clock.advance(EVERY - timedelta(seconds=1))
    assert not await other.is_due(clock.now())
    clock.advance(EVERY)
    assert await other.is_due(clock.now())


async def test_a_process_whose_clock_was_ahead_stops_no_other(
    processes: list[SeldomTask], clock: FixedClock
) -> None:
    ahead, other, third = processes
    assert await ahead.is_due(clock.now() + timedelta(days=365))
    assert await other.is_due(clock.now())
    # A clock that is a little behind changes nothing.
    assert not await third.is_due(clock.now() - timedelta(minutes=1))


async def test_within_the_interval_the_database_is_not_asked(
    processes: list[SeldomTask], clock: FixedClock
) -> None:
    await processes[0].is_due(clock.now())
    with recorded_statements() as sent:
        clock.advance(EVERY - timedelta(seconds=1))
        assert not await processes[0].is_due(clock.now())
    assert sent == []
