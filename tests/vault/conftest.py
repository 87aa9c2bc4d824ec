"""A vault on a real PostgreSQL with a real socket to the sandbox's Google."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.app import open_catflap
from catflap.clock import FixedClock
from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.google_client_settings import GoogleClient
from catflap.settings import Settings
from catflap.store.database import Urls, connect
from catflap.store.notify import NotificationListener
from catflap.store.vault_tables import google_tokens
from catflap.vault import Grant, Grants, GrantToken, TokenCipher, Vault, load_keyset
from catflap.vault.lease import Leases
from catflap.vault.webhooks import Address, Webhooks
from catflap.web.services import Services
from google_sandbox import Sandbox
from tests.support.app_client import secret_url
from tests.support.faulty_transport import FaultyTransport
from tests.support.openapi import conformance
from tests.support.webhook_receiver import Receiver, receiving

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
def transport() -> FaultyTransport:
    """The way to Google of `oauth` and `vault`."""
    return FaultyTransport()


@pytest.fixture
async def http(transport: FaultyTransport) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=transport, timeout=30, follow_redirects=False) as client:
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
    """Where an application with this data directory keeps it."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    return folder / "vault-keyset.json"


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
    """The HTTP API of an application, as another back end meets it."""

    http: httpx2.AsyncClient
    services: Services
    app: FastAPI

    async def key(self, *rights: str, **limits: Any) -> dict[str, str]:
        """The header of a new API key."""
        _, secret = await self.services.api_keys.create("test", rights, **limits)
        return {"Authorization": f"Bearer {secret}"}


OpenApi = Callable[..., AbstractAsyncContextManager[TokenApi]]


@pytest.fixture
def open_api(vault: Vault, google: Google, clock: FixedClock, database_urls: Urls, tmp_path: Path) -> OpenApi:
    """Start an application on the database and the keyset of `vault`; arguments are settings."""

    @asynccontextmanager
    async def opened(**chosen: Any) -> AsyncIterator[TokenApi]:
        defaults = {
            "data_dir": tmp_path,
            "database_url": secret_url(database_urls.app),
            "vault_database_url": secret_url(database_urls.vault),
            "google_client_id": CLIENT_ID,
            "google_client_secret": SecretStr(CLIENT_SECRET),
            "google_discovery_url": google.discovery_url,
            "google_api_url": google.url,
        }
        url = "http://catflap.test"
        async with open_catflap(Settings(**{**defaults, **chosen}), clock) as application:
            transport = httpx2.ASGITransport(application.web)
            checked = {"response": [conformance(application.web, url).hook]}
            async with httpx2.AsyncClient(transport=transport, base_url=url, event_hooks=checked) as client:
                yield TokenApi(client, application.services, application.web)

    return opened


@pytest.fixture
async def api(open_api: OpenApi) -> AsyncIterator[TokenApi]:
    async with open_api() as opened:
        yield opened


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with receiving(tmp_path) as served:
        yield served


@pytest.fixture
async def webhooks(grants: Grants, clock: FixedClock, receiver: Receiver) -> AsyncIterator[Webhooks]:
    async def here(host: str, port: int) -> list[Address]:
        return [ipaddress.ip_address("127.0.0.1")]

    trusted = ssl.create_default_context(cafile=str(receiver.authority))
    async with httpx2.AsyncClient(verify=trusted, trust_env=False) as http:
        yield Webhooks(grants.engine, grants.cipher, clock, http, resolve=here, allowed=lambda address: True)
