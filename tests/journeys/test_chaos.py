"""Kill processes and restart the database under load: nothing is lost or played twice.

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
from tests.journeys.chaos import OWNER, Deployment, deploy

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("CATFLAP_CHAOS_ROUNDS", "4"))


async def test_nothing_is_lost_or_played_twice_when_processes_are_killed(tmp_path: Path) -> None:
    chance = random.Random(4711)
    async with deploy(tmp_path) as deployment:
        titles = [await deployment.new_event(0)]
        await deployment.until(lambda: deployment.times_played(titles[0]) > 0)
        for number in range(1, ROUNDS + 1):
            titles.append(await _round(deployment, number, chance))
        await deployment.stop_clients()
        sys.stdout.write(f"\n{ROUNDS} rounds: {deployment.summary()}\n")
        await _check(deployment, titles)


async def _round(deployment: Deployment, number: int, chance: random.Random) -> str:
    """Inject one fault at a random time; then everything continues without intervention."""
    planning = asyncio.create_task(deployment.new_event(number))
    await asyncio.sleep(chance.uniform(0, 0.4))
    await FAULTS[number % len(FAULTS)](deployment, chance)
    title = await planning
    tokens, signed_in = deployment.tokens, len(deployment.signed_in)
    await deployment.until(lambda: deployment.tokens > tokens and len(deployment.signed_in) > signed_in)
    await deployment.until(
        lambda: deployment.times_played(title) > 0 and deployment.acknowledged == set(deployment.played)
    )
    assert not deployment.faults, deployment.faults
    return title


async def _restart(deployment: Deployment, how: signal.Signals, chance: random.Random) -> None:
    await asyncio.to_thread(deployment.server.stop, how)
    await asyncio.sleep(chance.uniform(0, 0.5))
    await asyncio.to_thread(deployment.server.start)


async def _smart(deployment: Deployment, chance: random.Random) -> None:
    await _restart(deployment, signal.SIGINT, chance)


async def _immediate(deployment: Deployment, chance: random.Random) -> None:
    await _restart(deployment, signal.SIGQUIT, chance)


async def _crash(deployment: Deployment, chance: random.Random) -> None:
    await _restart(deployment, signal.SIGKILL, chance)


async def _kill_web(deployment: Deployment, chance: random.Random) -> None:
    web = chance.choice(deployment.webs)
    await web.end()
    await web.start()


async def _kill_worker(deployment: Deployment, _: random.Random) -> None:
    await deployment.worker.end()
    await deployment.worker.start()


async def _kill_everything(deployment: Deployment, chance: random.Random) -> None:
    processes = (*deployment.webs, deployment.worker)
    await asyncio.gather(*(process.end() for process in processes))
    await _crash(deployment, chance)
    await asyncio.gather(*(process.start() for process in processes))


FAULTS: tuple[Callable[[Deployment, random.Random], Awaitable[None]], ...] = (
    _immediate,
    _crash,
    _kill_worker,
    _kill_web,
    _smart,
    _kill_everything,
)


async def _check(deployment: Deployment, titles: list[str]) -> None:
    assert [deployment.times_played(title) for title in titles] == [1] * len(titles)
    for email, answer in deployment.signed_in.items():
        bearer = {"Authorization": f"Bearer {answer['token']}"}
        me = (await deployment.request_until_answered("check", "GET", "/v1/me", headers=bearer)).json()
        assert me["user_id"] == answer["user_id"]
        assert [account["email"] for account in me["accounts"]] == [email]
        await deployment.request_until_answered(
            "check", "GET", f"/v1/users/{answer['user_id']}/google/token", headers=deployment.key
        )
    schedule = (
        await deployment.request_until_answered(
            "check", "GET", "/v1/device/schedule", headers=deployment.device
        )
    ).json()
    assert not deployment.acknowledged & {one["id"] for one in schedule["announcements"]}
    rows = await _rows(deployment, "SELECT id, key, state FROM app.announcements")
    assert {row["id"] for row in rows if row["state"] == "played"} == deployment.acknowledged
    assert len({row["key"] for row in rows}) == len(rows)
    # The device says whose it is, too.
    assert len(deployment.acknowledged) == len(titles) + 1
    grants = await _rows(deployment, "SELECT state FROM vault.google_tokens")
    assert {row["state"] for row in grants} == {"active"}
    assert deployment.owner["account"]["email"] == OWNER
    log = (deployment.folder / "log").read_text()
    unexpected = ("unforeseen_error", "_broke", "_failed_unexpectedly")
    assert not [event for event in unexpected if event in log]


async def _rows(deployment: Deployment, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(**asyncpg_options(deployment.server.urls.owner))
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()
