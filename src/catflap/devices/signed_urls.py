"""The address of one sound: a capability that opens it for one device until an hour after it is stale.

Signed rather than behind a bearer, because a speaker's media player sends no headers of our choosing.
Whoever serves it must not log it.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest
from catflap.store.tables import announcements, signing_keys, sounds

OPENS_AFTER_EXPIRY = timedelta(hours=1)
PATH = "/v1/sounds/"


@dataclass(frozen=True)
class StoredSound:
    """A rendered sound: RIFF WAVE, PCM s16le, mono, 16 kHz."""

    wav: bytes
    sha256: str


class SignedSoundUrls:
    """Make and open capabilities."""

    def __init__(self, engine: AsyncEngine, clock: Clock, key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key

    def path(self, device_id: int, announcement_id: str, expires_at: datetime) -> str:
        """The path of the sound; it ends in `.wav` because some players go by that."""
        until = int((expires_at + OPENS_AFTER_EXPIRY).timestamp())
        words = f"{device_id}.{announcement_id}.{until}"
        return f"{PATH}{words}.{self._sign(words)}.wav"

    async def open(self, name: str) -> StoredSound:
        """The sound behind the last part of a path.

        Raises:
            BadRequest: `not_found`, also for a wrong signature, so that nothing can be probed. `expired`.
        """
        words, _, signature = name.removesuffix(".wav").rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(words).encode()):
            raise BadRequest("not_found", "There is no such sound.")
        device_id, announcement_id, until = words.split(".")
        if self._clock.now() >= datetime.fromtimestamp(int(until), UTC):
            raise BadRequest("expired", "This sound is over; fetch the schedule again.")
        query = (
            select(sounds.c.wav, sounds.c.sha256)
            .join(announcements, announcements.c.sound_key == sounds.c.key)
            .where(announcements.c.id == announcement_id, announcements.c.device_id == int(device_id))
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise BadRequest("not_found", "There is no such sound.")
        return StoredSound(bytes(row.wav), row.sha256)

    def _sign(self, words: str) -> str:
        digest = hmac.new(self._key, words.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def signing_key(engine: AsyncEngine, name: str) -> bytes:
    """The key of that name, made at first need; every process of an installation gets the same."""
    async with engine.begin() as connection:
        fresh = upsert(signing_keys).values(name=name, key=secrets.token_bytes(32))
        await connection.execute(fresh.on_conflict_do_nothing())
        key = await connection.scalar(select(signing_keys.c.key).where(signing_keys.c.name == name))
    assert key is not None
    return bytes(key)
