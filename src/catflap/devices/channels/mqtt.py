"""Devices on an MQTT broker: retained schedules, `play` at the moment itself, acknowledgements, presence.

The leader of all processes runs it (`channels.leader`). It is connected or tries to be, and nothing that the
broker or a device does ends it. Topics: docs/devices.md.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Mapping
from typing import Any

from catflap.background import raise_if_cancelled, run_together
from catflap.devices.channels.discovery import COMMAND_FILTERS, Discovery
from catflap.devices.channels.due_store import DueDevice
from catflap.devices.channels.mqtt_connection import Broker, BrokerUnavailable, Connection
from catflap.devices.channels.mqtt_inbox import Inbox
from catflap.devices.channels.mqtt_schedules import SchedulePublisher
from catflap.devices.channels.mqtt_topics import SERVER_TOPIC, DeviceTopic, every
from catflap.devices.devices import Channel
from catflap.errors import CatflapError, TryAgain
from catflap.log import log, place

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_GOODBYE_SECONDS = 1.0


class MqttChannel:
    """The connection of this installation to its broker, and the sender of the channel `mqtt_play`.

    Args:
        broker: The broker.
        schedules: Publishes schedules.
        inbox: Takes what devices publish.
        discovery: Publishes entities for Home Assistant; None without.
    """

    channel: Channel = "mqtt_play"

    def __init__(
        self,
        broker: Broker,
        schedules: SchedulePublisher,
        inbox: Inbox,
        discovery: Discovery | None,
    ) -> None:
        self._broker = broker
        self._schedules = schedules
        self._inbox = inbox
        self._discovery = discovery
        self._connection: Connection | None = None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._broker.connected() as connection:
                    pause = _FIRST_PAUSE
                    await self._serve(connection)
            except Exception as error:
                raise_if_cancelled(error)
                _log(error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _serve(self, connection: Connection) -> None:
        await connection.subscribe(every("ack"), every("state"))
        # What is retained of devices that are gone; and commands, which are of no use later.
        await connection.subscribe(every("schedule"), *COMMAND_FILTERS, qos=0)
        await connection.publish(SERVER_TOPIC, b"online", retain=True)
        log.info("mqtt_connected")
        self._connection = connection
        work = [self._inbox.run(connection), self._schedules.run(connection)]
        if self._discovery is not None:
            work.append(self._discovery.run(connection))
        try:
            await run_together(*work)
        finally:
            self._connection = None
            with contextlib.suppress(BrokerUnavailable, TimeoutError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await connection.publish(SERVER_TOPIC, b"offline", retain=True)

    async def send(self, device: DueDevice, announcement: Mapping[str, Any]) -> None:
        """Have a device without a clock play an announcement now; one that is away is not told later.

        Raises:
            TryAgain: `mqtt_unavailable`.
        """
        if self._connection is None:
            raise BrokerUnavailable("not connected")
        message = {
            "id": announcement["id"],
            **announcement["audio"],
            "text": announcement["text"],
            "expires_at": announcement["expires_at"],
            "volume": device.volume,
        }
        payload = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        topic = str(DeviceTopic(device.id, "play"))
        await self._connection.publish(topic, payload, qos=0)


def _log(error: Exception) -> None:
    if isinstance(error, TryAgain):
        log.warning("mqtt_unavailable", code=error.code, detail=error.detail)
    elif isinstance(error, CatflapError):
        log.error("mqtt_failed", code=error.code, hint=error.message)
    else:
        kind, at = type(error).__name__, place(error.__traceback__)
        log.error("mqtt_failed_unexpectedly", error=kind, at=at)
