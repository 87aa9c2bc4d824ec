"""Periodic maintenance of the vault: proactive refresh, retries, retention and expiry warnings.

Safe to run in several processes: leases and claims prevent that anything is done twice. What is not urgent
runs once per interval in one of them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select

from catflap.background import Background
from catflap.clock import Clock
from catflap.errors import CatflapError, OperatorMustAct
from catflap.log import log, place
from catflap.store.seldom import SeldomTask
from catflap.store.vault_tables import google_tokens as t
from catflap.store.vault_tables import seldom_tasks
from catflap.vault.access import Vault
from catflap.vault.calendar_changed import CalendarChangedEvents
from catflap.vault.lifetimes import ENDS_SOON, IN_USE, REFRESH_AHEAD, REFRESH_SPREAD, UNUSED
from catflap.vault.retention import delete_old
from catflap.vault.sealed_columns import missing_keys
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.webhooks import Webhooks

_K = TypeVar("_K")
_TICK_SECONDS = 5.0
# Fewer than the connections of the pool, which requests share.
_AT_ONCE = 5
_LOST_JOBS_EVERY = timedelta(minutes=1)
_RETENTION_EVERY = timedelta(hours=1)
_WARN_EVERY = timedelta(hours=12)


class Maintenance(Background):
    """Runs the maintenance tasks every few seconds while the context is open."""

    def __init__(
        self,
        vault: Vault,
        webhooks: Webhooks,
        security_event_handler: SecurityEventHandler,
        calendar_changed: CalendarChangedEvents,
        clock: Clock,
    ) -> None:
        self._vault = vault
        self._webhooks = webhooks
        self._security_event_handler = security_event_handler
        self._calendar_changed = calendar_changed
        self._clock = clock
        self._seldom: dict[SeldomTask, Callable[[datetime], Awaitable[None]]] = {
            self._seldom_task("lost_jobs", _LOST_JOBS_EVERY): self._finish_lost_jobs,
            self._seldom_task("retention", _RETENTION_EVERY): self._delete_old,
            self._seldom_task("expiry_warning", _WARN_EVERY): self._warn_about_expiry,
        }

    async def tick(self) -> None:
        """Run every task that is due."""
        await self.refresh_due()
        await _run_each(self._webhooks.deliver_until_failure, await self._webhooks.due())
        await missing_keys(self._vault.grants.engine, self._vault.grants.cipher)
        now = self._clock.now()
        for seldom, run in self._seldom.items():
            if await seldom.is_due(now):
                await run(now)

    async def refresh_due(self) -> int:
        """Refresh tokens in use that expire soon, until none is left; return how many were refreshed."""
        return await self._vault.refresh_all(self._expiring_soon)

    async def run(self) -> None:
        """Call `tick` periodically until cancelled."""
        while True:
            await self.attempt(self.tick)
            await asyncio.sleep(_TICK_SECONDS)

    def _expiring_soon(self) -> tuple[ColumnElement[bool], ...]:
        now = self._clock.now()
        spread = func.make_interval(0, 0, 0, 0, 0, 0, t.c.id * 7919 % int(REFRESH_SPREAD.total_seconds()))
        return (
            t.c.state == "active",
            # Implied by the time of its use, when it was valid; it limits the range of the index.
            t.c.expires_at > now - IN_USE,
            t.c.expires_at <= now + REFRESH_AHEAD,
            t.c.expires_at <= now + REFRESH_AHEAD - spread,
            t.c.used_at > now - IN_USE,
            # A token that Google gives for less than REFRESH_AHEAD would be due again at once.
            or_(t.c.refreshed_at.is_(None), t.c.refreshed_at <= now - REFRESH_AHEAD),
            t.c.refresh_token.is_not(None),
        )

    def _seldom_task(self, name: str, every: timedelta) -> SeldomTask:
        return SeldomTask(self._vault.grants.engine, seldom_tasks, name, every)

    async def _finish_lost_jobs(self, _now: datetime) -> None:
        """Do what a job was to do, in case it was lost."""
        await _run_each(self._vault.revocation.finish, await self._vault.revocation.unfinished())
        await _run_each(self._security_event_handler.handle, await self._security_event_handler.unfinished())
        await _run_each(self._calendar_changed.deliver, await self._calendar_changed.unfinished())

    async def _delete_old(self, now: datetime) -> None:
        await delete_old(self._vault.grants.engine, now)
        await self._security_event_handler.delete_old(now)

    async def _warn_about_expiry(self, now: datetime) -> None:
        soon, long_ago = now + ENDS_SOON, now - UNUSED
        # Each refresh stores an access token, so the expiry of the last one tells when that was. An imported
        # grant may never have been refreshed.
        unused = or_(
            t.c.expires_at < long_ago,
            and_(t.c.expires_at.is_(None), func.coalesce(t.c.refreshed_at, t.c.created_at) < long_ago),
        )
        grants = func.count(func.distinct(func.coalesce(t.c.supplements, t.c.id)))
        ends = t.c.refresh_expires_at < soon
        query = select(grants, grants.filter(ends)).where(t.c.state == "active", or_(ends, unused))
        async with self._vault.grants.engine.connect() as connection:
            endangered, testing = (await connection.execute(query)).one()
        if endangered:
            log.warning(
                "grants_expiring_soon",
                grants=endangered,
                of_testing_mode=testing,
                hint="A Google Cloud project in Testing mode ends each grant after 7 days: publish it. "
                "A grant that is unused for six months ends too.",
            )


async def _run_each(do: Callable[[_K], Awaitable[None]], keys: list[_K]) -> None:
    """Run `do` for each key, some at once, so that a slow webhook delays no other; failures are logged."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def run(key: _K) -> None:
        try:
            async with slots:
                await do(key)
        except CatflapError as error:
            if not (isinstance(error, OperatorMustAct) and error.logged):
                log.warning("maintenance_task_failed", code=error.code, detail=error.detail)
        except Exception as error:
            # Otherwise the group would cancel the others, at each tick anew.
            log.error("maintenance_task_crashed", error=type(error).__name__, at=place(error.__traceback__))

    async with asyncio.TaskGroup() as tasks:
        for key in keys:
            tasks.create_task(run(key))
