"""Leases on token rows: which process may refresh a token, renewed while Google is slow.

A lease ends at most its lifetime after its holder died, and never while its holder lives. It is a fencing
token too: a holder's write counts only while its lease and the row's version are unchanged.

Leases are measured by the database's clock, the only one that all machines share.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Interval, cast, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import is_being_cancelled
from catflap.errors import TryAgain
from catflap.log import log
from catflap.store.notify import announce_change
from catflap.store.task_types import grant_topic
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.grant import GrantToken

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
        self._engine = engine
        self._lifetime = lifetime

    async def acquire(self, token: GrantToken) -> Lease | LeaseHeld | None:
        """Acquire the lease; return None when the row has changed since `token` was read."""
        lease = Lease(token.id, token.version, secrets.token_hex(16))
        free = or_(t.c.lease_until.is_(None), t.c.lease_until <= func.clock_timestamp())
        taken = (
            update(t)
            .where(t.c.id == token.id, t.c.version == token.version, t.c.state != "revoked", free)
            .values(lease_id=lease.id, lease_until=_after(self._lifetime))
        )
        left = (t.c.lease_until - func.clock_timestamp()).label("left")
        held = select(t.c.lease_id, left).where(t.c.id == token.id, t.c.version == token.version)
        async with self._engine.begin() as connection:
            if (await connection.execute(taken)).rowcount == 1:
                return lease
            row = (await connection.execute(held)).first()
        if row is None:
            return None
        return LeaseHeld(max(row.left or timedelta(0), timedelta(0)), paused=row.lease_id is None)

    @contextlib.asynccontextmanager
    async def renewing(self, lease: Lease) -> AsyncIterator[None]:
        """Renew the lease while the context is open."""
        task = asyncio.create_task(self._renew(lease))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def release(self, lease: Lease) -> None:
        """Release the lease, and wake the callers that wait for it."""
        await self._end(lease, {"lease_id": None, "lease_until": None})

    async def pause(self, lease: Lease, failures: int, at_least: timedelta | None = None) -> timedelta:
        """Release the lease after a failure; no process refreshes before the returned time has passed.

        `at_least` is the pause that Google asked for.
        """
        seconds = min(_MAX_PAUSE_SECONDS, 0.5 * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        pause = max(timedelta(seconds=seconds), at_least or timedelta(0))
        await self._end(lease, {"lease_id": None, "lease_until": _after(pause), "failures": failures + 1})
        return pause

    async def _renew(self, lease: Lease) -> None:
        mine = update(t).where(t.c.id == lease.token_id, t.c.lease_id == lease.id)
        while True:
            await asyncio.sleep(self._lifetime.total_seconds() / 3)
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(mine.values(lease_until=_after(self._lifetime)))
            except TryAgain as error:
                if is_being_cancelled():
                    return
                log.warning("lease_renewal_failed", token=lease.token_id, detail=error.detail)

    async def _end(self, lease: Lease, values: dict[str, object]) -> None:
        mine = update(t).where(t.c.id == lease.token_id, t.c.lease_id == lease.id)
        async with self._engine.begin() as connection:
            await connection.execute(mine.values(values))
            await announce_change(connection, grant_topic(lease.token_id))


def _after(span: timedelta) -> ColumnElement[object]:
    return func.clock_timestamp() + cast(span, Interval)
