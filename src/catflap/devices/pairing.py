"""Pair devices with users by a short code, similar to the device authorization grant (RFC 8628).

The device generates its own token and sends only its hash; the signed-in user enters the code that the device
shows or speaks. So the token is never shown on a screen, sent in a URL or stored in the database. The code is
stored as a keyed hash until the device is claimed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.at_once import announce_paired
from catflap.clock import Clock
from catflap.devices.devices import Channel, Device, Devices
from catflap.devices.pairing_codes import Code, CodeKind, hash_code, make_code, read_code
from catflap.devices.pairing_limits import PairingLimits
from catflap.errors import BadRequest, CatflapError, TryAgain
from catflap.speech import RENDERED_AUDIO, AudioFormat, Voices
from catflap.store.batches import next_batch
from catflap.store.shared_limits import SharedLimits
from catflap.store.tables import pairings as t
from catflap.store.token_hash import hash_token

LIFETIME = timedelta(minutes=10)
POLL_SECONDS = 5
_MOST_COLLISIONS = 20


@dataclass(frozen=True)
class Pairing:
    """A pairing request: the `code` that the device shows, and the `handle` with which it polls."""

    code: str
    handle: str
    expires_in: int
    interval: int = POLL_SECONDS


@dataclass(frozen=True)
class WaitingDevice:
    """What is known of a device that waits for its owner: what it says it is, from where and when it asked.

    `address` is the one that it is counted by (`catflap.web.signin_limits.counted_address`).
    """

    model: str
    channel: Channel
    address: str
    asked_at: datetime
    expires_at: datetime


class Pairings:
    """Repository of pairing requests: create, poll, preview and claim them.

    Args:
        engine: The database.
        clock: The current time.
        devices: Where claimed devices go.
        voices: The engines that will render what a claimed device says.
        key: Of the keyed hashes of codes, users and addresses.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Clock, devices: Devices, voices: Voices, key: bytes
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._devices = devices
        self._voices = voices
        self._key = key
        self._limits = PairingLimits(SharedLimits(engine, key))

    async def create(
        self,
        *,
        token_sha256: str,
        model: str,
        audio: AudioFormat = RENDERED_AUDIO,
        channel: Channel = "https",
        kind: CodeKind = "letters",
        address: str = "unknown",
    ) -> Pairing:
        """Create a pairing request of a device.

        Args:
            token_sha256: The hash of its token, as 64 hex digits.
            model: What it is.
            audio: The format in which it wants its sounds.
            channel: How announcements shall reach it.
            kind: Which code it can show or speak.
            address: From where it asks.

        Raises:
            TryAgain: `rate_limited`.
        """
        handle, now = token_urlsafe(24), self._clock.now()
        await self._limits.count_code(address, kind, now)
        values = {
            "handle_hash": hash_token(handle),
            "token_hash": bytes.fromhex(token_sha256),
            "model": model,
            "audio": str(audio),
            "channel": channel,
            "address": address,
            "expires_at": now + LIFETIME,
        }
        async with self._engine.begin() as connection:
            await delete_expired_pairings(now, connection)
            code = await self._insert(connection, kind, values)
        return Pairing(code.shown, handle, int(LIFETIME.total_seconds()))

    async def claimed_device_id(self, handle: str) -> int | None:
        """Return the id of the device once it has been claimed, else None.

        Raises:
            BadRequest: `expired`.
        """
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(t).where(t.c.handle_hash == hash_token(handle)))).first()
        if row is None or (row.device_id is None and self._clock.now() >= row.expires_at):
            raise BadRequest("expired", "This pairing is over; begin a new one.")
        return None if row.device_id is None else int(row.device_id)

    async def preview(self, user_id: int, typed: str, address: str = "unknown") -> WaitingDevice:
        """Return what is known of the device that shows a code, for its owner to compare; a try, as a claim.

        Raises:
            BadRequest: `not_found` for an unknown, used or expired code.
            TryAgain: `rate_limited`.
        """
        code = await self._try(user_id, typed, address)
        async with self._engine.connect() as connection:
            row = await self._waiting(connection, code)
        await self._limits.give_back_try(user_id, address, code.kind)
        return _waiting_device(row)

    async def claim(
        self, user_id: int, typed: str, name: str | None = None, *, room: str = "", address: str = "unknown"
    ) -> tuple[Device, WaitingDevice]:
        """Add the device that shows a code to this user, and have it say so; of several claims one wins.

        Args:
            user_id: The user.
            typed: The code as it was typed.
            name: A name to show; by default its model.
            room: Where it stands.
            address: From where the user asks.

        Raises:
            BadRequest: `not_found` for an unknown, used or expired code; `too_many` devices;
                `already_paired`.
            TryAgain: `rate_limited`.
        """
        code = await self._try(user_id, typed, address)
        try:
            claimed = await self._claim(user_id, code, name, room)
        except CatflapError as error:
            if error.code in ("too_many", "already_paired"):
                await self._limits.give_back_try(user_id, address, code.kind)
            raise
        await self._limits.give_back_try(user_id, address, code.kind)
        return claimed

    async def _insert(self, connection: AsyncConnection, kind: CodeKind, values: dict[str, Any]) -> Code:
        """Insert a row with a code that no other device has."""
        for _ in range(_MOST_COLLISIONS):
            code = make_code(kind)
            row = insert(t).values(**values, code_hash=hash_code(self._key, code))
            made = row.on_conflict_do_nothing(index_elements=[t.c.code_hash]).returning(t.c.handle_hash)
            if (await connection.execute(made)).first() is not None:
                return code
        raise TryAgain("rate_limited", "Too many devices ask for a code; try again later.", after=LIFETIME)

    async def _try(self, user_id: int, typed: str, address: str) -> Code:
        code = read_code(typed)
        if code is None:
            raise _unknown_code()
        await self._limits.count_try(user_id, address, code.kind, self._clock.now())
        return code

    async def _waiting(
        self, connection: AsyncConnection, code: Code, *, for_update: bool = False
    ) -> Row[Any]:
        query = select(t).where(t.c.code_hash == hash_code(self._key, code))
        row = (await connection.execute(query.with_for_update() if for_update else query)).first()
        if row is None or self._clock.now() >= row.expires_at:
            raise _unknown_code()
        return row

    async def _claim(
        self, user_id: int, code: Code, name: str | None, room: str
    ) -> tuple[Device, WaitingDevice]:
        async with self._engine.begin() as connection:
            row = await self._waiting(connection, code, for_update=True)
            device = await self._devices.add(
                connection,
                user_id,
                name=name or row.model,
                room=room,
                model=row.model,
                token_hash=row.token_hash,
                audio=row.audio,
                channel=row.channel,
            )
            claimed = update(t).where(t.c.handle_hash == row.handle_hash)
            await connection.execute(claimed.values(device_id=device.id, code_hash=None, address=""))
            now = self._clock.now()
            await announce_paired(connection, user_id, device.id, self._voices, now)
        return device, _waiting_device(row)


async def delete_expired_pairings(now: datetime, connection: AsyncConnection) -> int:
    """Delete a batch of pairings that nobody claimed, or whose device knows by now; return how many."""
    expired = next_batch(t, t.c.expires_at <= now, oldest=t.c.expires_at)
    return (await connection.execute(delete(t).where(expired))).rowcount


def _waiting_device(row: Row[Any]) -> WaitingDevice:
    return WaitingDevice(row.model, row.channel, row.address, row.expires_at - LIFETIME, row.expires_at)


def _unknown_code() -> BadRequest:
    return BadRequest("not_found", "No device shows this code; check it, or begin again at the device.")
