"""Push channels of one account at a sandbox Google, whose notifications arrive at a server of the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.push_channels import PushChannels
from catflap.calendars.push_notifications import PushNotifications
from catflap.clock import FixedClock
from catflap.google.calendar_channels import CalendarChannelApi
from catflap.google.calendar_errors import AccessRefused
from catflap.store.calendar_tables import push_channels
from catflap.store.task_types import AccountKey
from sandbox_support.receiver import Receiver, receiving
from tests.support.sandbox_calendar import SUB, Served

_T = TypeVar("_T")


@dataclass
class Watching:
    """The channels of one account; `before` and `after` act around each request to Google."""

    google: Served
    engine: AsyncEngine
    clock: FixedClock
    receiver: Receiver
    account: AccountKey
    channels: PushChannels
    notifications: PushNotifications
    after: Callable[[], Awaitable[None]] | None = None
    scopes: list[str] = field(default_factory=list)

    async def maintain(self) -> None:
        await self.channels.maintain(self.account, self.call)

    async def call(self, request: Callable[[str], Awaitable[_T]], scope: str) -> _T:
        self.scopes.append(scope)
        try:
            result = await request(self.google.token)
        except AccessRefused:
            token = await self.google.fresh(*self.account, scope, self.google.token)
            result = await request(token.token)
        if self.after:
            await self.after()
        return result

    async def arrive(self, messages: int = 1) -> list[str]:
        """Take the next messages of Google's, as our route would; the states of those that were genuine."""
        states = []
        for _ in range(messages):
            headers, _ = await self.receiver.next()
            channel, token, state = (
                headers[f"x-goog-{name}"] for name in ("channel-id", "channel-token", "resource-state")
            )
            if await self.notifications.notify(channel, token, state):
                states.append(state)
        return states

    async def rows(self) -> dict[str, Row[Any]]:
        async with self.engine.connect() as connection:
            query = select(push_channels).order_by(push_channels.c.created_at)
            return {row.id: row for row in await connection.execute(query)}

    def open_at_google(self) -> dict[str, str]:
        """The ids of the channels that Google has, and what each watches."""
        names = {
            one["id"]: one["resourceUri"].partition("/calendar/v3/")[2].partition("?")[0]
            for one in self.google.sandbox.channels()
        }
        return names

    def asked(self, endpoint: str) -> int:
        return len(self.google.sandbox.requests(endpoint=f"calendar.{endpoint}"))


@asynccontextmanager
async def watching(
    google: Served, engine: AsyncEngine, clock: FixedClock, user_id: int
) -> AsyncIterator[Watching]:
    async with receiving() as receiver:
        api = CalendarChannelApi(google.http, str(google.http.base_url))
        yield Watching(
            google,
            engine,
            clock,
            receiver,
            AccountKey(user_id, SUB),
            PushChannels(engine, clock, api, receiver.address),
            PushNotifications(engine, clock),
        )
        google.sandbox.lose_notifications()
