"""Take Google's push notifications: mark what has changed, so that a job reads it.

A notification says that something changed, not what. It counts only with the secret token of its channel.
While a calendar is marked already, further notifications write nothing: a burst costs one read each.
"""

import hmac
import re
import secrets
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.row_mapping import Columns
from catflap.store.single_statements import fetch_alone
from catflap.store.task_types import SYNC_DUE, AccountKey
from catflap.store.token_hash import hash_token

# As `uuid.UUID` writes it; `PushChannels` chooses such ids.
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Compared with for unknown ids, so that they take as long as known ones.
_NO_HASH = secrets.token_bytes(32)

_FIND = PreparedQuery(
    text("""
    SELECT p.token_hash, p.user_id, p.account_sub, p.calendar_id, p.is_list, p.expires_at, p.notified_at,
        coalesce(c.is_notified OR NOT c.is_selected, s.is_list_notified, true) AS has_nothing_to_mark
    FROM app.push_channels p
    LEFT JOIN app.calendars c ON c.id = p.calendar_id
    LEFT JOIN app.calendar_syncs s ON p.is_list AND s.user_id = p.user_id AND s.account_sub = p.account_sub
    WHERE p.id = :id
    """)
)
_ARRIVED = PreparedQuery(text("UPDATE app.push_channels SET notified_at = :now WHERE id = :id"))
_MARK_CALENDAR = text("""
    WITH channel AS (UPDATE app.push_channels SET notified_at = :now, missed_at = NULL WHERE id = :id)
    UPDATE app.calendars SET is_notified = true WHERE id = :calendar_id AND NOT is_notified RETURNING id
""")
_MARK_LIST = text("""
    WITH channel AS (UPDATE app.push_channels SET notified_at = :now, missed_at = NULL WHERE id = :id)
    UPDATE app.calendar_syncs SET is_list_notified = true
    WHERE user_id = :user_id AND account_sub = :account_sub AND NOT is_list_notified RETURNING user_id
""")


class PushNotifications:
    """Receiver of notifications."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def notify(self, channel_id: str, token: str, state: str) -> bool:
        """Mark the watched calendar or list as changed, and enqueue a job if it was not marked before.

        Args:
            channel_id: `X-Goog-Channel-ID`.
            token: `X-Goog-Channel-Token`.
            state: `X-Goog-Resource-State`; `sync` only says that the channel works.

        Returns:
            Whether the notification is genuine: of a live channel, with its token.

        Raises:
            TryAgain: `database_unavailable`.
        """
        now = self._clock.now()
        found: list[Columns] = []
        if _ID.fullmatch(channel_id):
            found = await fetch_alone(self._engine, _FIND, id=channel_id)
        known_hash = found[0]["token_hash"] if found else _NO_HASH
        is_token = hmac.compare_digest(known_hash, hash_token(token))
        if not found or not is_token or found[0]["expires_at"] <= now:
            return False
        if state == "sync" or found[0]["has_nothing_to_mark"]:
            if found[0]["notified_at"] is None:
                await fetch_alone(self._engine, _ARRIVED, id=channel_id, now=now)
        else:
            await self._mark(channel_id, found[0], now)
        return True

    async def _mark(self, channel_id: str, channel: Columns, now: datetime) -> None:
        account = AccountKey(channel["user_id"], channel["account_sub"])
        values = {"id": channel_id, "now": now}
        async with self._engine.begin() as connection:
            if channel["is_list"]:
                marked = await connection.execute(_MARK_LIST, {**values, **account._asdict()})
            else:
                marked = await connection.execute(
                    _MARK_CALENDAR, {**values, "calendar_id": channel["calendar_id"]}
                )
            if marked.first() is not None:
                await enqueue(connection, SYNC_DUE, account)
