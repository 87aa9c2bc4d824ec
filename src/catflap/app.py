"""The whole application: the components of background jobs, those of the web server, and its routes."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

import httpx2
from fastapi import FastAPI

from catflap.announcements.samples import Samples
from catflap.calendars import EventWriter
from catflap.calendars.push_notifications import PushNotifications
from catflap.clock import Clock
from catflap.components import Components, VaultComponents, open_components
from catflap.devices.acks import Acks
from catflap.devices.devices import Devices
from catflap.devices.members import Members
from catflap.devices.mqtt_login import MQTT_KEY, MqttLogins
from catflap.devices.pairing import Pairings
from catflap.devices.presence import Presence
from catflap.devices.schedule import Schedules
from catflap.devices.schedule_streams import ScheduleStreams
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.devices.signed_urls import SignedSoundUrls, signing_key
from catflap.devices.speakers import Speakers
from catflap.google.calendar_writing import EventWriteApi
from catflap.google.id_token import IdTokens
from catflap.google.jwks import JwksCache
from catflap.google.proxy_rules import parse_rules
from catflap.google.risc import SecurityEventTokens, configuration_url
from catflap.google_client_settings import GoogleClients
from catflap.infrastructure import Infrastructure, http_client
from catflap.log import log
from catflap.settings import Settings
from catflap.signin import Sessions, SignIn, SignInPolicy, Users
from catflap.signin.consent_links import ConsentLinks
from catflap.signin.external_jwt import ExternalJwtVerifier, issuer_unavailable
from catflap.signin.handovers import Handovers
from catflap.signin.operators import Operators
from catflap.vault import Grants
from catflap.vault.health import VaultHealth
from catflap.web.app import create_app
from catflap.web.paths import Paths
from catflap.web.services import Services
from catflap.web.signin_limits import (
    PREVIEWS_PER_MINUTE,
    PREVIEWS_TOGETHER,
    SAMPLES_PER_MINUTE,
    SAMPLES_TOGETHER,
    SAYS_PER_MINUTE,
    SAYS_TOGETHER,
    Limit,
    SignInLimits,
)
from catflap.work.numbers import OperatorNumbers

# JSON about the signed-in user, where there is no page.
_HOME_WITHOUT_PAGE = "/v1/me"
_PLAIN_HTTP = (
    "Browsers reach this Catflap over a network without https: programs that can read or change its "
    "traffic can use the page as its people do. docs/google.md names ways to https."
)
_NOBODY_COMES_BACK = (
    "Google sends no browser back to a plain http address. Add an OAuth client of type 'Desktop app' for "
    "`catflap signin`, or an https address in CATFLAP_PUBLIC_URL; docs/google.md describes both."
)


@dataclass(frozen=True)
class Application:
    """A started Catflap: `web` is our own ASGI application, `work()` runs background jobs.

    Attributes:
        services: the components that routes use, for host applications, commands and tests.
        components: those of background jobs.
    """

    services: Services
    components: Components

    @cached_property
    def web(self) -> FastAPI:
        """All routers at the root of a host name; those of Mia only where calendars are read."""
        return create_app(self.services)

    def work(self, *, periodic: bool = True) -> AbstractAsyncContextManager[None]:
        """Run background jobs while the context is open; see `Components.work`."""
        return self.components.work(periodic=periodic)


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
    auth_path, mia_path = (paths.auth, paths.mia) if paths else ("", "")
    async with (
        open_components(settings, clock, auth_path=auth_path, mia_path=mia_path) as components,
        open_application(components, paths) as application,
    ):
        yield application


@asynccontextmanager
async def open_application(components: Components, paths: Paths | None = None) -> AsyncIterator[Application]:
    """Add the components of the web server to those that are open; `paths` as for `open_catflap`."""
    if paths is None:
        calendars = components.infrastructure.settings.calendars
        paths = Paths() if calendars else Paths(home=_HOME_WITHOUT_PAGE)
    async with AsyncExitStack() as stack:
        yield Application(await _services(components, paths, stack), components)


async def _services(components: Components, paths: Paths, stack: AsyncExitStack) -> Services:
    infrastructure, vault = components.infrastructure, components.vault
    settings, clock, engine, http = (
        infrastructure.settings,
        infrastructure.clock,
        infrastructure.engine,
        infrastructure.http,
    )
    users, devices = Users(engine, clock), Devices(engine, clock)
    addresses = SignedSoundUrls(engine, clock, await signing_key(engine, "sounds"))
    broker = settings.mqtt_broker_of_devices
    mqtt_key = await signing_key(engine, MQTT_KEY) if broker else b""
    schedules = Schedules(engine, clock, ScheduledAnnouncements(addresses, settings.origin + paths.mia))
    signin = _signin(infrastructure, users, vault.grants, paths.auth)
    redirect_uri, return_urls = infrastructure.oauth.client.redirect_uri, settings.return_urls
    audiences = {*(one.client_id for one in infrastructure.clients.all), *settings.google_audiences}
    return Services(
        settings=settings,
        paths=paths,
        clock=clock,
        engine=engine,
        # A pool of its own, so that slow downloads through the proxy never delay a token refresh.
        http=await stack.enter_async_context(http_client(settings)),
        signin=signin,
        handovers=Handovers(engine, clock),
        consents=ConsentLinks(engine, clock, signin, redirect_uri=redirect_uri, return_urls=return_urls),
        external_jwt=_external_jwt(settings, http, clock),
        limits=SignInLimits(settings.signins_per_minute, settings.trusted_networks),
        say_limit=Limit("says", SAYS_PER_MINUTE, together=SAYS_TOGETHER),
        preview_limit=Limit("previews", PREVIEWS_PER_MINUTE, together=PREVIEWS_TOGETHER),
        voices=components.voices,
        samples=Samples(engine, clock, components.voices, infrastructure.notifications),
        sample_limit=Limit("voice_samples", SAMPLES_PER_MINUTE, together=SAMPLES_TOGETHER),
        sessions=Sessions(engine, clock),
        users=users,
        devices=devices,
        members=Members(engine, clock),
        presence=Presence(engine, clock, components.voices, infrastructure.counters.count),
        acks=Acks(
            engine,
            clock,
            notifies=bool(broker and settings.home_assistant_discovery),
            count=infrastructure.counters.count,
        ),
        speakers=Speakers(engine, clock, devices, components.home_assistant),
        mqtt_logins=MqttLogins(engine, broker, mqtt_key),
        pairings=Pairings(engine, clock, devices, components.voices, await signing_key(engine, "pairings")),
        schedules=schedules,
        schedule_streams=await stack.enter_async_context(
            ScheduleStreams(schedules, clock, infrastructure.notifications)
        ),
        sounds=addresses,
        vault=vault.vault,
        grants=vault.grants,
        revocation=vault.vault.revocation,
        events=EventWriter(
            engine,
            vault.vault,
            EventWriteApi(http, settings.google_api_url),
            infrastructure.request_budget,
        ),
        request_budget=infrastructure.request_budget,
        push_channels=components.push_channels,
        push_notifications=PushNotifications(engine, clock),
        api_keys=vault.api_keys,
        operators=Operators(engine, settings.operators),
        numbers=_numbers(infrastructure, vault),
        readiness=components.readiness,
        audit=vault.audit,
        webhooks=vault.webhooks,
        security_event_handler=vault.security_event_handler,
        proxy_rules=parse_rules(settings.proxy_allow),
        security_events=SecurityEventTokens(
            http, configuration_url(settings.google_discovery_url), clock, audiences
        ),
    )


def _signin(infrastructure: Infrastructure, users: Users, grants: Grants, auth_path: str) -> SignIn:
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
        desktop=infrastructure.desktop,
        command=_signin_command(infrastructure.settings, infrastructure.clients, auth_path),
    )


def _signin_command(settings: Settings, clients: GoogleClients, auth_path: str) -> str | None:
    """Return the command that people sign in with where Google can't send browsers back; else None.

    Google accepts redirect URIs with https, or of a loopback address, and of web clients only.
    """
    if settings.is_plain_network:
        log.warning("plain_http", hint=_PLAIN_HTTP)
    web = clients.web
    if web is not None and (web.redirect_uri.startswith("https://") or not settings.is_plain_network):
        return None
    if clients.desktop is None:
        log.warning("nobody_can_sign_in", hint=_NOBODY_COMES_BACK)
    return f"catflap signin --server {settings.origin}{auth_path}"


def _numbers(infrastructure: Infrastructure, vault: VaultComponents) -> OperatorNumbers:
    limit = infrastructure.settings.calendar_requests_per_minute
    health = VaultHealth(infrastructure.vault_engine, vault.api_keys)
    return OperatorNumbers(infrastructure.engine, infrastructure.clock, health, limit)


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
