"""A sandbox Google on a real socket with a user who has calendars."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Calendars, RequestBudget
from catflap.calendars.push_channels import PushChannels
from catflap.clock import FixedClock
from catflap.google.calendar import CalendarApi
from catflap.google.scopes import READ_CALENDAR
from catflap.store.tables import accounts
from catflap.vault import AccessToken
from google_sandbox import Sandbox
from sandbox_support.person import Person, populate
from tests.support.http import http_client

EMAIL = "mia@example.com"
SUB = "100000000000000000001"
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Served:
    """The served Google, what speaks to it, and how often it was asked for tokens."""

    sandbox: Sandbox
    http: httpx2.AsyncClient
    api: CalendarApi
    person: Person
    token: str
    asked: int = 0
    refused: int = 0
    expires_at: datetime = _NEVER

    async def access(self, _user_id: int, _account_sub: str, _scope: str) -> AccessToken:
        self.asked += 1
        return AccessToken(self.token, self.expires_at, READ_CALENDAR)

    async def fresh(self, _user_id: int, _account_sub: str, _scope: str, _token: str) -> AccessToken:
        self.refused += 1
        self.token = (await self.person.tokens())["access_token"]
        return AccessToken(self.token, self.expires_at, READ_CALENDAR)

    def calendars(
        self, engine: AsyncEngine, clock: FixedClock, push: PushChannels | None = None
    ) -> Calendars:
        budget = RequestBudget(engine, clock, 10_000, 600)
        return Calendars(engine, clock, self.api, self.access, self.fresh, budget, push=push)

    def insert(self, title: str, start: datetime, **more: Any) -> dict[str, Any]:
        """A half-hour appointment in the primary calendar."""
        times = {
            "start": {"dateTime": start.isoformat(), "timeZone": "UTC"},
            "end": {"dateTime": (start + timedelta(minutes=30)).isoformat(), "timeZone": "UTC"},
        }
        return self.sandbox.insert_event(EMAIL, {"summary": title, **times, **more})

    async def write(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Change something through the API, as another app of hers would."""
        headers = {"Authorization": f"Bearer {self.token}"}
        response = await self.http.request(method, "/calendar/v3" + path, headers=headers, json=body or None)
        assert response.status_code < 300, response.text
        return response.json() if response.content else {}


@asynccontextmanager
async def serving(clock: FixedClock) -> AsyncIterator[Served]:
    """The sandbox with one signed-in person."""
    sandbox = Sandbox(clock=clock.now, seed=7)
    populate(sandbox)
    async with (
        sandbox.serve() as base_url,
        http_client(base_url=base_url, timeout=30) as http,
    ):
        person = Person(http)
        token = (await person.tokens())["access_token"]
        yield Served(sandbox, http, CalendarApi(http, base_url), person, token)


async def add_account(engine: AsyncEngine, user_id: int, now: datetime, sub: str = SUB) -> None:
    """The row that says whose Google account this is."""
    values = {
        "sub": sub,
        "user_id": user_id,
        "email": EMAIL,
        "email_verified": True,
        "is_primary": True,
        "created_at": now,
        "updated_at": now,
    }
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(values))


async def plans(engine: AsyncEngine) -> int:
    """Return how many plans are queued."""
    query = text("SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'plan'")
    async with engine.connect() as connection:
        return int((await connection.execute(query)).scalar_one())
