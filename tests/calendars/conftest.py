"""Fixtures: a served sandbox and an account whose calendars are synced."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Calendars
from catflap.clock import FixedClock
from catflap.google.calendar import CalendarApi
from tests.support.faulty_transport import FaultyTransport
from tests.support.sandbox_calendar import SUB, Served, add_account, serving


@pytest.fixture
async def google(clock: FixedClock) -> AsyncIterator[Served]:
    async with serving(clock) as served:
        yield served


@pytest.fixture
async def account(engine: AsyncEngine, user_id: int, clock: FixedClock) -> int:
    """The user, with a Google account."""
    await add_account(engine, user_id, clock.now())
    return user_id


@pytest.fixture
async def transport(google: Served) -> AsyncIterator[FaultyTransport]:
    """The transport that the API client of `google` uses."""
    transport = FaultyTransport()
    async with httpx2.AsyncClient(transport=transport, timeout=30) as http:
        google.api = CalendarApi(http, str(google.http.base_url))
        yield transport


@pytest.fixture
def calendar_sync(
    google: Served, transport: FaultyTransport, engine: AsyncEngine, clock: FixedClock
) -> Calendars:
    return google.calendars(engine, clock)


@pytest.fixture
async def synced_calendars(
    google: Served, transport: FaultyTransport, engine: AsyncEngine, account: int, clock: FixedClock
) -> Calendars:
    """Calendars that have been synced once."""
    google.insert("Tea", clock.now() + timedelta(hours=1))
    made = google.calendars(engine, clock)
    await made.sync_account(account, SUB)
    return made
