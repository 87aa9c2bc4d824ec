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

import pytest

from tests.journeys.chaos import Deployment, deploy
from tests.journeys.chaos_checks import check_all

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
        await check_all(deployment, titles)


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
    await deployment.workers[0].end()
    await deployment.workers[0].start()


async def _kill_everything(deployment: Deployment, chance: random.Random) -> None:
    processes = list(deployment.processes.values())
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
