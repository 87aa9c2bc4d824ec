"""Store changes of calendars for the webhook event `calendar.changed`.

Nothing is stored, and no query sent, unless a webhook subscribes to it. `catflap.vault.calendar_changed`
makes messages of what is stored.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.store.calendar_tables import calendar_changes
from catflap.store.queue import enqueue
from catflap.store.task_types import CALENDAR_CHANGED, AccountKey
from catflap.vault.calendar_changed import MAX_EVENT_IDS
from catflap.vault.outbox import CALENDAR_CHANGED as EVENT
from catflap.vault.subscriptions import Subscriptions

Reason = Literal["changed", "full_sync", "gone"]
"""An incremental sync, the end of a full one, or the calendar can't be read any more."""


class ChangeRecorder:
    """Stores what a sync has changed in one calendar.

    Args:
        subscriptions: Which events webhooks subscribe to; None where there are no webhooks.
    """

    def __init__(self, subscriptions: Subscriptions | None = None) -> None:
        self._subscriptions = subscriptions

    async def record(
        self,
        connection: AsyncConnection,
        account: AccountKey,
        calendar: str,
        reason: Reason,
        event_ids: Collection[str],
        now: datetime,
    ) -> None:
        """Store a change and enqueue its messages, if a webhook subscribes to it.

        Args:
            connection: The transaction that writes the events.
            account: The owner of the calendar.
            calendar: Google's id of the calendar.
            reason: What happened.
            event_ids: Google's ids of the events that changed or were deleted; they are complete only
                for `changed`, and not stored otherwise or when there are too many.
            now: The time of the change.
        """
        if self._subscriptions is None or not await self._subscriptions.include(EVENT):
            return
        complete = reason == "changed" and len(event_ids) <= MAX_EVENT_IDS
        new = insert(calendar_changes).values(
            user_id=account.user_id,
            account_sub=account.account_sub,
            calendar=calendar,
            reason=reason,
            event_ids=list(event_ids) if complete else [],
            is_complete=complete,
            created_at=now,
        )
        change_id = await connection.scalar(new.returning(calendar_changes.c.id))
        assert change_id is not None
        await enqueue(connection, CALENDAR_CHANGED, change_id)


NO_WEBHOOKS: Final = ChangeRecorder()
