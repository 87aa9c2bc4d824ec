"""The end of background tasks."""

import asyncio

import pytest

from catflap import background
from catflap.background import Background


class Steps(Background):
    """Takes a step as long as `may_end` is not set, again and again."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.ended = asyncio.Event(), asyncio.Event(), 0

    async def run(self) -> None:
        while True:
            await self.attempt(self.step)

    async def step(self) -> None:
        self.begun.set()
        await self.may_end.wait()
        self.ended += 1
        # Another step can begin only after this one gave up the event loop.
        self.may_end.clear()


async def test_a_step_that_is_under_way_ends_before_the_task_is_cancelled() -> None:
    steps = Steps()
    async with steps:
        await steps.begun.wait()
        asyncio.get_running_loop().call_later(0.01, steps.may_end.set)
    assert steps.ended == 1


async def test_a_step_that_never_ends_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "GRACE_SECONDS", 0.01)
    steps = Steps()
    async with asyncio.timeout(5), steps:
        await steps.begun.wait()
    assert steps.ended == 0
