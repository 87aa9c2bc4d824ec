"""Rows of simulated devices, in a database that holds no others."""

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg

from catflap.errors import OperatorMustAct, TryAgain
from catflap.store.database import asyncpg_options, parse_url
from catflap.store.notify import CHANNEL
from catflap.store.token_hash import hash_token
from catflap.store.unavailable import LOSSES

_PREFIX = "simulated-"
# Two seconds of silence, 16 bits at 16 kHz.
_SAMPLES = bytes(64_000)
_WAV = (
    b"RIFF" + (36 + len(_SAMPLES)).to_bytes(4, "little") + b"WAVEfmt "
    b"\x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data" + len(_SAMPLES).to_bytes(4, "little")
) + _SAMPLES
_SOUND_KEY = hashlib.sha256(b"simulated").hexdigest()

_OTHERS = (
    "SELECT EXISTS (SELECT FROM app.users WHERE external_id IS NULL OR NOT starts_with(external_id, $1))"
)
_REMOVE = "DELETE FROM app.users WHERE starts_with(external_id, $1)"
_USERS = """
    INSERT INTO app.users (external_id, created_at)
    SELECT $1 || i, now() FROM generate_series(1, $2::int) i RETURNING id
"""
_DEVICES = """
    INSERT INTO app.devices (user_id, name, model, token_hash, volume, schedule_version, created_at)
    SELECT user_id, 'Simulated', 'simulated', sha256(convert_to(token, 'UTF8')), 60, 1, now()
    FROM unnest($1::bigint[], $2::text[]) AS made (user_id, token) RETURNING id, token_hash
"""
_SOUND = """
    INSERT INTO app.sounds (key, wav, sha256, bytes, seconds, used_at) VALUES ($1, $2, $3, $4, 2.0, now())
    ON CONFLICT (key) DO UPDATE SET used_at = now()
"""
_ANNOUNCEMENTS = """
    INSERT INTO app.announcements (id, user_id, device_id, key, kind, state, play_at, expires_at, titles,
        event_start, dialect, display, spoken, sound_key, updated_at)
    SELECT md5(id || ' ' || n || ' ' || $2::text), user_id, id, n || ' ' || $2::text, 'before', 'ready', at,
        at + interval '10 minutes', ARRAY['Meeting ' || n], '2026-11-24T13:00:00+00:00', 'kitten',
        'Meeting ' || n || ' of the simulated device ' || id || ' begins in ten minutes.', 'Meeting',
        $3, now()
    FROM app.devices, unnest($2::timestamptz[]) WITH ORDINALITY AS times (at, n) WHERE id = ANY ($1::bigint[])
"""
_SEEN = "UPDATE app.devices SET last_seen_at = $2 WHERE id = ANY ($1::bigint[])"
_CHANGE = """
    WITH changed AS (
        UPDATE app.devices SET volume = (volume + 1) % 101, schedule_version = schedule_version + 1
        WHERE id = ANY ($1::bigint[]) RETURNING id, schedule_version
    )
    SELECT id, schedule_version, pg_notify($2, 'device:' || id) FROM changed
"""


class SimulatedRows:
    """Simulated users with one device each.

    Args:
        connection: Of the role of the application, or of the owner of the tables.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def add(self, count: int) -> list[tuple[int, str]]:
        """Add devices; return the id and the token of each."""
        tokens = [secrets.token_urlsafe(32) for _ in range(count)]
        users = [
            row["id"]
            for row in await self._connection.fetch(_USERS, _PREFIX + secrets.token_hex(4) + "-", count)
        ]
        rows = await self._connection.fetch(_DEVICES, users, tokens)
        token_of = {hash_token(token): token for token in tokens}
        sha256 = hashlib.sha256(_WAV).hexdigest()
        await self._connection.execute(_SOUND, _SOUND_KEY, _WAV, sha256, len(_WAV))
        return [(row["id"], token_of[row["token_hash"]]) for row in rows]

    async def announce(self, devices: list[int], times: list[datetime]) -> None:
        """Let each device announce something at each time; the schedules change with `change`."""
        await self._connection.execute(_ANNOUNCEMENTS, devices, times, _SOUND_KEY)

    async def change(self, devices: list[int]) -> dict[int, int]:
        """Change the volume of devices, all in one transaction; return their new versions."""
        rows = await self._connection.fetch(_CHANGE, devices, CHANNEL)
        return {row["id"]: row["schedule_version"] for row in rows}

    async def see(self, devices: list[int], at: datetime) -> None:
        """Let devices have been online last at a time."""
        await self._connection.execute(_SEEN, devices, at)

    async def remove(self) -> None:
        """Remove all simulated users with what they have."""
        await self._connection.execute(_REMOVE, _PREFIX)
        await self._connection.execute("DELETE FROM app.sounds WHERE key = $1", _SOUND_KEY)


@asynccontextmanager
async def open_simulated_rows(url: str) -> AsyncIterator[SimulatedRows]:
    """Connect to a database without users, or with simulated ones only, which are removed before and after.

    Raises:
        OperatorMustAct: `not_a_test_database`; `database_url_invalid`.
        TryAgain: `database_unavailable`.
    """
    try:
        connection = await asyncpg.connect(**asyncpg_options(parse_url(url)))
    except LOSSES as error:
        raise TryAgain(
            "database_unavailable", "The database does not answer.", detail=type(error).__name__
        ) from error
    try:
        if await connection.fetchval(_OTHERS, _PREFIX):
            raise OperatorMustAct(
                "not_a_test_database",
                "This database has users that are not simulated. Simulated devices are only added to a "
                "database of their own: create one with `catflap migrate`, and start `catflap serve` on it.",
            )
        rows = SimulatedRows(connection)
        await rows.remove()
        try:
            yield rows
        finally:
            await rows.remove()
    finally:
        await connection.close()
