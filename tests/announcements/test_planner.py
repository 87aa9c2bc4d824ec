"""Planning from events at Google to the rows of a device's schedule."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planner import Planner
from catflap.clock import FixedClock
from catflap.store.calendar_tables import calendars
from catflap.store.tables import announcements, devices
from tests.announcements.conftest import add_device
from tests.support.sandbox_calendar import EMAIL, SUB, Served


async def rows(engine: AsyncEngine, device_id: int) -> list[Row[Any]]:
    query = select(announcements).where(announcements.c.device_id == device_id)
    async with engine.connect() as connection:
        return list(
            await connection.execute(query.order_by(announcements.c.play_at, announcements.c.updated_at))
        )


async def version(engine: AsyncEngine, device_id: int) -> int:
    query = select(devices.c.schedule_version).where(devices.c.id == device_id)
    async with engine.connect() as connection:
        return int((await connection.execute(query)).scalar_one())


async def test_an_appointment_at_google_is_announced_on_the_device(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=3))
    await google.calendars(engine, clock).sync_account(account, SUB)
    await Planner(engine, clock).plan_user(account)
    spoken = [row for row in await rows(engine, device_id) if row.kind == "before"]
    assert [(row.titles, row.event_start) for row in spoken] == [(["Standup"], "2026-11-24T15:00:00+00:00")]
    assert spoken[0].play_at == clock.now() + timedelta(hours=2, minutes=50)
    assert spoken[0].state == "planned"
    assert await version(engine, device_id) == 1


async def test_moving_an_event_cancels_what_was_planned_and_plans_the_new(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    event = google.insert("Standup", clock.now() + timedelta(hours=3))
    calendars, planner = google.calendars(engine, clock), Planner(engine, clock)
    await calendars.sync_account(account, SUB)
    await planner.plan_user(account)
    later = (clock.now() + timedelta(hours=5)).isoformat()
    moved = {"start": {"dateTime": later, "timeZone": "UTC"}, "end": {"dateTime": later, "timeZone": "UTC"}}
    await google.write("PATCH", f"/calendars/primary/events/{event['id']}", **moved)
    await calendars.sync_account(account, SUB)
    await planner.plan_user(account)
    spoken = [row for row in await rows(engine, device_id) if row.kind == "before"]
    assert [(row.state, row.event_start) for row in spoken] == [
        ("cancelled", "2026-11-24T15:00:00+00:00"),
        ("planned", "2026-11-24T17:00:00+00:00"),
    ]
    assert await version(engine, device_id) == 2


async def test_an_appointment_cancelled_while_a_late_device_may_still_speak_is_taken_back(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    event = google.insert("Standup", clock.now() + timedelta(hours=1))
    calendars, planner = google.calendars(engine, clock), Planner(engine, clock)
    await calendars.sync_account(account, SUB)
    await planner.plan_user(account)
    clock.advance(timedelta(minutes=53))
    await planner.plan_user(account)
    assert "planned" in [row.state for row in await rows(engine, device_id) if row.kind == "before"]
    await google.write("DELETE", f"/calendars/primary/events/{event['id']}")
    await calendars.sync_account(account, SUB)
    await planner.plan_user(account)
    assert [row.state for row in await rows(engine, device_id) if row.kind == "before"] == ["cancelled"]


async def test_a_day_of_hourly_plans_says_everything_once(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    for hour in range(40):
        google.insert("Hourly", clock.now() + timedelta(hours=hour, minutes=30))
    await google.calendars(engine, clock).sync_account(account, SUB)
    planner = Planner(engine, clock)
    for _ in range(12):
        await planner.plan_user(account)
        clock.advance(timedelta(hours=1, minutes=1))
    spoken = [row for row in await rows(engine, device_id) if row.kind == "before"]
    assert len({row.event_start for row in spoken}) == len(spoken) == 24 + 11
    assert {row.state for row in spoken} == {"planned"}


async def test_plans_at_once_write_one_schedule(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=3))
    await google.calendars(engine, clock).sync_account(account, SUB)
    await asyncio.gather(*(Planner(engine, clock).plan_user(account) for _ in range(6)))
    assert await version(engine, device_id) == 1
    assert len(await rows(engine, device_id)) == 2


async def test_planning_again_changes_nothing(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=3))
    google.insert("朝会", clock.now() + timedelta(hours=3))
    await google.calendars(engine, clock).sync_account(account, SUB)
    planner = Planner(engine, clock)
    await planner.plan_user(account)
    before = await rows(engine, device_id)
    await planner.plan_user(account)
    assert await rows(engine, device_id) == before
    assert await version(engine, device_id) == 1


async def test_nothing_is_planned_before_every_selected_calendar_was_read(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    await Planner(engine, clock).plan_user(account)
    assert await rows(engine, device_id) == []
    assert await version(engine, device_id) == 0


async def test_a_calendar_that_cannot_be_read_yet_does_not_freeze_the_schedule(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    event = google.insert("Standup", clock.now() + timedelta(hours=3))
    copy, planner = google.calendars(engine, clock), Planner(engine, clock)
    await copy.sync_account(account, SUB)
    await planner.plan_user(account)
    new = {
        "user_id": account,
        "account_sub": SUB,
        "google_id": "new",
        "summary": "New",
        "time_zone": "UTC",
        "is_primary": False,
        "is_selected": True,
        "sync_due_at": clock.now(),
    }
    await google.write("DELETE", f"/calendars/primary/events/{event['id']}")
    await copy.sync_account(account, SUB)
    async with engine.begin() as connection:
        await connection.execute(insert(calendars).values(new))
    await planner.plan_user(account)
    assert [row.state for row in await rows(engine, device_id) if row.kind == "before"] == ["cancelled"]


async def test_a_device_that_comes_later_gets_the_same_schedule(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=3))
    await google.calendars(engine, clock).sync_account(account, SUB)
    planner = Planner(engine, clock)
    await planner.plan_user(account)
    second = await add_device(engine, account, clock, b"second")
    await planner.plan_user(account)
    assert [row.key for row in await rows(engine, second)] == [
        row.key for row in await rows(engine, device_id)
    ]
    assert (await version(engine, device_id), await version(engine, second)) == (1, 1)


async def test_an_empty_day_still_gets_a_schedule_and_a_briefing(
    engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock
) -> None:
    await google.calendars(engine, clock).sync_account(account, SUB)
    await Planner(engine, clock).plan_user(account)
    assert [(row.kind, row.titles, row.event_start) for row in await rows(engine, device_id)] == [
        ("briefing", [], "2026-11-25")
    ]
    assert google.sandbox.events(EMAIL) == []


@pytest.mark.parametrize("changed", [{"is_selected": False}, {"synced_at": None}])
async def test_a_day_is_not_told_as_empty_while_no_selected_calendar_was_read(
    engine: AsyncEngine,
    google: Served,
    account: int,
    device_id: int,
    clock: FixedClock,
    changed: dict[str, Any],
) -> None:
    await google.calendars(engine, clock).sync_account(account, SUB)
    planner = Planner(engine, clock)
    await planner.plan_user(account)
    as_before = {"is_selected": True, "synced_at": clock.now()}
    for values, state in ((changed, "cancelled"), (as_before, "planned")):
        async with engine.begin() as connection:
            await connection.execute(update(calendars).values(values))
        await planner.plan_user(account)
        (briefing,) = await rows(engine, device_id)
        assert (briefing.kind, briefing.state) == ("briefing", state)
