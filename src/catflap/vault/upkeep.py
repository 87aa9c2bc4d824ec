"""What the vault does by itself: refresh ahead, finish what was begun, forget what is over, warn in time.

It runs beside the jobs in any number of processes; leases and claims see to it that nothing is done twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import DBAPIError

from catflap.background import Background
from catflap.clock import Clock
from catflap.errors import CatflapError
from catflap.log import log
from catflap.store.tables import google_tokens as t
from catflap.store.tables import webhook_deliveries
from catflap.vault.access import Vault
from catflap.vault.grant import Grant
from catflap.vault.reactions import Reactions
from catflap.vault.webhooks import Webhooks

_K = TypeVar("_K")
_TICK_SECONDS = 5.0
_AHEAD = timedelta(minutes=10)
_SPREAD_SECONDS = 240
_IN_USE = timedelta(hours=2)
_ENDED_KEPT = timedelta(days=30)
_AT_ONCE = 20
_BATCH = 1000
_WARN_EVERY = timedelta(hours=12)


class Upkeep(Background):
    """Ticks while the context is open."""

    def __init__(self, vault: Vault, webhooks: Webhooks, reactions: Reactions, clock: Clock) -> None:
        self._vault = vault
        self._webhooks = webhooks
        self._reactions = reactions
        self._clock = clock
        self._warned_at: datetime | None = None

    async def tick(self) -> None:
        """Do what is due."""
        while await self.refresh_due():
            pass
        await _each(self._webhooks.deliver, await self._webhooks.due())
        await _each(self._vault.revoking.finish, await self._vault.revoking.unfinished())
        await _each(self._reactions.handle, await self._reactions.unfinished())
        await self._forget()
        await self._warn()

    async def refresh_due(self) -> int:
        """Refresh tokens in use that are about to run out; returns how many were refreshed."""
        due = [grant for grant in await self._about_to_run_out() if self._is_due(grant)]
        slots = asyncio.Semaphore(_AT_ONCE)

        async def refresh(grant: Grant) -> bool:
            async with slots:
                try:
                    await self._vault.refresh_ahead(grant)
                except CatflapError:
                    return False
                return True

        return sum(await asyncio.gather(*(refresh(grant) for grant in due)))

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            try:
                await self.tick()
            except (OSError, DBAPIError) as error:
                log.warning("upkeep_lost_database", error=type(error).__name__)
            await asyncio.sleep(_TICK_SECONDS)

    async def _about_to_run_out(self) -> list[Grant]:
        now = self._clock.now()
        free = or_(t.c.lease_until.is_(None), t.c.lease_until <= func.clock_timestamp())
        return await self._vault.grants.where(
            t.c.state == "active",
            t.c.refresh_token.is_not(None),
            t.c.client_id == self._vault.grants.client_id,
            t.c.expires_at < now + _AHEAD,
            t.c.used_at > now - _IN_USE,
            free,
            limit=_BATCH,
        )

    def _is_due(self, grant: Grant) -> bool:
        # Tokens that were issued together must not be renewed together for ever.
        spread = timedelta(seconds=grant.id * 7919 % _SPREAD_SECONDS)
        return grant.expires_at is not None and grant.expires_at - _AHEAD + spread <= self._clock.now()

    async def _forget(self) -> None:
        before = self._clock.now() - _ENDED_KEPT
        w = webhook_deliveries
        async with self._vault.grants.engine.begin() as connection:
            over = (t.c.state != "active", t.c.ended_at < before, t.c.refresh_token.is_(None))
            await connection.execute(delete(t).where(*over))
            await connection.execute(delete(w).where(w.c.done_at < before))

    async def _warn(self) -> None:
        now = self._clock.now()
        if self._warned_at is not None and now - self._warned_at < _WARN_EVERY:
            return
        self._warned_at = now
        soon, long_ago = now + timedelta(days=2), now - timedelta(days=150)
        about = or_(t.c.refresh_expires_at < soon, t.c.refreshed_at < long_ago)
        query = select(func.count()).where(t.c.state == "active")
        async with self._vault.grants.engine.connect() as connection:
            endangered = await connection.scalar(query.where(about))
            testing = await connection.scalar(query.where(t.c.refresh_expires_at < soon))
        if endangered:
            log.warning(
                "grants_about_to_end",
                grants=endangered,
                of_testing_mode=testing,
                hint="A Google Cloud project in Testing mode ends each grant after 7 days: publish it. "
                "A grant that nobody uses for six months ends too.",
            )


async def _each(do: Callable[[_K], Awaitable[None]], keys: list[_K]) -> None:
    for key in keys:
        try:
            await do(key)
        except CatflapError as error:
            log.warning("upkeep_failed", code=error.code, detail=error.detail)
