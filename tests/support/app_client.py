"""A running Catflap with a sandbox Google on real sockets, and browsers that use it."""

import asyncio
import base64
import contextlib
import hashlib
import html
import json
import re
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import asyncpg
import httpx2
from pydantic import SecretStr
from sqlalchemy.engine import URL

from catflap.app import Application, open_catflap
from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from catflap.clock import FixedClock
from catflap.settings import PUSH_PATH, Settings
from catflap.store.database import Urls, asyncpg_options
from google_sandbox import Sandbox
from tests.support.http import http_client
from tests.support.openapi import conformance

CLIENT_ID, CLIENT_SECRET = "4711-web.apps.googleusercontent.com", "GOCSPX-a-made-up-secret"
OTHER_CLIENT_ID = "4711-other.apps.googleusercontent.com"
DESKTOP_CLIENT_ID, DESKTOP_SECRET = "4711-desktop.apps.googleusercontent.com", "GOCSPX-of-the-desktop"
# Settings of a Catflap with a desktop client.
DESKTOP: dict[str, Any] = {
    "google_desktop_client_id": DESKTOP_CLIENT_ID,
    "google_desktop_client_secret": SecretStr(DESKTOP_SECRET),
}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
ALICE, BOB = "alice@example.com", "bob@example.com"
CALENDAR = ["calendar.events.readonly", "calendar.calendarlist.readonly"]
_PREFIX = "https://www.googleapis.com/auth/"


@dataclass
class RunningApp:
    """A running Catflap, its Google, and how to reach both."""

    origin: str
    sandbox: Sandbox
    catflap: Application
    urls: Urls
    clock: FixedClock
    client: httpx2.AsyncClient
    _stack: AsyncExitStack
    # False for a host application, whose other answers are its own.
    declared: bool = True

    @property
    def netloc(self) -> str:
        return self.origin.removeprefix("http://")

    async def browser(self, email: str = ALICE) -> "Browser":
        """A browser of its own, with nothing in it yet."""
        checked = {"response": [conformance(self.catflap.web, self.origin).hook]} if self.declared else None
        http = http_client(timeout=30, headers={"User-Agent": FIREFOX}, event_hooks=checked)
        return Browser(self, await self._stack.enter_async_context(http), email)

    def native_code(
        self,
        email: str = ALICE,
        scopes: Collection[str] = ("openid", "email", "profile", *CALENDAR),
        **more: Any,
    ) -> str:
        """What google_sign_in gives an app as `serverAuthCode`."""
        wire = [name if name in ("openid", "email", "profile") else _PREFIX + name for name in scopes]
        return self.sandbox.mint_code(email, CLIENT_ID, wire, **{"kind": "native", **more})

    def popup_code(
        self,
        email: str = ALICE,
        scopes: Collection[str] = ("openid", "email", "profile", *CALENDAR),
        **more: Any,
    ) -> str:
        """What Google's code client gives a page of ours."""
        return self.native_code(email, scopes, kind="popup", redirect_uri=self.origin, **more)

    def page_headers(self) -> dict[str, str]:
        """What a page of ours sends along."""
        return {"Origin": self.origin, "X-Requested-With": "XMLHttpRequest"}

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Look into the database as its owner, who sees both schemas."""
        connection = await asyncpg.connect(**asyncpg_options(self.urls.owner))
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def stored(self) -> dict[str, int]:
        """How many rows there are of all that a sign-in may leave behind."""
        tables = ("app.users", "app.accounts", "app.sessions", "vault.google_tokens")
        return {name: (await self.rows(f"SELECT count(*) FROM {name}"))[0][0] for name in tables}

    async def dump(self) -> str:
        """Everything in the database, as text."""
        tables = await self.rows(
            "SELECT table_schema || '.' || quote_ident(table_name) FROM information_schema.tables"
            " WHERE table_schema IN ('app', 'vault', 'queue')"
        )
        rows = [await self.rows(f"SELECT t::text FROM {name} t") for (name,) in tables]
        return "\n".join(row[0] for table in rows for row in table)

    def google_was_asked(self, endpoint: str) -> int:
        """How often an endpoint of Google was called."""
        return len(self.sandbox.requests(endpoint=endpoint))

    async def api_key(self, *rights: str, **limits: Any) -> dict[str, str]:
        """The headers of another back end."""
        _, secret = await self.catflap.services.api_keys.create("shop", rights or ("users",), **limits)
        return {"Authorization": f"Bearer {secret}"}

    async def bearer_of(self, user_id: int) -> dict[str, str]:
        """The headers of a native app whose user is signed in."""
        token = await self.catflap.services.sessions.begin(user_id, "bearer")
        return {"Authorization": f"Bearer {token}"}


@dataclass
class Browser:
    """A person at a browser: keeps cookies, follows redirects one by one, fills in Google's forms."""

    app: RunningApp
    http: httpx2.AsyncClient
    email: str
    csrf: str = ""
    seen: list[httpx2.Response] = field(default_factory=list)

    async def get(self, path: str, **more: Any) -> httpx2.Response:
        return self._note(await self.http.get(urljoin(self.app.origin, path), **more))

    async def send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Change something, as a script of the page would."""
        headers = {"X-CSRF-Token": self.csrf, "Origin": self.app.origin, **more.pop("headers", {})}
        url = urljoin(self.app.origin, path)
        return self._note(await self.http.request(method, url, headers=headers, **more))

    async def begin(self, path: str = "/signin/google?scopes=calendar") -> httpx2.Response:
        """Go to Google, and stop before its first page."""
        return await self.get(path)

    async def at_google(
        self, url: str, *, untick: Collection[str] = (), deny: bool = False, email: str | None = None
    ) -> str:
        """Go through Google's pages; where Google sends the browser back to."""
        page = self._note(await self.http.get(url))
        for _ in range(4):
            if page.is_redirect:
                return urljoin(str(page.url), page.headers["Location"])
            ticket = re.search(r'name="ticket" value="([^"]+)', page.text)
            assert ticket, page.text
            if 'name="decision"' in page.text:
                boxes = [html.unescape(box) for box in re.findall(r'name="scope" value="([^"]+)"', page.text)]
                ticked = [box for box in boxes if box.removeprefix(_PREFIX) not in untick]
                data = {"ticket": ticket[1], "scope": ticked, "decision": "deny" if deny else "allow"}
                to = "/o/oauth2/v2/auth/consent"
            else:
                data, to = (
                    {"ticket": ticket[1], "new_email": email or self.email},
                    "/o/oauth2/v2/auth/account",
                )
            page = self._note(await self.http.post(urljoin(str(page.url), to), data=data))
        raise AssertionError("Google shows pages without end")

    async def sign_in(
        self, path: str = "/signin/google?scopes=calendar", **at_google: Any
    ) -> httpx2.Response:
        """The whole way; the last answer of ours that isn't a redirect to Google."""
        answer = await self.begin(path)
        while answer.is_redirect and not answer.headers["Location"].startswith("/"):
            back = await self.at_google(answer.headers["Location"], **at_google)
            answer = await self.get(back)
        me = await self.http.get(urljoin(self.app.origin, "/v1/me"))
        self.csrf = me.json().get("csrf_token", "")
        return answer

    async def me(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.get("/v1/me")).json()
        return found

    def _note(self, response: httpx2.Response) -> httpx2.Response:
        self.seen.append(response)
        return response


@asynccontextmanager
async def running_app(
    urls: Urls, clock: FixedClock, data_dir: Path, *, push: bool = False, **chosen: Any
) -> AsyncIterator[RunningApp]:
    """Start a Google and a Catflap; `chosen` are settings, `push` lets Google send notifications."""
    sandbox = Sandbox(clock=clock.now)
    async with sandbox.serve(), running_app_of(sandbox, urls, clock, data_dir, push=push, **chosen) as app:
        for email in (ALICE, BOB):
            sandbox.add_account(email)
        yield app


@asynccontextmanager
async def running_app_of(
    sandbox: Sandbox, urls: Urls, clock: FixedClock, data_dir: Path, *, push: bool = False, **chosen: Any
) -> AsyncIterator[RunningApp]:
    """Start a Catflap for a Google that is served; arguments as for `running_app`."""
    async with AsyncExitStack() as stack:
        listener = bind("127.0.0.1", 0)
        stack.callback(listener.close)
        origin = f"http://127.0.0.1:{port_of(listener)}"
        google = sandbox.base_url
        for client_id in (CLIENT_ID, OTHER_CLIENT_ID):
            sandbox.add_client(
                client_id,
                CLIENT_SECRET,
                redirect_uris=[f"{origin}/signin/google/callback"],
                origins=[origin, origin.replace("127.0.0.1", "localhost")],
            )
        sandbox.add_client(DESKTOP_CLIENT_ID, DESKTOP_SECRET, client_type="desktop")
        settings = Settings(
            data_dir=data_dir,
            port=port_of(listener),
            database_url=secret_url(urls.app),
            vault_database_url=secret_url(urls.vault),
            google_discovery_url=f"{google}/.well-known/openid-configuration",
            google_api_url=google,
            calendar_push_url=f"{origin}{PUSH_PATH}" if push else "",
            **{"google_client_id": CLIENT_ID, "google_client_secret": SecretStr(CLIENT_SECRET), **chosen},
        )
        catflap = await stack.enter_async_context(open_catflap(settings, clock))
        await stack.enter_async_context(serving(catflap.web, listener))
        checked = {"response": [conformance(catflap.web, origin).hook]}
        client = http_client(base_url=origin, timeout=30, event_hooks=checked)
        await stack.enter_async_context(client)
        yield RunningApp(origin, sandbox, catflap, urls, clock, client, stack)


@asynccontextmanager
async def serve_json(document: Any) -> AsyncIterator[str]:
    """Serve one JSON document, as an app with its own login serves its keys; its address."""
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").encode() + body)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"


async def raw(app: RunningApp, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are over a socket of their own; status, headers, body of the answer."""
    host, _, port = app.netloc.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        headers[name.lower()] = ", ".join([*filter(None, [headers.get(name.lower())]), value.strip()])
    return int(first.split()[1]), headers, body


def pkce() -> tuple[str, str]:
    """A code verifier and its S256 challenge."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def secret_url(url: URL) -> SecretStr:
    """Return the URL of a database, password included, as a setting."""
    return SecretStr(url.render_as_string(hide_password=False))
