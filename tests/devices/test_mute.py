"""The mute of all devices: when it ends, and what devices and expired announcements have of it."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.preferences import Preferences
from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.devices.mute import ALWAYS, find_mute, mute_all, mute_end, unmute_all
from catflap.store.tables import announcements
from catflap.work.periodic import PeriodicTasks

BRIEFING = time(7, 30)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("here", "briefing_at", "zone", "end"),
    [
        ("2026-11-24T22:00", BRIEFING, "Asia/Tokyo", "2026-11-25T07:30"),
        ("2026-11-24T09:00", BRIEFING, "Asia/Tokyo", "2026-11-25T07:30"),
        ("2026-11-24T05:00", BRIEFING, "Asia/Tokyo", "2026-11-25T07:30"),
        # At night, tomorrow is the morning to come.
        ("2026-11-25T03:59", BRIEFING, "Asia/Tokyo", "2026-11-25T07:30"),
        ("2026-11-25T04:00", BRIEFING, "Asia/Tokyo", "2026-11-26T07:30"),
        # Without a briefing, or with one that is none of a morning.
        ("2026-11-24T22:00", None, "Asia/Tokyo", "2026-11-25T06:00"),
        ("2026-11-24T22:00", time(12, 0), "Asia/Tokyo", "2026-11-25T06:00"),
        ("2026-11-24T22:00", time(3, 0), "Asia/Tokyo", "2026-11-25T06:00"),
        ("2026-11-24T22:00", time(4, 0), "Asia/Tokyo", "2026-11-25T04:00"),
        # Clocks go forward and back, at 2:00 and 3:00.
        ("2026-03-28T22:00", time(6, 0), "Europe/Berlin", "2026-03-29T06:00"),
        ("2026-10-24T22:00", time(6, 0), "Europe/Berlin", "2026-10-25T06:00"),
    ],
)
def test_tomorrow_begins_with_the_morning(here: str, briefing_at: time | None, zone: str, end: str) -> None:
    preferences = Preferences(zone, briefing_at=briefing_at)
    now = datetime.fromisoformat(here).replace(tzinfo=preferences.time_zone)
    found = mute_end("tomorrow", preferences, now.astimezone(UTC))
    assert found.astimezone(preferences.time_zone).replace(tzinfo=None) == datetime.fromisoformat(end)


def test_the_others_are_an_hour_and_no_end(clock: FixedClock) -> None:
    now = clock.now()
    assert mute_end("hour", Preferences(), now) == now + HOUR
    assert mute_end("always", Preferences(), now) == ALWAYS


async def test_a_mute_ends_by_itself_or_by_hand_and_the_last_one_counts(
    engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    async with engine.begin() as connection:
        assert await find_mute(connection, user_id, clock.now()) is None
        await unmute_all(connection, user_id, clock.now())
        for until in (ALWAYS + HOUR, clock.now() + HOUR):
            await mute_all(connection, user_id, until, clock.now())
            assert await find_mute(connection, user_id, clock.now()) == min(until, ALWAYS)
        assert await find_mute(connection, user_id, clock.now() + HOUR) is None
        await unmute_all(connection, user_id, clock.now())
        assert await find_mute(connection, user_id, clock.now()) is None


async def test_what_was_due_meanwhile_is_held_and_all_else_that_nobody_played_is_missed(
    engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    device, _ = await Devices(engine, clock).add_browser(user_id, "Browser")
    begun, minute = clock.now(), timedelta(minutes=1)
    common = {"user_id": user_id, "device_id": device.id, "kind": "start", "state": "ready", "titles": []}
    common |= {"event_start": "", "dialect": "kitten", "display": "", "spoken": "", "sound_key": "s"}
    for name, minutes in {"before": -1, "first": 0, "muted": 30, "again": 50, "after": 56}.items():
        play_at = begun + minutes * minute
        times = {"play_at": play_at, "expires_at": play_at + 2 * minute, "updated_at": begun}
        async with engine.begin() as connection:
            await connection.execute(insert(announcements).values(**common, **times, id=name, key=name))
    for minutes in (0, 10):
        clock.advance(minutes * minute)
        async with engine.begin() as connection:
            await mute_all(connection, user_id, begun + HOUR, clock.now())
    clock.advance(45 * minute)
    async with engine.begin() as connection:
        await unmute_all(connection, user_id, clock.now())
    clock.advance(15 * minute)
    await PeriodicTasks(engine, clock, 1).tick()
    async with engine.connect() as connection:
        rows = await connection.execute(select(announcements).order_by(announcements.c.play_at))
        found = {row.id: (row.state, row.detail) for row in rows}
    held, missed = ("held", "muted"), ("missed", None)
    assert found == {"before": missed, "first": held, "muted": held, "again": held, "after": missed}
