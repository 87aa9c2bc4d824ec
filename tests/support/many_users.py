"""Fill a migrated, empty database with the rows of a large installation, in seconds.

Per user: an account, one grant, two calendars with 50 events, two push channels, a device with 8
announcements and 7 sounds, two sessions; and what accumulates beside them (audit entries, webhook
deliveries, authorization requests, jobs and their log). At `now` nothing is due, and nothing is old enough to
be deleted.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

import asyncpg

from catflap.store.database import Urls, asyncpg_options
from catflap.vault.encryption import AssociatedData, TokenCipher, key_prefix

# The tokens of the first users decrypt; those of all others only have the right key prefix and length.
REAL_GRANTS = 10
API_KEYS = 20
_ROWS = files(__package__) / "many_users.sql"


@dataclass(frozen=True)
class Installation:
    """What the rows depend on.

    Args:
        now: The time of the application's clock.
        client_id: The OAuth client that the grants belong to.
        cipher: Encrypts the tokens.
    """

    now: datetime
    client_id: str
    cipher: TokenCipher


def account_sub(user_id: int) -> str:
    """Return the `sub` of the account of a loaded user."""
    return f"2{user_id:020d}"


def bearer_token(user_id: int) -> str:
    """Return the bearer token of a loaded user's app."""
    return f"session-{user_id}-2"


def cookie_token(user_id: int) -> str:
    """Return the token of the cookie of a loaded user's browser."""
    return f"session-{user_id}-1"


def device_token(user_id: int) -> str:
    """Return the token of a loaded user's device."""
    return f"device-{user_id}"


def api_key(number: int) -> str:
    """Return a loaded API key with all rights; `number` is 1 to API_KEYS."""
    return f"key-{number}"


def push_channel_id(user_id: int, number: int) -> str:
    """Return the id of a loaded user's push channel: 1 is of the primary calendar, 2 of the list."""
    return str(uuid.UUID(hashlib.md5(f"channel-{user_id}-{number}".encode()).hexdigest()))


def push_channel_token(user_id: int, number: int) -> str:
    """Return the token of a push channel of `push_channel_id`."""
    return f"channel-token-{user_id}-{number}"


def sound_key(user_id: int, number: int) -> str:
    """Return the sound of the announcement `number`, 1 to 6, of a loaded user."""
    return hashlib.sha256(f"sound {user_id} {number}".encode()).hexdigest()


async def load(urls: Urls, users: int, installation: Installation) -> None:
    """Insert `users` users, with the ids 1 to `users`, and analyze all tables."""
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    try:
        # Neither checks of foreign keys nor triggers: the rows are consistent, and nobody listens.
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        await connection.execute("SET TimeZone = 'UTC'")
        await connection.execute(_script(users, installation))
        await _encrypt_tokens(connection, min(users, REAL_GRANTS), installation.cipher)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def _script(users: int, installation: Installation) -> str:
    values = {
        "users": str(users),
        "api_keys": str(API_KEYS),
        "now": f"'{installation.now.isoformat()}'::timestamptz",
        "client_id": "'" + installation.client_id.replace("'", "''") + "'",
        "key_prefix": f"'\\x{key_prefix(installation.cipher.keyset.primary).hex()}'::bytea",
    }
    script = _ROWS.read_text(encoding="utf-8")
    for name, value in values.items():
        script = script.replace(f":{name}:", value)
    return script


async def _encrypt_tokens(connection: asyncpg.Connection, users: int, cipher: TokenCipher) -> None:
    for row in await connection.fetch(
        "SELECT id, user_id FROM vault.google_tokens WHERE user_id <= $1 AND state = 'active'", users
    ):
        sealed = (
            cipher.encrypt(f"{name} of {row['id']}", AssociatedData(row["id"], row["user_id"], name))
            for name in ("refresh_token", "access_token")
        )
        await connection.execute(
            "UPDATE vault.google_tokens SET refresh_token = $2, access_token = $3 WHERE id = $1",
            row["id"],
            *sealed,
        )
