"""Take what devices publish on MQTT: acknowledgements, presence, and commands of Home Assistant.

The topic says which device it is, because the broker lets a device publish on its own topics only.
"""

import asyncio

import aiomqtt
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import raise_if_cancelled, run_together
from catflap.clock import Clock
from catflap.devices.acks import Acks
from catflap.devices.channels.discovery import Discovery, clear_discovery
from catflap.devices.channels.mqtt_connection import BrokerUnavailable, Connection
from catflap.devices.channels.mqtt_messages import NotUnderstood, parse_ack, parse_state
from catflap.devices.channels.mqtt_schedules import clear_device
from catflap.devices.channels.mqtt_topics import DeviceTopic, parse_topic
from catflap.devices.devices import Device
from catflap.devices.mqtt_login import MQTT_CHANNELS
from catflap.devices.online import keep_online, set_offline
from catflap.devices.presence import Presence
from catflap.errors import CatflapError, TryAgain
from catflap.log import log, place
from catflap.store.row_mapping import from_row
from catflap.store.tables import devices as t
from catflap.store.unavailable import DatabaseUnavailable
from catflap.vault.rate_limit import TokenBucket

# Less than half of what makes a device count as offline.
_STAY_ONLINE_SECONDS = 15.0
# Messages of one device are handled in order, of several devices at the same time.
_WORKERS = 4
_WAITING = 1000
_RETRY_SECONDS = 1.0
# A device that sends thousands of malformed messages fills no log; the next line has their count.
_LOGS_PER_SECOND, _LOGS_AT_ONCE = 1.0, 100.0


class Inbox:
    """Handles messages, each of which may be malformed; nothing in them is logged.

    Args:
        engine: The database.
        clock: The current time.
        presence: Told of devices that come online.
        acks: Records acknowledgements.
        discovery: Carries out commands of Home Assistant; None without.

    Attributes:
        rejected: How many messages were malformed, or about what is not the device's.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        presence: Presence,
        acks: Acks,
        discovery: Discovery | None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._presence = presence
        self._acks = acks
        self._discovery = discovery
        self._online: set[int] = set()
        self.rejected = 0
        self._log_limit = TokenBucket(_LOGS_PER_SECOND, _LOGS_AT_ONCE)

    async def run(self, connection: Connection) -> None:
        """Handle what comes in until cancelled.

        Raises:
            BrokerUnavailable: the connection is lost.
        """
        # Retained messages tell again who is online.
        self._online.clear()
        queues = [asyncio.Queue[aiomqtt.Message](_WAITING) for _ in range(_WORKERS)]
        workers = [self._work(connection, queue) for queue in queues]
        await run_together(self._receive(connection, queues), self._stay_online(), *workers)

    async def _receive(self, connection: Connection, queues: list[asyncio.Queue[aiomqtt.Message]]) -> None:
        async for message in connection.messages():
            topic = parse_topic(message.topic.value)
            if topic is None:
                connection.done(message)
            else:
                await queues[topic.device_id % _WORKERS].put(message)

    async def _work(self, connection: Connection, queue: asyncio.Queue[aiomqtt.Message]) -> None:
        while True:
            message = await queue.get()
            await self._attempt(connection, message)
            connection.done(message)

    async def _attempt(self, connection: Connection, message: aiomqtt.Message) -> None:
        """Handle a message; wait for a database that is away, so that none is lost."""
        topic = parse_topic(message.topic.value)
        assert topic is not None
        payload = message.payload if isinstance(message.payload, bytes) else b""
        while True:
            try:
                await self._handle(connection, topic, payload, retained=message.retain)
                return
            except BrokerUnavailable:
                raise
            except NotUnderstood as error:
                self._reject(topic, str(error))
                return
            except CatflapError as error:
                raise_if_cancelled(error)
                if not isinstance(error, DatabaseUnavailable):
                    self._reject(topic, error.code)
                    return
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:
                raise_if_cancelled(error)
                at = place(error.__traceback__)
                log.error("mqtt_message_failed_unexpectedly", error=type(error).__name__, at=at)
                return

    def _reject(self, topic: DeviceTopic, reason: str) -> None:
        self.rejected += 1
        try:
            self._log_limit.try_acquire()
        except TryAgain:
            return
        log.warning(
            "mqtt_message_rejected",
            device=topic.device_id,
            topic=topic.name,
            reason=reason,
            rejected=self.rejected,
        )

    async def _handle(
        self, connection: Connection, topic: DeviceTopic, payload: bytes, *, retained: bool
    ) -> None:
        if topic.name == "ack":
            ack = parse_ack(payload)
            await self._acks.record(topic.device_id, ack.announcement, ack.state, ack.at, ack.detail)
        elif topic.name == "state":
            if payload:
                await self._state(connection, topic.device_id, is_online=parse_state(payload))
        elif topic.name == "schedule":
            # Only what was there before we came; nobody else may publish it.
            if retained and await self._find(topic.device_id) is None:
                await clear_device(connection, topic.device_id)
        elif retained:
            # Also a command that somebody retained, which would be carried out at each start.
            if self._discovery is None or not await self._discovery.has(topic.device_id):
                await clear_discovery(connection, topic.device_id)
        elif self._discovery is not None:
            await self._discovery.command(topic, payload)

    async def _state(self, connection: Connection, device_id: int, *, is_online: bool) -> None:
        device = await self._find(device_id)
        if device is None:
            self._online.discard(device_id)
            await clear_device(connection, device_id)
        elif is_online:
            await self._presence.record_seen(device)
            self._online.add(device_id)
        else:
            self._online.discard(device_id)
            await set_offline(self._engine, device_id, self._clock.now())

    async def _find(self, device_id: int) -> Device | None:
        query = select(t).where(t.c.id == device_id, t.c.channel.in_(MQTT_CHANNELS))
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else from_row(Device, row)

    async def _stay_online(self) -> None:
        """Record now and then which devices are online still, because they send no heartbeats."""
        while True:
            await asyncio.sleep(_STAY_ONLINE_SECONDS)
            try:
                await keep_online(self._engine, self._online, self._clock.now())
            except TryAgain as error:
                raise_if_cancelled(error)
                log.warning("mqtt_presence_delayed", code=error.code, detail=error.detail)
