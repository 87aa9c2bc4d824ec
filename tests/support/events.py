"""A signed-in user who may write events, and what Google has of them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2

from tests.support.app_client import ALICE, CALENDAR, RunningApp

WRITE = ("openid", "email", *CALENDAR, "calendar.events")
ID = UUID(int=0x3F2504E04F8941D39A0C0305E82C3301).hex
BERLIN = "Europe/Berlin"


def at(clock: str, zone: str | None = BERLIN) -> dict[str, Any]:
    """Return a start or end on a day in December."""
    return {"date_time": f"2026-12-01T{clock}:00", "time_zone": zone}


def event(event_id: str = ID, **more: Any) -> dict[str, Any]:
    """Return the body of an event of an hour."""
    return {"id": event_id, "title": "Dentist", "start": at("09:00"), "end": at("10:00"), **more}


@dataclass
class Writer:
    """A user with a bearer token, and an account at Google."""

    app: RunningApp
    user_id: int
    headers: dict[str, str]
    email: str = ALICE
    calendars: str = "/v1/calendars"

    def path(self, event_id: str = "", calendar: str = "primary") -> str:
        return f"{self.calendars}/{calendar}/events{f'/{event_id}' if event_id else ''}"

    async def insert(self, body: Any = None, calendar: str = "primary", **more: Any) -> httpx2.Response:
        return await self.send(
            "POST", self.path(calendar=calendar), event() if body is None else body, **more
        )

    async def change(self, body: Any, event_id: str = ID, **more: Any) -> httpx2.Response:
        return await self.send("PATCH", self.path(event_id), body, **more)

    async def delete(self, event_id: str = ID, calendar: str = "primary", **more: Any) -> httpx2.Response:
        return await self.send("DELETE", self.path(event_id, calendar), **more)

    async def send(
        self, method: str, path: str, body: Any = None, etag: str | None = None, **query: str
    ) -> httpx2.Response:
        headers = {**self.headers, **({"If-Match": etag} if etag else {})}
        return await self.app.client.request(method, path, headers=headers, params=query, json=body)

    def at_google(self, calendar: str = "primary") -> list[dict[str, Any]]:
        """The events that are not deleted, series expanded."""
        return self.app.sandbox.events(self.email, calendar)

    async def syncs(self) -> int:
        """How many syncs are queued."""
        (row,) = await self.app.rows("SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'sync_due'")
        return int(row[0])


async def writer(app: RunningApp, scopes: Collection[str] = WRITE, email: str = ALICE) -> Writer:
    """Sign a user in as a native app does."""
    body = {"client": "native", "code": app.native_code(email, scopes)}
    answer = (await app.client.post("/signin/google/code", json=body)).json()
    return Writer(app, answer["user_id"], {"Authorization": f"Bearer {answer['token']}"}, email)
