"""Transactional outbox: webhook events, written in the transaction that changes a grant, delivered by a job.

The event about calendars, `calendar.changed`, is in `catflap.vault.calendar_changed`.

A change without a subscribed webhook costs one query.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import Text, any_, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.store.queue import enqueue
from catflap.store.task_types import WEBHOOK
from catflap.store.vault_tables import webhook_deliveries, webhooks
from catflap.vault.grant import Grant

Event = Literal["grant.active", "grant.reconsent", "grant.revoked", "grant.scopes_changed"]
GRANT_EVENTS: tuple[str, ...] = get_args(Event)
CALENDAR_CHANGED: Final = "calendar.changed"
EVENTS = (*GRANT_EVENTS, CALENDAR_CHANGED)

_SUBSCRIBED = select(webhooks.c.id).where(bindparam("event", type_=Text) == any_(webhooks.c.events))


async def subscribed(connection: AsyncConnection, event: str) -> Sequence[int]:
    """Return the ids of the webhooks that are subscribed to `event`."""
    return (await connection.execute(_SUBSCRIBED, {"event": event})).scalars().all()


async def enqueue_webhook_event(
    connection: AsyncConnection, event: Event, grant: Grant, now: datetime
) -> None:
    """Insert one delivery for each webhook that is subscribed to `event`, and enqueue it."""
    ids = await subscribed(connection, event)
    if not ids:
        return
    payload = {
        "type": event,
        "timestamp": now.isoformat(),
        "data": {
            "user_id": grant.user_id,
            "account": grant.account_sub,
            "state": grant.state,
            "reason": grant.reason,
            "scopes": sorted(grant.scopes),
        },
    }
    rows = [
        {
            "id": "msg_" + secrets.token_urlsafe(18),
            "webhook_id": webhook_id,
            "event": event,
            "payload": payload,
            "attempts": 0,
            "created_at": now,
            "due_at": now,
        }
        for webhook_id in ids
    ]
    await connection.execute(insert(webhook_deliveries), rows)
    await enqueue(connection, WEBHOOK, *(str(row["id"]) for row in rows))
