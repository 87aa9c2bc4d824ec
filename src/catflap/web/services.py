"""Everything the web asks others to do, handed in by `catflap.app`."""

from dataclasses import dataclass

import httpx2
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.devices.pairing import Pairings
from catflap.devices.registry import Devices
from catflap.devices.schedule import Schedules
from catflap.devices.sound import SoundAddresses
from catflap.google.api import Rule
from catflap.google.risc import SecurityEventTokens
from catflap.settings import Settings
from catflap.signin import Sessions, SignIn, Users
from catflap.signin.app_tokens import AppTokens
from catflap.signin.consents import Consents
from catflap.vault import Vault
from catflap.vault.api_keys import ApiKeys
from catflap.vault.audit import Audit
from catflap.vault.reactions import Reactions
from catflap.vault.webhooks import Webhooks
from catflap.web.limits import SignInLimits


@dataclass(frozen=True)
class Services:
    """The parts that routes use."""

    settings: Settings
    clock: Clock
    engine: AsyncEngine
    signin: SignIn
    sessions: Sessions
    users: Users
    vault: Vault
    devices: Devices
    pairings: Pairings
    schedules: Schedules
    sounds: SoundAddresses
    api_keys: ApiKeys
    audit: Audit
    http: httpx2.AsyncClient
    proxy_rules: tuple[Rule, ...]
    webhooks: Webhooks
    reactions: Reactions
    security_events: SecurityEventTokens
    consents: Consents
    app_tokens: AppTokens | None
    limits: SignInLimits


async def services(request: Request) -> Services:
    """The parts, for `Depends(services)`."""
    found: Services = request.app.state.services
    return found
