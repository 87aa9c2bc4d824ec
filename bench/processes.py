"""What one and four processes serve on the same database, and where the CPU time goes.

Web processes are asked by this process directly: a proxy before them would take its part of the same cores.
`bench.vault_floor` is measured beside them, in as many processes.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import psutil

from bench import vault_http
from bench.devices import ANNOUNCEMENTS, Devices, devices, until
from bench.freshness import plan_all
from bench.large_installation import Running, installation, put_off, started
from bench.records import Rows
from bench.vault_stage import Stage, free_port, stop, until_up
from catflap.cli.device.simulated_devices import Fleet, Server
from catflap.store.database import asyncpg_options

COUNTS = (1, 4)
DEVICES = 2_000
_WARM_SECONDS = 1.0
_SAMPLE_SECONDS = 0.1
_WAITING = """
    SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'),
        count(*) FILTER (WHERE wait_event_type = 'IO' OR wait_event = 'WALWrite'), count(*)
    FROM pg_stat_activity
    WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class _Used:
    """Cores that were used meanwhile, and the shares of busy sessions that waited for locks or the disk."""

    ours: float
    database: float
    load: float
    locked: float
    disk: float


async def served(stage: Stage, *, seconds: float = 5.0, count: int = DEVICES) -> Rows:
    """Return what the web processes answer to back ends and devices."""
    rows: Rows = {}
    async with devices(stage, count, ANNOUNCEMENTS) as made:
        tokens = await vault_http.token_requests(stage)
        schedules = [
            f"GET /v1/device/schedule HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            for _, token in made.tokens[:1_000]
        ]
        await vault_http.seed_baseline(stage)
        for number in COUNTS:
            async with _serving(stage, number) as (webs, ports):
                for what, requests in (("token", tokens), ("schedule", schedules)):
                    rows |= await _asked(stage, f"{what}, {_of(number)}", webs, ports, requests, seconds)
                rows |= await _followed(stage, made, _of(number), webs, ports)
            with _bare(stage, number) as (bare, ports):
                for port, one in zip(ports, bare, strict=True):
                    await until_up(stage.http, f"http://127.0.0.1:{port}/token/1", one.process)
                what = f"bare token, {_of(number)}"
                rows |= await _asked(stage, what, bare, ports, vault_http.floor_requests(), seconds)
    return rows


async def worked(stage: Stage, *, users: int = 1_000) -> Rows:
    """Return how many users' announcements the workers plan and publish; nothing else is due."""
    rows: Rows = {}
    async with installation(stage, users) as (connection, environment):
        await put_off(connection)
        for number in COUNTS:
            await connection.execute("DELETE FROM app.announcements")
            await connection.execute("DELETE FROM app.plans")
            with ExitStack() as stack:
                workers = [stack.enter_context(started(environment, "work")) for _ in range(number)]
                await _until_connected(connection, number)
                began = time.monotonic()
                used = await _while(stage, workers, lambda: plan_all(connection, users, every=0.1))
                took = time.monotonic() - began
            published = await connection.fetchval("SELECT count(*) FROM app.announcements")
            rows |= {
                f"{_of(number)}: plans/s": round(users / took),
                f"{_of(number)}: announcements/s": round(published / took),
                **_columns(_of(number), used),
            }
    return rows


def _of(number: int) -> str:
    return f"{number} process{'es' if number > 1 else ''}"


@asynccontextmanager
async def _serving(stage: Stage, number: int) -> AsyncIterator[tuple[list[Running], list[int]]]:
    ports = [free_port() for _ in range(number)]
    with ExitStack() as stack:
        webs = [
            stack.enter_context(
                started(stage.environment, "serve", "--no-worker", "--no-check", "--port", str(port))
            )
            for port in ports
        ]
        for port, web in zip(ports, webs, strict=True):
            await until_up(stage.http, f"http://127.0.0.1:{port}/readyz", web.process)
        yield webs, ports


@contextmanager
def _bare(stage: Stage, number: int) -> Iterator[tuple[list[Running], list[int]]]:
    ports, url = [free_port() for _ in range(number)], stage.urls.app.render_as_string(hide_password=False)
    with ExitStack() as stack:
        found = []
        for port in ports:
            command = [sys.executable, "-m", "bench.vault_floor", "bare", str(port), url]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(stop, process)
            found.append(Running(process))
        yield found, ports


async def _asked(
    stage: Stage, what: str, webs: list[Running], ports: list[int], requests: list[bytes], seconds: float
) -> Rows:
    """Send requests over as many connections to one process as to four together."""
    await vault_http.ask_all(ports, requests, time.monotonic() + _WARM_SECONDS)
    until = time.monotonic() + seconds
    latencies: list[float] = []

    async def ask() -> None:
        latencies.extend(await vault_http.ask_all(ports, requests, until))

    used = await _while(stage, webs, ask)
    latencies.sort()
    return {
        f"{what}: a second": round(len(latencies) / seconds),
        f"{what}: p99, ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 1),
        **_columns(what, used),
    }


async def _followed(stage: Stage, made: Devices, what: str, webs: list[Running], ports: list[int]) -> Rows:
    """Connect all devices, and change the schedules of all at once."""
    fleets = [Fleet(Server("127.0.0.1", port)) for port in ports]
    for number, fleet in enumerate(fleets):
        fleet.add(made.tokens[number :: len(fleets)])
    by_id = {one.id: one for fleet in fleets for one in fleet.devices}

    async def connect() -> None:
        if not all(await asyncio.gather(*(fleet.connect() for fleet in fleets))):
            raise TimeoutError("not all devices are connected")

    async def change() -> None:
        began = time.monotonic()
        for id, version in (await made.rows.change(made.ids)).items():
            by_id[id].expect(version, began)
        await until(lambda: sum(len(one.figures.late_documents) for one in fleets) == len(by_id))

    rows: Rows = {}
    for kind, do in (("connected", connect), ("updated", change)):
        began = time.monotonic()
        used = await _while(stage, webs, do)
        name = f"devices {kind}, {what}"
        rows |= {
            f"{name}: a second": round(len(by_id) / (time.monotonic() - began)),
            **_columns(name, used),
        }
        await asyncio.sleep(_WARM_SECONDS)
    for fleet in fleets:
        await fleet.aclose()
    return rows


async def _while(stage: Stage, ours: Sequence[Running], do: Callable[[], Awaitable[None]]) -> _Used:
    """Do something; return what was used meanwhile."""
    watch = await asyncpg.connect(**asyncpg_options(stage.urls.owner))
    samples: list[Any] = [(0, 0, 0)]

    async def sample() -> None:
        while True:
            samples.append(tuple(await watch.fetchrow(_WAITING)))
            await asyncio.sleep(_SAMPLE_SECONDS)

    before, began = _cpu(stage, ours), time.monotonic()
    sampling = asyncio.create_task(sample())
    try:
        await do()
    finally:
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
    took, after = time.monotonic() - began, _cpu(stage, ours)
    watch.terminate()
    cores = [(now - then) / took for now, then in zip(after, before, strict=True)]
    locked, disk, active = (sum(column) for column in zip(*samples, strict=True))
    return _Used(cores[0], cores[1], cores[2], locked / max(1, active), disk / max(1, active))


def _cpu(stage: Stage, ours: Sequence[Running]) -> tuple[float, float, float]:
    own = psutil.Process().cpu_times()
    return (
        sum(one.cpu_seconds() for one in ours),
        stage.cpu_seconds()["PostgreSQL"],
        own.user + own.system,
    )


def _columns(what: str, used: _Used) -> Rows:
    return {
        f"{what}: cores, its processes": round(used.ours, 2),
        f"{what}: cores, PostgreSQL": round(used.database, 2),
        f"{what}: cores, load generator": round(used.load, 2),
        f"{what}: sessions waiting for a lock, %": round(100 * used.locked),
        f"{what}: for the disk, %": round(100 * used.disk),
    }


async def _until_connected(connection: asyncpg.Connection, workers: int) -> None:
    """Wait until every worker reads the queue."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pgqueuer%' AND pid <> pg_backend_pid()"
    for _ in range(600):
        if await connection.fetchval(query) >= workers:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the workers did not come up")
