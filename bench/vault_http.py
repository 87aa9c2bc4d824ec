"""Valid tokens over HTTP with 32 connections, interleaved with the baseline on the same database."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bench.vault_floor import KEY
from bench.vault_stage import Stage, start, stop, until_up
from catflap.cli.http_server import bind, port_of
from catflap.clock import SystemClock
from catflap.vault.api_keys import ApiKeys

CONNECTIONS, USERS = 32, 100


async def warm(stage: Stage, *, seconds: float, turns: int = 3) -> dict[str, Any]:
    """Return rates and latencies of both, and their ratio."""
    people = await stage.people(USERS, "warm.example.com")
    _, secret = await ApiKeys(stage.vault_engine, SystemClock()).create("bench", ["tokens"], per_minute=10**9)
    await _seed_baseline(stage)
    ports = _free_port(), _free_port()
    ours = start("serve", "--no-worker", "--port", str(ports[0]), environment=stage.environment)
    floor = _start_baseline(stage, ports[1])
    try:
        await until_up(stage.http, f"http://127.0.0.1:{ports[0]}/healthz", ours)
        await until_up(stage.http, f"http://127.0.0.1:{ports[1]}/token/1", floor)
        header = f"Authorization: Bearer {secret}\r\n"
        requests = [_request(f"/v1/users/{user}/google/token", header) for user, _, _ in people]
        floor_requests = [_request(f"/token/{number}") for number in range(1, USERS + 1)]
        measured: dict[str, list[tuple[float, float, float]]] = {"ours": [], "floor": []}
        for _ in range(turns):
            measured["floor"].append(await _load(ports[1], floor_requests, seconds))
            measured["ours"].append(await _load(ports[0], requests, seconds))
    finally:
        stop(ours)
        stop(floor)
    rows: dict[str, Any] = {}
    middle = {}
    for name, runs in measured.items():
        rate, p50, p99 = (statistics.median(one) for one in zip(*runs, strict=True))
        middle[name] = (rate, p99)
        rows |= {
            f"{name}: requests/s": round(rate),
            f"{name}: p50, ms": round(p50, 1),
            f"{name}: p99, ms": round(p99, 1),
        }
    rows["rate, of the floor's"] = round(middle["ours"][0] / middle["floor"][0], 2)
    rows["p99, times the floor's"] = round(middle["ours"][1] / middle["floor"][1], 2)
    return rows


async def _load(port: int, requests: list[bytes], seconds: float) -> tuple[float, float, float]:
    """Return requests per second, median and 99th percentile in ms; raw sockets keep the client cheap."""
    await asyncio.gather(*(_ask(port, requests, n, time.monotonic() + 1.0) for n in range(CONNECTIONS)))
    began = time.monotonic()
    done = await asyncio.gather(*(_ask(port, requests, n, began + seconds) for n in range(CONNECTIONS)))
    took, latencies = time.monotonic() - began, sorted(one for several in done for one in several)
    p99 = latencies[int(len(latencies) * 0.99)]
    return len(latencies) / took, statistics.median(latencies) * 1000, p99 * 1000


async def _ask(port: int, requests: list[bytes], number: int, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    while (began := time.monotonic()) < until:
        writer.write(requests[number % len(requests)])
        number += CONNECTIONS + 1
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.split(b"\r\n")[0].decode())
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.monotonic() - began)
    writer.close()
    return latencies


async def _seed_baseline(stage: Stage) -> None:
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


def _start_baseline(stage: Stage, port: int) -> "subprocess.Popen[bytes]":
    url = stage.urls.app.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "bench.vault_floor", str(port), url]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _request(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


def _free_port() -> int:
    listener = bind("127.0.0.1", 0)
    port = port_of(listener)
    listener.close()
    return port
