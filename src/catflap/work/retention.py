"""Delete what is no longer needed: announcements, facts, sounds, sessions, counts, logs of jobs and use."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, delete, exists, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.acknowledging import STATES
from catflap.announcements.facts import FACTS_KEPT
from catflap.announcements.repository import KEPT
from catflap.background import Background
from catflap.calendars.project_budget import delete_old_windows
from catflap.clock import Clock
from catflap.devices.members import delete_expired_invitations
from catflap.devices.pairing import delete_expired_pairings
from catflap.store.batches import BATCH, in_batches, next_batch
from catflap.store.counters import delete_old_counters
from catflap.store.planning_tables import occurrence_changes, reactions
from catflap.store.seldom import SeldomTask
from catflap.store.shared_limits import delete_ended_windows
from catflap.store.tables import announcements, audit, seldom_tasks, sessions, sounds
from catflap.vault.lifetimes import AUDIT_KEPT

_EVERY = timedelta(hours=1)
_LOOK_EVERY = timedelta(minutes=1)
# PgQueuer writes three rows for each job and deletes none. Their times are the database's.
_LOG_KEPT = timedelta(hours=6)
_PRUNE_LOG = text(
    "DELETE FROM queue.pgqueuer_log WHERE id = ANY (ARRAY("
    "SELECT id FROM queue.pgqueuer_log WHERE created < now() - CAST(:kept AS interval) "
    "ORDER BY created LIMIT :batch FOR UPDATE SKIP LOCKED))"
)


class Retention(Background):
    """Deletes old rows every hour while the context is open, in one of all processes.

    Some of them are there without calendars too: sessions, the audit log, counters, the log of jobs.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._hourly = SeldomTask(engine, seldom_tasks, "retention", _EVERY)

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self.attempt(self.tick)
            await self._clock.sleep_until(self._clock.now() + _LOOK_EVERY)

    async def tick(self) -> None:
        """Delete what is old, if no process has done so for an hour."""
        now = self._clock.now()
        if await self._hourly.is_due(now):
            await delete_old(self._engine, now)


async def delete_old(engine: AsyncEngine, now: datetime) -> None:
    """Delete everything that is old at `now`, in small transactions."""
    for batch in _BATCHES:
        await in_batches(engine, partial(batch, now))
    await in_batches(engine, _job_log)


async def _announcements(now: datetime, connection: AsyncConnection) -> int:
    t = announcements
    # The states are named because the index begins with them.
    old = next_batch(t, t.c.state.in_(STATES), t.c.expires_at < now - KEPT, oldest=t.c.expires_at)
    return (await connection.execute(delete(t).where(old))).rowcount


async def _note_used_sounds(now: datetime, connection: AsyncConnection) -> int:
    """Note old sounds that announcements still use, so that they are not looked at again before long."""
    t = sounds
    old = next_batch(t, t.c.used_at < now - KEPT, _is_used(), oldest=t.c.used_at)
    return (await connection.execute(update(t).where(old).values(used_at=now))).rowcount


async def _unused_sounds(now: datetime, connection: AsyncConnection) -> int:
    t = sounds
    old = next_batch(t, t.c.used_at < now - KEPT, ~_is_used(), oldest=t.c.used_at)
    return (await connection.execute(delete(t).where(old))).rowcount


def _is_used() -> ColumnElement[bool]:
    return exists().where(announcements.c.sound_key == sounds.c.key)


async def _sessions(now: datetime, connection: AsyncConnection) -> int:
    """Delete expired sessions; the next sign-in of the user does it earlier."""
    t = sessions
    return (
        await connection.execute(delete(t).where(next_batch(t, t.c.expires_at <= now, oldest=t.c.expires_at)))
    ).rowcount


async def _changes(now: datetime, connection: AsyncConnection) -> int:
    t = occurrence_changes
    old = next_batch(t, t.c.noticed_at < now - FACTS_KEPT, oldest=t.c.noticed_at)
    return (await connection.execute(delete(t).where(old))).rowcount


async def _reactions(now: datetime, connection: AsyncConnection) -> int:
    t = reactions
    old = next_batch(t, t.c.at < now - FACTS_KEPT, oldest=t.c.at)
    return (await connection.execute(delete(t).where(old))).rowcount


async def _audit(now: datetime, connection: AsyncConnection) -> int:
    old = next_batch(audit, audit.c.at < now - AUDIT_KEPT, oldest=audit.c.at)
    return (await connection.execute(delete(audit).where(old))).rowcount


async def _job_log(connection: AsyncConnection) -> int:
    return (await connection.execute(_PRUNE_LOG, {"kept": _LOG_KEPT, "batch": BATCH})).rowcount


_BATCHES = (
    _announcements,
    _note_used_sounds,
    _unused_sounds,
    _sessions,
    _changes,
    _reactions,
    _audit,
    delete_old_windows,
    delete_old_counters,
    delete_ended_windows,
    delete_expired_pairings,
    delete_expired_invitations,
)
