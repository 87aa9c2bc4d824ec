"""Validation, storage and defaults of preferences."""

from datetime import time
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.preference_store import load_preferences, save_preferences
from catflap.announcements.preferences import CalendarPreferences, Place, Preferences
from catflap.clock import FixedClock
from catflap.errors import BadRequest
from catflap.store.calendar_tables import calendars
from catflap.store.tables import accounts

CHOSEN = Preferences(
    "Asia/Tokyo",
    (60, 0),
    time(6, 45),
    "tsugaru",
    "pirate",
    "google",
    "skip",
    ("focusTime", "workingLocation"),
    evening_at=time(21, 0),
    all_day_at=None,
    countdown_minutes=(5, 2),
    repeat_minutes=3,
    places=(Place("歯科", 25), Place("Office", 40)),
    quiet_from=time(22, 30),
    quiet_until=time(7, 0),
    quiet_word="urgent",
    in_meetings="silent",
    talkativeness="chatty",
    says_private_titles=True,
    says_moved=False,
    says_cancelled=True,
)


async def test_users_without_preferences_get_the_defaults(engine: AsyncEngine, user_id: int) -> None:
    assert await load_preferences(engine, user_id) == Preferences(zone_source="default")


async def test_preferences_are_stored_and_replaced(
    engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    for chosen in (CHOSEN, Preferences(reminder_minutes=(), briefing_at=None)):
        async with engine.begin() as connection:
            await save_preferences(connection, user_id, chosen, clock.now())
        assert await load_preferences(engine, user_id) == chosen


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({"zone": ""}, "zone_unknown"),
        ({"zone": "Middle/Earth"}, "zone_unknown"),
        ({"zone": "../../etc/passwd"}, "zone_unknown"),
        ({"zone": "/etc/localtime"}, "zone_unknown"),
        ({"zone": "Europe"}, "zone_unknown"),
        ({"zone": "a\0b"}, "zone_unknown"),
        ({"zone": "right/Europe/Berlin"}, "zone_unknown"),
        ({"zone": "localtime"}, "zone_unknown"),
        ({"zone": "x" * 5000}, "zone_unknown"),
        ({"reminder_minutes": (-1,)}, "reminders_invalid"),
        ({"reminder_minutes": (40_321,)}, "reminders_invalid"),
        ({"reminder_minutes": (1, 2, 3, 4, 5, 6)}, "reminders_invalid"),
        ({"dialect_ja": "kitten"}, "unknown_dialect"),
        ({"dialect_en": "kansai"}, "unknown_dialect"),
        ({"dialect_en": "klingon"}, "unknown_dialect"),
        ({"reminders_from": "outlook"}, "preferences_invalid"),
        ({"in_meetings": "shout"}, "preferences_invalid"),
        ({"talkativeness": "mute"}, "preferences_invalid"),
        ({"quiet_from": time(22, 0)}, "preferences_invalid"),
        ({"quiet_word": "x" * 41}, "preferences_invalid"),
        ({"countdown_minutes": (0,)}, "preferences_invalid"),
        ({"countdown_minutes": (1, 2, 3, 4, 5, 6)}, "preferences_invalid"),
        ({"repeat_minutes": 0}, "preferences_invalid"),
        ({"places": (Place(" ", 5),)}, "preferences_invalid"),
        ({"places": (Place("x" * 101, 5),)}, "preferences_invalid"),
        ({"places": (Place("Gym", 0),)}, "preferences_invalid"),
        ({"places": tuple(Place(f"Gym {number}", 5) for number in range(51))}, "preferences_invalid"),
        ({"tentative": ""}, "preferences_invalid"),
        ({"event_types": ("focusTime", "birthday")}, "preferences_invalid"),
    ],
)
def test_an_unknown_choice_is_rejected(choice: dict[str, Any], code: str) -> None:
    with pytest.raises(BadRequest, match=code):
        Preferences(**choice)


@pytest.mark.parametrize(("calendar_zone", "zone"), [("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Olympus", "UTC")])
async def test_the_time_zone_is_that_of_the_primary_calendar_unless_chosen(
    engine: AsyncEngine, user_id: int, clock: FixedClock, calendar_zone: str, zone: str
) -> None:
    now = clock.now()
    account = {"sub": "1", "user_id": user_id, "email": "", "email_verified": True, "is_primary": True}
    calendar = {"user_id": user_id, "account_sub": "1", "google_id": "c", "summary": "", "is_selected": True}
    calendar["sync_due_at"] = now
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(**account, created_at=now, updated_at=now))
        main = insert(calendars).values(**calendar, time_zone=calendar_zone, is_primary=True)
        await connection.execute(main)
    assert (await load_preferences(engine, user_id)).zone == zone


async def test_preferences_of_a_calendar_are_read_with_the_others(
    engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    now = clock.now()
    account = {"sub": "1", "user_id": user_id, "email": "", "email_verified": True, "is_primary": True}
    calendar = {"user_id": user_id, "account_sub": "1", "summary": "", "time_zone": "UTC", "sync_due_at": now}
    calendar |= {"is_primary": True, "is_selected": True}
    ours = {"reminder_minutes": [30, 5], "says_titles": False, "ignores_quiet": True}
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(**account, created_at=now, updated_at=now))
        chosen = insert(calendars).values(**calendar, **ours, google_id="a").returning(calendars.c.id)
        calendar_id = await connection.scalar(chosen)
        await connection.execute(insert(calendars).values(**calendar, google_id="b"))
    own = CalendarPreferences((30, 5), says_titles=False, ignores_quiet=True)
    assert (await load_preferences(engine, user_id)).calendars == {calendar_id: own}
