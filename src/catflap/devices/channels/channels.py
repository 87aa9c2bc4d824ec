"""All channels that the settings ask for, as the leader of all processes runs them."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import run_together
from catflap.clock import Clock
from catflap.devices.acks import Acks
from catflap.devices.channels.due import DuePlays, Sender
from catflap.devices.channels.home_assistant import HomeAssistantSpeakers
from catflap.devices.channels.home_assistant_api import HomeAssistantApi
from catflap.devices.channels.home_assistant_presence import SpeakerPresence
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.devices.signed_urls import SignedSoundUrls, signing_key
from catflap.extras import load_optional
from catflap.mqtt_settings import MqttSettings
from catflap.speech import Voices
from catflap.store.counters import Count, count_nothing
from catflap.store.notify import NotificationListener

if TYPE_CHECKING:
    from catflap.devices.channels.mqtt_assembly import Mqtt


Loop = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Channels:
    """The loops of all channels; each runs until it is cancelled."""

    loops: list[Loop]

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
    home_assistant: HomeAssistantApi | None = None,
    count: Count = count_nothing,
) -> Channels:
    """Build the channels.

    Args:
        settings: Of at least one channel.
        engine: The database.
        clock: The current time.
        notifications: Tell of changes.
        voices: The engines that will render sounds.
        origin: What precedes the paths of sounds.
        home_assistant: Whose speakers are devices; None without.
        count: Counts announcements by how they ended.

    Raises:
        OperatorMustAct: `extra_missing`, `mqtt_ca_unreadable`.
    """
    sounds = SignedSoundUrls(engine, clock, await signing_key(engine, "sounds"))
    announcements = ScheduledAnnouncements(sounds, origin)
    loops: list[Loop] = []
    senders: list[Sender] = []
    discovery = None
    if settings.mqtt_broker is not None:
        mqtt: Mqtt = load_optional("catflap.devices.channels.mqtt_assembly").build_mqtt(
            settings, engine, clock, notifications, announcements, voices, count
        )
        discovery = mqtt.discovery
        senders.append(mqtt.channel)
        loops.append(mqtt.channel.run)
    if home_assistant is not None:
        acks = Acks(engine, clock, notifies=discovery is not None, count=count)
        speakers = HomeAssistantSpeakers(home_assistant, clock, acks.record)
        senders.append(speakers)
        loops += [speakers.run, SpeakerPresence(engine, clock, home_assistant).run]
    told = discovery.announced if discovery is not None else None
    plays = DuePlays(engine, clock, notifications, announcements, senders, told)
    return Channels([plays.run, *loops])
