"""A deployment of real processes on its own PostgreSQL, under constant load by scripted clients."""

import asyncio
import contextlib
import hashlib
import json
import secrets
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy.engine import URL

from catflap.cli.sockets import bind, port_of
from catflap.clock import SystemClock
from catflap.store.database import Urls, connect
from catflap.store.migrate import create_database, migrate
from catflap.vault.api_keys import ApiKeys
from google_sandbox import Sandbox
from tests.journeys.conftest import ENVIRONMENT
from tests.support.failover_proxy import FailoverProxy, failover_proxy
from tests.support.own_postgres import OwnPostgres, own_postgres

CLIENT_ID, CLIENT_SECRET = "4711-chaos.apps.googleusercontent.com", "GOCSPX-made-up"
OWNER = "tabby@example.com"
SCOPES = (
    "openid",
    "email",
    "https://www.googleapis.com/auth/calendar.events.readonly",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
)
TIMEOUT = 120.0


class Process:
    """A `catflap` process that can be killed and restarted."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], folder: Path) -> None:
        self._arguments = arguments
        self._environment = {**ENVIRONMENT, **environment}
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process; return when it is ready."""
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "catflap.cli", *self._arguments),
                cwd=self._folder,
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        if self._arguments[0] == "serve":
            line = await asyncio.wait_for(self._process.stdout.readline(), TIMEOUT)
            assert line.startswith(b"http"), (self._folder / "log").read_text()[-2000:]

    async def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal; return when the process has ended."""
        self.tell(how)
        await self.ended()

    def tell(self, how: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)

    async def ended(self) -> None:
        """Wait until the process has ended."""
        assert self._process is not None
        await self._process.communicate()


@dataclass
class Deployment:
    """The processes, the clients and what they have recorded."""

    server: OwnPostgres
    sandbox: Sandbox
    google: str
    webs: list[Process]
    origins: list[str]
    workers: list[Process]
    addresses: list[str]
    http: httpx2.AsyncClient
    key: dict[str, str]
    folder: Path
    proxy: FailoverProxy | None = None
    # What a client has to expect where a proxy sends a request again.
    expected: frozenset[str] = frozenset()
    # Between two sign-ins, and between two tokens.
    pauses: tuple[float, float] = (0.1, 0.02)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    tokens: int = 0
    signed_in: dict[str, dict[str, Any]] = field(default_factory=dict)
    played: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    owner: dict[str, Any] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict)
    clients: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def processes(self) -> dict[str, Process]:
        """All processes of Catflap, by the addresses at which they answer `/readyz`."""
        return dict(zip(self.addresses, (*self.webs, *self.workers), strict=True))

    async def until_ready(self, address: str) -> None:
        """Wait until a process is ready, and the proxy sends it requests."""
        async with asyncio.timeout(TIMEOUT):
            while not await self._is_ready(address):  # noqa: ASYNC110 (a process has no event)
                await asyncio.sleep(0.05)
        if self.proxy is not None and self.processes[address] in self.webs:
            await self.proxy.until_ready(address)

    async def _is_ready(self, address: str) -> bool:
        try:
            return (await self.http.get(address + "/readyz")).status_code == 200
        except httpx2.TransportError:
            return False

    async def request(
        self, what: str, method: str, path: str, *, web: int = 0, **how: Any
    ) -> httpx2.Response | None:
        """Send a request and count its outcome; return None when the process is down or answers 503."""
        try:
            answer = await self.http.request(method, self.origins[web] + path, **how)
        except httpx2.TransportError:
            self.answers[what, "cut off"] += 1
            # Wait before the next attempt, as any client does.
            await asyncio.sleep(0.05)
            return None
        self.answers[what, str(answer.status_code)] += 1
        if answer.status_code == 503:
            if "Retry-After" not in answer.headers:
                self.faults.append(f"{what}: 503 without Retry-After: {answer.text}")
            await asyncio.sleep(0.05)
            return None
        if answer.status_code >= 400 and answer.json().get("code") in self.expected:
            return None
        if answer.status_code >= 400:
            self.faults.append(f"{what}: HTTP {answer.status_code}: {answer.text}")
            return None
        return answer

    async def request_until_answered(self, what: str, method: str, path: str, **how: Any) -> httpx2.Response:
        """Send a request until it is answered."""
        async with asyncio.timeout(TIMEOUT):
            while (answer := await self.request(what, method, path, **how)) is None:
                assert not self.faults, self.faults
            return answer

    async def sign_in(self, email: str) -> dict[str, Any] | None:
        """Sign in like a native app, with a new code each time, because the last one may be used."""
        self.sandbox.add_account(email)
        code = self.sandbox.mint_code(email, CLIENT_ID, SCOPES, force_refresh_token=True)
        body = {"code": code, "client": "native", "scopes": "calendar"}
        answer = await self.request("sign-in", "POST", "/signin/google/code", json=body)
        return None if answer is None else dict(answer.json())

    async def sign_owner_in(self) -> None:
        """Sign the owner in, which also enqueues a sync."""
        async with asyncio.timeout(TIMEOUT):
            while (answer := await self.sign_in(OWNER)) is None:
                assert not self.faults, self.faults
        self.owner = answer

    async def set_up_owner(self) -> None:
        """Sign the owner in, switch the briefing off, and pair a device."""
        await self.sign_owner_in()
        bearer = {"Authorization": f"Bearer {self.owner['token']}"}
        wanted = {
            **(await self.request_until_answered("setup", "GET", "/v1/preferences", headers=bearer)).json(),
            "reminder_minutes": [10],
            "briefing_at": None,
        }
        await self.request_until_answered("setup", "PUT", "/v1/preferences", headers=bearer, json=wanted)
        token = secrets.token_urlsafe(32)
        body = {"token_sha256": hashlib.sha256(token.encode()).hexdigest(), "model": "chaos"}
        code = (await self.request_until_answered("setup", "POST", "/v1/pairings", json=body)).json()["code"]
        await self.request_until_answered("setup", "POST", "/v1/devices", headers=bearer, json={"code": code})
        self.device = {"Authorization": f"Bearer {token}"}

    async def new_event(self, number: int) -> str:
        """Insert an event, enqueue a sync, and return the title."""
        title = f"Errand {number}"
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2, minutes=number)
        times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": start.isoformat()}}
        self.sandbox.insert_event(OWNER, {"summary": title, **times})
        await self.sign_owner_in()
        return title

    async def keep_asking_for_tokens(self) -> None:
        path, last = f"/v1/users/{self.owner['user_id']}/google/token", ""
        while True:
            # Every other request forces a refresh.
            rejected = {"rejected": hashlib.sha256(last.encode()).hexdigest()} if last else {}
            answer = await self.request("token", "GET", path, web=1, headers=self.key, params=rejected)
            last = "" if last else last
            if answer is not None:
                token = answer.json()["access_token"]
                info = await self.http.get(f"{self.google}/tokeninfo", params={"access_token": token})
                if info.status_code != 200:
                    self.faults.append("a token that Google does not know")
                last = "" if rejected else token
                self.tokens += 1
                await self._note()
            await asyncio.sleep(self.pauses[1])

    async def keep_signing_in(self) -> None:
        number = 0
        while True:
            number += 1
            email = f"cat{number}@example.com"
            answer = await self.sign_in(email)
            if answer is not None:
                self.signed_in[email] = answer
                await self._note()
            await asyncio.sleep(self.pauses[0])

    async def keep_playing(self) -> None:
        """A device: follow the schedule, and play each announcement when it has a sound."""
        while True:
            try:
                await self._follow()
            except httpx2.TransportError:
                self.answers["schedule", "cut off"] += 1
            await asyncio.sleep(0.05)

    async def _follow(self) -> None:
        headers = {**self.device, "Accept": "text/event-stream"}
        url = self.origins[0] + "/v1/device/schedule"
        async with self.http.stream("GET", url, headers=headers, timeout=30) as stream:
            self.answers["schedule", str(stream.status_code)] += 1
            if stream.status_code not in (200, 503):
                self.faults.append(f"schedule: HTTP {stream.status_code}")
            if stream.status_code != 200:
                return
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    for one in json.loads(line.removeprefix("data: "))["announcements"]:
                        await self._play(one)

    async def _play(self, one: dict[str, Any]) -> None:
        if one["audio"] is None or one["id"] in self.acknowledged:
            return
        if one["id"] not in self.played:
            path = one["audio"]["url"].removeprefix(self.origins[0])
            sound = await self.request_until_answered("sound", "GET", path)
            assert hashlib.sha256(sound.content).hexdigest() == one["audio"]["sha256"]
            self.played[one["id"]] = one["text"]
        body = {"announcement": one["id"], "state": "played", "at": datetime.now(UTC).isoformat()}
        await self.request_until_answered("ack", "POST", "/v1/device/acks", headers=self.device, json=body)
        self.acknowledged.add(one["id"])
        await self._note()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for a condition; fail after a timeout or when a client has failed."""
        try:
            async with asyncio.timeout(TIMEOUT):
                while not reached():
                    for client in self.clients:
                        if client.done():
                            client.result()
                    async with self.changed:
                        await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"timed out: {self.summary()}, {self.faults}") from None

    async def _note(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def stop_clients(self) -> None:
        """Stop all clients."""
        for client in self.clients:
            client.cancel()
        for left in await asyncio.gather(*self.clients, return_exceptions=True):
            if isinstance(left, Exception):
                raise left
        self.clients = []

    def summary(self) -> str:
        """Return the counts."""
        answers = ", ".join(f"{what} {status}: {n}" for (what, status), n in sorted(self.answers.items()))
        return f"{len(self.signed_in)} signed in, {self.tokens} tokens, {len(self.played)} played; {answers}"

    def times_played(self, title: str) -> int:
        return sum(f"{title}”" in text or f'{title}"' in text for text in self.played.values())


@asynccontextmanager
async def deploy(
    folder: Path, *, workers: int = 1, proxied: bool = False, **settings: str
) -> AsyncIterator[Deployment]:
    """Start all processes and clients.

    Args:
        folder: For logs and the data directory.
        workers: How many processes do background jobs.
        proxied: Whether clients reach both web processes by one proxy.
        settings: More of the environment.
    """
    with own_postgres() as server:
        async with AsyncExitStack() as stack:
            deployed = await _build(folder, server, stack, workers, proxied, settings)
            await deployed.set_up_owner()
            clients = (deployed.keep_asking_for_tokens, deployed.keep_signing_in, deployed.keep_playing)
            deployed.clients = [asyncio.create_task(one()) for one in clients]
            try:
                yield deployed
            finally:
                await deployed.stop_clients()


async def _build(
    folder: Path,
    server: OwnPostgres,
    stack: AsyncExitStack,
    workers: int,
    proxied: bool,
    settings: dict[str, str],
) -> Deployment:
    await create_database(server.urls)
    await migrate(server.urls)
    sandbox = Sandbox()
    google = await stack.enter_async_context(sandbox.serve())
    ports = [_free_port() for _ in range(2 + workers)]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    servers, listener = addresses[:2], bind("127.0.0.1", 0)
    stack.callback(listener.close)
    origins = [f"http://127.0.0.1:{port_of(listener)}"] * 2 if proxied else servers
    sandbox.add_client(
        CLIENT_ID, CLIENT_SECRET, redirect_uris=[f"{origin}/signin/google/callback" for origin in origins]
    )
    if proxied:
        settings = {"CATFLAP_PUBLIC_URL": origins[0], **settings}
    environment = _environment(server.urls, google) | settings
    data = ("--data-dir", str(folder / "data"))
    commands = [("serve", "--no-worker", "--port"), ("serve", "--no-worker", "--port")]
    commands += [("work", "--health-port")] * workers
    processes = [
        Process((*command, str(port), *data), environment, folder)
        for command, port in zip(commands, ports, strict=True)
    ]
    first, *others = processes
    # It makes the keyset.
    await first.start()
    await asyncio.gather(*(process.start() for process in others))
    for process in processes:
        stack.push_async_callback(process.end, signal.SIGTERM)
    http = await stack.enter_async_context(httpx2.AsyncClient(timeout=60))
    proxy = await stack.enter_async_context(failover_proxy(listener, servers)) if proxied else None
    if proxy is not None:
        await proxy.until_ready()
    key = await _key(server.urls)
    webs, jobs = processes[:2], processes[2:]
    return Deployment(server, sandbox, google, webs, origins, jobs, addresses, http, key, folder, proxy)


def _environment(urls: Urls, google: str) -> dict[str, str]:
    def shown(url: URL) -> str:
        return url.set(drivername="postgresql").render_as_string(hide_password=False)

    return {
        "CATFLAP_DATABASE_URL": shown(urls.app),
        "CATFLAP_VAULT_DATABASE_URL": shown(urls.vault),
        "CATFLAP_GOOGLE_DISCOVERY_URL": google + "/.well-known/openid-configuration",
        "CATFLAP_GOOGLE_API_URL": google,
        "CATFLAP_LOG_FORMAT": "json",
        "GOOGLE_CLIENT_ID": CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
    }


async def _key(urls: Urls) -> dict[str, str]:
    engine = connect(urls.vault)
    _, secret = await ApiKeys(engine, SystemClock()).create("chaos", ("tokens",), per_minute=1_000_000)
    await engine.dispose()
    return {"Authorization": f"Bearer {secret}"}


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
