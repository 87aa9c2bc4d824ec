"""The webhook event `calendar.changed`: which calendar, and the ids of its events; never a title.

A sync stores the change with the app's role, in the transaction that writes the events
(`catflap.calendars.changes`). The role of the app can't write deliveries, so a job does, with the vault's
role, and then deletes the change. Two transactions: when the process ends between them, the job runs again,
and because ids of messages follow from change and webhook, it inserts nothing twice.

While a receiver does not take messages, those about one calendar become one, so that what waits for it grows
with the number of calendars and not of changes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.store.calendar_tables import calendar_changes as c
from catflap.store.queue import enqueue
from catflap.store.task_types import WEBHOOK
from catflap.store.vault_tables import webhook_deliveries as d
from catflap.vault.outbox import CALENDAR_CHANGED, subscribed

# More are not sent; the receiver reads the calendar then.
MAX_EVENT_IDS = 500
# Far longer than a job that is running takes.
_LOST_AFTER = timedelta(minutes=1)
_AT_ONCE = 100


class CalendarChangedEvents:
    """Makes webhook messages of stored changes."""

    def __init__(self, engine: AsyncEngine, vault_engine: AsyncEngine, clock: Clock) -> None:
        """`engine` connects with the app's role, which owns the changes."""
        self._engine = engine
        self._vault_engine = vault_engine
        self._clock = clock

    async def deliver(self, change_id: int) -> None:
        """Insert one delivery for each webhook that subscribes, then delete the change; idempotent."""
        async with self._engine.connect() as connection:
            change = (await connection.execute(select(c).where(c.c.id == change_id))).first()
        if change is None:
            return
        now = self._clock.now()
        async with self._vault_engine.begin() as connection:
            for webhook_id in await subscribed(connection, CALENDAR_CHANGED):
                await _insert(connection, webhook_id, change, now)
        async with self._engine.begin() as connection:
            await connection.execute(delete(c).where(c.c.id == change_id))

    async def unfinished(self) -> list[int]:
        """Return changes that no job has handled for a minute, in case it was lost."""
        lost = c.c.created_at < self._clock.now() - _LOST_AFTER
        query = select(c.c.id).where(lost).order_by(c.c.created_at).limit(_AT_ONCE)
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).scalars())


async def _insert(connection: AsyncConnection, webhook_id: int, change: Row[Any], now: datetime) -> None:
    data = {
        "user_id": change.user_id,
        "account": change.account_sub,
        "calendar": change.calendar,
        "reason": change.reason,
        "event_ids": change.event_ids,
        "complete": change.is_complete,
    }
    message_id = _message_id(webhook_id, change)
    subject = f"{change.user_id} {change.account_sub} {change.calendar}"
    new = insert(d).values(
        id=message_id,
        webhook_id=webhook_id,
        event=CALENDAR_CHANGED,
        subject=subject,
        payload=_payload(change.created_at, data),
        attempts=0,
        created_at=now,
        due_at=now,
    )
    if await connection.scalar(new.on_conflict_do_nothing().returning(d.c.id)) is None:
        return
    replaced = await _replace_failing(connection, webhook_id, subject, now)
    if not replaced:
        await enqueue(connection, WEBHOOK, message_id)
        return
    for one in replaced:
        data = _merged(one.payload["data"], data)
    # It is due, and given up in the end, when the one it replaces would have been.
    values = {
        "payload": _payload(change.created_at, data),
        "outcome": replaced[-1].outcome,
        "attempts": max(one.attempts for one in replaced),
        "due_at": max(one.due_at for one in replaced),
    }
    await connection.execute(update(d).where(d.c.id == message_id).values(values))


async def _replace_failing(
    connection: AsyncConnection, webhook_id: int, subject: str, now: datetime
) -> Sequence[Row[Any]]:
    """End and return the deliveries about `subject` that have failed and would be attempted again."""
    failing = (d.c.webhook_id == webhook_id, d.c.subject == subject, d.c.done_at.is_(None))
    query = select(d).where(*failing, d.c.outcome.is_not(None)).order_by(d.c.created_at, d.c.id)
    found = (await connection.execute(query.with_for_update())).all()
    if found:
        ended = update(d).where(d.c.id.in_([one.id for one in found]))
        await connection.execute(ended.values(done_at=now, outcome="replaced"))
    return found


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells of both changes; a list that would be too long tells of neither's events."""
    ids = list(dict.fromkeys([*old["event_ids"], *new["event_ids"]]))
    complete = old["complete"] and new["complete"] and len(ids) <= MAX_EVENT_IDS
    reason = old["reason"] if new["reason"] == "changed" else new["reason"]
    return {**new, "reason": reason, "event_ids": ids if complete else [], "complete": complete}


def _payload(at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": CALENDAR_CHANGED, "timestamp": at.isoformat(), "data": data}


def _message_id(webhook_id: int, change: Row[Any]) -> str:
    # With the time, because ids of changes begin anew when a backup is restored.
    identity = f"{webhook_id} {change.id} {change.created_at.isoformat()}"
    return "msg_" + hashlib.sha256(identity.encode()).hexdigest()[:32]
