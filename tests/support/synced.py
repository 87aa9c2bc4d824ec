"""Rows that a sync has stored."""

from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Calendars, timeline
from catflap.clock import FixedClock
from catflap.errors import CatflapError
from catflap.store.calendar_tables import calendar_syncs, calendars, events
from catflap.web.calendar_resources import read_calendars
from tests.support.sandbox_calendar import EMAIL, SUB, Served

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


async def stored_titles(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(events.c.resource).order_by(events.c.google_id))
        return sorted(row.resource["summary"] for row in rows)


async def primary_calendar(engine: AsyncEngine) -> Row[Any]:
    async with engine.connect() as connection:
        query = select(calendars).where(calendars.c.google_id == EMAIL)
        return (await connection.execute(query)).one()


async def account_sync(engine: AsyncEngine) -> Row[Any]:
    async with engine.connect() as connection:
        return (await connection.execute(select(calendar_syncs))).one()


async def failure(sync: Calendars, user_id: int) -> CatflapError:
    with pytest.raises(CatflapError) as caught:
        await sync.sync_account(user_id, SUB)
    return caught.value
