"""Handle security events (RISC) as Google requires; handling an event twice has no further effect.

| event | reaction |
|---|---|
| sessions-revoked | end the user's sessions |
| tokens-revoked | delete the tokens of the account, end sessions |
| token-revoked | delete that refresh token; other tokens of the grant stay |
| account-disabled | refuse sign-in; if hijacked, end sessions; if `bulk-account`, only suggest a review |
| account-enabled | allow signing in again |
| account-credential-change-required | suggest a review in the log |
| verification | audit entry |

Events are stored before the response is sent, and handled by a job, so none is lost in between.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.google.risc import RiscEvent, SecurityEvents
from catflap.log import log
from catflap.store.batches import in_batches, next_batch
from catflap.store.queue import enqueue
from catflap.store.tables import accounts, risc_events, sessions
from catflap.store.task_types import SECURITY_EVENT
from catflap.store.vault_tables import google_tokens
from catflap.vault.audit import Audit
from catflap.vault.fingerprints import decode_double_hash, prefix_hash
from catflap.vault.grant import GrantToken
from catflap.vault.grants import Grants
from catflap.vault.lifetimes import SECURITY_EVENTS_KEPT


class SecurityEventHandler:
    """Stores security events and acts on them."""

    def __init__(self, engine: AsyncEngine, grants: Grants, clock: Clock, audit: Audit) -> None:
        """`engine` connects with the app's role, which owns sessions and accounts."""
        self._engine = engine
        self._grants = grants
        self._clock = clock
        self._audit = audit

    async def accept(self, received: SecurityEvents) -> bool:
        """Store events and enqueue SECURITY_EVENT; return False for a repetition."""
        values = {
            "jti": received.jti,
            "events": [asdict(event) for event in received.events],
            "received_at": self._clock.now(),
        }
        async with self._engine.begin() as connection:
            stored = upsert(risc_events).values(values).on_conflict_do_nothing().returning(risc_events.c.jti)
            fresh = (await connection.execute(stored)).first() is not None
            if fresh:
                await enqueue(connection, SECURITY_EVENT, received.jti)
        return fresh

    async def handle(self, jti: str) -> None:
        """Handle the stored events of one token."""
        t = risc_events
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(t).where(t.c.jti == jti, t.c.done_at.is_(None)))).first()
        if row is None:
            return
        for members in row.events:
            await self._handle(RiscEvent(**members))
        async with self._engine.begin() as connection:
            # Neither the account nor the fingerprint of its token is needed any more.
            done = update(t).where(t.c.jti == jti)
            await connection.execute(
                done.values(done_at=self._clock.now(), events=[_anonymous(one) for one in row.events])
            )

    async def unfinished(self) -> list[str]:
        """Return the `jti`s that no job has handled yet, in case one was lost."""
        query = select(risc_events.c.jti).where(risc_events.c.done_at.is_(None))
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).scalars())

    async def delete_old(self, now: datetime) -> None:
        """Delete handled events that are refused by their age if they come again."""

        async def batch(connection: AsyncConnection) -> int:
            t = risc_events
            old = next_batch(t, t.c.done_at < now - SECURITY_EVENTS_KEPT, oldest=t.c.done_at)
            return (await connection.execute(delete(t).where(old))).rowcount

        await in_batches(self._engine, batch)

    async def _handle(self, event: RiscEvent) -> None:
        log.info("risc_event", kind=event.kind, reason=event.reason)
        self._audit.note(f"risc.{event.kind}", account_sub=event.sub, detail=event.reason)
        if event.kind == "token-revoked":
            for token in await self._of_token(event):
                await self._grants.end_token(token, "token_revoked")
        if event.sub is None:
            return
        if event.kind == "tokens-revoked":
            for grant in await self._grants.of_account(event.sub):
                await self._grants.end(grant, "tokens_revoked")
        if event.kind in ("sessions-revoked", "tokens-revoked") or event.reason == "hijacking":
            await self._end_sessions(event.sub)
        if event.kind == "account-enabled":
            await self._allow_sign_in(event.sub, True)
        if event.kind == "account-disabled" and event.reason != "bulk-account":
            await self._allow_sign_in(event.sub, False)
        if event.kind == "account-credential-change-required" or event.reason == "bulk-account":
            log.warning("account_review_suggested", account=event.sub, kind=event.kind, reason=event.reason)

    async def _of_token(self, event: RiscEvent) -> list[GrantToken]:
        t = google_tokens
        if event.token is None:
            return []
        if event.algorithm == "prefix":
            return await self._grants.rows.where(t.c.token_prefix_hash == prefix_hash(event.token[:16]))
        hashed = decode_double_hash(event.token)
        return [] if hashed is None else await self._grants.rows.where(t.c.token_hash == hashed)

    async def _end_sessions(self, sub: str) -> None:
        owner = select(accounts.c.user_id).where(accounts.c.sub == sub, accounts.c.signs_in)
        async with self._engine.begin() as connection:
            await connection.execute(delete(sessions).where(sessions.c.user_id.in_(owner)))

    async def _allow_sign_in(self, sub: str, allowed: bool) -> None:
        changed = update(accounts).where(accounts.c.sub == sub)
        async with self._engine.begin() as connection:
            await connection.execute(changed.values(disabled_at=None if allowed else self._clock.now()))


def _anonymous(members: dict[str, Any]) -> dict[str, Any]:
    return {**members, "sub": None, "token": None}
