"""Thousands of devices on one web process: memory, changes, restarts, heartbeats.

`catflap serve` is a process of its own; the devices are those of `catflap device simulate`, in this
process, each with a stream of its own. `bench.devices_floor` is measured beside it.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from bench.large_installation import Running, started
from bench.records import Rows
from bench.vault_stage import Stage, free_port, stop, until_up
from catflap.cli import garbage_collection
from catflap.cli.device.simulated_devices import Fleet, Server
from catflap.cli.device.simulated_rows import SimulatedRows, open_simulated_rows
from catflap.cli.open_files import raise_open_files

COUNT = 5_000
# As much as a busy day has.
ANNOUNCEMENTS = 8
_SETTLE_SECONDS = 3.0
_CONNECT_SECONDS = 40.0


@dataclass
class Devices:
    """Rows of devices, and how to start a server for them."""

    stage: Stage
    rows: SimulatedRows
    port: int
    ids: list[int]
    tokens: list[tuple[int, str]]

    @contextmanager
    def serve(self) -> Any:
        with started(
            self.stage.environment, "serve", "--port", str(self.port), "--no-worker", "--no-check"
        ) as serve:
            yield serve

    @contextmanager
    def serve_bare(self, size: int) -> Any:
        url = self.stage.urls.app.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "bench.devices_floor", str(self.port), str(size), url]
        process = subprocess.Popen(command)
        try:
            yield Running(process)
        finally:
            stop(process)

    async def until_up(self, serve: Running) -> None:
        await until_up(self.stage.http, f"http://127.0.0.1:{self.port}/readyz", serve.process)

    def fleet(self, **options: Any) -> Fleet:
        fleet = Fleet(Server("127.0.0.1", self.port), **options)
        fleet.add(self.tokens)
        return fleet

    async def connect(self, fleet: Fleet) -> float:
        """Connect all devices at once; return how long it took until each had its document."""
        began = time.monotonic()
        if not await fleet.connect(_CONNECT_SECONDS):
            raise TimeoutError(f"{fleet.figures.connected} connected, {fleet.figures.errors}")
        return time.monotonic() - began


@asynccontextmanager
async def devices(stage: Stage, count: int, announcements: int = ANNOUNCEMENTS) -> AsyncIterator[Devices]:
    """Add devices with announcements to an empty database."""
    raise_open_files(2 * count)
    url = stage.urls.owner.render_as_string(hide_password=False)
    async with open_simulated_rows(url) as rows:
        tokens = await rows.add(count)
        ids = [id for id, _ in tokens]
        first = datetime.now(UTC) + timedelta(hours=1)
        await rows.announce(ids, [first + n * timedelta(hours=1) for n in range(announcements)])
        yield Devices(stage, rows, free_port(), ids, tokens)


async def connected(stage: Stage, *, count: int = COUNT, seconds: float = 60.0) -> Rows:
    """Return what connections cost while nothing happens."""
    async with devices(stage, count) as made:
        rows: Rows = {}
        size = await _size(made)
        for name in ("ours", "bare"):
            with made.serve() if name == "ours" else made.serve_bare(size) as serve:
                await made.until_up(serve)
                await _warm(made)
                before, fleet = serve.megabytes(), made.fleet()
                took = await made.connect(fleet)
                await asyncio.sleep(_SETTLE_SECONDS)
                rows |= {
                    f"{name}: kB a connection": round((serve.megabytes() - before) * 1024 / count, 1),
                    f"{name}: all connected, s": round(took, 2),
                    f"{name}: idle, % of a core": round(100 * await _cores(serve, seconds), 1),
                }
                await fleet.aclose()
        return {**rows, "bytes of a document": size}


async def change(stage: Stage, *, count: int = COUNT, per_second: int = 100, seconds: float = 20.0) -> Rows:
    """Change the schedules of devices in turn; measure from the statement until the document has arrived."""
    async with devices(stage, count) as made, _connected_fleet(made) as (_, fleet):
        began = time.monotonic()
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            await _change(made, fleet, [made.ids[number % count]])
        await until(lambda: len(fleet.figures.late_documents) == int(per_second * seconds))
        late = fleet.figures.late_documents
        return {
            "changes a second": round(len(late) / (time.monotonic() - began), 1),
            "p50, ms": _ms(_percentile(late, 50)),
            "p99, ms": _ms(_percentile(late, 99)),
            "longest, ms": _ms(max(late)),
        }


async def change_all(stage: Stage, *, count: int = COUNT, times: int = 5) -> Rows:
    """Change the schedules of all devices in one transaction, beside the same bytes from the baseline."""
    async with devices(stage, count) as made:
        size, used = await _size(made), {}
        ours, bare = [], []
        async with _connected_fleet(made) as (serve, fleet):
            before = serve.cpu_seconds()
            for _ in range(times):
                fleet.figures.late_documents.clear()
                await _change(made, fleet, made.ids)
                await until(lambda: len(fleet.figures.late_documents) == count)
                ours.append(list(fleet.figures.late_documents))
                await asyncio.sleep(1.0)
            used["ours"] = serve.cpu_seconds() - before
        with made.serve_bare(size) as serve:
            await made.until_up(serve)
            fleet = made.fleet()
            await made.connect(fleet)
            before = serve.cpu_seconds()
            for version in range(1, times + 1):
                fleet.figures.late_documents.clear()
                began = time.monotonic()
                for one in fleet.devices:
                    one.expect(version, began)
                await made.stage.http.post(f"http://127.0.0.1:{made.port}/change")
                await until(lambda: len(fleet.figures.late_documents) == count)
                bare.append(list(fleet.figures.late_documents))
                await asyncio.sleep(1.0)
            used["bare"] = serve.cpu_seconds() - before
            await fleet.aclose()
    return {
        **{
            f"{name}: {what}": _ms(statistics.median(_percentile(one, percent) for one in runs))
            for name, runs in (("ours", ours), ("bare", bare))
            for what, percent in (("p50, ms", 50), ("p99, ms", 99), ("last, ms", 100))
        },
        **{f"{name}: CPU of the server, ms": _ms(seconds / times) for name, seconds in used.items()},
        "bytes of a document": size,
    }


async def storm(stage: Stage, *, count: int = COUNT) -> Rows:
    """Restart the server; return when all devices have their document again."""
    async with devices(stage, count) as made:
        rows: Rows = {}
        for name, away in (("online before", timedelta(0)), ("offline before", timedelta(minutes=2))):
            with made.serve() as serve:
                await made.until_up(serve)
                fleet = made.fleet()
                await made.connect(fleet)
                heartbeats = asyncio.create_task(fleet.send_heartbeats())
                await asyncio.sleep(_SETTLE_SECONDS)
                stopped = time.monotonic()
                serve.process.terminate()
                await asyncio.to_thread(serve.process.wait)
            await made.rows.see(made.ids, datetime.now(UTC) - away)
            with made.serve() as serve:
                await made.until_up(serve)
                up = time.monotonic()
                if not await fleet.wait_connected(_CONNECT_SECONDS):
                    raise TimeoutError(f"{fleet.figures.connected} connected, {fleet.figures.errors}")
                rows |= {
                    f"{name}: CPU of the server, s": round(serve.cpu_seconds(), 1),
                    f"{name}: all back after the server was up, s": round(time.monotonic() - up, 1),
                    f"{name}: all back after it was stopped, s": round(time.monotonic() - stopped, 1),
                }
                heartbeats.cancel()
                await fleet.aclose()
        return rows


async def heartbeats(stage: Stage, *, count: int = COUNT, seconds: float = 20.0) -> Rows:
    """Send a heartbeat of each device every 20 seconds; return the CPU time that they take."""
    async with devices(stage, count) as made:
        rows: Rows = {}
        size = await _size(made)
        for name in ("ours", "bare"):
            with made.serve() if name == "ours" else made.serve_bare(size) as serve:
                await made.until_up(serve)
                fleet = made.fleet()
                await made.connect(fleet)
                await asyncio.sleep(_SETTLE_SECONDS)
                idle = await _cores(serve, seconds / 2)
                sending = asyncio.create_task(fleet.send_heartbeats())
                await asyncio.sleep(1.0)
                before = fleet.figures.heartbeats
                busy = await _cores(serve, seconds)
                rate = (fleet.figures.heartbeats - before) / seconds
                sending.cancel()
                rows |= {
                    f"{name}: heartbeats/s": round(rate),
                    f"{name}: CPU, % of a core": round(100 * (busy - idle)),
                    f"{name}: CPU, ms a heartbeat": round(1000 * (busy - idle) / rate, 2),
                    f"{name}: errors": fleet.figures.errors.total(),
                }
                await fleet.aclose()
        return rows


async def own_clock(stage: Stage, *, count: int = COUNT, ahead: float = 20.0) -> Rows:
    """Let all devices announce something at the same second; they have their schedules before."""
    async with devices(stage, count, announcements=0) as made:
        with made.serve() as serve:
            await made.until_up(serve)
            fleet = made.fleet(plays=True)
            await made.connect(fleet)
            play_at = (datetime.now(UTC) + timedelta(seconds=ahead)).replace(microsecond=0)
            await made.rows.announce(made.ids, [play_at])
            await _change(made, fleet, made.ids)
            await until(lambda: len(fleet.figures.late_documents) == count)
            # A collection of the garbage of thousands of devices in one process is no delay of a device.
            garbage_collection.exclude_started()
            has_schedules = (play_at - datetime.now(UTC)).total_seconds()
            await until(lambda: fleet.figures.played == count)
            played = time.monotonic()
            await until(lambda: fleet.figures.acks == count)
            late = fleet.figures.late_plays
            rows = {
                "played": fleet.figures.played,
                "schedules held, s before": round(has_schedules, 1),
                "p50 late, ms": _ms(_percentile(late, 50)),
                "latest, ms": _ms(max(late)),
                "acknowledged after, s": round(time.monotonic() - played, 1),
                "errors": fleet.figures.errors.total(),
            }
            await fleet.aclose()
            return rows


@asynccontextmanager
async def _connected_fleet(made: Devices) -> AsyncIterator[tuple[Running, Fleet]]:
    with made.serve() as serve:
        await made.until_up(serve)
        fleet = made.fleet()
        await made.connect(fleet)
        await asyncio.sleep(_SETTLE_SECONDS)
        yield serve, fleet
        await fleet.aclose()


async def _change(made: Devices, fleet: Fleet, ids: list[int]) -> None:
    began, devices = time.monotonic(), {one.id: one for one in fleet.devices}
    for id, version in (await made.rows.change(ids)).items():
        devices[id].expect(version, began)


async def _warm(made: Devices) -> None:
    """Let a server allocate what it allocates once."""
    fleet = Fleet(Server("127.0.0.1", made.port))
    fleet.add(made.tokens[:50])
    await fleet.connect()
    await fleet.aclose()
    await asyncio.sleep(1.0)


async def _size(made: Devices) -> int:
    """Return the bytes of an event of the stream."""
    with made.serve() as serve:
        await made.until_up(serve)
        url = f"http://127.0.0.1:{made.port}/v1/device/schedule"
        headers = {"Authorization": f"Bearer {made.tokens[0][1]}"}
        async with httpx2.AsyncClient() as http:
            return len((await http.get(url, headers=headers)).content) + 30


async def _cores(serve: Running, seconds: float) -> float:
    """Return how many cores a process uses meanwhile."""
    before = serve.cpu_seconds()
    await asyncio.sleep(seconds)
    return (serve.cpu_seconds() - before) / seconds


async def until(condition: Callable[[], bool]) -> None:
    """Return when a condition is met, of something that has no event."""
    for _ in range(6_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise RuntimeError("it took longer than a minute")


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
