"""A vault on a real PostgreSQL with a real socket to the sandbox's Google."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.google.proxy_rules import parse_rules
from catflap.google.risc import SecurityEventTokens
from catflap.settings import GoogleClient, Settings
from catflap.store.database import Urls, connect
from catflap.store.notify import NotificationListener
from catflap.store.tables import google_tokens
from catflap.vault import Grant, Grants, GrantToken, TokenCipher, Vault, load_keyset
from catflap.vault.api_keys import ApiKeys
from catflap.vault.audit import Audit
from catflap.vault.lease import Leases
from catflap.vault.security_events import SecurityEventHandler
from catflap.web.paths import Paths
from catflap.web.routes import api_keys, google_proxy, security_events, tokens
from google_sandbox import Sandbox
from tests.support.http import http_client
from tests.support.openapi import Conformance

CLIENT_ID, CLIENT_SECRET = "1234567890-test.apps.googleusercontent.com", "GOCSPX-test"
EMAIL = "anna@example.com"
REFRESH = "oauth.token.refresh"
SCOPES = ("openid", "email", "https://www.googleapis.com/auth/calendar.events")
CLIENT = GoogleClient(client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET), redirect_uri="")


class Google:
    """The sandbox, as the vault's tests use it."""

    def __init__(self, sandbox: Sandbox, url: str) -> None:
        self.sandbox = sandbox
        self.url = url
        self.discovery_url = f"{url}/.well-known/openid-configuration"

    def refreshes(self) -> int:
        """How many refreshes reached Google."""
        return self.sandbox.state.request_log.counts[REFRESH]

    def trouble(self, **fault: object) -> None:
        """Put a fault in force at the refresh endpoint."""
        self.sandbox.fault(**{"endpoint": REFRESH, **fault})  # type: ignore[arg-type]

    def clear_faults(self) -> None:
        self.sandbox.lift()

    def code(self, *, email: str = EMAIL, again: bool = False, scopes: tuple[str, ...] = SCOPES) -> str:
        """A consent; `again` is one at which Google sends a refresh token although it did before."""
        self.sandbox.add_account(email)
        return self.sandbox.mint_code(email, CLIENT_ID, scopes, force_refresh_token=again)

    def revoke_access(self, email: str = EMAIL) -> None:
        """The person takes it back at Google's account page."""
        self.sandbox.revoke_access(email)


@pytest.fixture
async def google(clock: FixedClock) -> AsyncIterator[Google]:
    sandbox = Sandbox(clock=clock.now)
    async with sandbox.serve() as url:
        sandbox.add_client(CLIENT_ID, CLIENT_SECRET)
        yield Google(sandbox, url)


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client(timeout=30, follow_redirects=False) as client:
        yield client


@pytest.fixture
def oauth(google: Google, http: httpx2.AsyncClient) -> OAuth:
    return OAuth(http, Discovery(http, google.discovery_url), CLIENT)


@pytest.fixture
async def vault_engine(database_urls: Urls) -> AsyncIterator[AsyncEngine]:
    pool = connect(database_urls.vault)
    yield pool
    await pool.dispose()


@pytest.fixture
def keyset_file(tmp_path: Path) -> Path:
    return tmp_path / "keyset.json"


@pytest.fixture
def grants(vault_engine: AsyncEngine, clock: FixedClock, keyset_file: Path) -> Grants:
    return Grants(vault_engine, TokenCipher(load_keyset(keyset_file)), clock, CLIENT_ID)


@pytest.fixture
async def notifications(database_urls: Urls) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(database_urls.vault) as listening:
        yield listening


@pytest.fixture
def vault(grants: Grants, oauth: OAuth, clock: FixedClock, notifications: NotificationListener) -> Vault:
    leases = Leases(grants.engine, timedelta(seconds=1))
    return Vault(grants, oauth, clock, notifications=notifications, leases=leases)


GrantConsent = Callable[..., Awaitable[Grant]]


@pytest.fixture
def grant_consent(google: Google, oauth: OAuth, grants: Grants, user_id: int) -> GrantConsent:
    """Have the person say yes at Google, and keep what it gives."""

    async def allowed(
        *,
        email: str = EMAIL,
        again: bool = False,
        scopes: tuple[str, ...] = SCOPES,
        user: int | None = None,
    ) -> Grant:
        tokens = await oauth.exchange(google.code(email=email, again=again, scopes=scopes), redirect_uri="")
        account = google.sandbox.add_account(email)
        kept = await grants.store(user_id if user is None else user, account.sub, tokens)
        assert kept is not None
        return kept

    return allowed


@pytest.fixture
def expire_token(
    vault_engine: AsyncEngine, clock: FixedClock
) -> Callable[[Grant | GrantToken], Awaitable[None]]:
    """Let the stored access token of a grant run out."""

    async def ran_out(grant: Grant | GrantToken) -> None:
        async with vault_engine.begin() as connection:
            expired = update(google_tokens).where(google_tokens.c.id == grant.id)
            await connection.execute(expired.values(expires_at=clock.now()))

    return ran_out


ExpireToken = Callable[[Grant | GrantToken], Awaitable[None]]


@dataclass
class TokenApi:
    """Our HTTP, as another back end meets it; `parts` is what stands behind."""

    http: httpx2.AsyncClient
    services: SimpleNamespace
    app: FastAPI

    async def key(self, *rights: str, **limits: Any) -> dict[str, str]:
        """The header of a new API key."""
        _, secret = await self.services.api_keys.create("test", rights, **limits)
        return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
async def api(
    engine: AsyncEngine,
    vault: Vault,
    google: Google,
    clock: FixedClock,
    http: httpx2.AsyncClient,
    tmp_path: Path,
) -> AsyncIterator[TokenApi]:
    settings = Settings(
        data_dir=tmp_path, google_discovery_url=google.discovery_url, google_api_url=google.url
    )
    audit = Audit(engine, clock)
    services = SimpleNamespace(
        settings=settings,
        clock=clock,
        engine=engine,
        paths=Paths(),
        vault=vault,
        grants=vault.grants,
        api_keys=ApiKeys(vault.grants.engine, clock),
        audit=audit,
        http=http,
        proxy_rules=parse_rules(settings.proxy_allow),
        security_event_handler=SecurityEventHandler(engine, vault.grants, clock, audit),
        security_events=SecurityEventTokens(
            http, f"{google.url}/.well-known/risc-configuration", clock, {CLIENT_ID}
        ),
    )
    app = FastAPI()
    app.state.catflap = services
    for module in (tokens, security_events, api_keys, google_proxy):
        app.include_router(module.router)
    transport = httpx2.ASGITransport(app)
    url = "http://catflap.test"
    checked = {"response": [Conformance(app.openapi(), url).hook]}
    async with httpx2.AsyncClient(transport=transport, base_url=url, event_hooks=checked) as client:
        yield TokenApi(client, services, app)
