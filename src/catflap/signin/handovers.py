"""Hand-overs: a browser gets the session of a sign-in that a command on the same machine has completed.

`catflap signin` gets a token with the outcome, and gives it to the browser that came back from Google, as a
form that this browser posts here. It works once, for some minutes, and only from the origin on the loopback
interface to which Google sent that browser: a page of any other site, which could sign its visitors in to an
account of its own (login CSRF), can't have this origin.
"""

import secrets
from datetime import timedelta

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import Tampered
from catflap.store.tables import signin_handovers as t
from catflap.store.token_hash import hash_token

HANDOVER_LIFETIME = timedelta(minutes=5)


class Handovers:
    """Repository of hand-overs that wait for their browser."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def create(self, user_id: int, origin: str) -> str:
        """Create a hand-over of a user for a page of `origin`; return its token, which is not stored."""
        token, now = secrets.token_urlsafe(32), self._clock.now()
        values = {
            "token_hash": hash_token(token),
            "user_id": user_id,
            "origin": origin,
            "expires_at": now + HANDOVER_LIFETIME,
        }
        async with self._engine.begin() as connection:
            await connection.execute(delete(t).where(t.c.expires_at <= now))
            await connection.execute(insert(t).values(values))
        return token

    async def redeem(self, token: str, origin: str | None) -> int:
        """Use a hand-over up, and return its user.

        Raises:
            Tampered: `state_invalid`: unknown, used, expired, or a page of another origin sent it.
        """
        # Not used up by a page of another origin, which must not be able to end it either.
        mine = (
            t.c.token_hash == hash_token(token),
            t.c.origin == origin,
            t.c.expires_at > self._clock.now(),
        )
        async with self._engine.begin() as connection:
            user_id = await connection.scalar(delete(t).where(*mine).returning(t.c.user_id))
        if user_id is None:
            raise Tampered("state_invalid", "This sign-in was completed already or is too old; start again.")
        return int(user_id)
