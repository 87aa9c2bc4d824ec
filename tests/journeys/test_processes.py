"""Two web processes and two workers behind a proxy, restarted, killed and left without a database.

Meanwhile users sign in, a device follows its stream, a back end asks for tokens, and appointments change.
"""

import asyncio
import signal
import sys
from pathlib import Path

import httpx2
import pytest

from tests.journeys.chaos import TIMEOUT, Deployment, deploy
from tests.journeys.chaos_checks import check_all, rows

pytestmark = pytest.mark.slow

# Where a proxy sends a sign-in again, its code may be used.
USED_CODE = frozenset({"code_rejected"})


async def test_restarts_are_unseen_and_what_is_killed_costs_nobody_anything(tmp_path: Path) -> None:
    settings = {"CATFLAP_DRAIN_SECONDS": "1", "CATFLAP_GRACE_SECONDS": "2"}
    async with deploy(tmp_path, workers=2, proxied=True, **settings) as deployment:
        deployment.pauses = 0.5, 0.1
        titles = [await deployment.new_event(0)]
        await until_said(deployment, titles[0])
        titles += await restart_in_turn(deployment)
        assert deployment.proxy is not None
        deployment.proxy.resends, deployment.expected = True, USED_CODE
        titles += await kill_in_turn(deployment, first=len(titles))
        await deployment.stop_clients()
        sys.stdout.write(f"\n{deployment.summary()}; {deployment.proxy.sent}\n")
        assert not server_errors(deployment)
        # Both have answered.
        assert min(deployment.proxy.sent.values()) > 0
        await check_all(deployment, titles)
        await all_jobs_done(deployment)
        await end_without_database(deployment)


async def restart_in_turn(deployment: Deployment) -> list[str]:
    """End each process in order and start it anew, by a proxy that sends nothing twice: nobody sees it."""
    titles = []
    for number, (address, process) in enumerate(deployment.processes.items(), 1):
        planning = asyncio.create_task(deployment.new_event(number))
        await process.end(signal.SIGTERM)
        await process.start()
        await deployment.until_ready(address)
        titles.append(await planning)
    for title in titles:
        await until_said(deployment, title)
    failed = {what: n for what, n in deployment.answers.items() if not what[1].startswith("2")}
    assert (failed, deployment.faults) == ({}, [])
    return titles


async def kill_in_turn(deployment: Deployment, first: int) -> list[str]:
    """Kill each process without a word or by SIGTERM, alternating, while something is to be said."""
    titles = []
    (web, other), (worker, second) = deployment.webs, deployment.workers
    ends = (
        (web, signal.SIGKILL),
        (second, signal.SIGTERM),
        (worker, signal.SIGKILL),
        (other, signal.SIGTERM),
    )
    starting: list[asyncio.Task[None]] = []
    for number, (process, how) in enumerate(ends, first):
        planning = asyncio.create_task(deployment.new_event(number))
        await process.end(how)
        titles.append(await planning)
        await until_said(deployment, titles[-1])
        starting.append(asyncio.create_task(process.start()))
    await asyncio.gather(*starting)
    return titles


async def until_said(deployment: Deployment, title: str) -> None:
    await deployment.until(
        lambda: deployment.times_played(title) > 0 and deployment.acknowledged == set(deployment.played)
    )
    assert not deployment.faults, deployment.faults


def server_errors(deployment: Deployment) -> dict[tuple[str, str], int]:
    """Answers that say a server failed; a stream that ended with its process is none."""
    return {what: n for what, n in deployment.answers.items() if what[1].startswith("5")}


async def all_jobs_done(deployment: Deployment) -> None:
    """Wait until no job is left that could run."""
    left = "SELECT entrypoint, status FROM queue.pgqueuer WHERE execute_after <= now()"
    async with asyncio.timeout(TIMEOUT):
        while await rows(deployment, left):  # noqa: ASYNC110 (rows of a table have no event)
            await asyncio.sleep(0.1)


async def end_without_database(deployment: Deployment) -> None:
    """PostgreSQL stands still: requests are answered all the same, and every process ends."""
    path = f"/v1/users/{deployment.owner['user_id']}/google/token"
    bearer = {"Authorization": f"Bearer {deployment.owner['token']}"}
    asked = (("/v1/me", bearer), ("/v1/device/schedule", deployment.device), (path, deployment.key))
    for address in deployment.addresses:
        await deployment.until_ready(address)
    deployment.server.freeze()
    try:
        async with asyncio.timeout(TIMEOUT / 2):
            answers = await asyncio.gather(
                # More than a pool has connections.
                *(deployment.http.get(deployment.addresses[0] + path, headers=h) for path, h in 8 * asked),
                *(deployment.http.get(address + "/readyz") for address in deployment.addresses),
            )
            assert [reason(one) for one in answers] == ["database_unavailable"] * len(answers)
            assert (await deployment.http.get(deployment.addresses[0] + "/healthz")).status_code == 200
            for process in deployment.processes.values():
                process.tell(signal.SIGTERM)
            await asyncio.gather(*(process.ended() for process in deployment.processes.values()))
    finally:
        deployment.server.freeze(False)


def reason(answer: httpx2.Response) -> str:
    """Return the code of a 503."""
    assert answer.status_code == 503, answer.text
    found = answer.json()
    return str(found["reasons"][0]["code"] if "reasons" in found else found["code"])
