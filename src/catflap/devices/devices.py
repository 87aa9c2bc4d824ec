"""Repository of devices and authentication by device token."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal, cast

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    LargeBinary,
    any_,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.at_once import hold_in_quiet_hours
from catflap.announcements.audience import members_of_device
from catflap.announcements.encoded_sounds import enqueue_encoding
from catflap.announcements.planner import PLAN_EVERY
from catflap.clock import Clock
from catflap.errors import BadRequest
from catflap.signin.sessions import alive
from catflap.speech import RENDERED_AUDIO
from catflap.store.coalesced_calls import CoalescedCalls
from catflap.store.device_tables import device_members
from catflap.store.notify import announce_change
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.row_mapping import from_row
from catflap.store.single_statements import fetch_alone
from catflap.store.tables import devices as t
from catflap.store.tables import sessions, users
from catflap.store.task_types import PLAN, schedule_topic
from catflap.store.token_hash import hash_token

OFFLINE_AFTER = timedelta(seconds=45)
DEFAULT_VOLUME = 60
MAX_DEVICES = 20

# How announcements reach a device: it takes its schedule from the HTTP API, or from the MQTT broker; it keeps
# no time, so MQTT tells it when to play; or Home Assistant plays on one of its speakers.
Channel = Literal["https", "mqtt", "mqtt_play", "home_assistant"]


@dataclass(frozen=True)
class Device:
    """A device. `volume` is 0 to 100; `schedule_version` is 0 until the first plan; `audio` as stored.

    `entity` is the speaker's in Home Assistant, of the channel `home_assistant` only. From `quiet_from` until
    `quiet_until`, in `quiet_zone`, it says nothing.
    """

    id: int
    user_id: int
    name: str
    model: str
    volume: int
    audio: str
    channel: Channel
    room: str
    entity: str | None
    muted_until: datetime | None
    quiet_from: time | None
    quiet_until: time | None
    quiet_zone: str | None
    schedule_version: int
    last_seen_at: datetime | None
    token_hash: bytes = field(repr=False)


class Devices:
    """Repository of devices."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._by_hash = CoalescedCalls(self._find_all)

    async def add_browser(self, user_id: int, name: str, session_id: int | None = None) -> tuple[Device, str]:
        """Add a signed-in browser as a device, without a pairing code; return the device and its token.

        Args:
            user_id: The owner.
            name: A name to show.
            session_id: The session with whose end the device ends; None for a session without a row.

        Raises:
            BadRequest: `unauthenticated` if the session has ended; `too_many`.
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
        room: str = "",
        audio: str = str(RENDERED_AUDIO),
        channel: Channel = "https",
        session_id: int | None = None,
    ) -> Device:
        """Add a device whose token has the hash `token_hash`, and enqueue a plan for it.

        Raises:
            BadRequest: `too_many`; `already_paired` if another device has the token.
        """
        # Locks the row, so that two devices are not added at once. Writes it in any case: a tick that sees no
        # device at the same time would clear `plan_due_at`.
        due_at = func.coalesce(users.c.plan_due_at, self._clock.now() + PLAN_EVERY)
        await connection.execute(update(users).where(users.c.id == user_id).values(plan_due_at=due_at))
        existing = (await connection.execute(select(t.c.id).where(t.c.user_id == user_id))).all()
        if len(existing) >= MAX_DEVICES:
            raise BadRequest("too_many", f"You have {MAX_DEVICES} devices; remove one first.")
        values = {
            "user_id": user_id,
            "name": name,
            "model": model,
            "room": room,
            "token_hash": token_hash,
            "volume": DEFAULT_VOLUME,
            "audio": audio,
            "channel": channel,
            "schedule_version": 0,
            "session_id": session_id,
            "created_at": self._clock.now(),
        }
        made = insert(t).values(values).on_conflict_do_nothing(index_elements=[t.c.token_hash])
        row = (await connection.execute(made.returning(t))).first()
        if row is None:
            raise _already_paired()
        await enqueue(connection, PLAN, user_id)
        return from_row(Device, row)

    async def find(self, token: str) -> Device | None:
        """Return the device with this token; None if there is none or its session has ended."""
        return await self._by_hash.get(hash_token(token))

    async def _find_all(self, hashes: list[bytes]) -> dict[bytes, Device]:
        found = await fetch_alone(self._engine, _BY_HASH, hashes=hashes, now=self._clock.now())
        return {row["token_hash"]: from_row(Device, row) for row in found}

    async def of_user(self, user_id: int) -> list[Device]:
        """Return the user's devices, oldest first."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(t).where(t.c.user_id == user_id).order_by(t.c.id))
            return [from_row(Device, row) for row in rows]

    async def heard_by(self, user_id: int) -> list[Device]:
        """Return the devices on which the user's announcements are said, shared ones of others too, by id."""
        mine = select(t).join(device_members, device_members.c.device_id == t.c.id)
        query = mine.where(device_members.c.user_id == user_id).order_by(t.c.id)
        async with self._engine.connect() as connection:
            return [from_row(Device, row) for row in await connection.execute(query)]

    async def update(self, user_id: int, device_id: int, **changes: object) -> Device:
        """Update the columns that an owner may change, and notify the device.

        New quiet hours change what is planned for each member.

        Raises:
            BadRequest: `not_found`.
        """
        statement = update(t).where(t.c.id == device_id, t.c.user_id == user_id)
        async with self._engine.begin() as connection:
            statement = statement.values(**changes, schedule_version=t.c.schedule_version + 1).returning(t)
            row = (await connection.execute(statement)).first()
            if row is None:
                raise BadRequest("not_found", "You have no such device.")
            if "audio" in changes:
                await enqueue_encoding(connection, device_id, self._clock.now())
            if "quiet_from" in changes:
                await hold_in_quiet_hours(connection, device_id, self._clock.now())
                members = await members_of_device(connection, device_id)
                await enqueue(connection, PLAN, *(one.user_id for one in members))
            await announce_change(connection, schedule_topic(device_id))
        return from_row(Device, row)

    async def rotate_token(self, device: Device, token_sha256: str) -> None:
        """Replace the token of a device; its streams end, and the old token becomes invalid.

        Args:
            device: As it was found by its old token.
            token_sha256: The hash of the new one, as 64 hex digits.

        Raises:
            BadRequest: `unauthenticated` if it has another token by now; `already_paired` if another device
                has the new one.
        """
        token_hash = bytes.fromhex(token_sha256)
        mine = t.c.id == device.id, t.c.token_hash == device.token_hash
        async with self._engine.begin() as connection:
            if (await connection.execute(select(t.c.id).where(*mine).with_for_update())).first() is None:
                raise BadRequest("unauthenticated", "This device has another token by now.")
            others = select(t.c.id).where(t.c.token_hash == token_hash, t.c.id != device.id)
            if (await connection.execute(others)).first() is not None:
                raise _already_paired()
            try:
                await connection.execute(update(t).where(*mine).values(token_hash=token_hash))
            except IntegrityError:
                # Another one took it at the same time.
                raise _already_paired() from None
            await announce_change(connection, schedule_topic(device.id))

    async def remove(self, user_id: int, device_id: int) -> None:
        """Delete a device: its token becomes invalid, and a trigger ends its open streams.

        Raises:
            BadRequest: `not_found`.
        """
        async with self._engine.begin() as connection:
            gone = delete(t).where(t.c.id == device_id, t.c.user_id == user_id).returning(t.c.id)
            if (await connection.execute(gone)).first() is None:
                raise BadRequest("not_found", "You have no such device.")


def _already_paired() -> BadRequest:
    return BadRequest(
        "already_paired", "This device is paired already; reset it, so that it makes a new token."
    )


def authorized(now: datetime) -> ColumnElement[bool]:
    """Return the SQL condition for valid devices: paired ones, and browsers with a live session."""
    session = select(sessions.c.id).where(sessions.c.id == t.c.session_id, alive(now))
    return t.c.session_id.is_(None) | session.exists()


_NOW = cast(datetime, bindparam("now", type_=DateTime(timezone=True)))
_HASHES = bindparam("hashes", type_=ARRAY(LargeBinary))
_BY_HASH = PreparedQuery(select(t).where(t.c.token_hash == any_(_HASHES), authorized(_NOW)))
