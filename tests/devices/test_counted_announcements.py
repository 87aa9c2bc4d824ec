"""Each announcement is counted by how it ended, and how late it was played."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.lateness import count_lateness
from catflap.clock import FixedClock
from catflap.devices.acks import Acks
from catflap.devices.devices import Devices
from catflap.devices.mute import mute_all
from catflap.devices.presence import Presence
from catflap.speech import installed_voices
from catflap.store.tables import announcements
from catflap.work.periodic import PeriodicTasks
from tests.support.counted import Counted


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
async def device_id(engine: AsyncEngine, clock: FixedClock, user_id: int) -> int:
    """A device with three announcements that are due now and expire in two minutes."""
    device, _ = await Devices(engine, clock).add_browser(user_id, "Browser")
    row: dict[str, Any] = {"user_id": user_id, "device_id": device.id, "kind": "start", "state": "ready"}
    row |= {"titles": [], "event_start": "", "dialect": "kitten", "display": "", "spoken": ""}
    row |= {"sound_key": "s", "play_at": clock.now(), "expires_at": clock.now() + timedelta(minutes=2)}
    row |= {"updated_at": clock.now()}
    async with engine.begin() as connection:
        await connection.execute(insert(announcements), [{**row, "id": name, "key": name} for name in "abc"])
    return device.id


def of_announcements(counted: Counted) -> dict[str, int]:
    return {label: times for (name, label), times in counted.items() if name == "announcements"}


async def test_an_acknowledgement_counts_once(
    engine: AsyncEngine, clock: FixedClock, device_id: int, counted: Counted
) -> None:
    acks = Acks(engine, clock, notifies=False, count=counted)
    late = clock.now() + timedelta(milliseconds=180)
    for _ in range(2):
        await acks.record(device_id, "a", "played", late)
        await acks.record(device_id, "b", "held", late)
    await acks.record(device_id, "a", "missed", late)
    assert of_announcements(counted) == {"played": 1, "held": 1}
    assert counted["announcement_lateness", "0.25"] == 1
    assert counted["announcement_late_milliseconds", ""] == 180


@pytest.mark.parametrize(
    ("milliseconds", "bound"),
    [(-40, "0.05"), (50, "0.05"), (51, "0.1"), (1000, "1.0"), (30_000, "30.0"), (30_001, "+Inf")],
)
def test_lateness_is_counted_in_ranges(milliseconds: int, bound: str, counted: Counted) -> None:
    count_lateness(counted, timedelta(milliseconds=milliseconds))
    assert counted["announcement_lateness", bound] == 1
    assert counted["announcement_late_milliseconds", ""] == max(0, milliseconds)


async def test_a_device_whose_clock_is_wrong_by_years_counts_as_an_hour_late(
    engine: AsyncEngine, clock: FixedClock, device_id: int, counted: Counted
) -> None:
    acks = Acks(engine, clock, notifies=False, count=counted)
    await acks.record(device_id, "a", "played", datetime(9998, 12, 31, tzinfo=UTC))
    assert counted["announcement_lateness", "+Inf"] == 1
    assert counted["announcement_late_milliseconds", ""] == 3_600_000


@pytest.mark.parametrize("outcome", ["missed", "held"])
async def test_what_nobody_played_counts_when_it_expires(
    engine: AsyncEngine, clock: FixedClock, user_id: int, device_id: int, counted: Counted, outcome: str
) -> None:
    if outcome == "held":
        async with engine.begin() as connection:
            await mute_all(connection, user_id, clock.now() + timedelta(hours=1), clock.now())
    clock.advance(timedelta(minutes=3))
    for _ in range(2):
        await PeriodicTasks(engine, clock, 1, counted).tick()
    assert of_announcements(counted) == {outcome: 3}


async def test_what_a_device_missed_counts_when_it_is_back(
    engine: AsyncEngine, clock: FixedClock, device_id: int, counted: Counted
) -> None:
    devices, voices = Devices(engine, clock), installed_voices()
    presence = Presence(engine, clock, voices, counted)
    (device,) = await _all(devices, engine)
    await presence.record_seen(device)
    clock.advance(timedelta(minutes=90))
    (device,) = await _all(devices, engine)
    await presence.record_seen(device)
    assert of_announcements(counted) == {"missed": 3}


async def _all(devices: Devices, engine: AsyncEngine) -> Any:
    async with engine.connect() as connection:
        user = (await connection.execute(announcements.select())).first()
    assert user is not None
    return await devices.of_user(user.user_id)
