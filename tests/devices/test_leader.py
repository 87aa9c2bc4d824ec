"""One leader among processes that share a database, also after it has died or lost its connection."""

import asyncio
import multiprocessing
from contextlib import AsyncExitStack

import asyncpg
import pytest

from catflap.devices.channels.leader import Leader
from catflap.store.database import Urls, asyncpg_options
from tests.support.database import database_away


class _Post:
    """What a leader does: note that it began, and that it ended."""

    def __init__(self) -> None:
        self.leading: set[str] = set()
        self.most = 0
        self.began: asyncio.Queue[str] = asyncio.Queue()
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    def leader(self, urls: Urls, name: str) -> Leader:
        async def lead() -> None:
            self.leading.add(name)
            self.most = max(self.most, len(self.leading))
            self.began.put_nowait(name)
            try:
                await asyncio.Event().wait()
            finally:
                self.leading.discard(name)
                self.ended.put_nowait(name)

        return Leader(urls.app, lead)


async def test_one_of_several_leads_and_another_follows_when_it_ends(database_urls: Urls) -> None:
    post = _Post()
    async with asyncio.timeout(30), AsyncExitStack() as stack:
        leaders = {name: post.leader(database_urls, name) for name in "abc"}
        for one in leaders.values():
            await stack.enter_async_context(one)
        first = await post.began.get()
        await leaders.pop(first).__aexit__(None, None, None)
        second = await post.began.get()
        assert second != first and post.leading == {second} and post.most == 1


async def test_a_lost_database_ends_the_leading_and_it_begins_again_afterwards(
    fresh_database_urls: Urls,
) -> None:
    post = _Post()
    async with asyncio.timeout(30), post.leader(fresh_database_urls, "a"):
        await post.began.get()
        async with database_away(fresh_database_urls):
            assert await post.ended.get() == "a"
        assert await post.began.get() == "a"


async def test_what_fails_is_started_again(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catflap.devices.channels.leader._ATTEMPT_SECONDS", 0.01)
    begun: asyncio.Queue[int] = asyncio.Queue()

    async def lead() -> None:
        begun.put_nowait(1)
        raise ValueError

    async with asyncio.timeout(30), Leader(database_urls.app, lead):
        for _ in range(3):
            await begun.get()


def _hold(options: dict[str, object], lock: int, held: object) -> None:
    async def hold() -> None:
        connection = await asyncpg.connect(**options)
        await connection.execute("SELECT pg_advisory_lock($1)", lock)
        held.set()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    asyncio.run(hold())


async def test_the_lock_of_a_killed_process_is_taken_over(database_urls: Urls) -> None:
    processes = multiprocessing.get_context("forkserver")
    held = processes.Event()
    post = _Post()
    leader = post.leader(database_urls, "a")
    process = processes.Process(target=_hold, args=(asyncpg_options(database_urls.app), leader._lock, held))
    process.start()
    assert await asyncio.to_thread(held.wait, 60)
    async with asyncio.timeout(30), leader:
        await asyncio.sleep(0)
        assert post.began.empty()
        process.kill()
        assert await post.began.get() == "a"
    process.join()
