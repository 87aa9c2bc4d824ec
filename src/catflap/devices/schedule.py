"""Schedule documents of devices: the announcements of the coming 24 hours, and their changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planning import HORIZON
from catflap.clock import Clock, rfc3339
from catflap.devices.devices import Device, authorized
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.store.notify import NotificationListener
from catflap.store.tables import announcements as a
from catflap.store.tables import devices, sounds, users
from catflap.store.tables import encoded_sounds as encoded
from catflap.store.task_types import schedule_topic
from catflap.store.unavailable import RETRY_AFTER, DatabaseUnavailable

_PENDING_STATES = ("planned", "ready", "sent")
KEEP_ALIVE_SECONDS = 15.0
# Devices and sessions that are deleted say so; what runs out by time alone is found that much later.
_READ_AGAIN_AFTER = timedelta(minutes=5)


class Schedules:
    """Service that builds schedule documents and follows their changes."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        announcements: ScheduledAnnouncements,
        notifications: NotificationListener,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._announcements = announcements
        self._notifications = notifications

    async def document(self, device_id: int) -> dict[str, Any] | None:
        """Return the current document; None if the device was deleted or its session has ended."""
        now = self._clock.now()
        query = (
            select(
                a,
                sounds.c.seconds,
                encoded.c.audio,
                func.coalesce(encoded.c.sha256, sounds.c.sha256).label("sha256"),
                func.coalesce(encoded.c.bytes, sounds.c.bytes).label("bytes"),
            )
            .join(devices, devices.c.id == a.c.device_id)
            .outerjoin(sounds, sounds.c.key == a.c.sound_key)
            .outerjoin(encoded, (encoded.c.key == a.c.sound_key) & (encoded.c.audio == devices.c.audio))
            .where(a.c.device_id == device_id, a.c.state.in_(_PENDING_STATES))
            .where(a.c.expires_at > now, a.c.play_at < now + HORIZON)
            .order_by(a.c.play_at, a.c.id)
        )
        async with self._engine.connect() as connection:
            here = (
                select(devices, users.c.muted_until.label("all_muted_until"))
                .join(users, users.c.id == devices.c.user_id)
                .where(devices.c.id == device_id, authorized(now))
            )
            device = (await connection.execute(here)).first()
            rows = (await connection.execute(query)).all()
        if device is None:
            return None
        all_until = device.all_muted_until
        ends = [device.muted_until, all_until if all_until and all_until > now else None]
        muted_until = max(filter(None, ends), default=None)
        return {
            "version": device.schedule_version,
            "now": rfc3339(now, "milliseconds"),
            "volume": device.volume,
            "muted_until": rfc3339(muted_until) if muted_until else None,
            "announcements": [self._announcements.resource(row) for row in rows],
        }

    async def follow(self, device: Device) -> AsyncIterator[dict[str, Any] | None]:
        """Yield the document now and at each change, and None as a keep-alive, which reads nothing.

        Ends when the device is deleted or its session ends; up to five minutes after a session has run out.
        After the first document, an unavailable database is waited for, so that the device keeps its
        connection.

        Raises:
            DatabaseUnavailable: only before the first document.
        """
        sent, read_at = -1, None
        with self._notifications.watch(schedule_topic(device.id)) as changed:
            while True:
                now, timeout, document = self._clock.now(), KEEP_ALIVE_SECONDS, None
                if changed.is_set() or read_at is None or now - read_at >= _READ_AGAIN_AFTER:
                    changed.clear()
                    try:
                        document = await self.document(device.id)
                    except DatabaseUnavailable:
                        if sent == -1:
                            raise
                        read_at, timeout = None, RETRY_AFTER.total_seconds()
                    else:
                        if document is None:
                            return
                        read_at = now
                if document is not None and document["version"] != sent:
                    sent = document["version"]
                    yield document
                else:
                    yield None
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), timeout)
