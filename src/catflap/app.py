"""Composition root: builds every component from the settings."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import httpx2
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planner import Planner
from catflap.announcements.rendering import Renderer
from catflap.calendars import Calendars, EventWriter
from catflap.clock import Clock, SystemClock
from catflap.devices.devices import Devices
from catflap.devices.pairing import Pairings
from catflap.devices.schedule import Schedules
from catflap.devices.signed_urls import SignedSoundUrls, signing_key
from catflap.errors import UserMustAct
from catflap.google.calendar import CalendarApi
from catflap.google.calendar_writing import EventWriteApi
from catflap.google.discovery import Discovery
from catflap.google.id_token import IdTokens
from catflap.google.jwks import JwksCache
from catflap.google.oauth import OAuth
from catflap.google.proxy_rules import parse_rules
from catflap.google.risc import SecurityEventTokens, configuration_url
from catflap.google.scopes import READ_SETTINGS
from catflap.log import log
from catflap.settings import GoogleClient, Settings
from catflap.signin import Sessions, SignIn, SignInPolicy, Users
from catflap.signin.consent_links import ConsentLinks
from catflap.signin.external_jwt import ExternalJwtVerifier, issuer_unavailable
from catflap.speech import NoVoice, Speech, installed_engines, missing_voices
from catflap.store.connect import open_database
from catflap.store.data_dir import prepare_data_dir
from catflap.store.database import Urls, connect
from catflap.store.notify import NotificationListener
from catflap.store.task_types import API_KEYS_TOPIC
from catflap.tls import tls_context
from catflap.vault import AccessToken, Grants, Vault
from catflap.vault.api_keys import ApiKeys
from catflap.vault.audit import Audit
from catflap.vault.client_change import ClientChange
from catflap.vault.database_keyset import open_cipher
from catflap.vault.keyset import keyset_source
from catflap.vault.lease import Leases
from catflap.vault.maintenance import Maintenance
from catflap.vault.rate_limit import TokenBucket
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.usage import UsageRecorder
from catflap.vault.webhooks import Webhooks
from catflap.web.app import create_app
from catflap.web.paths import Paths
from catflap.web.services import Services
from catflap.web.signin_limits import SignInLimits
from catflap.work.periodic import PeriodicTasks
from catflap.work.tasks import Tasks
from catflap.work.worker import Worker

# JSON about the signed-in user, where there is no page.
_HOME_WITHOUT_PAGE = "/v1/me"
_CALENDARS_OFF = (
    "No speech engine is installed, so calendars are not read and there is no page. pip install "
    "'catflap[mia,english]' adds them; CATFLAP_CALENDARS=true reads calendars without a voice."
)


@dataclass(frozen=True)
class Application:
    """A started Catflap: `web` is our own ASGI application, `work()` runs background jobs.

    Attributes:
        services: the components, for host applications, commands and tests.
        jobs: the functions of the background tasks.
    """

    services: Services
    _urls: Urls
    jobs: Tasks

    @cached_property
    def web(self) -> FastAPI:
        """All routers at the root of a host name; those of Mia only where calendars are read."""
        return create_app(self.services)

    @asynccontextmanager
    async def work(self, *, sync_every: timedelta | None = timedelta(minutes=15)) -> AsyncIterator[None]:
        """Run background jobs and the vault's maintenance while the context is open.

        Args:
            sync_every: how often calendars are read again; None leaves out the periodic tasks of calendars
                and announcements, as the setting `calendars` does.
        """
        if self.services.settings.calendars and (languages := missing_voices()):
            # No job fails for want of a voice, so this is the only place that reports it.
            log.warning("voice_missing", hint=NoVoice(*languages).message)
        async with AsyncExitStack() as stack:
            services = self.services
            await stack.enter_async_context(Worker(self._urls.app, self.jobs))
            maintenance = Maintenance(
                services.vault, services.webhooks, services.security_event_handler, services.clock
            )
            await stack.enter_async_context(maintenance)
            if sync_every is not None and services.settings.calendars:
                await stack.enter_async_context(PeriodicTasks(services.engine, services.clock, sync_every))
            yield


@asynccontextmanager
async def open_catflap(
    settings: Settings, clock: Clock | None = None, paths: Paths | None = None
) -> AsyncIterator[Application]:
    """Start all components, and stop them in reverse order.

    Args:
        paths: prefixes of our routers in a host application; by default they are at the root.

    Raises:
        OperatorMustAct: settings, data directory, database or OAuth client must be corrected.
        TryAgain: the database does not answer.
    """
    settings = _decide_calendars(settings)
    if paths is None:
        paths = Paths() if settings.calendars else Paths(home=_HOME_WITHOUT_PAGE)
    async with AsyncExitStack() as stack:
        infrastructure = await _infrastructure(settings, clock or SystemClock(), paths, stack)
        vault = await _vault(infrastructure, stack)
        services = await _services(infrastructure, vault)
        speech = Speech(engines=installed_engines())
        stack.push_async_callback(speech.aclose)
        jobs = Tasks(
            calendars=_calendars(infrastructure, vault.vault) if settings.calendars else None,
            planner=Planner(infrastructure.engine, infrastructure.clock),
            renderer=Renderer(infrastructure.engine, infrastructure.clock, speech),
            webhooks=vault.webhooks,
            revocation=vault.vault.revocation,
            security_event_handler=vault.security_event_handler,
        )
        yield Application(services, infrastructure.urls, jobs)


def _decide_calendars(settings: Settings) -> Settings:
    """Where the settings leave it open, read calendars if a speech engine is installed."""
    if settings.calendars is not None:
        return settings
    calendars = bool(installed_engines())
    if not calendars:
        log.info("calendars_not_read", hint=_CALENDARS_OFF)
    return settings.model_copy(update={"calendars": calendars})


@dataclass(frozen=True)
class _Infrastructure:
    """Dependencies shared by all components."""

    settings: Settings
    paths: Paths
    client: GoogleClient
    clock: Clock
    urls: Urls
    engine: AsyncEngine
    vault_engine: AsyncEngine
    notifications: NotificationListener
    http: httpx2.AsyncClient
    proxy_http: httpx2.AsyncClient
    discovery: Discovery
    oauth: OAuth


@dataclass(frozen=True)
class _VaultComponents:
    """The vault, its audit log, webhooks and handling of security events."""

    grants: Grants
    vault: Vault
    api_keys: ApiKeys
    audit: Audit
    webhooks: Webhooks
    security_event_handler: SecurityEventHandler


async def _infrastructure(
    settings: Settings, clock: Clock, paths: Paths, stack: AsyncExitStack
) -> _Infrastructure:
    client = settings.google_client(paths.auth)
    prepare_data_dir(settings.data_dir)
    urls = await open_database(settings, stack)
    http = _client(settings)
    discovery = Discovery(http, settings.google_discovery_url)
    return _Infrastructure(
        settings=settings,
        paths=paths,
        client=client,
        clock=clock,
        urls=urls,
        engine=_engine(stack, connect(urls.app)),
        vault_engine=_engine(stack, connect(urls.vault)),
        http=await stack.enter_async_context(http),
        # A pool of its own, so that slow downloads through the proxy never delay a token refresh.
        proxy_http=await stack.enter_async_context(_client(settings)),
        notifications=await stack.enter_async_context(NotificationListener(urls.app)),
        discovery=discovery,
        oauth=OAuth(http, discovery, client),
    )


async def _vault(infrastructure: _Infrastructure, stack: AsyncExitStack) -> _VaultComponents:
    settings, clock, engine = infrastructure.settings, infrastructure.clock, infrastructure.vault_engine
    cipher = await open_cipher(keyset_source(settings), engine)
    grants = Grants(
        engine, cipher, clock, infrastructure.client.client_id, sync_calendars=bool(settings.calendars)
    )
    await ClientChange(grants).apply()
    keys = ApiKeys(engine, clock, stack.enter_context(infrastructure.notifications.watch(API_KEYS_TOPIC)))
    await stack.enter_async_context(UsageRecorder(keys.write_uses, grants.write_uses))
    audit = await stack.enter_async_context(Audit(infrastructure.engine, clock))
    outside = await stack.enter_async_context(
        httpx2.AsyncClient(verify=tls_context(trust_env=False), trust_env=False)
    )
    vault = Vault(
        grants,
        infrastructure.oauth,
        clock,
        notifications=infrastructure.notifications,
        leases=Leases(engine, timedelta(seconds=settings.lease_seconds)),
        rate_limit=TokenBucket(settings.google_refreshes_per_second, settings.google_refreshes_per_second),
    )
    return _VaultComponents(
        grants=grants,
        vault=vault,
        api_keys=keys,
        audit=audit,
        webhooks=Webhooks(engine, cipher, clock, outside),
        security_event_handler=SecurityEventHandler(infrastructure.engine, grants, clock, audit),
    )


async def _services(infrastructure: _Infrastructure, vault: _VaultComponents) -> Services:
    settings, clock, engine, http = (
        infrastructure.settings,
        infrastructure.clock,
        infrastructure.engine,
        infrastructure.http,
    )
    users, devices = Users(engine, clock), Devices(engine, clock)
    addresses = SignedSoundUrls(engine, clock, await signing_key(engine, "sounds"))
    signin = _signin(infrastructure, users, vault.grants)
    redirect_uri, return_urls = infrastructure.client.redirect_uri, settings.return_urls
    audiences = {infrastructure.client.client_id, *settings.google_audiences}
    return Services(
        settings=settings,
        paths=infrastructure.paths,
        clock=clock,
        engine=engine,
        http=infrastructure.proxy_http,
        signin=signin,
        consents=ConsentLinks(engine, clock, signin, redirect_uri=redirect_uri, return_urls=return_urls),
        external_jwt=_external_jwt(settings, http, clock),
        limits=SignInLimits(settings.signins_per_minute, settings.trusted_networks),
        sessions=Sessions(engine, clock),
        users=users,
        devices=devices,
        pairings=Pairings(engine, clock, devices),
        schedules=Schedules(
            engine, clock, addresses, infrastructure.notifications, settings.origin + infrastructure.paths.mia
        ),
        sounds=addresses,
        vault=vault.vault,
        grants=vault.grants,
        revocation=vault.vault.revocation,
        events=EventWriter(engine, vault.vault, EventWriteApi(http, settings.google_api_url)),
        api_keys=vault.api_keys,
        audit=vault.audit,
        webhooks=vault.webhooks,
        security_event_handler=vault.security_event_handler,
        proxy_rules=parse_rules(settings.proxy_allow),
        security_events=SecurityEventTokens(
            http, configuration_url(settings.google_discovery_url), clock, audiences
        ),
    )


def _signin(infrastructure: _Infrastructure, users: Users, grants: Grants) -> SignIn:
    keys = JwksCache(infrastructure.http, infrastructure.discovery.jwks_uri, infrastructure.clock)
    return SignIn(
        engine=infrastructure.engine,
        clock=infrastructure.clock,
        oauth=infrastructure.oauth,
        discovery=infrastructure.discovery,
        id_tokens=IdTokens(keys, infrastructure.discovery, infrastructure.clock),
        users=users,
        grants=grants,
        signin_policy=_signin_policy(infrastructure.settings),
        audiences=infrastructure.settings.google_audiences,
    )


def _client(settings: Settings) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(verify=tls_context(), timeout=settings.google_timeout, follow_redirects=False)


def _signin_policy(settings: Settings) -> SignInPolicy:
    return SignInPolicy(
        domains=frozenset(domain.lower() for domain in settings.allowed_domains),
        emails=frozenset(email.lower() for email in settings.allowed_emails),
    )


def _external_jwt(settings: Settings, http: httpx2.AsyncClient, clock: Clock) -> ExternalJwtVerifier | None:
    if not settings.jwt_issuer:
        return None

    async def jwks_uri() -> str:
        return settings.jwt_jwks_url

    keys = JwksCache(http, jwks_uri, clock, issuer_unavailable)
    return ExternalJwtVerifier(keys, clock, issuer=settings.jwt_issuer, audience=settings.jwt_audience)


def _calendars(infrastructure: _Infrastructure, vault: Vault) -> Calendars:
    async def access(user_id: int, account_sub: str, scope: str) -> AccessToken:
        return await vault.access_token(user_id, account_sub, prefer=[scope])

    async def refused(user_id: int, account_sub: str, scope: str, token: str) -> AccessToken:
        return await vault.access_token(user_id, account_sub, prefer=[scope], rejected=token)

    async def settings_access(user_id: int, account_sub: str) -> str | None:
        with contextlib.suppress(UserMustAct):
            return (await vault.access_token(user_id, account_sub, scopes=READ_SETTINGS)).token
        return None

    api = CalendarApi(infrastructure.http, infrastructure.settings.google_api_url)
    return Calendars(infrastructure.engine, infrastructure.clock, api, access, refused, settings_access)


def _engine(stack: AsyncExitStack, engine: AsyncEngine) -> AsyncEngine:
    stack.push_async_callback(engine.dispose)
    return engine
