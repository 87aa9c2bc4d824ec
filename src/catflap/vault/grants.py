"""The rows of `vault.google_tokens`: what each person allowed, and the sealed tokens that prove it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.google.oauth import TokenResponse
from catflap.store.jobs import enqueue
from catflap.store.tables import google_tokens as t
from catflap.vault.seal import Place, Seal


@dataclass(frozen=True)
class Grant:
    """What a user allowed for one Google account. `state` is `active`, `reconsent` or `revoked`."""

    id: int
    user_id: int
    account_sub: str
    scopes: frozenset[str]
    state: str
    version: int
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    _refresh_token: bytes | None = field(repr=False, default=None)
    _access_token: bytes | None = field(repr=False, default=None)


class Grants:
    """Keep, read and change grants; the only SQL on the vault's table."""

    def __init__(self, engine: AsyncEngine, seal: Seal, clock: Clock, client_id: str) -> None:
        self._engine = engine
        self._seal = seal
        self._clock = clock
        self._client_id = client_id

    async def keep(self, user_id: int, account_sub: str, tokens: TokenResponse) -> Grant | None:
        """Store what a consent gave, and enqueue a first look at the account, in one transaction.

        Google sends a refresh token only at the first consent; when it sends none, ours stays. None means
        that neither Google nor we have one: the person must be led through consent once more.
        """
        async with self._engine.begin() as connection:
            row = await self._lock(connection, user_id, account_sub)
            alive = row is not None and row.state == "active" and row.refresh_token is not None
            if tokens.refresh_token is None and not alive:
                return None
            if row is None:
                row = await self._insert(connection, user_id, account_sub)
            scopes = tokens.scopes if tokens.refresh_token else tokens.scopes | frozenset(row.scopes)
            changes = self._sealed(row.id, user_id, tokens)
            if not tokens.scopes >= scopes:
                # A narrower access token must not hide what the stored refresh token can do.
                changes |= {"access_token": None, "expires_at": None}
            kept = await self._change(
                connection, row, {**changes, "scopes": sorted(scopes), "state": "active"}
            )
            await enqueue(connection, "sync", f"{user_id} {account_sub}")
            return kept

    async def of_user(self, user_id: int) -> list[Grant]:
        """The user's grants, oldest first."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(t).where(t.c.user_id == user_id).order_by(t.c.id))
            return [_grant(row) for row in rows]

    async def find(self, user_id: int, account_sub: str) -> Grant | None:
        """One grant, or None."""
        async with self._engine.connect() as connection:
            query = select(t).where(t.c.user_id == user_id, t.c.account_sub == account_sub)
            row = (await connection.execute(query)).first()
            return None if row is None else _grant(row)

    async def refreshed(self, grant: Grant, tokens: TokenResponse) -> Grant | None:
        """Store a refreshed access token, unless the row moved on since `grant` was read (then None)."""
        async with self._engine.begin() as connection:
            row = await self._lock(connection, grant.user_id, grant.account_sub)
            if row is None or row.version != grant.version:
                return None
            return await self._change(connection, row, self._sealed(row.id, row.user_id, tokens))

    async def died(self, grant: Grant) -> bool:
        """Google refused the refresh token: mark for a new consent, unless the row moved on since."""
        async with self._engine.begin() as connection:
            row = await self._lock(connection, grant.user_id, grant.account_sub)
            if row is None or row.version != grant.version:
                return False
            await self._change(
                connection, row, {"state": "reconsent", "access_token": None, "expires_at": None}
            )
            return True

    async def erase(self, grant: Grant) -> None:
        """Forget a grant for good."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(t).where(t.c.id == grant.id))

    def open_access_token(self, grant: Grant) -> str | None:
        """The stored access token in clear, for immediate use."""
        if grant._access_token is None:
            return None
        return self._seal.open(grant._access_token, Place(grant.id, grant.user_id, "access_token"))

    def open_refresh_token(self, grant: Grant) -> str | None:
        """The refresh token in clear, for immediate use."""
        if grant._refresh_token is None:
            return None
        return self._seal.open(grant._refresh_token, Place(grant.id, grant.user_id, "refresh_token"))

    async def _lock(
        self, connection: AsyncConnection, user_id: int, account_sub: str
    ) -> Row[tuple[object, ...]] | None:
        # Before the row exists there is nothing to lock, so two first sign-ins at once share this lock.
        await connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(account_sub, user_id)))
        )
        query = select(t).where(t.c.user_id == user_id, t.c.account_sub == account_sub).with_for_update()
        return (await connection.execute(query)).first()

    async def _insert(
        self, connection: AsyncConnection, user_id: int, account_sub: str
    ) -> Row[tuple[object, ...]]:
        now = self._clock.now()
        values = {
            "user_id": user_id,
            "account_sub": account_sub,
            "client_id": self._client_id,
            "scopes": [],
            "state": "active",
            "version": 0,
            "failures": 0,
            "created_at": now,
            "updated_at": now,
        }
        row: Row[tuple[object, ...]] = (await connection.execute(insert(t).values(values).returning(t))).one()
        return row

    async def _change(
        self, connection: AsyncConnection, row: Row[tuple[object, ...]], changes: dict[str, object]
    ) -> Grant:
        values = {**changes, "version": row.version + 1, "updated_at": self._clock.now()}
        statement = update(t).where(t.c.id == row.id).values(values).returning(t)
        return _grant((await connection.execute(statement)).one())

    def _sealed(self, row_id: int, user_id: int, tokens: TokenResponse) -> dict[str, object]:
        def sealed(value: str, name: str) -> bytes:
            return self._seal.close(value, Place(row_id, user_id, name))

        columns: dict[str, object] = {
            "access_token": sealed(tokens.access_token, "access_token"),
            "expires_at": self._clock.now() + timedelta(seconds=tokens.expires_in),
        }
        if tokens.refresh_token:
            columns |= {
                "refresh_token": sealed(tokens.refresh_token, "refresh_token"),
                "client_id": self._client_id,
            }
        return columns


def _grant(row: Row[tuple[object, ...]]) -> Grant:
    return Grant(
        id=row.id,
        user_id=row.user_id,
        account_sub=row.account_sub,
        scopes=frozenset(row.scopes),
        state=row.state,
        version=row.version,
        expires_at=row.expires_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        _refresh_token=row.refresh_token,
        _access_token=row.access_token,
    )
