"""Container of the components that routes use: made by `catflap.app`, stored on `app.state`."""

from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection
from starlette.types import Scope

from catflap.announcements.samples import Samples
from catflap.calendars import EventWriter
from catflap.calendars.push_channels import PushChannels
from catflap.calendars.push_notifications import PushNotifications
from catflap.calendars.request_budget import RequestBudget
from catflap.clock import Clock
from catflap.devices.acks import Acks
from catflap.devices.devices import Devices
from catflap.devices.members import Members
from catflap.devices.mqtt_login import MqttLogins
from catflap.devices.pairing import Pairings
from catflap.devices.presence import Presence
from catflap.devices.schedule import Schedules
from catflap.devices.schedule_streams import ScheduleStreams
from catflap.devices.signed_urls import SignedSoundUrls
from catflap.devices.speakers import Speakers
from catflap.errors import OperatorMustAct
from catflap.google.proxy_rules import ProxyRule
from catflap.google.risc import SecurityEventTokens
from catflap.settings import Settings
from catflap.signin import Sessions, SignIn, Users
from catflap.signin.consent_links import ConsentLinks
from catflap.signin.external_jwt import ExternalJwtVerifier
from catflap.signin.handovers import Handovers
from catflap.signin.operators import Operators
from catflap.speech import Voices
from catflap.vault import Grants, Vault
from catflap.vault.api_keys import ApiKeys
from catflap.vault.audit import Audit
from catflap.vault.readiness import Readiness
from catflap.vault.revocation import Revocation
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.webhooks import Webhooks
from catflap.web.paths import Paths
from catflap.web.signin_limits import Limit, SignInLimits
from catflap.work.numbers import OperatorNumbers

# Our only name on `app.state`.
STATE_KEY = "catflap"


@dataclass(frozen=True)
class Services:
    """The components that routes use."""

    settings: Settings
    paths: Paths
    clock: Clock
    engine: AsyncEngine
    signin: SignIn
    handovers: Handovers
    sessions: Sessions
    users: Users
    vault: Vault
    grants: Grants
    revocation: Revocation
    devices: Devices
    members: Members
    presence: Presence
    acks: Acks
    mqtt_logins: MqttLogins
    pairings: Pairings
    schedules: Schedules
    schedule_streams: ScheduleStreams
    sounds: SignedSoundUrls
    speakers: Speakers
    events: EventWriter
    request_budget: RequestBudget
    push_channels: PushChannels | None
    push_notifications: PushNotifications
    api_keys: ApiKeys
    operators: Operators
    numbers: OperatorNumbers
    readiness: Readiness
    audit: Audit
    http: httpx2.AsyncClient
    proxy_rules: tuple[ProxyRule, ...]
    webhooks: Webhooks
    security_event_handler: SecurityEventHandler
    security_events: SecurityEventTokens
    consents: ConsentLinks
    external_jwt: ExternalJwtVerifier | None
    limits: SignInLimits
    say_limit: Limit
    preview_limit: Limit
    samples: Samples
    sample_limit: Limit
    voices: Voices


async def services(request: HTTPConnection) -> Services:
    """Dependency: the components of the running Catflap.

    Raises:
        OperatorMustAct: `not_started`.
    """
    found = installed(request.scope)
    if found is None:
        raise OperatorMustAct(
            "not_started",
            "Catflap is not started in this application: FastAPI(lifespan=catflap.lifespan), or "
            "`async with catflap.lifespan(app)` in a lifespan of your own.",
        )
    return found


def installed(scope: Scope) -> Services | None:
    """Return the components for an ASGI scope; None when Catflap is not started in its application."""
    app: Any = scope.get("app")
    found: Services | None = getattr(app.state, STATE_KEY, None) if app is not None else None
    return found
