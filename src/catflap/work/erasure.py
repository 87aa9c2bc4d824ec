"""Erase what was read with a grant that has ended (the task `erase`).

Ending a grant enqueues the task, and so does a sync that gets no access token, in case that job was lost.
"""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.erasure import erase_unplanned
from catflap.announcements.repository import lock_plan
from catflap.clock import Clock
from catflap.log import log
from catflap.store.calendar_tables import calendar_syncs, calendars, push_channels, removed_calendars
from catflap.store.queue import enqueue
from catflap.store.task_types import PLAN, SYNC, AccountKey
from catflap.vault import Grants

# In the order in which a sync locks them; events are deleted with their calendars.
_TABLES = (calendar_syncs, calendars, removed_calendars, push_channels)


class Erasure:
    """Deletes the calendars of an account without a grant, and what was to be said of them."""

    def __init__(self, engine: AsyncEngine, grants: Grants, clock: Clock) -> None:
        """`engine` connects with the app's role, which owns the calendars."""
        self._engine = engine
        self._grants = grants
        self._clock = clock

    async def erase(self, account: AccountKey) -> None:
        """Erase the calendars of an account whose grant was revoked or deleted; idempotent.

        A grant that needs a new consent keeps its copy, until retention deletes the grant.
        """
        has_ended = await self._has_ended(account)
        if has_ended:
            await self._erase(account)
            has_ended = await self._has_ended(account)
        if not has_ended:
            await self._read_if_erased(account)

    async def _erase(self, account: AccountKey) -> None:
        async with self._engine.begin() as connection:
            await lock_plan(connection, account.user_id)
            found = await _delete_calendars(connection, account)
            await erase_unplanned(connection, account.user_id, self._clock.now())
            await enqueue(connection, PLAN, account.user_id)
        if found:
            log.info("calendars_erased", user=account.user_id, calendars=found)

    async def _read_if_erased(self, account: AccountKey) -> None:
        """Enqueue a sync where a consent came meanwhile: its own may have stored what was erased after it.

        Also when this job is the repetition of one that ended right after it had erased.
        """
        t = calendar_syncs
        mine = t.c.user_id == account.user_id, t.c.account_sub == account.account_sub
        async with self._engine.begin() as connection:
            if (await connection.execute(select(t.c.user_id).where(*mine))).first() is None:
                await enqueue(connection, SYNC, account)

    async def _has_ended(self, account: AccountKey) -> bool:
        grant = await self._grants.exact(*account)
        return grant is None or grant.state == "revoked"


async def _delete_calendars(connection: AsyncConnection, account: AccountKey) -> int:
    """Delete all rows about the calendars of an account; return how many calendars there were."""
    counts = {}
    for t in _TABLES:
        mine = t.c.user_id == account.user_id, t.c.account_sub == account.account_sub
        counts[t.name] = (await connection.execute(delete(t).where(*mine))).rowcount
    return counts["calendars"]
