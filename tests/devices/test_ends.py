"""Loops of channels end when they are cancelled, also where the driver reports that as a lost connection."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices.channels.discovery import Discovery
from catflap.devices.channels.due import DuePlays
from catflap.devices.channels.home_assistant_presence import SpeakerPresence
from catflap.devices.channels.mqtt_schedules import SchedulePublisher
from catflap.store.database import Urls
from catflap.store.notify import NotificationListener
from catflap.store.unavailable import DatabaseUnavailable

Run = Callable[[], Awaitable[None]]
NOTHING: Any = None


@pytest.mark.parametrize("name", ["discovery", "schedules", "plays", "presence"])
async def test_a_cancellation_that_arrives_as_a_lost_connection_ends_the_loop(
    engine: AsyncEngine, clock: FixedClock, database_urls: Urls, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked = asyncio.Event()

    async def query(*_: object) -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise DatabaseUnavailable("connection lost") from None

    monkeypatch.setattr(Discovery, "_publish_devices", query)
    monkeypatch.setattr(SchedulePublisher, "_publish", query)
    monkeypatch.setattr(DuePlays, "_read", query)
    monkeypatch.setattr(SpeakerPresence, "_record", query)
    async with NotificationListener(database_urls.app) as told:
        loops: dict[str, Run] = {
            "discovery": lambda: Discovery(engine, clock, told, NOTHING, NOTHING, ["device"]).run(NOTHING),
            "schedules": lambda: SchedulePublisher(engine, NOTHING, told).run(NOTHING),
            "plays": lambda: DuePlays(engine, clock, told, NOTHING, []).run(),
            "presence": lambda: SpeakerPresence(engine, clock, NOTHING).run(),
        }
        running = asyncio.ensure_future(loops[name]())
        await asked.wait()
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=10)
        assert done and running.cancelled()
