"""What a day would sound like: as the planner plans it, with other preferences, and without any trace."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planned import PlannedAnnouncement
from catflap.announcements.planner import Planner
from catflap.announcements.planning import plan
from catflap.announcements.preferences import CalendarPreferences, Place, Preferences
from catflap.announcements.preview import Preview, preview_day
from catflap.announcements.sample_day import sample_day
from catflap.clock import FixedClock
from catflap.store.tables import announcements, devices
from tests.announcements.conftest import add_device
from tests.support.sandbox_calendar import SUB, Served

USUAL = Preferences(reminder_minutes=(10,), zone="UTC")
STORED = ("announcements", "occurrence_changes", "plans", "preferences", "calendars")


async def preview(
    engine: AsyncEngine, user_id: int, day: date, preferences: Preferences = USUAL, **more: Any
) -> Preview:
    async with engine.connect() as connection:
        return await preview_day(connection, user_id, preferences, day, **more)


async def rows(engine: AsyncEngine, device_id: int) -> Sequence[Row[Any]]:
    async with engine.connect() as connection:
        query = select(announcements).where(announcements.c.device_id == device_id)
        return (await connection.execute(query)).all()


async def stored(engine: AsyncEngine) -> dict[str, list[str]]:
    async with engine.connect() as connection:
        return {
            table: sorted(await connection.scalars(text(f"SELECT to_jsonb(t)::text FROM app.{table} t")))
            for table in STORED
        }


def said(found: Sequence[PlannedAnnouncement]) -> list[tuple[str, str]]:
    return [(f"{one.play_at:%H:%M}", one.kind) for one in found]


@pytest.fixture
async def calendar_id(engine: AsyncEngine, google: Served, account: int, clock: FixedClock) -> int:
    """The primary calendar, with an appointment in three hours and one on the next day."""
    google.insert("Standup", clock.now() + timedelta(hours=3))
    google.insert("Dentist", clock.now() + timedelta(hours=25))
    await google.calendars(engine, clock).sync_account(account, SUB)
    async with engine.connect() as connection:
        found = await connection.scalar(text("SELECT id FROM app.calendars WHERE is_primary"))
    return int(found or 0)


async def test_the_coming_day_is_previewed_as_it_is_planned(
    engine: AsyncEngine, account: int, device_id: int, calendar_id: int, clock: FixedClock
) -> None:
    await Planner(engine, clock).plan_user(account)
    planned = {row.display: row.play_at for row in await rows(engine, device_id)}
    today, tomorrow = clock.now().date(), clock.now().date() + timedelta(days=1)
    both = [*(await preview(engine, account, today)).announcements]
    both += (await preview(engine, account, tomorrow)).announcements
    end = clock.now() + timedelta(hours=24)
    previewed = {one.display: one.play_at for one in both if clock.now() <= one.play_at < end}
    assert previewed and previewed == planned


async def test_other_preferences_are_heard_at_once_and_nothing_is_stored(
    engine: AsyncEngine, account: int, device_id: int, calendar_id: int, clock: FixedClock
) -> None:
    await Planner(engine, clock).plan_user(account)
    before, tomorrow = await stored(engine), clock.now().date() + timedelta(days=1)
    quiet = Preferences(
        reminder_minutes=(30, 0), briefing_at=None, quiet_from=time(13), quiet_until=time(14), zone="UTC"
    )
    found = await preview(engine, account, tomorrow, quiet)
    assert said(found.announcements) == [("12:30", "before"), ("13:00", "start")]
    assert [one.held_for for one in found.announcements] == [None, "quiet"]
    assert await stored(engine) == before


async def test_a_change_that_no_plan_has_seen_is_still_told_after_a_preview(
    engine: AsyncEngine,
    google: Served,
    account: int,
    device_id: int,
    calendar_id: int,
    clock: FixedClock,
) -> None:
    await Planner(engine, clock).plan_user(account)
    events = await google.write("GET", "/calendars/primary/events")
    (standup,) = (one for one in events["items"] if one["summary"] == "Standup")
    later = (clock.now() + timedelta(hours=5)).isoformat()
    moved = {"start": {"dateTime": later, "timeZone": "UTC"}, "end": {"dateTime": later, "timeZone": "UTC"}}
    await google.write("PATCH", f"/calendars/primary/events/{standup['id']}", **moved)
    await google.calendars(engine, clock).sync_account(account, SUB)
    today = await preview(engine, account, clock.now().date())
    assert "moved" not in [one.kind for one in today.announcements]
    await Planner(engine, clock).plan_user(account)
    assert "moved" in [row.kind for row in await rows(engine, device_id)]


async def test_a_calendar_is_left_out_or_announced_otherwise(
    engine: AsyncEngine, account: int, calendar_id: int, clock: FixedClock
) -> None:
    tomorrow = clock.now().date() + timedelta(days=1)
    own = Preferences(
        briefing_at=None, zone="UTC", calendars={calendar_id: CalendarPreferences((5,), says_titles=False)}
    )
    (one,) = (await preview(engine, account, tomorrow, own)).announcements
    assert said([one]) == [("12:55", "before")] and "Dentist" not in one.display
    without = await preview(engine, account, tomorrow, without={calendar_id}, sample_language="en")
    assert said(without.announcements) == [("08:00", "briefing")]
    assert (without.appointments, without.is_sample) == (1, False)


async def test_a_day_begins_and_ends_in_the_zone_that_is_previewed(
    engine: AsyncEngine, account: int, calendar_id: int, clock: FixedClock
) -> None:
    # 13:00 UTC of the next day is 02:00 of the day after in Auckland.
    there = Preferences(reminder_minutes=(0,), briefing_at=None, zone="Pacific/Auckland")
    tomorrow = clock.now().date() + timedelta(days=1)
    assert not [
        one
        for one in (await preview(engine, account, tomorrow, there)).announcements
        if one.titles == ("Dentist",)
    ]
    after = await preview(engine, account, tomorrow + timedelta(days=1), there)
    assert [one.titles for one in after.announcements] == [("Dentist",)]


async def test_it_is_said_as_on_most_of_the_users_devices(
    engine: AsyncEngine, account: int, calendar_id: int, device_id: int, clock: FixedClock
) -> None:
    night = {"quiet_from": time(0), "quiet_until": time(23), "quiet_zone": "UTC"}
    others = [await add_device(engine, account, clock, token) for token in (b"second", b"third")]
    tomorrow = clock.now().date() + timedelta(days=1)
    held = []
    for device in [device_id, *others]:
        found = (await preview(engine, account, tomorrow)).announcements
        held.append({one.held_for for one in found})
        async with engine.begin() as connection:
            await connection.execute(update(devices).where(devices.c.id == device).values(night))
    held.append({one.held_for for one in (await preview(engine, account, tomorrow)).announcements})
    assert held == [{None}, {None}, {"quiet"}, {"quiet"}]


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_a_day_without_appointments_can_be_made_up(
    engine: AsyncEngine, account: int, clock: FixedClock, language: Any
) -> None:
    day = clock.now().date() + timedelta(days=30)
    plain = await preview(engine, account, day)
    assert (plain.appointments, plain.is_sample, said(plain.announcements)) == (
        0,
        False,
        [("08:00", "briefing")],
    )
    made = await preview(engine, account, day, sample_language=language)
    assert (made.appointments, made.is_sample) == (0, True)
    assert {one.language for one in made.announcements} == {language}
    assert len(made.announcements) > 6 and len(made.meetings) == 1


def test_each_preference_changes_how_the_made_up_day_sounds() -> None:
    day = date(2026, 11, 25)

    def sound(preferences: Preferences) -> list[tuple[object, ...]]:
        found = sample_day(day, "en", preferences, [1])
        begin = found[0].starts_at
        planned = plan(found, preferences, begin, timedelta(days=1))
        return [(one.play_at, one.kind, one.display, one.held_for) for one in planned]

    quiet = Preferences(quiet_from=time(22), quiet_until=time(7))
    usual = sound(Preferences())
    for changed in (
        Preferences(reminder_minutes=(5,)),
        Preferences(reminders_from="google"),
        Preferences(briefing_at=None),
        Preferences(evening_at=time(21)),
        Preferences(countdown_minutes=(5,)),
        Preferences(repeat_minutes=5),
        Preferences(places=(Place("Café", 20),)),
        quiet,
        Preferences(in_meetings="silent"),
        Preferences(tentative="skip"),
        Preferences(says_private_titles=True),
        Preferences(talkativeness="chatty"),
        Preferences(event_types=("focusTime",)),
        Preferences(event_types=("outOfOffice",)),
        Preferences(event_types=("workingLocation",)),
        Preferences(calendars={1: CalendarPreferences(says_titles=False)}),
    ):
        assert sound(changed) != usual, changed
    assert [one for one in sound(quiet) if one[3] == "quiet"]
    loud = [one for one in sound(replace(quiet, quiet_word="urgent")) if "urgent" in str(one[2])]
    assert loud and not any(one[3] for one in loud)
