"""Repository of grants: store the tokens of a consent, update them, and mark them invalid or revoked.

A grant is unique for a user and an account. It may hold several tokens, which are rows of their own (see
`catflap.vault.grant`): each is refreshed, named by RISC events and invalidated separately, and the
grant needs a new consent only when none of them is left.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import Interval, cast, delete, func, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.google.oauth import TokenResponse
from catflap.store.prepared_reads import PreparedReads
from catflap.store.queue import enqueue
from catflap.store.task_types import ERASE, REVOKE, SYNC, AccountKey
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.encryption import TokenCipher
from catflap.vault.failpoint import failpoint
from catflap.vault.grant import Grant, GrantToken
from catflap.vault.grant_queries import StoredGrants
from catflap.vault.outbox import Event, enqueue_webhook_event
from catflap.vault.token_rows import ALIVE, WITHOUT_ACCESS, WITHOUT_LEASE, WITHOUT_TOKENS, RefreshedToken
from catflap.vault.token_selection import choose_row, covers, row_for_access_token

_NOTED_EVERY = timedelta(minutes=5)


class Grants(StoredGrants):
    """Repository of the grants of this installation's OAuth clients."""

    def __init__(
        self,
        engine: AsyncEngine,
        cipher: TokenCipher,
        clock: Clock,
        client_id: str,
        *,
        sync_calendars: bool = True,
        reads: PreparedReads | None = None,
        other_clients: Collection[str] = (),
    ) -> None:
        """Create a repository.

        Args:
            client_id: the primary client, to which tokens belong where `store` is told nothing else.
            other_clients: the other clients of this installation.
            sync_calendars: whether a new consent enqueues a calendar sync.
            reads: for the query of each token request, where there are many; with the vault's role.
        """
        super().__init__(engine, cipher, clock, client_id, reads, other_clients)
        self._clock = clock
        self._sync_calendars = sync_calendars
        self._used: set[int] = set()

    async def store(
        self, user_id: int, account_sub: str, tokens: TokenResponse, client_id: str | None = None
    ) -> Grant | None:
        """Store the tokens of a consent, and enqueue a calendar sync in the same transaction.

        Google sends a refresh token only with the first consent; when it sends none, the stored one stays.
        Return None when there is neither: the user must see the consent screen again.

        Args:
            client_id: the client that the tokens were issued to; the primary one if not given.
        """
        client_id = client_id or self.client_id
        failpoint("keep.begin")
        async with self.engine.begin() as connection:
            rows = await self.rows.lock(connection, user_id, account_sub)
            before = self.combined(rows) if rows else None
            alive = [one for one in rows if one.is_alive(self.client_ids) and self.can_open(one)]
            theirs = [one for one in alive if one.client_id == client_id]
            if tokens.refresh_token is not None:
                kept = await self._store_refresh_token(
                    connection, user_id, account_sub, rows, tokens, client_id
                )
            elif theirs:
                token = row_for_access_token(theirs, tokens)
                kept = self._combined(rows, await self._store_access_token(connection, token, tokens))
            elif before is not None and any(covers(one, tokens) for one in alive):
                # A refresh token of another client of ours gives the same access.
                kept = before
            else:
                return None
            event: Event = "grant.scopes_changed" if alive else "grant.active"
            if event == "grant.active" or before is None or kept.scopes != before.scopes:
                await enqueue_webhook_event(connection, event, kept, self._clock.now())
            await self.enqueue_sync(connection, AccountKey(user_id, account_sub))
            failpoint("keep.commit")
        failpoint("keep.end")
        return kept

    async def store_refreshed(
        self, token: GrantToken, lease_id: str, answer: TokenResponse
    ) -> GrantToken | None:
        """Store a refreshed access token; return None when the row or the lease has changed since."""
        # A response without `scope` means: the same as before (RFC 6749 section 5.1).
        scopes = answer.scopes or token.scopes
        changes = {
            **self.rows.encrypted_columns(token.id, token.user_id, answer, token.client_id),
            **WITHOUT_LEASE,
            **ALIVE,
            "scopes": sorted(scopes),
        }
        async with self.engine.begin() as connection:
            kept = await self.rows.update_if_same(connection, token, lease_id, changes)
            if kept is not None and (scopes != token.scopes or token.state != "active"):
                await self._enqueue_change_event(connection, token, kept)
            failpoint("refresh.commit")
        return kept

    async def store_access_tokens(self, refreshed: Sequence[RefreshedToken]) -> set[int]:
        """Store refreshed access tokens in one transaction; return the ids of those stored.

        Only for answers with the same scopes and no new refresh token. A row that has changed since it was
        read, or whose lease has, is left alone.
        """
        async with self.engine.begin() as connection:
            kept = await self.rows.store_access_tokens(connection, refreshed)
            failpoint("refresh.commit")
        return kept

    async def mark_invalid(self, token: GrantToken, lease_id: str, reason: str) -> bool:
        """Delete a refresh token that Google called invalid, unless the row has changed since."""
        changes = {**WITHOUT_TOKENS, **WITHOUT_LEASE, **self.rows.ended_columns("reconsent", reason)}
        return await self._end_token(token, lease_id, changes)

    async def suspend(self, token: GrantToken, lease_id: str, reason: str, pause: timedelta) -> bool:
        """Mark a token that Google refuses for now; keep the refresh token, and retry later."""
        ended = self.rows.ended_columns("reconsent", reason)
        if token.state == "reconsent" and token.reason == reason:
            ended["ended_at"] = token.ended_at
        changes = {
            **WITHOUT_ACCESS,
            **ended,
            "lease_id": None,
            "lease_until": func.clock_timestamp() + cast(pause, Interval),
            "failures": token.failures + 1,
        }
        return await self._end_token(token, lease_id, changes)

    async def end(self, grant: Grant, reason: str, *, keep_refresh_token: bool = False) -> Grant | None:
        """Mark a grant as revoked; return None when it is deleted or was marked before."""
        async with self.engine.begin() as connection:
            rows = await self.rows.lock(connection, grant.user_id, grant.account_sub)
            if not any(one.id == grant.id and one.state != "revoked" for one in rows):
                return None
            ended = await self._mark_revoked(connection, rows, reason, keep_refresh_token=keep_refresh_token)
            if keep_refresh_token:
                await enqueue(connection, REVOKE, grant.id)
        return ended

    async def end_token(self, token: GrantToken, reason: str) -> None:
        """Delete a refresh token that Google revoked; the grant is revoked when it was the last."""
        async with self.engine.begin() as connection:
            rows = await self.rows.lock(connection, token.user_id, token.account_sub)
            if not any(one.id == token.id and one._refresh_token == token._refresh_token for one in rows):
                return
            if not any(one.is_alive(self.client_ids) for one in rows if one.id != token.id):
                await self._mark_revoked(connection, rows, reason, keep_refresh_token=False)
                return
            await self._delete_token(connection, token, reason)

    async def mark_lost(self, token: GrantToken, reason: str) -> None:
        """Delete a refresh token that can't be used any more, unless it was replaced since it was read."""
        async with self.engine.begin() as connection:
            rows = await self.rows.lock(connection, token.user_id, token.account_sub)
            if any(one.id == token.id and one._refresh_token == token._refresh_token for one in rows):
                await self._delete_token(connection, token, reason)

    async def erase(self, grant: Grant) -> None:
        """Delete a grant, unless it has changed since it was read."""
        async with self.engine.begin() as connection:
            same = (t.c.id == grant.id, t.c.version == grant.version)
            await connection.execute(delete(t).where(*same))

    def note_use(self, token: GrantToken) -> None:
        """Note that an access token was returned; stored in batches, unless that was noted lately."""
        if token.used_at is None or self._clock.now() - token.used_at >= _NOTED_EVERY:
            self._used.add(token.id)

    async def write_uses(self) -> None:
        """Store which tokens were used; called about once a second."""
        used, self._used = self._used, set()
        if used:
            now = self._clock.now()
            lately = t.c.used_at > now - _NOTED_EVERY
            async with self.engine.begin() as connection:
                noted = update(t).where(t.c.id.in_(used), lately.is_not(True))
                await connection.execute(noted.values(used_at=now))

    async def enqueue_sync(self, connection: AsyncConnection, *accounts: AccountKey) -> None:
        """Enqueue a calendar sync of `accounts`, unless calendars are switched off."""
        if self._sync_calendars:
            await enqueue(connection, SYNC, *accounts)

    async def _read(self, connection: AsyncConnection, user_id: int, account_sub: str) -> Grant:
        return self.combined(await self.rows.of_grant(connection, user_id, account_sub))

    def _combined(self, rows: Sequence[GrantToken], changed: Sequence[GrantToken]) -> Grant:
        """Combine the rows of a grant, some of which were changed or added since they were read."""
        present = {one.id: one for one in (*rows, *changed)}
        return self.combined([present[row_id] for row_id in sorted(present)])

    async def _store_access_token(
        self, connection: AsyncConnection, token: GrantToken, answer: TokenResponse
    ) -> list[GrantToken]:
        scopes = answer.scopes | token.scopes
        changes = self.rows.encrypted_columns(token.id, token.user_id, answer, token.client_id)
        if not answer.scopes >= scopes:
            # A narrower access token must not hide the scopes of the stored refresh token.
            changes |= WITHOUT_ACCESS
        changes |= {**WITHOUT_LEASE, **ALIVE, "scopes": sorted(scopes)}
        return await self.rows.update_by_id(connection, token.id, changes)

    async def _store_refresh_token(
        self,
        connection: AsyncConnection,
        user_id: int,
        account_sub: str,
        rows: Sequence[GrantToken],
        answer: TokenResponse,
        client_id: str,
    ) -> Grant:
        main = next((one for one in rows if one.supplements is None), None)
        kept = [one for one in rows if self.is_of_use(one)]
        choice = choose_row(rows, kept, answer.scopes, client_id)
        await self.rows.delete(connection, choice.removed)
        target = choice.target or await self.rows.insert(
            connection, user_id, account_sub, client_id, main.id if main else None
        )
        sealed = self.rows.encrypted_columns(target.id, user_id, answer, client_id)
        changes = {**sealed, **WITHOUT_LEASE, **ALIVE, "scopes": sorted(answer.scopes)}
        changed = await self.rows.update_by_id(connection, target.id, changes)
        if main is not None and target.id != main.id:
            # Changes the version of the main row, so that a concurrent `erase` of the grant has no effect.
            changed += await self.rows.update_by_id(connection, main.id, {})
        return self._combined([one for one in rows if one not in choice.removed], changed)

    async def _delete_token(self, connection: AsyncConnection, token: GrantToken, reason: str) -> None:
        changes = {**WITHOUT_TOKENS, **WITHOUT_LEASE}
        if token.state != "revoked":
            changes |= self.rows.ended_columns("reconsent", reason)
        (ended,) = await self.rows.update_by_id(connection, token.id, changes)
        await self._enqueue_change_event(connection, token, ended)

    async def _end_token(self, token: GrantToken, lease_id: str, changes: dict[str, object]) -> bool:
        async with self.engine.begin() as connection:
            ended = await self.rows.update_if_same(connection, token, lease_id, changes)
            if ended is not None:
                await self._enqueue_change_event(connection, token, ended)
        return ended is not None

    async def _enqueue_change_event(
        self, connection: AsyncConnection, was: GrantToken, token: GrantToken
    ) -> None:
        """Enqueue the webhook event for the change of one token, if its grant changed with it."""
        rows = await self.rows.of_grant(connection, token.user_id, token.account_sub)
        before = self.combined([was if one.id == token.id else one for one in rows])
        after = self.combined(rows)
        event: Event = "grant.scopes_changed"
        if after.state != before.state:
            event = "grant.active" if after.state == "active" else "grant.reconsent"
        if after.state != before.state or after.scopes != before.scopes:
            await enqueue_webhook_event(connection, event, after, self._clock.now())
        if event == "grant.active":
            await self.enqueue_sync(connection, AccountKey(token.user_id, token.account_sub))

    async def _mark_revoked(
        self,
        connection: AsyncConnection,
        rows: Sequence[GrantToken],
        reason: str,
        *,
        keep_refresh_token: bool,
    ) -> Grant:
        changes = {**(WITHOUT_ACCESS if keep_refresh_token else WITHOUT_TOKENS), **WITHOUT_LEASE}
        ids = [one.id for one in rows]
        await self.rows.update(
            connection, {**changes, **self.rows.ended_columns("revoked", reason)}, t.c.id.in_(ids)
        )
        ended = await self._read(connection, rows[0].user_id, rows[0].account_sub)
        await enqueue_webhook_event(connection, "grant.revoked", ended, self._clock.now())
        await enqueue(connection, ERASE, AccountKey(ended.user_id, ended.account_sub))
        return ended
