"""The schedule document: what a device will say in the coming day, kept true while it keeps time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planning import HORIZON
from catflap.clock import Clock, rfc3339
from catflap.devices.devices import Device, entitled
from catflap.devices.signed_urls import SignedSoundUrls
from catflap.store.notify import NotificationListener
from catflap.store.tables import announcements as a
from catflap.store.tables import devices, sounds
from catflap.store.task_types import schedule_topic
from catflap.store.unavailable import RETRY_AFTER, DatabaseUnavailable

_TO_COME = ("planned", "ready", "sent")
KEEP_ALIVE_SECONDS = 15.0


class Schedules:
    """Compose documents and follow their changes."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        addresses: SignedSoundUrls,
        notifications: NotificationListener,
        origin: str,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._addresses = addresses
        self._notifications = notifications
        self._origin = origin

    async def document(self, device_id: int) -> dict[str, Any] | None:
        """The document as it is now, or None when the device or its session is gone."""
        now = self._clock.now()
        query = (
            select(a, sounds.c.sha256, sounds.c.bytes, sounds.c.seconds)
            .outerjoin(sounds, sounds.c.key == a.c.sound_key)
            .where(a.c.device_id == device_id, a.c.state.in_(_TO_COME))
            .where(a.c.expires_at > now, a.c.play_at < now + HORIZON)
            .order_by(a.c.play_at, a.c.id)
        )
        async with self._engine.connect() as connection:
            here = select(devices).where(devices.c.id == device_id, entitled(now))
            device = (await connection.execute(here)).first()
            rows = (await connection.execute(query)).all()
        if device is None:
            return None
        return {
            "version": device.schedule_version,
            "now": rfc3339(now, "milliseconds"),
            "volume": device.volume,
            "muted_until": rfc3339(device.muted_until) if device.muted_until else None,
            "announcements": [self._announcement(row) for row in rows],
        }

    async def follow(self, device: Device) -> AsyncIterator[dict[str, Any] | None]:
        """The document now and at each change; None when nothing changed for a while (keep the line open).

        Ends when the device is gone, or the session of a browser. A database that goes away later is waited
        for: the device keeps what it has, and need not connect again.

        Raises:
            DatabaseUnavailable: before the first document.
        """
        sent = -1
        with self._notifications.watch(schedule_topic(device.id)) as changed:
            while True:
                changed.clear()
                patience = KEEP_ALIVE_SECONDS
                try:
                    document = await self.document(device.id)
                except DatabaseUnavailable:
                    if sent == -1:
                        raise
                    patience = RETRY_AFTER.total_seconds()
                    yield None
                else:
                    if document is None:
                        return
                    new = document["version"] != sent
                    sent = document["version"]
                    yield document if new else None
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), patience)

    def _announcement(self, row: Row[tuple[Any, ...]]) -> dict[str, Any]:
        path = self._addresses.path(row.device_id, row.id, row.expires_at)
        audio = {
            "url": self._origin + path,
            "type": "audio/wav",
            "sha256": row.sha256,
            "bytes": row.bytes,
            "seconds": row.seconds,
        }
        return {
            "id": row.id,
            "play_at": rfc3339(row.play_at),
            "expires_at": rfc3339(row.expires_at),
            "kind": row.kind,
            "text": row.display,
            "audio": audio if row.sha256 is not None else None,
        }
