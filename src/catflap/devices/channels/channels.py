"""All channels that the settings ask for, as the leader of all processes runs them."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import run_together
from catflap.clock import Clock
from catflap.devices.channels.due import DuePlays, Sender
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.devices.signed_urls import SignedSoundUrls, signing_key
from catflap.extras import load_optional
from catflap.mqtt_settings import MqttSettings
from catflap.speech import Voices
from catflap.store.notify import NotificationListener

if TYPE_CHECKING:
    from catflap.devices.channels.mqtt_assembly import Mqtt


@dataclass(frozen=True)
class Channels:
    """The loops of all channels; each runs until it is cancelled."""

    loops: list[Callable[[], Coroutine[Any, Any, None]]]

    async def run(self) -> None:
        """Run all loops until cancelled."""
        await run_together(*(loop() for loop in self.loops))


async def open_channels(
    settings: MqttSettings,
    engine: AsyncEngine,
    clock: Clock,
    notifications: NotificationListener,
    voices: Voices,
    origin: str,
) -> Channels:
    """Build the channels.

    Args:
        settings: Of at least one channel.
        engine: The database.
        clock: The current time.
        notifications: Tell of changes.
        voices: The engines that will render sounds.
        origin: What precedes the paths of sounds.

    Raises:
        OperatorMustAct: `extra_missing`, `mqtt_ca_unreadable`.
    """
    sounds = SignedSoundUrls(engine, clock, await signing_key(engine, "sounds"))
    announcements = ScheduledAnnouncements(sounds, origin)
    mqtt: Mqtt = load_optional("catflap.devices.channels.mqtt_assembly").build_mqtt(
        settings, engine, clock, notifications, announcements, voices
    )
    senders: list[Sender] = [mqtt.channel]
    told = mqtt.discovery.announced if mqtt.discovery is not None else None
    plays = DuePlays(engine, clock, notifications, announcements, senders, told)
    return Channels([plays.run, mqtt.channel.run])
