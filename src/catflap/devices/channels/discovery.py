"""Entities of Home Assistant for each paired device: discovery, states and commands, on the same broker.

Commands do what the HTTP API does, by the same functions. The title of the next appointment leaves for the
broker, so discovery is off unless the operator asks for it.
"""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.at_once import repeat_now
from catflap.announcements.reactions import last_announcement
from catflap.announcements.saying import say_to_user
from catflap.background import raise_if_cancelled
from catflap.clock import Clock
from catflap.devices.channels.discovery_payloads import (
    COMMAND_FILTERS,
    MAX_SAY,
    STATES,
    discovery_messages,
    discovery_topics,
    state_topic,
)
from catflap.devices.channels.discovery_states import (
    DeviceStates,
    read_event,
    read_online,
    read_states,
)
from catflap.devices.channels.due_store import DueDevice
from catflap.devices.channels.mqtt_connection import BrokerUnavailable, Connection
from catflap.devices.channels.mqtt_messages import NotUnderstood, parse_text
from catflap.devices.channels.mqtt_topics import DeviceTopic
from catflap.devices.devices import Devices
from catflap.devices.mute import ALWAYS
from catflap.errors import TryAgain
from catflap.log import log
from catflap.mqtt_settings import DiscoveryKind
from catflap.speech import Voices
from catflap.store.notify import NotificationListener
from catflap.store.task_types import ACK_TOPIC, SCHEDULE_TOPIC, announcement_of, device_of
from catflap.vault.rate_limit import TokenBucket

__all__ = ["COMMAND_FILTERS", "Discovery", "clear_discovery"]

# Within 5 seconds a device is shown as online.
_LOOK_SECONDS = 4.0
_RETRY_SECONDS = 1.0
# As for the HTTP API: what a person says by hand, and no more.
_SAYS_PER_SECOND, _SAYS_AT_ONCE = 0.5, 10.0


class Discovery:
    """Publishes entities of devices, and carries out the commands that Home Assistant sends.

    Args:
        engine: The database.
        clock: The current time.
        notifications: Tell of changes of devices, and of acknowledgements.
        devices: Changes volume and mute.
        voices: The engines that will render what is said.
        kinds: Which messages to publish.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        notifications: NotificationListener,
        devices: Devices,
        voices: Voices,
        kinds: Collection[DiscoveryKind],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._notifications = notifications
        self._devices = devices
        self._voices = voices
        self._kinds = kinds
        self._limits: dict[int, TokenBucket] = defaultdict(
            lambda: TokenBucket(_SAYS_PER_SECOND, _SAYS_AT_ONCE)
        )
        self._connection: Connection | None = None
        # What the broker has, by device and topic, and when the next appointment of each begins.
        self._published: dict[int, dict[str, bytes]] = {}
        self._next_at: dict[int, datetime] = {}

    async def run(self, connection: Connection) -> None:
        """Publish all devices, then what changes, until cancelled.

        Raises:
            BrokerUnavailable: the connection is lost.
        """
        self._published.clear()
        self._connection = connection
        woken = asyncio.Event()
        try:
            with (
                self._notifications.watch_prefix(SCHEDULE_TOPIC, woken) as changes,
                self._notifications.watch_prefix(ACK_TOPIC, woken) as acks,
            ):
                while True:
                    woken.clear()
                    changed, acknowledged = changes.take(), acks.take()
                    try:
                        await self._publish_devices(None if changed is None else set(map(device_of, changed)))
                        await self._publish_events(acknowledged or ())
                        await self._publish_what_time_changed()
                    except TryAgain as error:
                        if isinstance(error, BrokerUnavailable):
                            raise
                        raise_if_cancelled(error)
                        log.warning("discovery_delayed", code=error.code, detail=error.detail)
                        changes.add_all()
                        await asyncio.sleep(_RETRY_SECONDS)
                        continue
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await woken.wait()
        finally:
            self._connection = None

    async def has(self, device_id: int) -> bool:
        """Return whether a device is there and has entities."""
        return bool(await read_states(self._engine, self._clock.now(), [device_id]))

    async def announced(self, device: DueDevice, announcement: Mapping[str, Any]) -> None:
        """Publish that a device without a clock was sent an announcement."""
        event = {"event_type": "announced", "text": announcement["text"], "kind": announcement["kind"]}
        with contextlib.suppress(BrokerUnavailable):
            await self._publish_event(device.id, event)

    async def command(self, topic: DeviceTopic, payload: bytes) -> None:
        """Carry out a command.

        Raises:
            NotUnderstood: the payload is none.
            BadRequest: `not_found`, `nothing_to_say`.
            TryAgain: `rate_limited`; the database is away.
        """
        found = await read_states(self._engine, self._clock.now(), [topic.device_id])
        if not found:
            raise NotUnderstood("no such device")
        commands: dict[str, Callable[[DeviceStates, str], Any]] = {
            "ha/say/set": self._say,
            "ha/repeat/set": self._repeat,
            "ha/quiet/set": self._quiet,
            "ha/vol/set": self._volume,
        }
        if topic.name in commands:
            await commands[topic.name](found[0], parse_text(payload, MAX_SAY))

    async def _say(self, device: DeviceStates, text: str) -> None:
        self._limits[device.user_id].try_acquire()
        async with self._engine.begin() as connection:
            now = self._clock.now()
            await say_to_user(connection, device.user_id, text, self._voices, now, device_id=device.id)

    async def _repeat(self, device: DeviceStates, _: str) -> None:
        self._limits[device.user_id].try_acquire()
        async with self._engine.begin() as connection:
            now = self._clock.now()
            await repeat_now(connection, await last_announcement(connection, device.id, now), now)

    async def _quiet(self, device: DeviceStates, text: str) -> None:
        if text not in ("ON", "OFF"):
            raise NotUnderstood("neither ON nor OFF")
        until = ALWAYS if text == "ON" else None
        await self._devices.update(device.user_id, device.id, muted_until=until)

    async def _volume(self, device: DeviceStates, text: str) -> None:
        # Home Assistant writes whole numbers as 55 or as 55.0.
        digits = text.removesuffix(".0")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 3 and int(digits) <= 100):
            raise NotUnderstood("no volume from 0 to 100")
        await self._devices.update(device.user_id, device.id, volume=int(digits))

    async def _publish_devices(self, device_ids: set[int] | None) -> None:
        if device_ids is not None and not device_ids:
            return
        found = await read_states(self._engine, self._clock.now(), device_ids)
        present = {one.id for one in found}
        gone = (set(self._published) if device_ids is None else device_ids & set(self._published)) - present
        for device_id in sorted(gone):
            await clear_discovery(self._open(), device_id)
            self._published.pop(device_id)
            self._next_at.pop(device_id, None)
        for one in found:
            await self._publish_device(one)

    async def _publish_device(self, one: DeviceStates) -> None:
        messages = discovery_messages(
            one.id, name=one.name, model=one.model, room=one.room, kinds=self._kinds
        )
        known = self._published.setdefault(one.id, {})
        if not known:
            # Of another setting, or with components that are no longer there.
            for topic in (
                set(discovery_topics(one.id)) - set(messages) - {state_topic(one.id, name) for name in STATES}
            ):
                await self._open().publish(topic, b"", retain=True)
        for topic, message in messages.items():
            await self._retain(one.id, topic, message)
        for name, state in one.states.items():
            await self._retain(one.id, state_topic(one.id, name), state)
        if one.next_at is None:
            self._next_at.pop(one.id, None)
        else:
            self._next_at[one.id] = one.next_at

    async def _publish_what_time_changed(self) -> None:
        """Publish which devices are connected, and the next appointment where one has begun."""
        now = self._clock.now()
        begun = {device_id for device_id, at in self._next_at.items() if at <= now}
        await self._publish_devices(begun)
        if self._published:
            for device_id, state in (await read_online(self._engine, now, self._published)).items():
                await self._retain(device_id, state_topic(device_id, "conn"), state)

    async def _publish_events(self, topics: Iterable[str]) -> None:
        for device_id, announcement_id in map(announcement_of, sorted(topics)):
            event = await read_event(self._engine, device_id, announcement_id)
            if event is not None:
                await self._publish_event(device_id, event)

    async def _publish_event(self, device_id: int, event: Mapping[str, str]) -> None:
        if device_id in self._published:
            await self._open().publish(state_topic(device_id, "spoken"), _encoded(event))

    async def _retain(self, device_id: int, topic: str, message: object) -> None:
        payload, known = _encoded(message), self._published[device_id]
        if known.get(topic) != payload:
            await self._open().publish(topic, payload, retain=True)
            known[topic] = payload

    def _open(self) -> Connection:
        if self._connection is None:
            raise BrokerUnavailable("not connected")
        return self._connection


async def clear_discovery(connection: Connection, device_id: int) -> None:
    """Clear all retained messages about a device that Home Assistant reads; it removes the entities then.

    Raises:
        BrokerUnavailable: the connection is lost.
    """
    for topic in discovery_topics(device_id):
        await connection.publish(topic, b"", retain=True)


def _encoded(message: object) -> bytes:
    if isinstance(message, str):
        return message.encode()
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
