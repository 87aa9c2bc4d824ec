"""Fixtures: a served sandbox, a Google account and a device."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.preference_store import save_preferences
from catflap.announcements.preferences import Preferences
from catflap.clock import FixedClock
from catflap.store.tables import devices
from tests.support.sandbox_calendar import Served, add_account, serving


@pytest.fixture
async def google(clock: FixedClock) -> AsyncIterator[Served]:
    async with serving(clock) as served:
        yield served


@pytest.fixture
async def account(engine: AsyncEngine, user_id: int, clock: FixedClock) -> int:
    """The user with a Google account and the time zone UTC."""
    await add_account(engine, user_id, clock.now())
    async with engine.begin() as connection:
        await save_preferences(connection, user_id, Preferences(reminder_minutes=(10,)), clock.now())
    return user_id


@pytest.fixture
async def device_id(engine: AsyncEngine, user_id: int, clock: FixedClock) -> int:
    return await add_device(engine, user_id, clock, b"first")


async def add_device(engine: AsyncEngine, user_id: int, clock: FixedClock, token_hash: bytes) -> int:
    values = {
        "user_id": user_id,
        "name": "Mia",
        "model": "browser",
        "token_hash": token_hash,
        "volume": 60,
        "schedule_version": 0,
        "created_at": clock.now(),
    }
    async with engine.begin() as connection:
        made = insert(devices).values(values).returning(devices.c.id)
        return int((await connection.execute(made)).scalar_one())
