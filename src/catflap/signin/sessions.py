"""Signed-in sessions: a random token for the client, its SHA-256 for the database.

A browser carries it as a cookie, a native app as a bearer token; a session of one kind is never accepted as
the other.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.store.tables import sessions as t

Kind = Literal["cookie", "bearer"]
ABSOLUTE = timedelta(days=90)
IDLE = timedelta(days=14)
# Noting each use would make every request a write.
_NOTE_USE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Session:
    """Somebody signed in to us."""

    id: int
    user_id: int
    kind: Kind
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class Sessions:
    """Begin, find and end sessions."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def begin(self, user_id: int, kind: Kind) -> str:
        """Start a session; the token is returned once and never stored."""
        token, now = secrets.token_urlsafe(32), self._clock.now()
        values = {
            "user_id": user_id,
            "kind": kind,
            "token_hash": hash_token(token),
            "created_at": now,
            "last_used_at": now,
            "expires_at": now + ABSOLUTE,
        }
        async with self._engine.begin() as connection:
            await connection.execute(insert(t).values(values))
        return token

    async def find(self, token: str, kind: Kind) -> Session | None:
        """The live session of `token`, or None."""
        now = self._clock.now()
        async with self._engine.begin() as connection:
            query = select(t).where(t.c.token_hash == hash_token(token), t.c.kind == kind)
            row = (await connection.execute(query)).first()
            if row is None or now >= row.expires_at or now >= row.last_used_at + IDLE:
                return None
            if now - row.last_used_at >= _NOTE_USE_AFTER:
                await connection.execute(update(t).where(t.c.id == row.id).values(last_used_at=now))
        return Session(row.id, row.user_id, kind, row.created_at, row.last_used_at, row.expires_at)

    async def end(self, token: str) -> None:
        """End the session of `token`; ending it twice is no error."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(t).where(t.c.token_hash == hash_token(token)))


def hash_token(token: str) -> bytes:
    """What the database knows of a random 256-bit token; no salt, because there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()
