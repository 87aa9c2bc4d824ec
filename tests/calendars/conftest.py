"""The served Google and the account whose calendars are copied."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from tests.support.sandbox_calendar import Served, add_account, serving


@pytest.fixture
async def google(clock: FixedClock) -> AsyncIterator[Served]:
    async with serving(clock) as served:
        yield served


@pytest.fixture
async def account(engine: AsyncEngine, user_id: int, clock: FixedClock) -> int:
    """The user, with a Google account."""
    await add_account(engine, user_id, clock.now())
    return user_id
