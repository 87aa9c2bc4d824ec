"""Build the MQTT channel from the settings; a module of its own, because it needs the extra `mqtt`."""

from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.devices.acks import Acks
from catflap.devices.channels.discovery import Discovery
from catflap.devices.channels.mqtt import MqttChannel
from catflap.devices.channels.mqtt_connection import Broker
from catflap.devices.channels.mqtt_inbox import Inbox
from catflap.devices.channels.mqtt_schedules import SchedulePublisher
from catflap.devices.devices import Devices
from catflap.devices.presence import Presence
from catflap.devices.schedule import Schedules
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.mqtt_settings import MqttSettings
from catflap.speech import Voices
from catflap.store.counters import Count, count_nothing
from catflap.store.notify import NotificationListener


class Mqtt(NamedTuple):
    """The channel, its inbox, and discovery, which is None where it is off."""

    channel: MqttChannel
    inbox: Inbox
    discovery: Discovery | None


def build_mqtt(
    settings: MqttSettings,
    engine: AsyncEngine,
    clock: Clock,
    notifications: NotificationListener,
    announcements: ScheduledAnnouncements,
    voices: Voices,
    count: Count = count_nothing,
) -> Mqtt:
    """Build the channel.

    Raises:
        OperatorMustAct: `mqtt_ca_unreadable`.
    """
    address, kinds = settings.mqtt_broker, settings.home_assistant_discovery
    assert address is not None
    discovery = None
    if kinds:
        discovery = Discovery(engine, clock, notifications, Devices(engine, clock), voices, kinds)
    schedules = SchedulePublisher(engine, Schedules(engine, clock, announcements), notifications)
    acks = Acks(engine, clock, notifies=discovery is not None, count=count)
    inbox = Inbox(engine, clock, Presence(engine, clock, voices, count), acks, discovery)
    broker = Broker(address, settings.mqtt_ca_file)
    return Mqtt(MqttChannel(broker, schedules, inbox, discovery), inbox, discovery)
