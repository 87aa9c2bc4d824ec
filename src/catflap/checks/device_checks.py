"""The MQTT broker and Home Assistant."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from catflap.checks.catalogue import found, found_by
from catflap.checks.finding import Finding
from catflap.checks.installation import Database, Installation
from catflap.devices.channels.home_assistant_api import HomeAssistantApi, home_assistant_client
from catflap.devices.channels.leader import is_led
from catflap.errors import CatflapError, OperatorMustAct
from catflap.extras import load_optional
from catflap.setting_urls import is_loopback

if TYPE_CHECKING:
    from catflap.devices.channels.mqtt_connection import Broker


async def check_broker(here: Installation) -> Sequence[Finding]:
    """Check that the broker takes our login, while no Catflap is connected to it."""
    return await _ask_broker(here, lambda broker: broker.check_login())


async def check_broker_beside(here: Installation, database: Database) -> Sequence[Finding]:
    """Check the broker as `check_broker`, but only from outside while a Catflap may be connected to it."""
    async with database.app.connect() as connection:
        if not await is_led(connection):
            return await check_broker(here)
    findings = await _ask_broker(here, lambda broker: broker.check_reachable())
    return findings or ([found("mqtt_login_not_tried")] if here.settings.mqtt_broker else [])


async def _ask_broker(here: Installation, ask: Callable[["Broker"], Awaitable[None]]) -> list[Finding]:
    address = here.settings.mqtt_broker
    if address is None:
        return []
    try:
        module = load_optional("catflap.devices.channels.mqtt_connection")
    except OperatorMustAct:
        # `check_settings` reports it.
        return []
    try:
        await ask(module.Broker(address, here.settings.mqtt_ca_file))
    except CatflapError as error:
        return [found_by(error, host=address.host, port=address.port)]
    return []


async def check_home_assistant(here: Installation) -> Sequence[Finding]:
    """Check that Home Assistant takes the token, and that its speakers reach our sounds."""
    settings, findings = here.settings, list[Finding]()
    if not settings.home_assistant_url:
        return []
    if is_loopback(settings.origin) and not is_loopback(settings.home_assistant_url):
        findings.append(found("sounds_out_of_reach", origin=settings.origin))
    try:
        async with home_assistant_client(settings) as http:
            api = HomeAssistantApi(http, settings.home_assistant_url, settings.home_assistant_token)
            await api.check_running()
    except CatflapError as error:
        findings.append(found_by(error))
    return findings
