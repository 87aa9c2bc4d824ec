"""Rows that a sync has stored."""

from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import timeline
from catflap.clock import FixedClock
from catflap.store.tables import calendars, events
from catflap.web.calendar_resources import read_calendars
from tests.support.sandbox_calendar import EMAIL, Served

EVENTS = "/calendars/primary/events"


async def titles(engine: AsyncEngine, user_id: int, clock: FixedClock, days: int = 30) -> list[str]:
    found = await timeline(engine, user_id, clock.now(), clock.now() + timedelta(days=days), UTC)
    return [one.title for one in found]


async def stored(engine: AsyncEngine) -> list[Row[Any]]:
    async with engine.connect() as connection:
        return list(await connection.execute(select(events).order_by(events.c.google_id)))


async def calendar_rows(engine: AsyncEngine) -> dict[str, Row[Any]]:
    async with engine.connect() as connection:
        return {row.google_id: row for row in await connection.execute(select(calendars))}


BAND = "band@group.calendar.google.com"


async def calendars_answer(engine: AsyncEngine, user_id: int) -> Any:
    """The answer of `GET /v1/calendars`."""
    return (await read_calendars(engine, user_id)).model_dump(mode="json")


def add_band(google: Served, clock: FixedClock) -> None:
    start = clock.now() + timedelta(hours=3)
    google.sandbox.import_ical(
        EMAIL,
        "\r\n".join(
            [
                "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//catflap//tests//EN", "BEGIN:VEVENT",
                "UID:one@catflap", f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
                f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}", "SUMMARY:Concert",
                "END:VEVENT", "END:VCALENDAR", "",
            ]
        ),
        "band",
    )  # fmt: skip
