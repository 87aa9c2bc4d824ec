"""API keys of other back ends: rights, users, scopes and rate limit of each.

Only the SHA-256 of a key is stored; the key is shown once, when it is created. Lookups are cached for a few
seconds at most; a change notification from any process clears the cache.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest
from catflap.google.scopes import expand_requested, missing_scopes
from catflap.store.notify import announce_change
from catflap.store.prepared_reads import PreparedQuery, PreparedReads
from catflap.store.row_mapping import Columns, columns_of, from_row
from catflap.store.task_types import API_KEYS_TOPIC
from catflap.store.token_hash import hash_token
from catflap.store.vault_tables import api_keys as t
from catflap.vault.rate_limit import TokenBucket

Right = Literal["tokens", "proxy", "users", "events", "announce", "keys", "metrics"]
KeyState = Literal["live", "expired", "revoked"]
RIGHTS: tuple[Right, ...] = get_args(Right)
PER_MINUTE = 6000
_PREFIX = "catflap_"
_CACHE_SECONDS = 5.0
_WITH_HASH = PreparedQuery(select(t).where(t.c.token_hash == bindparam("hashed"), t.c.revoked_at.is_(None)))


@dataclass(frozen=True)
class ApiKey:
    """A key's rights and limits; None means no limit. `per_minute` counts requests per process."""

    id: int
    name: str
    rights: frozenset[str]
    user_ids: frozenset[int] | None
    scopes: frozenset[str] | None
    per_minute: int
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state_at(self, now: datetime) -> KeyState:
        """Return whether the key can be used."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "live"

    def check(self, right: Right) -> None:
        """Check that the key has a right.

        Raises:
            BadRequest: `forbidden`.
        """
        if right not in self.rights:
            raise BadRequest("forbidden", f"This API key has no right to {right!r}.")

    def check_user(self, user_id: int) -> None:
        """Check that the key may act for a user.

        Raises:
            BadRequest: `forbidden`.
        """
        if self.user_ids is not None and user_id not in self.user_ids:
            raise BadRequest("forbidden", "This API key is not for this user.")

    def check_scopes(self, scopes: Collection[str]) -> None:
        """Check that the key may use all of `scopes`.

        Raises:
            BadRequest: `forbidden`.
        """
        if self.scopes is not None and (beyond := missing_scopes(scopes, self.scopes)):
            raise BadRequest("forbidden", f"This API key may not use {', '.join(sorted(beyond))}.")


class ApiKeys:
    """Repository of API keys, with the rate limit of each."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        changed: asyncio.Event | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        reads: PreparedReads | None = None,
    ) -> None:
        """Create a repository.

        Args:
            engine: connects with the vault's role.
            changed: set when another process changed a key: `NotificationListener.watch(API_KEYS_TOPIC)`.
            reads: for lookups, where there are many; with the vault's role.
        """
        self._engine = engine
        self._clock = clock
        self._changed = changed
        self._monotonic = monotonic
        self._reads = reads or PreparedReads(engine)
        self._cache: dict[bytes, tuple[float, ApiKey]] = {}
        self._buckets: dict[int, TokenBucket] = {}
        self._used: dict[int, datetime] = {}

    async def create(
        self,
        name: str,
        rights: Collection[str],
        *,
        user_ids: Collection[int] | None = None,
        scopes: Collection[str] | None = None,
        per_minute: int = PER_MINUTE,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """Create a key; return it and its secret, which can't be read again.

        Raises:
            BadRequest: `right_unknown`, `invalid_request`.
        """
        if unknown := set(rights) - set(RIGHTS):
            raise BadRequest(
                "right_unknown", f"{', '.join(sorted(unknown))}: rights are {', '.join(RIGHTS)}."
            )
        if not rights or not name or per_minute < 1:
            raise BadRequest(
                "invalid_request", "A key needs a name, a right and at least one request a minute."
            )
        secret = _PREFIX + secrets.token_urlsafe(32)
        values = {
            "name": name,
            "token_hash": hash_token(secret),
            "rights": sorted(set(rights)),
            "user_ids": None if user_ids is None else sorted(set(user_ids)),
            "scopes": None if scopes is None else sorted(expand_requested(scopes)),
            "per_minute": per_minute,
            "created_at": self._clock.now(),
            "expires_at": expires_at,
        }
        async with self._engine.begin() as connection:
            row = (await connection.execute(insert(t).values(values).returning(t))).one()
        return _key(row), secret

    async def list(self) -> list[ApiKey]:
        """Return all keys, revoked ones included, oldest first."""
        async with self._engine.connect() as connection:
            return [_key(row) for row in await connection.execute(select(t).order_by(t.c.id))]

    async def revoke(self, key_id: int) -> ApiKey:
        """Revoke a key at once, in every process; idempotent.

        Raises:
            BadRequest: `not_found`.
        """
        async with self._engine.begin() as connection:
            ended = update(t).where(t.c.id == key_id, t.c.revoked_at.is_(None))
            await connection.execute(ended.values(revoked_at=self._clock.now()))
            row = (await connection.execute(select(t).where(t.c.id == key_id))).first()
            await announce_change(connection, API_KEYS_TOPIC)
        self._cache.clear()
        if row is None:
            raise BadRequest("not_found", f"There is no API key {key_id}.")
        return _key(row)

    async def find(self, secret: str) -> ApiKey | None:
        """Return the valid key with this secret, or None."""
        if self._changed is not None and self._changed.is_set():
            self._changed.clear()
            self._cache.clear()
        hashed, moment = hash_token(secret), self._monotonic()
        until, key = self._cache.get(hashed, (0.0, None))
        if key is None or moment >= until:
            self._cache.pop(hashed, None)
            key = await self._read(hashed)
            if key is not None:
                self._cache[hashed] = (moment + _CACHE_SECONDS, key)
        if key is None or (key.expires_at is not None and self._clock.now() >= key.expires_at):
            return None
        return key

    def count(self, key: ApiKey) -> None:
        """Count one request of `key` against its rate limit; bursts of `per_minute / 12` are allowed.

        Raises:
            TryAgain: `rate_limited`.
        """
        self._used[key.id] = self._clock.now()
        bucket = self._buckets.get(key.id)
        if bucket is None:
            bucket = TokenBucket(key.per_minute / 60, key.per_minute / 12, self._monotonic)
            self._buckets[key.id] = bucket
        bucket.try_acquire()

    async def write_uses(self) -> None:
        """Store when keys were last used; called about once a second."""
        used, self._used = self._used, {}
        if used:
            async with self._engine.begin() as connection:
                for key_id, at in used.items():
                    await connection.execute(update(t).where(t.c.id == key_id).values(last_used_at=at))

    async def _read(self, hashed: bytes) -> ApiKey | None:
        rows = await self._reads.fetch(_WITH_HASH, hashed=hashed)
        return _key(rows[0]) if rows else None


def _key(row: Row[tuple[object, ...]] | Columns) -> ApiKey:
    columns = columns_of(row)
    user_ids, scopes = columns["user_ids"], columns["scopes"]
    return from_row(
        ApiKey,
        columns,
        rights=frozenset(columns["rights"]),
        user_ids=None if user_ids is None else frozenset(user_ids),
        scopes=None if scopes is None else frozenset(scopes),
    )
