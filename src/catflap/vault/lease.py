"""Leases on token rows: which process may refresh a token, renewed while Google is slow.

A lease ends at most its lifetime after its holder died, and never while its holder lives. It is a fencing
token too: a holder's write counts only while its lease and the row's version are unchanged.

Leases are measured by the database's clock, the only one that all machines share.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Interval, cast, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import is_being_cancelled
from catflap.errors import TryAgain
from catflap.log import log
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.grant import GrantToken, token_of
from catflap.vault.token_rows import ANNOUNCED

LEASE_LIFETIME = timedelta(seconds=3)
_MAX_PAUSE_SECONDS = 10.0


@dataclass(frozen=True)
class Lease:
    """The right to refresh one token, as it was at `version`."""

    token_id: int
    version: int
    id: str


@dataclass(frozen=True)
class LeaseHeld:
    """Another process holds the lease, or a refresh failed a moment ago (`paused`); retry after `left`."""

    left: timedelta
    paused: bool


class Leases:
    """Acquires, renews and releases leases; no connection is held in between."""

    def __init__(self, engine: AsyncEngine, lifetime: timedelta = LEASE_LIFETIME) -> None:
        # A statement alone needs no transaction, and without one it is one round trip instead of three.
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lifetime = lifetime

    async def acquire(self, token: GrantToken) -> Lease | LeaseHeld | None:
        """Acquire the lease; return None when the row has changed since `token` was read."""
        lease = Lease(token.id, token.version, secrets.token_hex(16))
        taken = (
            update(t)
            .where(t.c.id == token.id, t.c.version == token.version, t.c.state != "revoked", _FREE)
            .values(lease_id=lease.id, lease_until=_after(self._lifetime))
        )
        left = (t.c.lease_until - func.clock_timestamp()).label("left")
        held = select(t.c.lease_id, left).where(t.c.id == token.id, t.c.version == token.version)
        async with self._single.connect() as connection:
            if (await connection.execute(taken)).rowcount == 1:
                return lease
            row = (await connection.execute(held)).first()
        if row is None:
            return None
        return LeaseHeld(max(row.left or timedelta(0), timedelta(0)), paused=row.lease_id is None)

    async def claim(self, lease_id: str, *due: ColumnElement[bool], limit: int) -> list[GrantToken]:
        """Acquire the leases of tokens that meet the conditions, the first to expire first.

        Processes that claim at the same time get different tokens.
        """
        chosen = select(t.c.id).where(*due, _FREE).order_by(t.c.expires_at).limit(limit)
        ids = select(chosen.with_for_update(skip_locked=True).cte("chosen").c.id)
        claimed = update(t).where(t.c.id.in_(ids)).returning(t)
        values = {"lease_id": lease_id, "lease_until": _after(self._lifetime)}
        async with self._single.connect() as connection:
            return [token_of(row) for row in await connection.execute(claimed.values(values))]

    @contextlib.asynccontextmanager
    async def renewing(self, lease_id: str, tokens: Collection[int]) -> AsyncIterator[None]:
        """Renew the leases with this id while the context is open; `tokens` may change meanwhile."""
        task = asyncio.create_task(self._renew(lease_id, tokens))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def release(self, lease: Lease) -> None:
        """Release the lease, and wake the callers that wait for it."""
        await self.release_all(lease.id, [lease.token_id])

    async def release_all(self, lease_id: str, tokens: Collection[int]) -> None:
        """Release several leases with the same id."""
        await self._end(lease_id, tokens, {"lease_id": None, "lease_until": None})

    async def pause(self, lease: Lease, failures: int, at_least: timedelta | None = None) -> timedelta:
        """Release the lease after a failure; no process refreshes before the returned time has passed.

        `at_least` is the pause that Google asked for.
        """
        seconds = min(_MAX_PAUSE_SECONDS, 0.5 * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        pause = max(timedelta(seconds=seconds), at_least or timedelta(0))
        values: dict[str, object] = {"lease_id": None, "lease_until": _after(pause), "failures": failures + 1}
        await self._end(lease.id, [lease.token_id], values)
        return pause

    async def _renew(self, lease_id: str, tokens: Collection[int]) -> None:
        while True:
            await asyncio.sleep(self._lifetime.total_seconds() / 3)
            held = update(t).where(t.c.id.in_(tokens), t.c.lease_id == lease_id)
            try:
                async with self._single.connect() as connection:
                    await connection.execute(held.values(lease_until=_after(self._lifetime)))
            except TryAgain as error:
                if is_being_cancelled():
                    return
                log.warning("lease_renewal_failed", tokens=len(tokens), detail=error.detail)

    async def _end(self, lease_id: str, tokens: Collection[int], values: dict[str, object]) -> None:
        held = update(t).where(t.c.id.in_(tokens), t.c.lease_id == lease_id)
        async with self._single.connect() as connection:
            await connection.execute(held.values(values).returning(ANNOUNCED))


_FREE = or_(t.c.lease_until.is_(None), t.c.lease_until <= func.clock_timestamp())


def _after(span: timedelta) -> ColumnElement[object]:
    return func.clock_timestamp() + cast(span, Interval)
