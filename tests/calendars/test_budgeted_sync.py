"""What a sync does when there is no permit for a request: nothing is lost, and nothing is a problem."""

from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import BudgetUsed, Calendars, RequestBudget
from catflap.calendars.budget_windows import Priority
from catflap.clock import FixedClock
from catflap.store.calendar_tables import calendar_syncs, calendars
from catflap.store.task_types import AccountKey
from tests.support.faulty_transport import FaultyTransport
from tests.support.sandbox_calendar import EMAIL, SUB, Served
from tests.support.synced import account_sync, add_band, calendar_rows, primary_calendar, titles

LIMIT = 20
MINUTE = timedelta(minutes=1)
OTHERS = 4711


@pytest.fixture
def budget(engine: AsyncEngine, clock: FixedClock) -> RequestBudget:
    """A small one, which the syncs of `limited` share with other users."""
    return RequestBudget(engine, clock, LIMIT, 10_000)


@pytest.fixture
def limited(
    google: Served, transport: FaultyTransport, engine: AsyncEngine, clock: FixedClock, budget: RequestBudget
) -> Calendars:
    return Calendars(engine, clock, google.api, google.access, google.fresh, budget)


async def use(budget: RequestBudget, requests: int, priority: Priority) -> None:
    for _ in range(requests):
        await budget.acquire(OTHERS, priority)


async def jobs(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await connection.scalar(
            text("SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'sync_due'")
        )


async def test_polling_that_gets_no_permit_is_due_again_when_there_may_be_one(
    limited: Calendars,
    budget: RequestBudget,
    google: Served,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    await limited.sync_account(account, SUB)
    google.insert("Tea", clock.now() + timedelta(hours=5))
    clock.advance(timedelta(minutes=5))
    await use(budget, 19, Priority.SYNC)
    transport.asked.clear()
    await limited.run_sync(AccountKey(account, SUB), only_due=True)
    assert transport.asked == []
    assert await jobs(engine) == 0, "the periodic task enqueues it"
    state = await account_sync(engine)
    assert MINUTE / 2 < state.due_at - clock.now() < 2 * MINUTE
    assert (state.problem, state.failures) == (None, 0)
    assert (await primary_calendar(engine)).problem is None
    clock.advance_to(state.due_at)
    await limited.run_sync(AccountKey(account, SUB), only_due=True)
    assert await titles(engine, account, clock) == ["Tea"]


async def test_a_told_change_that_gets_no_permit_keeps_its_priority(
    limited: Calendars,
    budget: RequestBudget,
    google: Served,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
) -> None:
    await limited.sync_account(account, SUB)
    google.insert("Tea", clock.now() + timedelta(hours=5))
    async with engine.begin() as connection:
        told = update(calendars).where(calendars.c.google_id == EMAIL)
        await connection.execute(told.values(is_notified=True))
        await connection.execute(update(calendar_syncs).values(is_list_notified=True))
    clock.advance(2 * MINUTE)
    await use(budget, LIMIT, Priority.WRITE)
    await limited.run_sync(AccountKey(account, SUB), only_due=True)
    assert await jobs(engine) == 1
    assert (await primary_calendar(engine)).is_notified
    assert (await account_sync(engine)).is_list_notified
    clock.advance(2 * MINUTE)
    # For the list and the calendar, if they are urgent; the floor of polling is used.
    await use(budget, 4, Priority.POLL)
    await use(budget, 13, Priority.SYNC)
    await limited.run_sync(AccountKey(account, SUB), only_due=True)
    assert await titles(engine, account, clock) == ["Tea"]
    assert not (await primary_calendar(engine)).is_notified


async def test_what_is_told_is_read_before_what_is_polled(
    limited: Calendars,
    budget: RequestBudget,
    google: Served,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    add_band(google, clock)
    await limited.sync_account(account, SUB)
    async with engine.begin() as connection:
        told = update(calendars).where(calendars.c.google_id != EMAIL)
        await connection.execute(told.values(is_notified=True))
    clock.advance(timedelta(minutes=5))
    # One permit is left to what is urgent.
    await use(budget, 18, Priority.SYNC)
    transport.asked.clear()
    with pytest.raises(BudgetUsed):
        await limited.sync_account(account, SUB, only_due=True)
    assert [url.path.split("/")[-2] != EMAIL for url in transport.asked] == [True]
    rows = await calendar_rows(engine)
    assert not any(row.is_notified for row in rows.values())


async def test_each_page_of_the_list_takes_a_permit(
    google: Served,
    transport: FaultyTransport,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    budget: RequestBudget,
    limited: Calendars,
) -> None:
    add_band(google, clock)
    transport.page_size = 1
    # Those of the list are all that are left to what is urgent.
    await use(budget, 17, Priority.SYNC)
    with pytest.raises(BudgetUsed):
        await limited.sync_account(account, SUB)
    assert [url.path.rpartition("/")[2] for url in transport.asked] == ["calendarList"] * 2
    assert len(await calendar_rows(engine)) == 2
