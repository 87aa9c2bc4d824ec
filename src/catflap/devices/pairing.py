"""Pair devices with users by a short code, similar to the device authorization grant (RFC 8628).

The device generates its own token and sends only its hash; the signed-in user enters the code that the device
shows. So the token is never shown on a screen, sent in a URL or stored in the database.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.devices.devices import Channel, Device, Devices
from catflap.errors import BadRequest
from catflap.speech import RENDERED_AUDIO, AudioFormat
from catflap.store.tables import pairings as t
from catflap.store.token_hash import hash_token

LIFETIME = timedelta(minutes=10)
POLL_SECONDS = 5
# RFC 8628 section 6.1: no vowels, so that no words appear.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8


@dataclass(frozen=True)
class Pairing:
    """A pairing request: the `code` that the device shows, and the `handle` with which it polls."""

    code: str
    handle: str
    expires_in: int
    interval: int = POLL_SECONDS


class Pairings:
    """Repository of pairing requests: create, poll and claim them."""

    def __init__(self, engine: AsyncEngine, clock: Clock, devices: Devices) -> None:
        self._engine = engine
        self._clock = clock
        self._devices = devices

    async def create(
        self,
        *,
        token_sha256: str,
        model: str,
        audio: AudioFormat = RENDERED_AUDIO,
        channel: Channel = "https",
    ) -> Pairing:
        """Create a pairing request of a device.

        Args:
            token_sha256: The hash of its token, as 64 hex digits.
            model: What it is.
            audio: The format in which it wants its sounds.
            channel: How announcements shall reach it.
        """
        code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        handle, now = secrets.token_urlsafe(24), self._clock.now()
        values = {
            "handle_hash": hash_token(handle),
            "code": code,
            "token_hash": bytes.fromhex(token_sha256),
            "model": model,
            "audio": str(audio),
            "channel": channel,
            "expires_at": now + LIFETIME,
        }
        async with self._engine.begin() as connection:
            await connection.execute(delete(t).where(t.c.expires_at <= now))
            await connection.execute(insert(t).values(values))
        return Pairing(f"{code[:4]}-{code[4:]}", handle, int(LIFETIME.total_seconds()))

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

    async def claim(self, user_id: int, code: str, name: str | None) -> Device:
        """Add the device that shows `code` to this user.

        Raises:
            BadRequest: `not_found` for an unknown, used or expired code; `too_many` devices.
        """
        letters = "".join(letter for letter in code.upper() if letter.isalpha())
        async with self._engine.begin() as connection:
            waiting = select(t).where(t.c.code == letters, t.c.device_id.is_(None)).with_for_update()
            row = (await connection.execute(waiting)).first()
            if row is None or self._clock.now() >= row.expires_at:
                raise BadRequest(
                    "not_found", "No device shows this code; check it, or begin again at the device."
                )
            device = await self._devices.add(
                connection,
                user_id,
                name=name or row.model,
                model=row.model,
                token_hash=row.token_hash,
                audio=row.audio,
                channel=row.channel,
            )
            claimed = update(t).where(t.c.handle_hash == row.handle_hash)
            await connection.execute(claimed.values(device_id=device.id))
        return device
