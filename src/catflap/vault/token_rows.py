"""Read and write rows of `vault.google_tokens`; `catflap.vault.grants` decides what to change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningUpdate

from catflap.clock import Clock
from catflap.google.oauth import TokenResponse
from catflap.store.notify import CHANNEL, announcing
from catflap.store.prepared_reads import PreparedQuery, PreparedReads
from catflap.store.row_mapping import columns_for
from catflap.store.task_types import GRANT_TOPIC
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.encryption import AssociatedData, TokenCipher
from catflap.vault.fingerprints import double_hash, prefix_hash
from catflap.vault.grant import GrantToken, token_of

# Cleared when a token ends. A refresh token may still be needed, to revoke it at Google.
WITHOUT_ACCESS: dict[str, object] = {"access_token": None, "expires_at": None}
WITHOUT_LEASE: dict[str, object] = {"lease_id": None, "lease_until": None}
WITHOUT_TOKENS: dict[str, object] = {
    **WITHOUT_ACCESS,
    "refresh_token": None,
    "token_hash": None,
    "token_prefix_hash": None,
}
ALIVE: dict[str, object] = {"state": "active", "reason": None, "ended_at": None}

_OF_USER = PreparedQuery(select(*columns_for(GrantToken, t)).where(t.c.user_id == bindparam("user")))


# For RETURNING: wakes those who wait for the rows.
ANNOUNCED = announcing(literal(GRANT_TOPIC) + cast(t.c.id, Text))

# The same change as `Grants.store_refreshed` makes to one row, for many rows in one round trip.
_STORE_ACCESS_TOKENS = text(
    "UPDATE vault.google_tokens t SET access_token = n.access_token, expires_at = n.expires_at,"
    " refresh_expires_at = coalesce(n.refresh_expires_at, t.refresh_expires_at), refreshed_at = :now,"
    " updated_at = :now, version = t.version + 1, failures = 0, lease_id = NULL, lease_until = NULL"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:versions AS bigint[]), CAST(:leases AS text[]),"
    " CAST(:access_token AS bytea[]), CAST(:expires_at AS timestamptz[]),"
    " CAST(:refresh_expires_at AS timestamptz[]))"
    " AS n (id, version, lease_id, access_token, expires_at, refresh_expires_at)"
    " WHERE t.id = n.id AND t.version = n.version AND t.lease_id = n.lease_id AND t.state = 'active'"
    " RETURNING t.id, pg_notify(:channel, :prefix || t.id)"
)


_OF_GRANT = (
    select(t)
    .where(t.c.user_id == bindparam("user"), t.c.account_sub == bindparam("account"))
    .order_by(t.c.id)
)
_LOCKED_OF_GRANT = _OF_GRANT.with_for_update()
_LOCK = select(
    func.pg_advisory_xact_lock(
        func.hashtextextended(bindparam("account", type_=Text), bindparam("user", type_=BigInteger))
    )
)


_INSERT = insert(t).returning(t)


@cache
def _update_by_id(columns: tuple[str, ...]) -> ReturningUpdate[Any]:
    """Return the UPDATE that sets these columns; to build it takes longer than to run it."""
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    counted = update(t).values(**values, version=t.c.version + 1, updated_at=bindparam("now"))
    return counted.where(t.c.id == bindparam("row_id")).returning(t, ANNOUNCED)


@dataclass(frozen=True)
class RefreshedToken:
    """A token as it was read, and Google's answer to its refresh under a lease."""

    token: GrantToken
    lease_id: str
    answer: TokenResponse


class TokenRows:
    """Token rows and their encrypted values."""

    def __init__(
        self, engine: AsyncEngine, cipher: TokenCipher, clock: Clock, reads: PreparedReads | None = None
    ) -> None:
        # Reading needs no transaction, and without one it is one round trip instead of three.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._reads = reads or PreparedReads(engine)
        self.cipher = cipher
        self._clock = clock

    async def of_user(self, user_id: int) -> list[GrantToken]:
        """Return all rows of a user."""
        return [token_of(row) for row in await self._reads.fetch(_OF_USER, user=user_id)]

    async def where(self, *conditions: ColumnElement[bool], limit: int | None = None) -> list[GrantToken]:
        """Return the rows that meet the conditions, oldest first."""
        async with self._reading.connect() as connection:
            query = select(t).where(*conditions).order_by(t.c.id).limit(limit)
            return [token_of(row) for row in await connection.execute(query)]

    async def lock(self, connection: AsyncConnection, user_id: int, account_sub: str) -> list[GrantToken]:
        """Return the rows of one grant, locked until the transaction ends, even when there are none yet."""
        # Without a row there is nothing to lock, so concurrent first sign-ins use this advisory lock.
        await connection.execute(_LOCK, {"user": user_id, "account": account_sub})
        return await self.of_grant(connection, user_id, account_sub, locked=True)

    async def of_grant(
        self, connection: AsyncConnection, user_id: int, account_sub: str, *, locked: bool = False
    ) -> list[GrantToken]:
        """Return the rows of one grant, as this transaction sees them."""
        query = _LOCKED_OF_GRANT if locked else _OF_GRANT
        found = await connection.execute(query, {"user": user_id, "account": account_sub})
        return [token_of(row) for row in found]

    async def insert(
        self,
        connection: AsyncConnection,
        user_id: int,
        account_sub: str,
        client_id: str,
        supplements: int | None,
    ) -> GrantToken:
        """Insert a row without tokens, and return it."""
        now = self._clock.now()
        values: dict[str, object] = {
            "supplements": supplements,
            "user_id": user_id,
            "account_sub": account_sub,
            "client_id": client_id,
            "scopes": [],
            "state": "active",
            "version": 0,
            "failures": 0,
            "created_at": now,
            "updated_at": now,
        }
        return token_of((await connection.execute(_INSERT, values)).one())

    async def delete(self, connection: AsyncConnection, tokens: Sequence[GrantToken]) -> None:
        """Delete rows, and wake those who wait for them."""
        if tokens:
            ids = [one.id for one in tokens]
            await connection.execute(delete(t).where(t.c.id.in_(ids)).returning(ANNOUNCED))

    async def update(
        self, connection: AsyncConnection, changes: dict[str, object], *where: ColumnElement[bool]
    ) -> list[GrantToken]:
        """Change rows, and wake those who wait for them."""
        values = {**changes, "version": t.c.version + 1, "updated_at": self._clock.now()}
        found = await connection.execute(update(t).where(*where).values(values).returning(t, ANNOUNCED))
        return [token_of(row) for row in found]

    async def update_by_id(
        self, connection: AsyncConnection, row_id: int, changes: Mapping[str, object]
    ) -> list[GrantToken]:
        """Change one row as `update` does; `changes` are values, not SQL expressions."""
        values = {f"new_{name}": value for name, value in changes.items()}
        values |= {"row_id": row_id, "now": self._clock.now()}
        found = await connection.execute(_update_by_id(tuple(changes)), values)
        return [token_of(row) for row in found]

    async def update_if_same(
        self, connection: AsyncConnection, token: GrantToken, lease_id: str, changes: dict[str, object]
    ) -> GrantToken | None:
        """Change a row, unless it or its lease moved on since `token` was read (then None)."""
        same = (t.c.id == token.id, t.c.version == token.version, t.c.lease_id == lease_id)
        changed = await self.update(connection, changes, *same)
        return changed[0] if changed else None

    async def store_access_tokens(
        self, connection: AsyncConnection, refreshed: Sequence[RefreshedToken]
    ) -> set[int]:
        """Store new access tokens in one statement; return the ids of the rows that had not moved on."""
        columns = [
            self.encrypted_columns(one.token.id, one.token.user_id, one.answer, one.token.client_id)
            for one in refreshed
        ]
        values = {
            "ids": [one.token.id for one in refreshed],
            "versions": [one.token.version for one in refreshed],
            "leases": [one.lease_id for one in refreshed],
            "now": self._clock.now(),
            "prefix": GRANT_TOPIC,
            "channel": CHANNEL,
        }
        for name in ("access_token", "expires_at", "refresh_expires_at"):
            values[name] = [one.get(name) for one in columns]
        return set((await connection.execute(_STORE_ACCESS_TOKENS, values)).scalars())

    def ended_columns(self, state: str, reason: str) -> dict[str, object]:
        """Return the column values of a token that ends now."""
        return {"state": state, "reason": reason, "ended_at": self._clock.now()}

    def encrypted_columns(
        self, row_id: int, user_id: int, tokens: TokenResponse, client_id: str
    ) -> dict[str, object]:
        """Return the column values for a token response, encrypted."""

        def encrypt(value: str, name: str) -> bytes:
            return self.cipher.encrypt(value, AssociatedData(row_id, user_id, name))

        now = self._clock.now()
        columns: dict[str, object] = {
            "access_token": encrypt(tokens.access_token, "access_token"),
            "expires_at": now + timedelta(seconds=tokens.expires_in),
            "refreshed_at": now,
            "failures": 0,
        }
        lives = tokens.refresh_token_expires_in
        if lives is not None or tokens.refresh_token:
            columns["refresh_expires_at"] = _after(now, lives)
        if tokens.refresh_token:
            columns |= {
                "refresh_token": encrypt(tokens.refresh_token, "refresh_token"),
                "token_hash": double_hash(tokens.refresh_token),
                "token_prefix_hash": prefix_hash(tokens.refresh_token[:16]),
                "client_id": client_id,
            }
        return columns


def _after(now: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)
