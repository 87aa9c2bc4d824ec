"""An installation with a broker, devices of a user on it, and one or more publishers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.repository import increment_version
from catflap.clock import FixedClock
from catflap.devices.channels.channels import open_channels
from catflap.devices.channels.leader import Leader
from catflap.devices.devices import Channel, Devices
from catflap.settings import Settings
from catflap.signin import Sessions
from catflap.speech import installed_voices
from catflap.store.database import Urls
from catflap.store.notify import NotificationListener
from catflap.store.tables import announcements, devices, sessions
from tests.support.mosquitto import Mosquitto
from tests.support.spoken import add_announcement, add_sound

MINUTE = timedelta(minutes=1)
JAPANESE = {"display": "10分後に歯医者だニャ！", "titles": ["歯医者"]}


class MqttStage:
    """Devices of one user, and what became of their announcements."""

    def __init__(
        self, engine: AsyncEngine, clock: FixedClock, urls: Urls, user_id: int, broker: Mosquitto
    ) -> None:
        self.engine, self.clock, self.urls, self.user_id, self.broker = engine, clock, urls, user_id, broker
        self.devices = Devices(engine, clock)

    async def device(self, channel: Channel = "mqtt") -> int:
        """Add a paired device, with a login at the broker."""
        made, _ = await self.devices.add_browser(self.user_id, "Mia")
        async with self.engine.begin() as connection:
            change = update(devices).where(devices.c.id == made.id)
            await connection.execute(change.values(channel=channel, model="ESP32"))
        await self.broker.add(made.id)
        return made.id

    async def session(self) -> int:
        """Add a session of the user; its id."""
        await Sessions(self.engine, self.clock).begin(self.user_id, "cookie")
        async with self.engine.connect() as connection:
            return int((await connection.scalars(select(sessions.c.id))).one())

    async def sound(self) -> None:
        await add_sound(self.engine, self.clock.now())

    async def reminder(self, device_id: int, after: timedelta = 30 * MINUTE, **more: Any) -> str:
        play_at = self.clock.now() + after
        made = await add_announcement(
            self.engine, self.user_id, device_id, play_at, **{"state": "ready", **JAPANESE, **more}
        )
        await self.changed(device_id)
        return made

    async def changed(self, device_id: int) -> None:
        async with self.engine.begin() as connection:
            await increment_version(connection, device_id)

    async def state(self, announcement_id: str) -> str:
        query = select(announcements.c.state).where(announcements.c.id == announcement_id)
        async with self.engine.connect() as connection:
            return str(await connection.scalar(query))

    async def is_online(self, device_id: int) -> bool:
        (found,) = [one for one in await self.devices.of_user(self.user_id) if one.id == device_id]
        seen = found.last_seen_at
        return seen is not None and self.clock.now() - seen < timedelta(seconds=45)

    @asynccontextmanager
    async def publishing(self, **chosen: Any) -> AsyncIterator[None]:
        """Run a process of channels; `chosen` are settings."""
        settings = Settings.read(**{"mqtt_url": self.broker.url, **chosen})
        async with asyncio.timeout(60), NotificationListener(self.urls.app) as notifications:
            channels = await open_channels(
                settings, self.engine, self.clock, notifications, installed_voices(), "https://mia"
            )
            async with Leader(self.urls.app, channels.run):
                yield


async def until(met: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    """Wait until something is so in the database, which tells nobody."""
    async with asyncio.timeout(30):
        while not await met():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
