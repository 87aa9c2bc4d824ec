"""What is stored of a calendar when a sync of it begins."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SyncState:
    """The row of a selected calendar as it was when a sync began.

    Args:
        id: The key of the row.
        google_id: The `id` in the calendar list.
        time_zone: The calendar's, "" if Google sent none.
        access_role: What the account may see of it.
        sync_token: For an incremental sync; None if the next one must be full.
        synced_at: The time of the last sync.
        problem: The code with which the last attempt failed, if it did.
        generation: The number of the events that are read.
        page_token: Where an unfinished full sync goes on.
        page_time_min: The `timeMin` of the unfinished full sync.
        due_at: When the calendar is to be read.
        is_due: Whether it is to be read now.
        was_notified: Whether a push notification told of a change.
        has_push: Whether Google sends notifications about it, as far as is known.
    """

    id: int
    google_id: str
    time_zone: str
    access_role: str
    sync_token: str | None
    synced_at: datetime | None
    problem: str | None
    generation: int
    page_token: str | None
    page_time_min: datetime | None
    due_at: datetime
    is_due: bool
    was_notified: bool
    has_push: bool
