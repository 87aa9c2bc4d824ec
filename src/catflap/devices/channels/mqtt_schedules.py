"""Publish the schedule of each device on MQTT, retained, and take away those of devices that are gone."""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import raise_if_cancelled
from catflap.devices.channels.discovery import clear_discovery
from catflap.devices.channels.mqtt_connection import Connection
from catflap.devices.channels.mqtt_topics import DeviceTopic
from catflap.devices.mqtt_login import MQTT_CHANNELS
from catflap.devices.schedule import Schedules
from catflap.errors import TryAgain
from catflap.log import log
from catflap.store.notify import NotificationListener
from catflap.store.tables import devices as t
from catflap.store.task_types import SCHEDULE_TOPIC, device_of

_CHANNEL = "mqtt"
# Documents are read and sent so many at a time, to leave connections to requests.
_AT_ONCE = 4
# What has expired leaves the broker after that at the latest; changes are published at once.
_REFRESH = timedelta(hours=1)
_RETRY_SECONDS = 1.0


class SchedulePublisher:
    """Keeps the retained schedules of the broker as they are in the database.

    Args:
        engine: The database.
        schedules: Builds the documents.
        notifications: Tell of their changes.
    """

    def __init__(
        self, engine: AsyncEngine, schedules: Schedules, notifications: NotificationListener
    ) -> None:
        self._engine = engine
        self._schedules = schedules
        self._notifications = notifications

    async def run(self, connection: Connection) -> None:
        """Publish all schedules, then each that changes, until cancelled.

        Raises:
            BrokerUnavailable: the connection is lost.
        """
        published: dict[int, bytes] = {}
        with self._notifications.watch_prefix(SCHEDULE_TOPIC) as changes:
            while True:
                topics = changes.take()
                try:
                    await self._publish(connection, published, topics)
                except TryAgain as error:
                    if error.code == "mqtt_unavailable":
                        raise
                    raise_if_cancelled(error)
                    log.warning("mqtt_schedules_delayed", code=error.code, detail=error.detail)
                    changes.add_all()
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                try:
                    async with asyncio.timeout(_REFRESH.total_seconds()):
                        await changes.event.wait()
                except TimeoutError:
                    changes.add_all()

    async def _publish(
        self, connection: Connection, published: dict[int, bytes], topics: set[str] | None
    ) -> None:
        asked = None if topics is None else set(map(device_of, topics))
        present = await self._present(asked)
        gone = (set(published) if asked is None else asked & set(published)) - set(present)
        for device_id in sorted(gone):
            await clear_device(connection, device_id)
            published.pop(device_id, None)
        # Devices without a clock have no schedule there, but their state.
        published |= {one: b"" for one, channel in present.items() if channel != _CHANNEL}
        ids = sorted(one for one, channel in present.items() if channel == _CHANNEL)
        for first in range(0, len(ids), _AT_ONCE):
            some = ids[first : first + _AT_ONCE]
            await asyncio.gather(*(self._publish_one(connection, published, one) for one in some))

    async def _publish_one(self, connection: Connection, published: dict[int, bytes], device_id: int) -> None:
        document = await self._schedules.document(device_id)
        if document is None:
            # It is gone since; its notification follows.
            return
        payload = _payload(document)
        digest = hashlib.sha256(payload).digest()
        if published.get(device_id) != digest:
            await connection.publish(str(DeviceTopic(device_id, "schedule")), payload, retain=True)
            published[device_id] = digest

    async def _present(self, device_ids: Iterable[int] | None) -> dict[int, str]:
        """Return the channels of those of these devices, or of all, that are on the broker."""
        # The index on channels has the first condition.
        where = [t.c.channel != "https", t.c.channel.in_(MQTT_CHANNELS)]
        if device_ids is not None:
            where.append(t.c.id.in_(device_ids))
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(t.c.id, t.c.channel).where(*where))
            return {row.id: row.channel for row in rows}


async def clear_device(connection: Connection, device_id: int) -> None:
    """Clear all retained messages of a device that is gone, discovery included.

    Raises:
        BrokerUnavailable: the connection is lost.
    """
    for name in ("schedule", "state"):
        await connection.publish(str(DeviceTopic(device_id, name)), b"", retain=True)
    await clear_discovery(connection, device_id)
    log.info("mqtt_device_cleared", device=device_id)


def _payload(document: dict[str, Any]) -> bytes:
    retained = {name: value for name, value in document.items() if name != "now"}
    return json.dumps(retained, ensure_ascii=False, separators=(",", ":")).encode()
