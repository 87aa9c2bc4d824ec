"""What devices report about announcements, and the order of their states.

A report only moves a state forward in this order, so late or repeated ones have no effect.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.errors import BadRequest
from catflap.store.tables import announcements as t
from catflap.store.text import sanitize_text

_STATE_ORDER = {
    "planned": 0,
    "ready": 1,
    "sent": 2,
    "held": 3,
    "missed": 4,
    "cancelled": 4,
    "failed": 5,
    "played": 6,
}
STATES = tuple(_STATE_ORDER)
ACK_STATES = frozenset({"played", "failed", "missed", "held"})
_MAX_DETAIL = 500


class Acknowledged(NamedTuple):
    """What an acknowledgement changed.

    Attributes:
        is_news: Whether it had an effect.
        was: The state before it.
        late: How long after its time it happened.
    """

    is_news: bool
    was: str
    late: timedelta


async def acknowledge(
    connection: AsyncConnection,
    device_id: int,
    announcement_id: str,
    state: str,
    at: datetime,
    detail: str | None = None,
) -> Acknowledged:
    """Record what a device reports about an announcement; late or repeated reports have no effect.

    Args:
        connection: An open transaction.
        device_id: The device that reports.
        announcement_id: Its announcement.
        state: `played`, `failed`, `missed` or `held`.
        at: When it happened.
        detail: A hint for humans.

    Raises:
        BadRequest: `not_found`, also for another device's announcement; `state_invalid`.
    """
    if state not in ACK_STATES:
        raise BadRequest("state_invalid", "The state must be played, failed, missed or held.")
    ours = (t.c.id == announcement_id, t.c.device_id == device_id)
    found = select(t.c.state, t.c.play_at).where(*ours).with_for_update()
    row = (await connection.execute(found)).one_or_none()
    if row is None:
        raise BadRequest("not_found", "This device has no such announcement.")
    is_news = _STATE_ORDER[state] > _STATE_ORDER[row.state]
    if is_news:
        hint = sanitize_text(detail, _MAX_DETAIL) if detail else None
        await connection.execute(update(t).where(*ours).values(state=state, detail=hint, updated_at=at))
    return Acknowledged(is_news, row.state, at - row.play_at)
