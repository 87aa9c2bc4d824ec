"""Signed URLs of sounds, each valid for one device until an hour after its announcement expires.

Signed instead of protected by a bearer token, because a media player can't send an Authorization header. They
are secrets: a server must not log them.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest
from catflap.speech import RENDERED_AUDIO, AudioFormat
from catflap.store.tables import announcements, encoded_sounds, signing_keys, sounds

VALID_AFTER_EXPIRY = timedelta(hours=1)
PATH = "/v1/sounds/"
_DIGITS = 12


@dataclass(frozen=True)
class StoredSound:
    """A sound in one format: as rendered, RIFF WAVE, PCM s16le, mono, 16 kHz, or encoded from that."""

    content: bytes
    sha256: str
    audio: AudioFormat


class SignedSoundUrls:
    """Create and verify signed sound URLs."""

    def __init__(self, engine: AsyncEngine, clock: Clock, key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._hmac = hmac.new(key, digestmod=hashlib.sha256)

    def path(
        self, device_id: int, announcement_id: str, expires_at: datetime, audio: AudioFormat, sha256: str
    ) -> str:
        """Return the signed path of a sound; it ends in `.wav` or so because some players need the extension.

        Args:
            device_id: The device that may have it.
            announcement_id: The announcement that it is of.
            expires_at: When that expires.
            audio: The format of the sound.
            sha256: Its hash in hex. Another sound has another path, so that caches need not ask again.
        """
        payload = f"{device_id}.{announcement_id}.{_valid_until(expires_at)}.{audio}.{sha256[:_DIGITS]}"
        return f"{PATH}{payload}.{self._sign(payload)}.{audio.codec}"

    async def open(self, name: str) -> StoredSound:
        """Return the sound for the last segment of a signed path.

        Raises:
            BadRequest: `not_found`, also for a wrong signature; `expired`.
        """
        payload, _, signature = name.rpartition(".")[0].rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(payload).encode()):
            raise BadRequest("not_found", "There is no such sound.")
        device_id, announcement_id, until, audio_text, _ = payload.split(".")
        if self._clock.now() >= datetime.fromtimestamp(int(until), UTC):
            raise BadRequest("expired", "This sound is over; fetch the schedule again.")
        audio = AudioFormat.parse(audio_text)
        if audio == RENDERED_AUDIO:
            query = select(sounds.c.wav.label("content"), sounds.c.sha256)
            query = query.join(announcements, announcements.c.sound_key == sounds.c.key)
        else:
            query = select(encoded_sounds.c.content, encoded_sounds.c.sha256)
            query = query.join(announcements, announcements.c.sound_key == encoded_sounds.c.key)
            query = query.where(encoded_sounds.c.audio == audio_text)
        ours = (announcements.c.id == announcement_id, announcements.c.device_id == int(device_id))
        async with self._engine.connect() as connection:
            row = (await connection.execute(query.where(*ours))).first()
        if row is None:
            raise BadRequest("not_found", "There is no such sound.")
        return StoredSound(bytes(row.content), row.sha256, audio)

    def _sign(self, payload: str) -> str:
        # A copy takes less time than to begin with the key.
        signing = self._hmac.copy()
        signing.update(payload.encode())
        return base64.urlsafe_b64encode(signing.digest()).rstrip(b"=").decode()


# Many announcements of many devices expire at the same time.
@lru_cache(maxsize=4096)
def _valid_until(expires_at: datetime) -> int:
    return int((expires_at + VALID_AFTER_EXPIRY).timestamp())


async def signing_key(engine: AsyncEngine, name: str) -> bytes:
    """Return the signing key with this name, created at its first use and shared by all processes."""
    async with engine.begin() as connection:
        fresh = upsert(signing_keys).values(name=name, key=secrets.token_bytes(32))
        await connection.execute(fresh.on_conflict_do_nothing())
        key = await connection.scalar(select(signing_keys.c.key).where(signing_keys.c.name == name))
    assert key is not None
    return bytes(key)
