"""Processes are killed and the database restarted while everybody goes on: nothing is lost or said twice.

CATFLAP_CHAOS_ROUNDS=34 runs more rounds; `-s` shows the counts.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from catflap.store.database import asyncpg_options
from tests.journeys.chaos import OWNER, Town, town

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("CATFLAP_CHAOS_ROUNDS", "4"))


async def test_nothing_is_lost_or_said_twice_whatever_dies(tmp_path: Path) -> None:
    chance = random.Random(4711)
    async with town(tmp_path) as here:
        titles = [await here.new_event(0)]
        await here.until(lambda: here.times_said(titles[0]) > 0)
        for number in range(1, ROUNDS + 1):
            titles.append(await _round(here, number, chance))
        await here.rest()
        sys.stdout.write(f"\n{ROUNDS} rounds: {here.told()}\n")
        await _check(here, titles)


async def _round(here: Town, number: int, chance: random.Random) -> str:
    """Something happens at any moment of the others' work; afterwards all of it goes on by itself."""
    planning = asyncio.create_task(here.new_event(number))
    await asyncio.sleep(chance.uniform(0, 0.4))
    await FAULTS[number % len(FAULTS)](here, chance)
    title = await planning
    tokens, signed_in = here.tokens, len(here.signed_in)
    await here.until(lambda: here.tokens > tokens and len(here.signed_in) > signed_in)
    await here.until(lambda: here.times_said(title) > 0 and here.acknowledged == set(here.said))
    assert not here.faults, here.faults
    return title


async def _restart(here: Town, how: signal.Signals, chance: random.Random) -> None:
    await asyncio.to_thread(here.server.stop, how)
    await asyncio.sleep(chance.uniform(0, 0.5))
    await asyncio.to_thread(here.server.start)


async def _smart(here: Town, chance: random.Random) -> None:
    await _restart(here, signal.SIGINT, chance)


async def _immediate(here: Town, chance: random.Random) -> None:
    await _restart(here, signal.SIGQUIT, chance)


async def _crash(here: Town, chance: random.Random) -> None:
    await _restart(here, signal.SIGKILL, chance)


async def _kill_web(here: Town, chance: random.Random) -> None:
    web = chance.choice(here.webs)
    await web.end()
    await web.start()


async def _kill_worker(here: Town, _: random.Random) -> None:
    await here.worker.end()
    await here.worker.start()


async def _kill_everything(here: Town, chance: random.Random) -> None:
    processes = (*here.webs, here.worker)
    await asyncio.gather(*(process.end() for process in processes))
    await _crash(here, chance)
    await asyncio.gather(*(process.start() for process in processes))


FAULTS: tuple[Callable[[Town, random.Random], Awaitable[None]], ...] = (
    _immediate,
    _crash,
    _kill_worker,
    _kill_web,
    _smart,
    _kill_everything,
)


async def _check(here: Town, titles: list[str]) -> None:
    assert [here.times_said(title) for title in titles] == [1] * len(titles)
    for email, answer in here.signed_in.items():
        bearer = {"Authorization": f"Bearer {answer['token']}"}
        me = (await here.surely("check", "GET", "/v1/me", headers=bearer)).json()
        assert me["user_id"] == answer["user_id"]
        assert [account["email"] for account in me["accounts"]] == [email]
        await here.surely("check", "GET", f"/v1/users/{answer['user_id']}/google/token", headers=here.key)
    schedule = (await here.surely("check", "GET", "/v1/device/schedule", headers=here.device)).json()
    assert not here.acknowledged & {one["id"] for one in schedule["announcements"]}
    rows = await _rows(here, "SELECT id, key, state FROM app.announcements")
    assert {row["id"] for row in rows if row["state"] == "played"} == here.acknowledged
    assert len({row["key"] for row in rows}) == len(rows)
    assert len(here.acknowledged) == len(titles)
    grants = await _rows(here, "SELECT state FROM vault.google_tokens")
    assert {row["state"] for row in grants} == {"active"}
    assert here.owner["account"]["email"] == OWNER
    log = (here.folder / "log").read_text()
    assert "unforeseen_error" not in log and "_broke" not in log


async def _rows(here: Town, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(**asyncpg_options(here.server.urls.owner))
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()
