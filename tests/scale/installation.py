"""A running Catflap with 10,000 loaded users, and what its calls send to PostgreSQL."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2

from catflap.store.database import asyncpg_options
from tests.support.app_client import Browser, RunningApp
from tests.support.many_users import api_key, bearer_token, device_token
from tests.support.statements import Statement, recorded_statements

USERS = 10_000
# A loaded user whose session was used just now, so that its use is not noted again.
USER = 13 * 20


@dataclass(frozen=True)
class Large:
    """The application, and the browser of a user with a real grant."""

    app: RunningApp
    alice: Browser
    alice_id: int

    @property
    def key(self) -> dict[str, str]:
        """The headers of another back end with all rights."""
        return {"Authorization": f"Bearer {api_key(1)}"}

    def bearer(self, user_id: int = USER) -> dict[str, str]:
        """The headers of a loaded user's app."""
        return {"Authorization": f"Bearer {bearer_token(user_id)}"}

    def device(self, user_id: int = USER) -> dict[str, str]:
        """The headers of a loaded user's device."""
        return {"Authorization": f"Bearer {device_token(user_id)}"}

    async def prepare(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Change rows for a call; the scans of this statement are not counted."""
        uncounted = {"server_settings": {"track_counts": "off"}}
        connection = await asyncpg.connect(**asyncpg_options(self.app.urls.owner), **uncounted)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def record(self, name: str, call: "Call") -> list[Statement]:
        """Prepare a call, make it, and return the statements that it sent."""
        self.app.client.cookies.clear()
        pending = await call(self)
        with recorded_statements() as sent:
            answer = await pending
        if isinstance(answer, httpx2.Response):
            assert answer.status_code < 400, (name, answer.status_code, answer.text)
        return list(sent)


# Prepares a call, and returns what is awaited while statements are recorded.
Call = Callable[[Large], Awaitable[Awaitable[Any]]]
