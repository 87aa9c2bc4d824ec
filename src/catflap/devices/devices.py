"""The devices of each user: made, found by their token, heard from, unpaired."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest
from catflap.signin.sessions import alive
from catflap.store.notify import announce_change
from catflap.store.queue import enqueue
from catflap.store.row_mapping import from_row
from catflap.store.tables import devices as t
from catflap.store.tables import sessions
from catflap.store.task_types import PLAN, schedule_topic
from catflap.store.token_hash import hash_token

OFFLINE_AFTER = timedelta(seconds=45)
DEFAULT_VOLUME = 60
MAX_DEVICES = 20


@dataclass(frozen=True)
class Device:
    """One thing that speaks. `volume` is 0 to 100; `schedule_version` 0 means: never planned for."""

    id: int
    user_id: int
    name: str
    model: str
    volume: int
    muted_until: datetime | None
    schedule_version: int
    last_seen_at: datetime | None


class Devices:
    """All devices."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def add_browser(self, user_id: int, name: str, session_id: int | None = None) -> tuple[Device, str]:
        """A browser that speaks; it is signed in already, so it needs no pairing code.

        Args:
            session_id: The session that the browser ends with; None for one that has no row.

        Raises:
            BadRequest: `unauthenticated`: the session ended meanwhile. `too_many`.
        """
        token = secrets.token_urlsafe(32)
        async with self._engine.begin() as connection:
            if session_id is not None:
                lives = select(sessions.c.id).where(sessions.c.id == session_id)
                if await connection.scalar(lives.with_for_update(key_share=True)) is None:
                    raise BadRequest("unauthenticated", "Sign in first.")
            made = await self.add(
                connection,
                user_id,
                name=name,
                model="browser",
                token_hash=hash_token(token),
                session_id=session_id,
            )
        return made, token

    async def add(
        self,
        connection: AsyncConnection,
        user_id: int,
        *,
        name: str,
        model: str,
        token_hash: bytes,
        session_id: int | None = None,
    ) -> Device:
        """A device whose secret hashes to `token_hash`, planned for at once.

        Raises:
            BadRequest: `too_many`.
        """
        have = (await connection.execute(select(t.c.id).where(t.c.user_id == user_id))).all()
        if len(have) >= MAX_DEVICES:
            raise BadRequest("too_many", f"You have {MAX_DEVICES} devices; remove one first.")
        values = {
            "user_id": user_id,
            "name": name,
            "model": model,
            "token_hash": token_hash,
            "volume": DEFAULT_VOLUME,
            "schedule_version": 0,
            "session_id": session_id,
            "created_at": self._clock.now(),
        }
        row = (await connection.execute(insert(t).values(values).returning(t))).one()
        await enqueue(connection, PLAN, user_id)
        return from_row(Device, row)

    async def find(self, token: str) -> Device | None:
        """The device whose secret this is; None when there is none, or its session has run out."""
        query = select(t).where(t.c.token_hash == hash_token(token), entitled(self._clock.now()))
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else from_row(Device, row)

    async def of_user(self, user_id: int) -> list[Device]:
        """The user's devices, oldest first."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(t).where(t.c.user_id == user_id).order_by(t.c.id))
            return [from_row(Device, row) for row in rows]

    async def heard_from(self, device: Device) -> None:
        """Note that the device is alive."""
        async with self._engine.begin() as connection:
            alive = update(t).where(t.c.id == device.id).values(last_seen_at=self._clock.now())
            await connection.execute(alive)

    async def adjust(self, user_id: int, device_id: int, **changes: object) -> Device:
        """Set `name`, `volume` or `muted_until`.

        Raises:
            BadRequest: `not_found`.
        """
        ours = update(t).where(t.c.id == device_id, t.c.user_id == user_id)
        async with self._engine.begin() as connection:
            changed = ours.values(**changes, schedule_version=t.c.schedule_version + 1).returning(t)
            row = (await connection.execute(changed)).first()
            if row is None:
                raise BadRequest("not_found", "You have no such device.")
            await announce_change(connection, schedule_topic(device_id))
        return from_row(Device, row)

    async def remove(self, user_id: int, device_id: int) -> None:
        """Unpair; its token opens nothing from now on, and its open streams end (a trigger tells them).

        Raises:
            BadRequest: `not_found`.
        """
        async with self._engine.begin() as connection:
            gone = delete(t).where(t.c.id == device_id, t.c.user_id == user_id).returning(t.c.id)
            if (await connection.execute(gone)).first() is None:
                raise BadRequest("not_found", "You have no such device.")


def entitled(now: datetime) -> ColumnElement[bool]:
    """The condition for a row of `devices` that is paired, or a browser whose session lives."""
    session = select(sessions.c.id).where(sessions.c.id == t.c.session_id, alive(now))
    return t.c.session_id.is_(None) | session.exists()
