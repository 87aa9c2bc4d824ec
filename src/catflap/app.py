"""Build every part from Settings; the only place that knows them all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx2
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planner import Planner
from catflap.calendars import Calendars
from catflap.clock import Clock, SystemClock
from catflap.devices.pairing import Pairings
from catflap.devices.registry import Devices
from catflap.devices.schedule import Schedules
from catflap.devices.sound import SoundAddresses, signing_key
from catflap.errors import OperatorMustAct
from catflap.google.api import parse_rules
from catflap.google.calendar import CalendarApi
from catflap.google.discovery import Discovery
from catflap.google.id_token import IdTokens
from catflap.google.keys import Keys
from catflap.google.oauth import OAuth
from catflap.google.risc import SecurityEventTokens
from catflap.settings import Settings
from catflap.signin import Admission, Sessions, SignIn, Users
from catflap.signin.app_tokens import AppTokens
from catflap.signin.consents import Consents
from catflap.speech import Speech, installed_engines
from catflap.store.database import connect, parse_url
from catflap.store.embedded import EmbeddedServer, Urls, prepare
from catflap.store.migrate import make_database, migrate, require_migrated
from catflap.store.notices import Notices
from catflap.vault import Grants, Seal, Vault, api_keys
from catflap.vault.api_keys import ApiKeys
from catflap.vault.audit import Audit
from catflap.vault.keyset import EnvironmentKeyset, Keyset, KeysetFile
from catflap.vault.lease import Leases
from catflap.vault.pace import Pace
from catflap.vault.reactions import Reactions
from catflap.vault.upkeep import Upkeep
from catflap.vault.webhooks import Webhooks
from catflap.web.app import create_app
from catflap.web.services import Services
from catflap.work.clockwork import Clockwork
from catflap.work.jobs import Jobs
from catflap.work.worker import Worker


@dataclass(frozen=True)
class Catflap:
    """The whole house, standing: `web` is an ASGI application, `work()` runs the background jobs."""

    web: FastAPI
    services: Services
    _urls: Urls
    _jobs: Jobs

    @asynccontextmanager
    async def work(self, *, sync_every: timedelta | None = timedelta(minutes=15)) -> AsyncIterator[None]:
        """Run background jobs while the context is open.

        Args:
            sync_every: how often calendars are read again; None leaves out all that happens because time
                passes.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(Worker(self._urls.app, self._jobs))
            if sync_every is not None:
                clockwork = Clockwork(self.services.engine, self.services.clock, sync_every)
                await stack.enter_async_context(clockwork)
                parts = self.services
                upkeep = Upkeep(parts.vault, parts.webhooks, parts.reactions, parts.clock)
                await stack.enter_async_context(upkeep)
            yield


@asynccontextmanager
async def open_catflap(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Catflap]:
    """Start everything that `settings` ask for, and stop it in the right order.

    Raises:
        OperatorMustAct: settings, data directory, database or OAuth client need somebody's hand.
        TryAgain: the database does not answer.
    """
    clock = clock or SystemClock()
    client = settings.google_client()
    prepare(settings.data_dir)
    async with AsyncExitStack() as stack:
        urls = await open_database(settings, stack)
        app_engine = _engine(stack, connect(urls.app))
        vault_engine = _engine(stack, connect(urls.vault))
        http = await stack.enter_async_context(
            httpx2.AsyncClient(timeout=settings.google_timeout, follow_redirects=False)
        )
        notices = await stack.enter_async_context(Notices(urls.app))
        discovery = Discovery(http, settings.google_discovery_url)
        oauth = OAuth(http, discovery, client)
        seal = Seal(vault_keyset(settings))
        grants = Grants(vault_engine, seal, clock, client.client_id)
        vault = Vault(
            grants,
            oauth,
            clock,
            notices=notices,
            leases=Leases(vault_engine, timedelta(seconds=settings.lease_seconds)),
            pace=Pace(settings.google_refreshes_per_second, settings.google_refreshes_per_second),
        )
        keys = ApiKeys(vault_engine, clock, stack.enter_context(notices.watch(api_keys.TOPIC)))
        audit = Audit(app_engine, clock, then=(keys.write_uses, grants.write_uses))
        await stack.enter_async_context(audit)
        outside = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False))
        webhooks = Webhooks(vault_engine, seal, clock, outside)
        reactions = Reactions(app_engine, grants, clock, audit)
        users, sessions = Users(app_engine, clock), Sessions(app_engine, clock)
        id_tokens = IdTokens(Keys(http, discovery.jwks_uri, clock), discovery, clock)
        devices = Devices(app_engine, clock)
        addresses = SoundAddresses(app_engine, clock, await signing_key(app_engine, "sounds"))
        signin = SignIn(
            engine=app_engine,
            clock=clock,
            oauth=oauth,
            discovery=discovery,
            id_tokens=id_tokens,
            users=users,
            grants=grants,
            admission=_admission(settings),
        )
        services = Services(
            settings=settings,
            clock=clock,
            engine=app_engine,
            signin=signin,
            consents=Consents(
                app_engine,
                clock,
                signin,
                redirect_uri=client.redirect_uri,
                return_urls=settings.return_urls,
            ),
            app_tokens=_app_tokens(settings, http, clock),
            sessions=sessions,
            users=users,
            vault=vault,
            devices=devices,
            pairings=Pairings(app_engine, clock, devices),
            schedules=Schedules(app_engine, clock, addresses, notices, settings.origin),
            sounds=addresses,
            api_keys=keys,
            audit=audit,
            http=http,
            proxy_rules=parse_rules(settings.proxy_allow),
            webhooks=webhooks,
            reactions=reactions,
            security_events=SecurityEventTokens(http, risc_url(settings), clock, {client.client_id}),
        )
        speech = Speech(engines=installed_engines())
        stack.push_async_callback(speech.aclose)
        jobs = Jobs(
            engine=app_engine,
            clock=clock,
            calendars=_calendars(settings, app_engine, clock, http, vault),
            planner=Planner(app_engine, clock),
            speech=speech,
            webhooks=webhooks,
            revoking=vault.revoking,
            reactions=reactions,
        )
        yield Catflap(create_app(services), services, urls, jobs)


async def check_google(settings: Settings) -> None:
    """Ask Google whether it answers and knows our client, before anything is started or written.

    Raises:
        OperatorMustAct: `google_client_missing`, `google_client_rejected`, `discovery_invalid`.
        TryAgain: `google_unavailable`.
    """
    client = settings.google_client()
    async with httpx2.AsyncClient(timeout=settings.google_timeout) as http:
        await OAuth(http, Discovery(http, settings.google_discovery_url), client).check_client()


def _admission(settings: Settings) -> Admission:
    return Admission(
        domains=frozenset(domain.lower() for domain in settings.allowed_domains),
        emails=frozenset(email.lower() for email in settings.allowed_emails),
    )


def _app_tokens(settings: Settings, http: httpx2.AsyncClient, clock: Clock) -> AppTokens | None:
    if not settings.jwt_issuer:
        return None

    async def jwks_uri() -> str:
        return settings.jwt_jwks_url

    keys = Keys(http, jwks_uri, clock)
    return AppTokens(keys, clock, issuer=settings.jwt_issuer, audience=settings.jwt_audience)


def vault_keyset(settings: Settings) -> Keyset:
    """The keyset that seals this installation's tokens."""
    if settings.vault_keyset is not None:
        return Keyset(EnvironmentKeyset(settings.vault_keyset.get_secret_value()))
    file = settings.data_dir / "secrets" / "vault-keyset.json"
    return Keyset(KeysetFile(file, loud=settings.origin.startswith("https://")))


def risc_url(settings: Settings) -> str:
    """Where the RISC configuration is: beside OpenID Connect's discovery document."""
    return settings.google_discovery_url.rpartition("/")[0] + "/risc-configuration"


def _calendars(
    settings: Settings, engine: AsyncEngine, clock: Clock, http: httpx2.AsyncClient, vault: Vault
) -> Calendars:
    async def access(user_id: int, account_sub: str) -> str:
        return (await vault.access_token(user_id, account_sub)).token

    async def refused(user_id: int, account_sub: str, token: str) -> str:
        return (await vault.access_token(user_id, account_sub, refused=token)).token

    return Calendars(engine, clock, CalendarApi(http, settings.google_api_url), access, refused)


async def open_database(settings: Settings, stack: AsyncExitStack) -> Urls:
    """The database that `settings` ask for, up and migrated until `stack` is closed.

    Raises:
        OperatorMustAct: `postgres_failed`, `database_url_missing`, …
        TryAgain: `database_unreachable`.
    """
    if settings.database_url is None:
        server = EmbeddedServer(settings.data_dir)
        urls = await asyncio.to_thread(server.start)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        await make_database(urls)
        await migrate(urls)
        return urls
    urls = external_urls(settings)
    await require_migrated(urls)
    return urls


def external_urls(settings: Settings, *, as_owner: bool = False) -> Urls:
    """Where a PostgreSQL of the operator's own is, as its roles see it.

    Raises:
        OperatorMustAct: `database_url_missing` or `database_url_invalid`.
    """
    app, vault, owner = settings.database_url, settings.vault_database_url, settings.owner_database_url
    if app is None or vault is None or (as_owner and owner is None):
        raise OperatorMustAct(
            "database_url_missing",
            "Set CATFLAP_DATABASE_URL (the role of the app) and CATFLAP_VAULT_DATABASE_URL (the role of the "
            "vault); `catflap migrate` makes both, and for that wants CATFLAP_OWNER_DATABASE_URL too.",
        )
    urls = [parse_url(one.get_secret_value()) for one in (owner or app, app, vault)]
    return Urls(*urls)


def _engine(stack: AsyncExitStack, engine: AsyncEngine) -> AsyncEngine:
    stack.push_async_callback(engine.dispose)
    return engine
