"""Environment of the benchmarks: one PostgreSQL, one sandbox and one keyset."""

import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import psutil
from pydantic import SecretStr
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.cli.sockets import bind, port_of
from catflap.clock import SystemClock
from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth, TokenResponse
from catflap.google.scopes import normalise
from catflap.google_client_settings import GoogleClient
from catflap.settings import Settings
from catflap.store.database import Urls, connect
from catflap.store.embedded import EmbeddedServer
from catflap.store.migrate import create_database, migrate
from catflap.store.notify import NotificationListener
from catflap.store.tables import users
from catflap.store.vault_tables import google_tokens
from catflap.vault import Grants, TokenCipher, Vault, load_keyset
from catflap.vault.lease import Leases
from catflap.vault.rate_limit import TokenBucket

CLIENT_ID, CLIENT_SECRET = "4711-bench.apps.googleusercontent.com", "GOCSPX-bench"
_CALENDAR = "https://www.googleapis.com/auth/calendar"
SCOPES = ["openid", "email", f"{_CALENDAR}.events", f"{_CALENDAR}.calendarlist.readonly"]
REFRESH = "oauth.token.refresh"


class Google:
    """Client of the control API of a sandbox process."""

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self.url = url
        self.discovery = f"{url}/.well-known/openid-configuration"
        self._http = http

    async def accounts(self, count: int, domain: str) -> list[dict[str, str]]:
        """Create accounts, each with a refresh token."""
        body = {"count": count, "domain": domain, "client_id": CLIENT_ID, "scopes": SCOPES}
        return list((await self._control("POST", "accounts", body))["accounts"])

    async def set_fault(self, **fault: Any) -> None:
        """Set the only fault of the token endpoint."""
        await self.clear_faults()
        await self._control("POST", "faults", {"endpoint": "oauth.token.*", **fault})

    async def clear_faults(self) -> None:
        """Remove all faults."""
        await self._control("DELETE", "faults")

    async def revoke(self, email: str) -> None:
        """Revoke the access of an account."""
        await self._control("POST", "revoke", {"email": email})

    async def code(self, email: str, **more: Any) -> str:
        """Return a one-time code of an account that consents again; `more` as for the sandbox's `codes`."""
        body = {"email": email, "client_id": CLIENT_ID, "scopes": SCOPES, "force_refresh_token": True, **more}
        return str((await self._control("POST", "codes", body))["code"])

    async def refreshes(self) -> int:
        """Return the number of refreshes since the last `forget`."""
        return await self.requests(REFRESH)

    async def requests(self, endpoint: str) -> int:
        """Return the number of requests to an endpoint since the last `forget`."""
        found = await self._control("GET", "requests?endpoint=none")
        return int(found["counts"].get(endpoint, 0))

    async def forget(self) -> None:
        """Reset the count of refreshes."""
        await self._control("DELETE", "requests")

    async def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = await self._http.request(method, f"{self.url}/sandbox/{path}", json=body)
        response.raise_for_status()
        return response.json() if response.content else {}


@dataclass(frozen=True)
class Stage:
    """What the benchmarks share."""

    urls: Urls
    google: Google
    keyset: Path
    app_engine: AsyncEngine
    vault_engine: AsyncEngine
    http: httpx2.AsyncClient
    notifications: NotificationListener
    oauth: OAuth
    environment: dict[str, str]
    processes: dict[str, psutil.Process]

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time so far of this process, of the sandbox and of PostgreSQL."""
        return {name: _cpu_seconds(process) for name, process in self.processes.items()}

    def grants(self) -> Grants:
        """Return a grant repository."""
        return Grants(self.vault_engine, TokenCipher(load_keyset(self.keyset)), SystemClock(), CLIENT_ID)

    def settings(self, **more: Any) -> Settings:
        """Return the settings of an application on this database and sandbox."""
        return Settings.read(
            data_dir=self.keyset.parents[1],
            database_url=SecretStr(self.urls.app.render_as_string(hide_password=False)),
            vault_database_url=SecretStr(self.urls.vault.render_as_string(hide_password=False)),
            google_client_id=CLIENT_ID,
            google_client_secret=SecretStr(CLIENT_SECRET),
            google_discovery_url=self.google.discovery,
            google_api_url=self.google.url,
            **more,
        )

    def vault(self, *, per_second: float = 10_000) -> Vault:
        """Return a vault, as each process has one."""
        return Vault(
            self.grants(),
            self.oauth,
            SystemClock(),
            notifications=self.notifications,
            leases=Leases(self.vault_engine, timedelta(seconds=3)),
            rate_limit=TokenBucket(per_second, per_second),
        )

    async def people(self, count: int, domain: str) -> list[tuple[int, str, str]]:
        """Create users with an active grant: user id, sub, email."""
        grants, made = self.grants(), []
        for account in await self.google.accounts(count, domain):
            async with self.app_engine.begin() as connection:
                values = insert(users).values(created_at=SystemClock().now()).returning(users.c.id)
                user_id = int((await connection.execute(values)).scalar_one())
            tokens = TokenResponse(
                account["access_token"], 3599, normalise(account["scope"]), account["refresh_token"]
            )
            await grants.store(user_id, account["sub"], tokens)
            made.append((user_id, account["sub"], account["email"]))
        return made

    async def expire_access_tokens(self, *, after: timedelta = timedelta(0), in_use: bool = False) -> None:
        """Let all access tokens expire in `after`; `in_use` also marks them as used now."""
        now = SystemClock().now()
        issued = now + after - timedelta(hours=1)
        values = {"expires_at": now + after, "refreshed_at": issued, "used_at": now if in_use else None}
        async with self.vault_engine.begin() as connection:
            await connection.execute(update(google_tokens).values(**values))

    def caller_arguments(self, user_id: int, **more: Any) -> dict[str, Any]:
        """Return the arguments of a process of `tests.support.vault_caller`."""
        return {
            "vault_url": self.urls.vault.render_as_string(hide_password=False),
            "discovery": self.google.discovery,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "keyset": str(self.keyset),
            "lease": 3.0,
            "user_id": user_id,
            "callers": 50,
            "do": "tokens",
            **more,
        }


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Start PostgreSQL and the sandbox; stop both on exit."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="catflap-bench-")))
        server = EmbeddedServer(folder)
        urls = await asyncio.to_thread(server.start)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        await create_database(urls)
        await migrate(urls)
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=300))
        google_url, sandbox = await _sandbox(stack, http)
        google = Google(google_url, http)
        postmaster = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        engines = connect(urls.app), connect(urls.vault)
        for engine in engines:
            stack.push_async_callback(engine.dispose)
        keyset = folder / "secrets" / "vault-keyset.json"
        load_keyset(keyset)
        client = GoogleClient(
            client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET), redirect_uri="http://localhost"
        )
        yield Stage(
            urls=urls,
            google=google,
            keyset=keyset,
            app_engine=engines[0],
            vault_engine=engines[1],
            http=http,
            notifications=await stack.enter_async_context(NotificationListener(urls.vault)),
            oauth=OAuth(http, Discovery(http, google.discovery), client),
            environment=_environment(folder, urls, google),
            processes={
                "our process": psutil.Process(),
                "the sandbox": psutil.Process(sandbox),
                "PostgreSQL": psutil.Process(postmaster),
            },
        )


async def _sandbox(stack: AsyncExitStack, http: httpx2.AsyncClient) -> tuple[str, int]:
    """Start a sandbox; return its URL and the id of its process."""
    port = free_port()
    process = start(
        "sandbox", "--port", str(port), "--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET
    )
    stack.callback(stop, process)
    url = f"http://127.0.0.1:{port}"
    await until_up(http, f"{url}/.well-known/openid-configuration", process)
    return url, process.pid


def _cpu_seconds(process: psutil.Process) -> float:
    """CPU time of a process, and of PostgreSQL's for each connection."""
    found = [process, *process.children()] if process.name() == "postgres" else [process]
    return sum(one.cpu_times().user + one.cpu_times().system for one in found)


def free_port() -> int:
    """Return a port on which nothing listens."""
    listener = bind("127.0.0.1", 0)
    port = port_of(listener)
    listener.close()
    return port


def start(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    """Start `catflap` with these arguments."""
    command = [sys.executable, "-m", "catflap.cli", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process that was started here."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def until_up(http: httpx2.AsyncClient, url: str, process: "subprocess.Popen[bytes]") -> None:
    """Return when `url` responds."""
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the process for {url} ended with {process.returncode}")
        try:
            if (await http.get(url)).is_success:
                return
        except httpx2.HTTPError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError(f"{url} did not come up")


def _environment(folder: Path, urls: Urls, google: Google) -> dict[str, str]:
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("CATFLAP_", "GOOGLE_"))
    }
    return {
        **plain,
        "CATFLAP_DATA_DIR": str(folder),
        "CATFLAP_DATABASE_URL": urls.app.render_as_string(hide_password=False),
        "CATFLAP_VAULT_DATABASE_URL": urls.vault.render_as_string(hide_password=False),
        "CATFLAP_GOOGLE_DISCOVERY_URL": google.discovery,
        "CATFLAP_GOOGLE_API_URL": google.url,
        "CATFLAP_LOG_LEVEL": "error",
        "GOOGLE_CLIENT_ID": CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
    }


def fingerprint(token: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
