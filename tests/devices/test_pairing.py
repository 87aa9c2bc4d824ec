"""Pairing of devices by code, and the validity of their tokens."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices.devices import MAX_DEVICES, Devices
from catflap.devices.pairing import LIFETIME, Pairings
from catflap.errors import BadRequest
from catflap.store.tables import devices as devices_table
from catflap.store.tables import pairings as pairings_table

SECRET = "the-secret-that-only-the-device-knows"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


@pytest.fixture
def devices(engine: AsyncEngine, clock: FixedClock) -> Devices:
    return Devices(engine, clock)


@pytest.fixture
def pairings(engine: AsyncEngine, clock: FixedClock, devices: Devices) -> Pairings:
    return Pairings(engine, clock, devices)


async def test_a_claimed_device_is_found_by_its_token(
    pairings: Pairings, devices: Devices, user_id: int
) -> None:
    pairing = await pairings.create(token_sha256=HASH, model="robot")
    assert await pairings.claimed_device_id(pairing.handle) is None
    claimed = await pairings.claim(user_id, pairing.code.lower(), "Kitchen Mia")
    assert await pairings.claimed_device_id(pairing.handle) == claimed.id
    assert await devices.find(SECRET) == claimed
    assert (claimed.name, claimed.model, claimed.user_id) == ("Kitchen Mia", "robot", user_id)


async def test_a_code_works_once(pairings: Pairings, user_id: int) -> None:
    pairing = await pairings.create(token_sha256=HASH, model="robot")
    await pairings.claim(user_id, pairing.code, None)
    with pytest.raises(BadRequest) as refused:
        await pairings.claim(user_id, pairing.code, None)
    assert refused.value.code == "not_found"


async def test_a_code_expires_after_ten_minutes(pairings: Pairings, clock: FixedClock, user_id: int) -> None:
    pairing = await pairings.create(token_sha256=HASH, model="robot")
    clock.advance(LIFETIME - timedelta(seconds=1))
    assert await pairings.claimed_device_id(pairing.handle) is None
    clock.advance(timedelta(seconds=1))
    for attempt in (pairings.claim(user_id, pairing.code, None), pairings.claimed_device_id(pairing.handle)):
        with pytest.raises(BadRequest):
            await attempt


async def test_the_database_stores_only_hashes_of_token_and_handle(
    pairings: Pairings, engine: AsyncEngine, user_id: int
) -> None:
    pairing = await pairings.create(token_sha256=HASH, model="robot")
    await pairings.claim(user_id, pairing.code, None)
    async with engine.connect() as connection:
        rows = [
            *await connection.execute(select(pairings_table)),
            *await connection.execute(select(devices_table)),
        ]
    assert SECRET not in str(rows)
    assert pairing.handle not in str(rows)


async def test_the_token_of_a_removed_device_is_invalid(devices: Devices, user_id: int) -> None:
    device, token = await devices.add_browser(user_id, "Browser")
    with pytest.raises(BadRequest):
        await devices.remove(user_id + 1, device.id)
    await devices.remove(user_id, device.id)
    assert await devices.find(token) is None


async def test_the_number_of_devices_per_user_is_limited(devices: Devices, user_id: int) -> None:
    for number in range(MAX_DEVICES):
        await devices.add_browser(user_id, f"Browser {number}")
    with pytest.raises(BadRequest) as refused:
        await devices.add_browser(user_id, "One more")
    assert refused.value.code == "too_many"
