"""Requests per second to the sandbox, to know that it does not limit other measures.

One server process on one core, one client process with raw keep-alive sockets beside it; a bare Starlette
route is measured in the same run, because machines differ.
"""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlencode

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.records import Rows
from google_sandbox import Sandbox
from google_sandbox.http_server import listen, serving

CLIENT, SECRET = "bench-client", "bench-secret"
CALENDAR = "https://www.googleapis.com/auth/calendar"
ACCOUNTS, CONNECTIONS, EVENTS, MANY = 200, 16, 20, 30_000
Job = tuple[str, list[bytes]]


async def bare(request: Request) -> JSONResponse:
    """A minimal Starlette route, for comparison."""
    return JSONResponse({"ok": True})


def seed(sandbox: Sandbox) -> tuple[list[str], list[str], list[str]]:
    """Fill the sandbox; returns refresh tokens without and with openid, and access tokens."""
    sandbox.add_client(CLIENT, SECRET)
    plain, signed, access = [], [], []
    for account in sandbox.add_accounts(ACCOUNTS):
        tokens = sandbox.grant(account.email, CLIENT, [CALENDAR])
        plain.append(tokens["refresh_token"])
        access.append(tokens["access_token"])
        signed.append(sandbox.grant(account.email, CLIENT, ["openid", CALENDAR])["refresh_token"])
        for hour in range(EVENTS):
            edges = {"start": f"2026-11-24T{hour:02}:00:00Z", "end": f"2026-11-24T{hour:02}:30:00Z"}
            times = {name: {"dateTime": value, "timeZone": "UTC"} for name, value in edges.items()}
            sandbox.insert_event(account.email, {"summary": f"Tea {hour}", **times})
    return plain, signed, access


def refreshes(tokens: Sequence[str]) -> list[bytes]:
    """Return one refresh request per token."""
    rows = []
    for token in tokens:
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": CLIENT,
            "client_secret": SECRET,
        }
        body = urlencode(fields).encode()
        head = f"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        rows.append(head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body)
    return rows


def lists(tokens: Sequence[str], query: str) -> list[bytes]:
    """Return one event list request per token."""
    path = f"/calendar/v3/calendars/primary/events?{query}"
    return [f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {t}\r\n\r\n".encode() for t in tokens]


def lists_never_asked(tokens: Sequence[str], query: str) -> list[bytes]:
    """Return requests that all differ, so that no response is cached."""
    return [
        row
        for n in range(MANY)
        for row in lists(tokens[n % ACCOUNTS : n % ACCOUNTS + 1], f"{query}&quotaUser={n}")
    ]


async def serve(pipe: Connection) -> None:
    """Run the server process: the sandbox and the bare route, each on its own port."""
    sandbox = Sandbox()
    plain, signed, access = seed(sandbox)
    window = "singleEvents=true&orderBy=startTime&timeMin=2026-11-24T00:00:00Z&timeMax=2026-11-25T00:00:00Z"
    bare_socket = listen("127.0.0.1", 0)
    async with sandbox.serve() as base, serving(Starlette(routes=[Route("/", bare)]), bare_socket):
        port = int(base.rpartition(":")[2])
        pipe.send(
            [
                (
                    "bare Starlette route",
                    bare_socket.getsockname()[1],
                    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
                ),
                ("token refresh", port, refreshes(plain)),
                ("token refresh with ID token", port, refreshes(signed)),
                (f"event list, {EVENTS} events", port, lists(access, "")),
                (f"single events of a day, {EVENTS} events", port, lists(access, window)),
                ("the same, never asked before", port, lists_never_asked(access, window)),
            ]
        )
        await asyncio.to_thread(pipe.recv)


def serve_on_one_core(pipe: Connection) -> None:
    """Keep the server on one core where the system allows."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    uvloop.run(serve(pipe))


async def one_connection(port: int, requests: Sequence[bytes], until: float) -> list[float]:
    """Send requests one after another until the time is up; returns how long each took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    number = 0
    while time.perf_counter() < until:
        begun = time.perf_counter()
        writer.write(requests[number % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:15]:
            raise RuntimeError(head.decode("latin-1"))
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        times.append(time.perf_counter() - begun)
        number += 1
    writer.close()
    await writer.wait_closed()
    return times


async def load(port: int, requests: list[bytes], seconds: float) -> Rows:
    """Return requests per second and the percentiles of their durations."""
    await asyncio.gather(
        *(one_connection(port, requests, time.perf_counter() + 0.3) for _ in range(CONNECTIONS))
    )
    begun = time.perf_counter()
    step = max(1, len(requests) // CONNECTIONS)
    turned = [requests[i * step :] + requests[: i * step] for i in range(CONNECTIONS)]
    found = await asyncio.gather(*(one_connection(port, rows, begun + seconds) for rows in turned))
    took = time.perf_counter() - begun
    times = sorted(duration for times in found for duration in times)
    return {
        "requests/s": round(len(times) / took),
        "p50, ms": round(times[len(times) // 2] * 1000, 2),
        "p99, ms": round(times[len(times) * 99 // 100] * 1000, 2),
    }


def measure(seconds: float) -> Rows:
    """Send each kind of request for some seconds."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve_on_one_core, args=(there,))
    process.start()
    jobs: list[Any] = here.recv()
    try:
        found = {name: uvloop.run(load(port, requests, seconds)) for name, port, requests in jobs}
    finally:
        here.send("stop")
        process.join()
    return {f"{name}: {what}": value for name, row in found.items() for what, value in row.items()}
