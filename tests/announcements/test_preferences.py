"""Choices are checked when they are made, and kept."""

from datetime import time
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.preferences import Preferences, load, save
from catflap.clock import FixedClock
from catflap.errors import BadRequest

CHOSEN = Preferences("Asia/Tokyo", (60, 0), time(6, 45), "tsugaru", "pirate")


async def test_who_chose_nothing_gets_the_usual(engine: AsyncEngine, user_id: int) -> None:
    assert await load(engine, user_id) == Preferences()


async def test_choices_are_kept_and_replaced(engine: AsyncEngine, user_id: int, clock: FixedClock) -> None:
    for chosen in (CHOSEN, Preferences(reminder_minutes=(), briefing_at=None)):
        async with engine.begin() as connection:
            await save(connection, user_id, chosen, clock.now())
        assert await load(engine, user_id) == chosen


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({"zone": ""}, "zone_unknown"),
        ({"zone": "Middle/Earth"}, "zone_unknown"),
        ({"zone": "../../etc/passwd"}, "zone_unknown"),
        ({"zone": "/etc/localtime"}, "zone_unknown"),
        ({"zone": "Europe"}, "zone_unknown"),
        ({"zone": "a\0b"}, "zone_unknown"),
        ({"zone": "x" * 5000}, "zone_unknown"),
        ({"reminder_minutes": (-1,)}, "reminders_invalid"),
        ({"reminder_minutes": (40_321,)}, "reminders_invalid"),
        ({"reminder_minutes": (1, 2, 3, 4, 5, 6)}, "reminders_invalid"),
        ({"dialect_ja": "kitten"}, "unknown_dialect"),
        ({"dialect_en": "kansai"}, "unknown_dialect"),
        ({"dialect_en": "klingon"}, "unknown_dialect"),
    ],
)
def test_a_choice_there_is_not_is_refused(choice: dict[str, Any], code: str) -> None:
    with pytest.raises(BadRequest, match=code):
        Preferences(**choice)
