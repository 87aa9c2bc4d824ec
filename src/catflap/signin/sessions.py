"""Sessions: a random token for the client, its SHA-256 in the database.

A browser carries it as a cookie, a native app as a bearer token; a session of one kind is never accepted as
the other.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.signin.client_names import client_name
from catflap.store.row_mapping import from_row
from catflap.store.tables import devices
from catflap.store.tables import sessions as t
from catflap.store.token_hash import hash_token

Kind = Literal["cookie", "bearer", "app"]
ABSOLUTE = timedelta(days=90)
IDLE = timedelta(days=14)
# Noting each use would make every request a write.
_NOTE_USE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Session:
    """A signed-in user.

    `kind` is `cookie` for browsers, `bearer` for native apps, and `app` for the token of an app with its own
    login, which that app ends: such a session has no row and no id. `user_agent` is no more than
    `client_name` leaves of the header.
    """

    id: int | None
    user_id: int
    kind: Kind
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None = None


@dataclass(frozen=True)
class NewSession:
    """The session that a sign-in starts; `replaces` is the one that the browser had, which ends."""

    kind: Kind
    user_agent: str | None = None
    replaces: Session | None = None


class Sessions:
    """Repository of sessions."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        # A statement alone needs no transaction, and without one it is one round trip instead of three.
        self._engine = engine
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock

    async def begin(self, user_id: int, kind: Kind, user_agent: str | None = None) -> str:
        """Start a session and return its token, which is not stored."""
        async with self._single.connect() as connection:
            return await self.insert(connection, user_id, NewSession(kind, user_agent))

    async def insert(self, connection: AsyncConnection, user_id: int, new: NewSession) -> str:
        """Start a session in the transaction of `connection`, and return its token, which is not stored.

        The commit of that transaction does not wait for the disk: a crash of PostgreSQL may lose what it
        stored in the last second.
        """
        token, now = secrets.token_urlsafe(32), self._clock.now()
        values = {
            "user_id": user_id,
            "kind": new.kind,
            "token_hash": hash_token(token),
            "user_agent": client_name(new.user_agent),
            "created_at": now,
            "last_used_at": now,
            "expires_at": now + ABSOLUTE,
        }
        session_id = await connection.scalar(_INSERT, {**values, "now": now, "unused_since": now - IDLE})
        if new.replaces is not None:
            # The browser stays the same device if the user is the same.
            browser = devices.c.session_id == new.replaces.id, devices.c.user_id == user_id
            await connection.execute(update(devices).where(*browser).values(session_id=session_id))
            await connection.execute(delete(t).where(t.c.id == new.replaces.id))
        return token

    async def find(self, token: str, kind: Kind) -> Session | None:
        """Return the valid session with this token, or None."""
        now = self._clock.now()
        async with self._single.connect() as connection:
            query = select(t).where(t.c.token_hash == hash_token(token), t.c.kind == kind)
            row = (await connection.execute(query)).first()
            if row is None or not _lives(row, now):
                return None
            if now - row.last_used_at >= _NOTE_USE_AFTER:
                await connection.execute(update(t).where(t.c.id == row.id).values(last_used_at=now))
        return from_row(Session, row)

    async def of_user(self, user_id: int) -> list[Session]:
        """Return the user's valid sessions, most recently used first."""
        now = self._clock.now()
        query = select(t).where(t.c.user_id == user_id).order_by(t.c.last_used_at.desc(), t.c.id.desc())
        async with self._single.connect() as connection:
            return [from_row(Session, row) for row in await connection.execute(query) if _lives(row, now)]

    async def end(self, token: str) -> None:
        """End the session with this token; idempotent."""
        async with self._single.connect() as connection:
            await connection.execute(delete(t).where(t.c.token_hash == hash_token(token)))

    async def end_one(self, user_id: int, session_id: int) -> bool:
        """End one of the user's sessions; return False when they have no such session."""
        async with self._single.connect() as connection:
            ended = delete(t).where(t.c.user_id == user_id, t.c.id == session_id).returning(t.c.id)
            return await connection.scalar(ended) is not None

    async def end_all(self, user_id: int, *, but: int | None = None) -> None:
        """End every session of the user, or every other one."""
        ended = delete(t).where(t.c.user_id == user_id)
        async with self._single.connect() as connection:
            await connection.execute(ended if but is None else ended.where(t.c.id != but))


# A sign-in also deletes the user's old sessions; `work.retention` deletes everybody's that have expired.
_OVER = (t.c.expires_at <= bindparam("now")) | (t.c.last_used_at <= bindparam("unused_since"))
_NEW = ("user_id", "kind", "token_hash", "user_agent", "created_at", "last_used_at", "expires_at")
_INSERT = (
    insert(t)
    .values({name: bindparam(name) for name in _NEW})
    .add_cte(delete(t).where(t.c.user_id == bindparam("user_id"), _OVER).cte("swept"))
    .returning(t.c.id, func.set_config("synchronous_commit", "off", True))
)


def alive(now: datetime) -> ColumnElement[bool]:
    """Return the SQL condition for sessions that have not expired."""
    return (t.c.expires_at > now) & (t.c.last_used_at > now - IDLE)


def _lives(row: Row[tuple[object, ...]], now: datetime) -> bool:
    return bool(now < row.expires_at and now < row.last_used_at + IDLE)
