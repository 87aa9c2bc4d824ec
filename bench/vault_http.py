"""Valid tokens over HTTP with 32 connections, alternating with baselines and a peer on the same database."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psutil
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bench.peers import better_auth
from bench.vault_floor import KEY
from bench.vault_stage import Stage, start, stop, until_up
from catflap.cli.sockets import bind, port_of
from catflap.clock import SystemClock
from catflap.vault.api_keys import ApiKeys

CONNECTIONS, USERS = 32, 100


@dataclass(frozen=True)
class _Target:
    """A running server and the requests to send to it."""

    port: int
    process: psutil.Process
    requests: list[bytes]


@dataclass(frozen=True)
class _Turn:
    """What one turn of a target took; milliseconds, except `rate`, which is requests a second."""

    rate: float
    p50: float
    p99: float
    cpu: float


async def warm(stage: Stage, *, seconds: float, turns: int = 3) -> dict[str, Any]:
    """Return rate, latencies and CPU time of each, medians over the turns, and our ratios to bare."""
    await seed_baseline(stage)
    measured: dict[str, list[_Turn]] = defaultdict(list)
    with ExitStack() as stack:
        targets = await _start_targets(stage, stack)
        for _ in range(turns):
            for name, target in targets.items():
                measured[name].append(await _load(target, seconds))
    middle = {name: _median(runs) for name, runs in measured.items()}
    rows: dict[str, Any] = {}
    for name, turn in middle.items():
        rows |= {
            f"{name}: requests/s": round(turn.rate),
            f"{name}: p50, ms": round(turn.p50, 1),
            f"{name}: p99, ms": round(turn.p99, 1),
            f"{name}: CPU of the server, ms a request": round(turn.cpu, 3),
        }
    rows["rate, of the bare route's"] = round(middle["ours"].rate / middle["bare"].rate, 2)
    rows["p99, times the bare route's"] = round(middle["ours"].p99 / middle["bare"].p99, 2)
    return rows


async def token_requests(stage: Stage) -> list[bytes]:
    """Create users and an API key; return a request for each one's token."""
    people = await stage.people(USERS, "warm.example.com")
    _, secret = await ApiKeys(stage.vault_engine, SystemClock()).create("bench", ["tokens"], per_minute=10**9)
    header = f"Authorization: Bearer {secret}\r\n"
    return [_request(f"/v1/users/{user}/google/token", header) for user, _, _ in people]


def floor_requests() -> list[bytes]:
    """Return a request for each token of `bench.vault_floor`."""
    return [_request(f"/token/{number}") for number in range(1, USERS + 1)]


async def _start_targets(stage: Stage, stack: ExitStack) -> dict[str, _Target]:
    ports = {name: _free_port() for name in ("bare", "soft", "ours")}
    url = stage.urls.app.render_as_string(hide_password=False)
    processes = {
        "bare": _start_baseline("bare", ports["bare"], url),
        "soft": _start_baseline("soft", ports["soft"], url),
        "ours": start("serve", "--no-worker", "--port", str(ports["ours"]), environment=stage.environment),
    }
    requests = {
        "bare": floor_requests(),
        "soft": floor_requests(),
        "ours": await token_requests(stage),
    }
    for process in processes.values():
        stack.callback(stop, process)
    for name, process in processes.items():
        path = "/healthz" if name == "ours" else "/token/1"
        await until_up(stage.http, f"http://127.0.0.1:{ports[name]}{path}", process)
    targets = {
        name: _Target(ports[name], psutil.Process(process.pid), requests[name])
        for name, process in processes.items()
    }
    healthz = _Target(ports["ours"], targets["ours"].process, [_request("/healthz")])
    return targets | {"healthz": healthz} | await _start_peer(stage, stack)


async def _start_peer(stage: Stage, stack: ExitStack) -> dict[str, _Target]:
    """Start Better Auth, where it can run: session and account by SELECT, the token decrypted."""
    port = _free_port()
    try:
        process, requests = await better_auth.serve(stage, port, USERS)
    except RuntimeError as reason:
        print(f"  {better_auth.NAME} is left out: {reason}")
        return {}
    stack.callback(stop, process)
    return {better_auth.NAME: _Target(port, psutil.Process(process.pid), requests)}


def _median(runs: list[_Turn]) -> _Turn:
    return _Turn(
        rate=statistics.median(run.rate for run in runs),
        p50=statistics.median(run.p50 for run in runs),
        p99=statistics.median(run.p99 for run in runs),
        cpu=statistics.median(run.cpu for run in runs),
    )


async def _load(target: _Target, seconds: float) -> _Turn:
    """Load a target with all connections, after a second that is not counted."""
    await ask_all([target.port], target.requests, time.monotonic() + 1.0)
    used, began = _cpu_seconds(target.process), time.monotonic()
    latencies = sorted(await ask_all([target.port], target.requests, began + seconds))
    took, used = time.monotonic() - began, _cpu_seconds(target.process) - used
    return _Turn(
        rate=len(latencies) / took,
        p50=statistics.median(latencies) * 1000,
        p99=latencies[int(len(latencies) * 0.99)] * 1000,
        cpu=used / len(latencies) * 1000,
    )


async def ask_all(ports: Sequence[int], requests: list[bytes], until: float) -> list[float]:
    """Return the latency of each request, in seconds; raw sockets keep the client cheap."""
    asking = (_ask(ports[number % len(ports)], requests, number, until) for number in range(CONNECTIONS))
    return [one for several in await asyncio.gather(*asking) for one in several]


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _ask(port: int, requests: list[bytes], number: int, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    while (began := time.monotonic()) < until:
        writer.write(requests[number % len(requests)])
        number += CONNECTIONS + 1
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.split(b"\r\n")[0].decode())
        _, found, after = head.lower().partition(b"content-length:")
        if found:
            await reader.readexactly(int(after.split(b"\r\n")[0]))
        else:
            await reader.readuntil(b"\r\n0\r\n\r\n")  # the last chunk
        latencies.append(time.monotonic() - began)
    writer.close()
    return latencies


async def seed_baseline(stage: Stage) -> None:
    """Make the table of `bench.vault_floor`."""
    engine = create_async_engine(stage.urls.owner)
    aead = AESGCM(KEY)
    rows = []
    for number in range(1, USERS + 1):
        nonce = os.urandom(12)
        sealed = nonce + aead.encrypt(nonce, os.urandom(64).hex().encode(), b"floor")
        rows.append({"id": number, "token": sealed, "at": SystemClock().now()})
    async with engine.begin() as connection:
        await connection.execute(
            text("CREATE TABLE public.floor (id int PRIMARY KEY, token bytea, expires_at timestamptz)")
        )
        await connection.execute(text("INSERT INTO public.floor VALUES (:id, :token, :at)"), rows)
        await connection.execute(text("GRANT SELECT ON public.floor TO PUBLIC"))
        await connection.execute(text("GRANT USAGE ON SCHEMA public TO PUBLIC"))
    await engine.dispose()


def _start_baseline(kind: str, port: int, url: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "bench.vault_floor", kind, str(port), url]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _request(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


def _free_port() -> int:
    listener = bind("127.0.0.1", 0)
    port = port_of(listener)
    listener.close()
    return port
