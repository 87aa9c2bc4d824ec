"""Many calls at the same time become one, and none is answered with what was read before it was made."""

import asyncio

import pytest

from catflap.errors import TryAgain
from catflap.store.coalesced_calls import CoalescedCalls


class Reads:
    """Reads that end when they are told to."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.began, self.may_end = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.error: Exception | None = None
        self.version = 1

    async def __call__(self, keys: list[int]) -> dict[int, tuple[int, int]]:
        self.calls.append(keys)
        found = {key: (key, self.version) for key in keys if key > 0}
        self.began.release()
        await self.may_end.acquire()
        if self.error is not None:
            raise self.error
        return found


@pytest.fixture
def reads() -> Reads:
    return Reads()


async def test_calls_at_the_same_time_are_one(reads: Reads) -> None:
    calls = CoalescedCalls(reads)
    reads.may_end.release()
    found = await asyncio.gather(*(calls.get(key) for key in (1, 2, 1, -3)))
    assert found == [(1, 1), (2, 1), (1, 1), None]
    assert reads.calls == [[1, 2, -3]]


async def test_what_is_asked_for_during_a_call_is_read_after_it(reads: Reads) -> None:
    calls = CoalescedCalls(reads)
    first = asyncio.create_task(calls.get(1))
    await reads.began.acquire()
    reads.version = 2
    second = asyncio.create_task(calls.get(1))
    for _ in range(2):
        reads.may_end.release()
    assert (await first, await second) == ((1, 1), (1, 2))


async def test_one_call_has_no_more_keys_than_allowed(reads: Reads) -> None:
    calls = CoalescedCalls(reads, most=2)
    for _ in range(3):
        reads.may_end.release()
    await asyncio.gather(*(calls.get(key) for key in range(1, 6)))
    assert reads.calls == [[1, 2], [3, 4], [5]]


async def test_an_error_is_raised_to_all_its_callers_and_to_no_later_one(reads: Reads) -> None:
    calls = CoalescedCalls(reads)
    reads.error = TryAgain("database_unavailable", "Away.")
    reads.may_end.release()
    found = await asyncio.gather(calls.get(1), calls.get(2), return_exceptions=True)
    assert [type(one) for one in found] == [TryAgain, TryAgain]
    reads.error = None
    reads.may_end.release()
    assert await calls.get(1) == (1, 1)


async def test_a_cancelled_caller_takes_nothing_from_the_others(reads: Reads) -> None:
    calls = CoalescedCalls(reads)
    gone, stays = asyncio.create_task(calls.get(1)), asyncio.create_task(calls.get(1))
    await reads.began.acquire()
    gone.cancel()
    reads.may_end.release()
    assert await stays == (1, 1)
    assert (await asyncio.gather(gone, return_exceptions=True))[0].__class__ is asyncio.CancelledError
