"""Requests to the Calendar API keep within Google's quotas, over all processes and for each user."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.budget_windows import COUNTED, WINDOW_SECONDS, Priority, UserCounts, window_of
from catflap.calendars.project_budget import delete_old_windows
from catflap.calendars.request_budget import BudgetUsed, RequestBudget
from catflap.clock import FixedClock
from catflap.store.calendar_tables import request_budgets
from catflap.store.database import Urls, connect
from catflap.store.unavailable import DatabaseUnavailable
from catflap.testing import NOON
from tests.support.database import database_away
from tests.support.statements import recorded_statements

MINUTE = timedelta(minutes=1)
POLL, SYNC, WRITE = Priority.POLL, Priority.SYNC, Priority.WRITE


def budget(engine: AsyncEngine, clock: FixedClock, limit: int = 100, per_user: int = 10_000) -> RequestBudget:
    """The budget of one process, whose requests don't wait."""
    return RequestBudget(engine, clock, limit, per_user, patience=timedelta(0))


async def is_granted(request: Awaitable[None]) -> bool:
    try:
        await request
    except BudgetUsed:
        return False
    return True


async def granted(process: RequestBudget, n: int, priority: Priority, *, user_id: int | None = None) -> int:
    """Return how many of `n` requests get a permit now; each of a user of its own if none is given."""
    users = itertools.repeat(user_id) if user_id else itertools.count(1)
    return sum([await is_granted(process.acquire(next(users), priority)) for _ in range(n)])


async def counted(engine: AsyncEngine, column: str = "used") -> int:
    async with engine.connect() as connection:
        return await connection.scalar(select(func.coalesce(func.sum(request_budgets.c[column]), 0))) or 0


_steps = st.lists(
    st.tuples(
        # The process, what it asks for and how often, and the seconds until the next step.
        st.integers(0, 2),
        st.sampled_from(Priority),
        st.integers(1, 40),
        st.floats(0, 25),
    ),
    min_size=4,
    max_size=25,
)


# Examples that fail are not made smaller: processes race, so that would take minutes.
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_steps, limit=st.integers(1, 120))
def test_no_sliding_minute_has_more_requests_than_the_limit(
    database_urls: Urls, steps: Sequence[tuple[int, Priority, int, float]], limit: int
) -> None:
    made = asyncio.run(_requests(database_urls, steps, limit))
    assert made
    for end, _ in made:
        minute = [priority for at, priority in made if end - MINUTE < at <= end]
        assert len(minute) <= limit
        assert minute.count(POLL) <= max(1, int(limit * 0.7))


async def _requests(
    urls: Urls, steps: Sequence[tuple[int, Priority, int, float]], limit: int
) -> list[tuple[datetime, Priority]]:
    """Return when a request got a permit; in each step, two processes ask at the same time."""
    clock, engine = FixedClock(NOON), connect(urls.app)
    async with engine.begin() as connection:
        await connection.execute(delete(request_budgets))
    processes = [budget(engine, clock, limit) for _ in range(3)]
    made: list[tuple[datetime, Priority]] = []
    for number, priority, n, pause in steps:
        both = processes[number], processes[number - 1]
        asked = [one.acquire(i, priority) for one in both for i in range(n)]
        made += [(clock.now(), priority)] * sum(await asyncio.gather(*map(is_granted, asked)))
        clock.advance(timedelta(seconds=pause))
    await engine.dispose()
    return made


async def test_nearly_the_whole_limit_is_used(engine: AsyncEngine, clock: FixedClock) -> None:
    processes = [budget(engine, clock, 600) for _ in range(3)]
    made = 0
    for _ in range(5 * 60):
        made += sum([await granted(one, 8, WRITE) for one in processes])
        clock.advance(timedelta(seconds=1))
    # A window more than a minute is counted.
    assert made >= 5 * 600 * 60 / (60 + WINDOW_SECONDS) * 0.97


async def test_permits_that_a_process_did_not_use_are_given_back(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    process = budget(engine, clock, 10_000)
    assert await granted(process, 3, SYNC) == 3
    assert await counted(engine) == 5
    clock.advance(timedelta(seconds=WINDOW_SECONDS))
    await process.acquire(1, SYNC)
    async with engine.connect() as connection:
        rows = await connection.scalars(select(request_budgets.c.used).order_by(request_budgets.c.window_at))
        assert rows.all() == [3, 5]


async def test_the_database_is_asked_once_for_many_requests(engine: AsyncEngine, clock: FixedClock) -> None:
    process = budget(engine, clock, 10_000)
    with recorded_statements() as sent:
        for _ in range(10):
            assert await granted(process, 400, SYNC) == 400
            clock.advance(timedelta(seconds=WINDOW_SECONDS))
    assert sum("request_budgets" in one.sql for one in sent) < 4000 / 25


async def test_polling_leaves_a_part_of_the_budget_to_what_is_urgent(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    process = budget(engine, clock, 100)
    assert await granted(process, 100, POLL) == 70
    assert await granted(process, 100, SYNC) == 25
    assert await granted(process, 100, WRITE) == 5
    assert await granted(process, 1, WRITE) == 0


async def test_polling_goes_on_slowly_while_first_syncs_use_the_rest(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    first, other = (budget(engine, clock, 100) for _ in range(2))
    polled = 0
    for _ in range(10 * 60):
        await granted(first, 5, SYNC)
        polled += await granted(other, 1, POLL)
        clock.advance(timedelta(seconds=1))
    assert polled >= 10 * 10


async def test_a_user_has_a_limit_of_their_own(engine: AsyncEngine, clock: FixedClock) -> None:
    process = budget(engine, clock, 10_000, per_user=60)
    assert await granted(process, 100, SYNC, user_id=1) == 57
    assert await granted(process, 100, WRITE, user_id=1) == 3
    assert await granted(process, 10, WRITE, user_id=2) == 10
    clock.advance(timedelta(seconds=59))
    assert not await is_granted(process.acquire(1, WRITE))
    clock.advance(timedelta(seconds=1 + WINDOW_SECONDS))
    assert await granted(process, 100, SYNC, user_id=1) == 57


async def test_requests_at_the_same_moment_keep_within_the_limit_of_their_user(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    process = budget(engine, clock, 10_000, per_user=60)
    answers = await asyncio.gather(*(is_granted(process.acquire(1, WRITE)) for _ in range(200)))
    assert sum(answers) == 60


def test_only_users_of_the_last_minute_take_memory() -> None:
    counts = UserCounts()
    counts.add(1, 100, 1, 0)
    counts.add(2, 200, 1, 0)
    counts.add(1, 100, -1, 0)
    assert len(counts) == 1 and counts.of(2)
    counts = UserCounts()
    for user_id in range(30_000):
        counts.add(user_id, user_id // 100, 1, 0)
    assert len(counts) <= 100 * COUNTED


async def test_a_minute_in_which_the_database_did_not_answer_stops_nobody(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """As while the machine was suspended, or a failover took long."""
    process = budget(engine, clock, 1000)
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE app.request_budgets IN ACCESS EXCLUSIVE MODE"))
        waiting = [asyncio.create_task(process.acquire(user, WRITE)) for user in range(5)]
        for _ in range(10):
            await asyncio.sleep(0)
        clock.advance(timedelta(minutes=5))
    await asyncio.gather(*waiting)
    for user in range(5, 10):
        await process.acquire(user, WRITE)


@pytest.mark.parametrize("seed", range(4))
async def test_a_user_with_500_calendars_starves_nobody(
    engine: AsyncEngine, clock: FixedClock, seed: int
) -> None:
    """Beside 50 users with a calendar each, at a limit that serves 49 polls a minute."""
    order = random.Random(seed)
    process = RequestBudget(engine, clock, 70, 10_000, patience=timedelta(0), jitter=order.random)
    waiting = Counter({0: 500, **dict.fromkeys(range(1, 51), 1)})
    served: Counter[int] = Counter()
    after = dict.fromkeys(waiting, clock.now())
    polled_by_all = None
    for second in range(30 * 60):
        # The busy user comes first, and asks again as soon as a request was answered.
        for user_id in [0, *order.sample(range(1, 51), 50)]:
            while served[user_id] < waiting[user_id] and after[user_id] <= clock.now():
                try:
                    await process.acquire(user_id, POLL)
                    served[user_id] += 1
                except BudgetUsed as refused:
                    after[user_id] = clock.now() + (refused.after or MINUTE)
        if polled_by_all is None and all(served[user_id] for user_id in waiting):
            polled_by_all = second
        clock.advance(timedelta(seconds=1))
    assert polled_by_all is not None
    assert polled_by_all < 4 * 60
    # Alone again, the busy user gets all that polling may use.
    assert served[0] == 500


class _WatchedClock(FixedClock):
    """Says when something waits for it."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.waited_for = asyncio.Event()

    async def sleep_until(self, at: datetime) -> None:
        self.waited_for.set()
        await super().sleep_until(at)


async def test_a_request_waits_for_a_permit_that_comes_soon(engine: AsyncEngine) -> None:
    clock = _WatchedClock(NOON)
    process = RequestBudget(engine, clock, 10, 10_000)
    assert await granted(process, 10, WRITE) == 10
    clock.advance(MINUTE + timedelta(seconds=WINDOW_SECONDS - 1))
    waiting = asyncio.create_task(process.acquire(1, WRITE))
    await clock.waited_for.wait()
    clock.advance(timedelta(seconds=1))
    await waiting


async def test_who_gets_no_permit_is_told_when_to_come_back(engine: AsyncEngine, clock: FixedClock) -> None:
    process = budget(engine, clock, 10)
    assert await granted(process, 30, WRITE) == 10
    with pytest.raises(BudgetUsed) as refused:
        await process.acquire(1, WRITE)
    assert refused.value.code == "google_budget_used"
    assert refused.value.after is not None
    assert MINUTE < refused.value.after + timedelta(seconds=WINDOW_SECONDS) < 2 * MINUTE
    clock.advance(refused.value.after)
    await process.acquire(1, WRITE)


async def test_refused_requests_are_counted(engine: AsyncEngine, clock: FixedClock) -> None:
    process = budget(engine, clock, 10)
    await granted(process, 30, WRITE)
    clock.advance(timedelta(seconds=WINDOW_SECONDS))
    await granted(process, 1, WRITE)
    assert await counted(engine, "refused") == 21
    assert await counted(engine) == 10


async def test_without_the_database_no_request_is_made(fresh_database_urls: Urls, clock: FixedClock) -> None:
    engine = connect(fresh_database_urls.app)
    process = budget(engine, clock)
    await process.acquire(1, SYNC)
    clock.advance(timedelta(seconds=WINDOW_SECONDS))
    async with database_away(fresh_database_urls):
        with pytest.raises(DatabaseUnavailable):
            await process.acquire(1, SYNC)
    await process.acquire(1, SYNC)
    await engine.dispose()


async def test_a_clock_that_is_set_back_or_forward_stops_nobody(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    right = budget(engine, clock, 10)
    ahead = budget(engine, FixedClock(clock.now() + timedelta(days=365)), 10)
    assert await granted(ahead, 20, WRITE) == 10
    assert await granted(right, 20, WRITE) == 10
    ahead._clock = ahead._project._clock = clock
    clock.advance(2 * MINUTE)
    assert await granted(ahead, 20, WRITE) == 10


async def test_old_windows_are_deleted(engine: AsyncEngine, clock: FixedClock) -> None:
    process = budget(engine, clock)
    await process.acquire(1, SYNC)
    clock.advance(timedelta(hours=2))
    await process.acquire(1, SYNC)
    async with engine.begin() as connection:
        assert await delete_old_windows(clock.now(), connection) == 1
        left = await connection.scalars(select(request_budgets.c.window_at))
        assert [window_of(at) for at in left] == [window_of(clock.now())]
