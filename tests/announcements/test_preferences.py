"""Validation, storage and defaults of preferences."""

from datetime import time
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.preferences import Preferences, load_preferences, save_preferences
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
