"""The components of background jobs, built from the settings; the web application adds its own to them.

`catflap work` imports only these: no web framework, no routes and no sign-in.
"""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx2

from catflap.announcements.planner import Planner
from catflap.announcements.rendering import Renderer
from catflap.announcements.samples import SampleRenderer
from catflap.calendars import Calendars, SyncIntervals
from catflap.calendars.budget_windows import polls_per_minute
from catflap.calendars.changes import ChangeRecorder
from catflap.calendars.push_channels import PushChannels
from catflap.clock import Clock, SystemClock
from catflap.devices.channels.home_assistant_api import HomeAssistantApi, home_assistant_client
from catflap.devices.channels.leader import Leader
from catflap.errors import UserMustAct
from catflap.extras import load_optional
from catflap.google.calendar import CalendarApi
from catflap.google.calendar_channels import CalendarChannelApi
from catflap.google.scopes import READ_SETTINGS
from catflap.infrastructure import Infrastructure, open_infrastructure
from catflap.installer import install_command
from catflap.log import log
from catflap.setting_urls import is_loopback
from catflap.settings import Settings
from catflap.speech import NoVoice, Speech, Voices, hosts_that_get_titles, voices_of
from catflap.store.prepared_reads import PreparedReads, open_connections
from catflap.store.task_types import API_KEYS_TOPIC, WEBHOOKS_TOPIC
from catflap.tls import tls_context
from catflap.vault import AccessToken, Grants, Vault
from catflap.vault.api_keys import ApiKeys
from catflap.vault.audit import Audit
from catflap.vault.calendar_changed import CalendarChangedEvents
from catflap.vault.client_change import ClientChange
from catflap.vault.database_keyset import open_cipher
from catflap.vault.keyset import keyset_source
from catflap.vault.lease import Leases
from catflap.vault.maintenance import Maintenance
from catflap.vault.rate_limit import TokenBucket
from catflap.vault.readiness import Readiness
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.subscriptions import Subscriptions
from catflap.vault.usage import UsageRecorder
from catflap.vault.webhooks import Webhooks
from catflap.work.erasure import Erasure
from catflap.work.periodic import PeriodicTasks
from catflap.work.retention import Retention
from catflap.work.tasks import Tasks
from catflap.work.worker import Worker

if TYPE_CHECKING:
    from catflap.devices.channels.channels import Channels


_TITLES_LEAVE = (
    "CATFLAP_VOICEVOX_URL or CATFLAP_OPENAI_SPEECH_URL is set: what is announced, titles included, is sent "
    "there to be spoken. Titles of private events are not, unless their user has them said."
)


_SOUNDS_OUT_OF_REACH = (
    "The speakers of Home Assistant fetch sounds from this Catflap, whose address is this machine's own: set "
    "CATFLAP_PUBLIC_URL to an address by which they reach it."
)


@dataclass(frozen=True)
class VaultComponents:
    """The vault, its audit log, webhooks and their events, and handling of security events."""

    grants: Grants
    vault: Vault
    api_keys: ApiKeys
    audit: Audit
    webhooks: Webhooks
    subscriptions: Subscriptions
    calendar_changed: CalendarChangedEvents
    security_event_handler: SecurityEventHandler


@dataclass(frozen=True)
class Components:
    """Started components. `jobs` are the functions of the background tasks.

    Attributes:
        push_channels: None where calendars are off, or Google can't reach this Catflap.
        device_channels: Channels of devices beside HTTP; None where the settings ask for none.
        home_assistant: Whose speakers are devices; None where the settings name none.
    """

    infrastructure: Infrastructure
    vault: VaultComponents
    voices: Voices
    push_channels: PushChannels | None
    device_channels: "Channels | None"
    home_assistant: HomeAssistantApi | None
    jobs: Tasks
    readiness: Readiness

    @asynccontextmanager
    async def work(self, *, periodic: bool = True) -> AsyncIterator[None]:
        """Run background jobs and the vault's maintenance while the context is open.

        Args:
            periodic: whether to delete old rows, and to run the periodic tasks of calendars and
                announcements, which the setting `calendars` leaves out too.
        """
        base, vault = self.infrastructure, self.vault
        if base.settings.calendars and (languages := self.voices.missing_languages()):
            # No job fails for want of a voice, so this is the only place that reports it.
            log.warning("voice_missing", hint=NoVoice(*languages).message)
        if base.settings.calendars and (hosts := hosts_that_get_titles(base.settings)):
            log.warning("titles_leave_this_machine", hosts=hosts, hint=_TITLES_LEAVE)
        async with AsyncExitStack() as stack:
            worker = Worker(base.urls.app, self.jobs, grace_seconds=base.settings.grace_seconds)
            self.readiness.watch_jobs(lambda: worker.reads_queue)
            await stack.enter_async_context(worker)
            maintenance = Maintenance(
                vault.vault,
                vault.webhooks,
                vault.security_event_handler,
                vault.calendar_changed,
                base.clock,
            )
            await stack.enter_async_context(maintenance)
            if periodic:
                await stack.enter_async_context(Retention(base.engine, base.clock))
            if periodic and base.settings.calendars:
                most = polls_per_minute(base.settings.calendar_requests_per_minute)
                tasks = PeriodicTasks(base.engine, base.clock, most, base.counters.count)
                await stack.enter_async_context(tasks)
            if periodic and self.device_channels is not None:
                await stack.enter_async_context(Leader(base.urls.app, self.device_channels.run))
            yield


@asynccontextmanager
async def open_components(
    settings: Settings, clock: Clock | None = None, *, auth_path: str = "", mia_path: str = ""
) -> AsyncIterator[Components]:
    """Start the components, and stop them in reverse order.

    Args:
        auth_path: prefix of the router of sign-in, for the redirect URI.
        mia_path: prefix of the router of calendars, for the address of push notifications.

    Raises:
        OperatorMustAct: settings, data directory, database or OAuth client must be corrected.
        TryAgain: the database does not answer.
    """
    voices = voices_of(settings)
    settings = _decide_calendars(settings, voices)
    async with AsyncExitStack() as stack:
        infrastructure = await open_infrastructure(settings, clock or SystemClock(), auth_path, stack)
        vault = await _vault(infrastructure, stack)
        speech = Speech(engines=voices.engines)
        stack.push_async_callback(speech.aclose)
        push = _push_channels(infrastructure, mia_path)
        home_assistant = await _home_assistant(settings, stack)
        channels = await _device_channels(infrastructure, voices, mia_path, home_assistant)
        jobs = Tasks(
            calendars=_calendars(infrastructure, vault, push) if settings.calendars else None,
            erasure=Erasure(infrastructure.engine, vault.grants, infrastructure.clock),
            planner=Planner(infrastructure.engine, infrastructure.clock, voices),
            renderer=Renderer(
                infrastructure.engine, infrastructure.clock, speech, infrastructure.counters.count
            ),
            sample_renderer=SampleRenderer(
                infrastructure.engine, infrastructure.clock, speech, infrastructure.counters.count
            ),
            webhooks=vault.webhooks,
            calendar_changed=vault.calendar_changed,
            revocation=vault.vault.revocation,
            security_event_handler=vault.security_event_handler,
        )
        readiness = Readiness(infrastructure.engine, infrastructure.vault_engine, vault.grants.cipher)
        yield Components(infrastructure, vault, voices, push, channels, home_assistant, jobs, readiness)


def _decide_calendars(settings: Settings, voices: Voices) -> Settings:
    """Where the settings leave it open, read calendars if a speech engine is installed."""
    if settings.calendars is not None:
        return settings
    calendars = bool(voices.engines)
    if not calendars:
        hint = (
            "No speech engine is installed, so calendars are not read and there is no page. "
            f"{install_command('mia', 'english')} adds them; CATFLAP_CALENDARS=true reads calendars without "
            "a voice."
        )
        log.info("calendars_not_read", hint=hint)
    return settings.model_copy(update={"calendars": calendars})


async def _vault(infrastructure: Infrastructure, stack: AsyncExitStack) -> VaultComponents:
    settings, clock, engine = infrastructure.settings, infrastructure.clock, infrastructure.vault_engine
    cipher = await open_cipher(keyset_source(settings), engine)
    connections = open_connections(infrastructure.urls.vault, settings.database_pool)
    reads = PreparedReads(engine, await stack.enter_async_context(connections))
    grants = Grants(
        engine,
        cipher,
        clock,
        infrastructure.oauth.client.client_id,
        sync_calendars=bool(settings.calendars),
        reads=reads,
        other_clients=[one.client_id for one in infrastructure.clients.all[1:]],
    )
    await ClientChange(grants).apply()
    changed = stack.enter_context(infrastructure.notifications.watch(API_KEYS_TOPIC))
    subscribed = stack.enter_context(infrastructure.notifications.watch(WEBHOOKS_TOPIC))
    keys = ApiKeys(engine, clock, changed, reads=reads)
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
        other_clients=infrastructure.other_clients,
        rate_limit=TokenBucket(settings.google_refreshes_per_second, settings.google_refreshes_per_second),
        count=infrastructure.counters.count,
    )
    return VaultComponents(
        grants=grants,
        vault=vault,
        api_keys=keys,
        audit=audit,
        webhooks=Webhooks(
            engine,
            cipher,
            clock,
            outside,
            calendars=bool(settings.calendars),
            count=infrastructure.counters.count,
        ),
        subscriptions=Subscriptions(engine, subscribed),
        calendar_changed=CalendarChangedEvents(infrastructure.engine, engine, clock),
        security_event_handler=SecurityEventHandler(infrastructure.engine, grants, clock, audit),
    )


def _calendars(
    infrastructure: Infrastructure, components: VaultComponents, push: PushChannels | None
) -> Calendars:
    vault = components.vault

    async def access(user_id: int, account_sub: str, scope: str) -> AccessToken:
        return await vault.access_token(user_id, account_sub, prefer=[scope])

    async def refused(user_id: int, account_sub: str, scope: str, token: str) -> AccessToken:
        return await vault.access_token(user_id, account_sub, prefer=[scope], rejected=token)

    async def settings_access(user_id: int, account_sub: str) -> str | None:
        with contextlib.suppress(UserMustAct):
            return (await vault.access_token(user_id, account_sub, scopes=READ_SETTINGS)).token
        return None

    api = CalendarApi(infrastructure.http, infrastructure.settings.google_api_url)
    intervals = SyncIntervals(timedelta(seconds=infrastructure.settings.calendar_poll_seconds))
    engine, clock, budget = infrastructure.engine, infrastructure.clock, infrastructure.request_budget
    changes = ChangeRecorder(components.subscriptions)
    return Calendars(
        engine,
        clock,
        api,
        access,
        refused,
        budget,
        settings_access,
        intervals,
        push,
        changes,
        infrastructure.counters.count,
    )


def _push_channels(infrastructure: Infrastructure, mia_path: str) -> PushChannels | None:
    settings = infrastructure.settings
    address = settings.calendar_push_address(mia_path)
    if not settings.calendars or address is None:
        return None
    api = CalendarChannelApi(infrastructure.http, settings.google_api_url)
    return PushChannels(infrastructure.engine, infrastructure.clock, api, address)


async def _home_assistant(settings: Settings, stack: AsyncExitStack) -> HomeAssistantApi | None:
    if not settings.calendars or not settings.home_assistant_url:
        return None
    if is_loopback(settings.origin) and not is_loopback(settings.home_assistant_url):
        log.warning("speakers_can_not_fetch_sounds", hint=_SOUNDS_OUT_OF_REACH)
    http = await stack.enter_async_context(home_assistant_client(settings))
    return HomeAssistantApi(http, settings.home_assistant_url, settings.home_assistant_token)


async def _device_channels(
    infrastructure: Infrastructure, voices: Voices, mia_path: str, home_assistant: HomeAssistantApi | None
) -> "Channels | None":
    settings, origin = infrastructure.settings, infrastructure.settings.origin + mia_path
    if not settings.calendars or not settings.has_device_channels:
        return None
    # Not imported by a process without channels: they need devices, and with them the sign-in.
    module = load_optional("catflap.devices.channels.channels")
    channels: Channels = await module.open_channels(
        settings,
        infrastructure.engine,
        infrastructure.clock,
        infrastructure.notifications,
        voices,
        origin,
        home_assistant,
        infrastructure.counters.count,
    )
    return channels
