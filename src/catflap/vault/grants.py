"""The rows of `vault.google_tokens`: what each person allowed, and the sealed tokens that prove it."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import ColumnElement, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.google.oauth import TokenResponse
from catflap.store.jobs import enqueue
from catflap.store.notices import announce_change
from catflap.store.tables import google_tokens as t
from catflap.vault.grant import Grant, grant_of, topic
from catflap.vault.lookup import double_hash, prefix_hash
from catflap.vault.outbox import Event, tell
from catflap.vault.seal import Place, Seal

# What a grant loses when it ends. Its refresh token may be needed once more, to revoke it at Google.
_WITHOUT_ACCESS: dict[str, object] = {"access_token": None, "expires_at": None}
_WITHOUT_LEASE: dict[str, object] = {"lease_id": None, "lease_until": None}
WITHOUT_TOKENS: dict[str, object] = {
    **_WITHOUT_ACCESS,
    "refresh_token": None,
    "token_hash": None,
    "token_prefix_hash": None,
}

# Every token handed out begins with one of these, so they are put together once.
_MINE = select(t).where(t.c.user_id == bindparam("user"))
_OLDEST = _MINE.order_by(t.c.id).limit(1)
_ONE = _MINE.where(t.c.account_sub == bindparam("account"))


class Grants:
    """Keep, read and change grants; the only SQL on the tokens of the vault's table."""

    def __init__(
        self,
        engine: AsyncEngine,
        seal: Seal,
        clock: Clock,
        client_id: str,
        at_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`at_step` is told each step; a test may end the process there."""
        self.engine = engine
        # Reading needs no transaction, and without one it is one round trip instead of three.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._seal = seal
        self._clock = clock
        self.client_id = client_id
        self.at_step = at_step
        self._used: set[int] = set()

    async def keep(self, user_id: int, account_sub: str, tokens: TokenResponse) -> Grant | None:
        """Store what a consent gave, and enqueue a first look at the account, in one transaction.

        Google sends a refresh token only at the first consent; when it sends none, ours stays. None means
        that neither Google nor we have one: the person must be led through consent once more.
        """
        self.at_step("keep.begin")
        async with self.engine.begin() as connection:
            row = await self._lock(connection, user_id, account_sub)
            alive = (
                row is not None
                and row.state == "active"
                and row.refresh_token is not None
                and row.client_id == self.client_id
            )
            if tokens.refresh_token is None and not alive:
                return None
            event: Event = "grant.scopes_changed" if alive else "grant.active"
            if row is None:
                row = await self._insert(connection, user_id, account_sub)
            had = frozenset(row.scopes)
            scopes = tokens.scopes if tokens.refresh_token else tokens.scopes | had
            changes = self._sealed(row.id, user_id, tokens)
            if not tokens.scopes >= scopes:
                # A narrower access token must not hide what the stored refresh token can do.
                changes |= _WITHOUT_ACCESS
            changes |= {**_WITHOUT_LEASE, "state": "active", "reason": None, "ended_at": None}
            kept = await self._change(connection, row, {**changes, "scopes": sorted(scopes)})
            if event == "grant.active" or scopes != had:
                await tell(connection, event, kept, self._clock.now())
            await enqueue(connection, "sync", f"{user_id} {account_sub}")
            self.at_step("keep.commit")
        self.at_step("keep.end")
        return kept

    async def of_user(self, user_id: int) -> list[Grant]:
        """The user's grants, oldest first."""
        return await self.where(t.c.user_id == user_id)

    async def of_account(self, account_sub: str) -> list[Grant]:
        """Every user's grant for one Google account, oldest first."""
        return await self.where(t.c.account_sub == account_sub)

    async def find(self, user_id: int, account_sub: str | None) -> Grant | None:
        """One grant, or None; without an account, the user's oldest."""
        statement, values = _OLDEST, dict[str, object](user=user_id)
        if account_sub is not None:
            statement, values = _ONE, {"user": user_id, "account": account_sub}
        async with self._reading.connect() as connection:
            row = (await connection.execute(statement, values)).first()
        return None if row is None else grant_of(row)

    async def get(self, grant_id: int) -> Grant | None:
        """The grant with this id, or None."""
        found = await self.where(t.c.id == grant_id)
        return found[0] if found else None

    async def refreshed(self, grant: Grant, lease_id: str, tokens: TokenResponse) -> Grant | None:
        """Store a refreshed access token, unless the row or the lease moved on meanwhile (then None)."""
        changes = {**self._sealed(grant.id, grant.user_id, tokens), **_WITHOUT_LEASE}
        # An answer without a scope means: the same as before (RFC 6749 section 5.1).
        scopes = tokens.scopes or grant.scopes
        async with self.engine.begin() as connection:
            kept = await self._change_if_same(
                connection, grant, lease_id, {**changes, "scopes": sorted(scopes)}
            )
            if kept is not None and scopes != grant.scopes:
                await tell(connection, "grant.scopes_changed", kept, self._clock.now())
            self.at_step("refresh.commit")
        return kept

    async def died(self, grant: Grant, lease_id: str, reason: str) -> bool:
        """Google refused the refresh token: mark for a new consent, unless the row moved on since."""
        changes = {**WITHOUT_TOKENS, **_WITHOUT_LEASE, **self._ended("reconsent", reason)}
        async with self.engine.begin() as connection:
            dead = await self._change_if_same(connection, grant, lease_id, changes)
            if dead is not None:
                await tell(connection, "grant.reconsent", dead, self._clock.now())
        return dead is not None

    async def end(self, grant: Grant, reason: str, *, keep_refresh_token: bool = False) -> Grant | None:
        """Mark as revoked, whatever the version; None when it is gone or was marked before."""
        tokens = _WITHOUT_ACCESS if keep_refresh_token else WITHOUT_TOKENS
        async with self.engine.begin() as connection:
            row = await self._lock(connection, grant.user_id, grant.account_sub)
            if row is None or row.id != grant.id or row.state == "revoked":
                return None
            changes = {**tokens, **_WITHOUT_LEASE, **self._ended("revoked", reason)}
            ended = await self._change(connection, row, changes)
            await tell(connection, "grant.revoked", ended, self._clock.now())
            if keep_refresh_token:
                await enqueue(connection, "revoke", grant.id)
        return ended

    async def erase(self, grant: Grant) -> None:
        """Forget a grant for good, unless it moved on since it was read."""
        async with self.engine.begin() as connection:
            same = (t.c.id == grant.id, t.c.version == grant.version)
            await connection.execute(delete(t).where(*same))

    def note_use(self, grant: Grant) -> None:
        """Remember that a token of this grant was handed out; written down in batches."""
        self._used.add(grant.id)

    async def write_uses(self) -> None:
        """Write down which grants were used; called about once a second."""
        used, self._used = self._used, set()
        if used:
            now = self._clock.now()
            lately = t.c.used_at > now - timedelta(minutes=5)
            async with self.engine.begin() as connection:
                noted = update(t).where(t.c.id.in_(used), lately.is_not(True))
                await connection.execute(noted.values(used_at=now))

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

    async def where(self, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Grant]:
        """The grants that meet conditions on the table's columns, oldest first."""
        async with self._reading.connect() as connection:
            query = select(t).where(*conditions).order_by(t.c.id).limit(limit)
            return [grant_of(row) for row in await connection.execute(query)]

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
            "client_id": self.client_id,
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
        changed = await self._update(connection, changes, t.c.id == row.id)
        assert changed is not None
        return changed

    async def _change_if_same(
        self, connection: AsyncConnection, grant: Grant, lease_id: str, changes: dict[str, object]
    ) -> Grant | None:
        same = (t.c.id == grant.id, t.c.version == grant.version, t.c.lease_id == lease_id)
        return await self._update(connection, changes, *same)

    async def _update(
        self, connection: AsyncConnection, changes: dict[str, object], *where: ColumnElement[bool]
    ) -> Grant | None:
        values = {**changes, "version": t.c.version + 1, "updated_at": self._clock.now()}
        row = (await connection.execute(update(t).where(*where).values(values).returning(t))).first()
        if row is None:
            return None
        await announce_change(connection, topic(row.id))
        return grant_of(row)

    def _ended(self, state: str, reason: str) -> dict[str, object]:
        return {"state": state, "reason": reason, "ended_at": self._clock.now()}

    def _sealed(self, row_id: int, user_id: int, tokens: TokenResponse) -> dict[str, object]:
        def sealed(value: str, name: str) -> bytes:
            return self._seal.close(value, Place(row_id, user_id, name))

        now = self._clock.now()
        columns: dict[str, object] = {
            "access_token": sealed(tokens.access_token, "access_token"),
            "expires_at": now + timedelta(seconds=tokens.expires_in),
            "refreshed_at": now,
            "failures": 0,
        }
        lives = tokens.refresh_token_expires_in
        if lives is not None or tokens.refresh_token:
            columns["refresh_expires_at"] = None if lives is None else now + timedelta(seconds=lives)
        if tokens.refresh_token:
            columns |= {
                "refresh_token": sealed(tokens.refresh_token, "refresh_token"),
                "token_hash": double_hash(tokens.refresh_token),
                "token_prefix_hash": prefix_hash(tokens.refresh_token[:16]),
                "client_id": self.client_id,
            }
        return columns
