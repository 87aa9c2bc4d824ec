"""The time of a sign-in without Google's part, for each kind of client.

Our share is the time of all its requests over HTTP, less the median of a bare exchange at the token endpoint.
The server, a route that only commits twice, and the sandbox are processes of their own. Calls alternate, so
that load on the machine affects all alike.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psutil
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import CreateTable

from bench.records import Rows
from bench.signin_floor import TABLE
from bench.vault_stage import Stage, free_port, start, stop, until_up
from catflap.app import open_catflap
from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from tests.support.statements import commits, queries, recorded_statements

CODE_PATH, CALLBACK_PATH = "/signin/google/code", "/signin/google/callback"
_SCOPES = "scopes=calendar"


@dataclass
class Client:
    """A browser or an app with one connection, which costs far less than the server."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def origin(self) -> str:
        """The origin of the server."""
        return f"http://127.0.0.1:{self.port}"

    async def send(self, path: str, body: Any = None, **headers: str) -> tuple[dict[str, str], bytes]:
        """Send a request, a POST when there is a body; return the headers and the body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        sent = b"" if body is None else json.dumps(body).encode()
        lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        lines += ["Content-Type: application/json", f"Content-Length: {len(sent)}", "", ""]
        writer.write("\r\n".join(lines).encode() + sent)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if head.split()[1] not in ("200", "303"):
            raise RuntimeError(head.splitlines()[0])
        found: dict[str, str] = {}
        for line in head.splitlines()[1:-1]:
            name, _, value = line.partition(": ")
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content
            found[name.lower()] = value
        return found, await reader.readexactly(int(found.get("content-length", "0")))

    async def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()


class SignIns:
    """Sign-ins of each kind of client; each returns how many milliseconds its requests took."""

    def __init__(self, stage: Stage, port: int) -> None:
        self._stage = stage
        self._port = port

    async def native(self, email: str) -> float:
        """Sign in with an app's `serverAuthCode`."""
        client = Client(self._port)
        code = await self._stage.google.code(email)
        await client.send("/healthz")
        took = await _timed(client.send(CODE_PATH, {"client": "native", "code": code}))
        await client.close()
        return took

    async def popup(self, email: str) -> float:
        """Begin in a page, and send the code of Google's popup."""
        client = Client(self._port)
        await client.send("/healthz")
        began = time.perf_counter()
        _, answer = await client.send(f"/signin/google/popup?{_SCOPES}")
        took = (time.perf_counter() - began) * 1000
        code = await self._stage.google.code(email, kind="popup", redirect_uri=client.origin)
        body = {"client": "popup", "code": code, "state": json.loads(answer)["state"]}
        page = {"Origin": client.origin, "X_Requested_With": "XMLHttpRequest"}
        took += await _timed(client.send(CODE_PATH, body, **page))
        await client.close()
        return took

    async def redirect(self, email: str) -> float:
        """Begin with the redirect to Google, and come back with a code."""
        client = Client(self._port)
        await client.send("/healthz")
        began = time.perf_counter()
        answer, _ = await client.send(f"/signin/google?{_SCOPES}")
        took = (time.perf_counter() - began) * 1000
        asked = {name: one[0] for name, one in parse_qs(urlsplit(answer["location"]).query).items()}
        code = await self._stage.google.code(
            email, kind="web", redirect_uri=asked["redirect_uri"], nonce=asked["nonce"]
        )
        back = {"state": asked["state"], "code": code, "iss": self._stage.google.url}
        took += await _timed(client.send(f"{CALLBACK_PATH}?{urlencode(back)}"))
        await client.close()
        return took

    @property
    def kinds(self) -> dict[str, Callable[[str], Awaitable[float]]]:
        """Each kind by its name."""
        return {"redirect": self.redirect, "popup": self.popup, "native": self.native}


async def exchanges(stage: Stage, *, people: int) -> Rows:
    """Sign `people` in for each kind of client: a first time, and again."""
    await _create_floor(stage)
    times: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, float] = defaultdict(float)
    with ExitStack() as stack:
        ours, floor = free_port(), free_port()
        environment = {**stage.environment, "CATFLAP_SIGNINS_PER_MINUTE": "1000000"}
        process = start("serve", "--no-worker", "--port", str(ours), environment=environment)
        stack.callback(stop, process)
        baseline = _start_floor(stage, floor)
        stack.callback(stop, baseline)
        await until_up(stage.http, f"http://127.0.0.1:{ours}/healthz", process)
        await until_up(stage.http, f"http://127.0.0.1:{floor}/docs", baseline)
        servers = {"ours": psutil.Process(process.pid), "floor": psutil.Process(baseline.pid)}
        kinds, writer = SignIns(stage, ours).kinds, Client(floor)
        emails = {
            kind: [one["email"] for one in await stage.google.accounts(people + 1, f"{kind}.example.com")]
            for kind in kinds
        }
        for kind, sign_in in kinds.items():  # imports, prepared statements, Google's keys
            await sign_in(emails[kind][people])
        await stage.google.forget()
        for number in range(people):
            for kind, sign_in in kinds.items():
                times["google"].append(await _bare(stage, emails[kind][number]))
                for turn in ("first", "later"):
                    before = _cpu(servers["ours"])
                    times[f"{kind}, {turn}"].append(await sign_in(emails[kind][number]))
                    cpu[f"{kind}, {turn}"] += _cpu(servers["ours"]) - before
            before = _cpu(servers["floor"])
            times["floor"].append(await _timed(writer.send("/write", {"code": "4/0A" * 20})))
            cpu["floor"] += _cpu(servers["floor"]) - before
        await writer.close()
    return {**_rows(times, cpu), **await _counts(stage), **await _key_fetches(stage, 6 * people)}


def _rows(times: dict[str, list[float]], cpu: dict[str, float]) -> Rows:
    spent = statistics.median(times.pop("google"))
    rows: Rows = {"bare exchange at the token endpoint, median, ms": round(spent, 2)}
    for name, found in times.items():
        title, less = (f"{name}: our share", spent) if name != "floor" else ("two commits", 0.0)
        rows |= {
            f"{title}, median, ms": round(statistics.median(found) - less, 2),
            f"{title}, p99, ms": round(sorted(found)[int(len(found) * 0.99)] - less, 2),
            f"{title}, CPU of the server, ms": round(cpu[name] * 1000 / len(found), 2),
        }
    return rows


async def _counts(stage: Stage) -> Rows:
    """Count statements and transactions of each kind, in an application of this process."""
    rows: Rows = {}
    listener = bind("127.0.0.1", 0)
    port = port_of(listener)
    people = [one["email"] for one in await stage.google.accounts(3, "counts.example.com")]
    async with open_catflap(stage.settings(port=port)) as catflap, serving(catflap.web, listener):
        # Deletes what has expired, which happens once a second at most.
        await Client(port).send(f"/signin/google/popup?{_SCOPES}")
        for email, (kind, sign_in) in zip(people, SignIns(stage, port).kinds.items(), strict=True):
            for turn in ("first", "later"):
                with recorded_statements() as sent:
                    await sign_in(email)
                rows[f"{kind}, {turn}: statements"] = queries(sent)
                rows[f"{kind}, {turn}: commits"] = commits(sent)
    return rows


async def _key_fetches(stage: Stage, sign_ins: int) -> Rows:
    found = await stage.google.requests("oauth.jwks")
    return {f"fetches of Google's keys during {sign_ins} sign-ins": found}


async def _bare(stage: Stage, email: str) -> float:
    code = await stage.google.code(email)
    return await _timed(stage.oauth.exchange(code, redirect_uri=""))


async def _timed(call: Awaitable[object]) -> float:
    began = time.perf_counter()
    await call
    return (time.perf_counter() - began) * 1000


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _create_floor(stage: Stage) -> None:
    engine = create_async_engine(stage.urls.owner)
    async with engine.begin() as connection:
        await connection.execute(CreateTable(TABLE))
        for grant in ("USAGE ON SCHEMA public", "ALL ON public.signin_floor"):
            await connection.exec_driver_sql(f"GRANT {grant} TO PUBLIC")
    await engine.dispose()


def _start_floor(stage: Stage, port: int) -> "subprocess.Popen[bytes]":
    urls = [one.render_as_string(hide_password=False) for one in (stage.urls.app, stage.urls.vault)]
    command = [sys.executable, "-m", "bench.signin_floor", str(port), *urls]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
