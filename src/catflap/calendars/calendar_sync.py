"""Read the events of one calendar from Google, incrementally or in full, and store them.

Follows Google's guide "Synchronize resources efficiently": an incremental sync sends the last sync token;
when Google answers 410, a full sync follows. A full sync leaves out what ended long ago, and is stored page
by page, so that it takes little memory and goes on where it stopped.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from catflap.calendars.account_requests import AccountRequests
from catflap.calendars.budget_windows import Priority
from catflap.calendars.datetimes import zone_or
from catflap.calendars.event_projection import EventRow, event_row
from catflap.calendars.store import CalendarStore, EventRows
from catflap.calendars.sync_intervals import SyncIntervals
from catflap.calendars.sync_state import SyncState
from catflap.google.calendar import CalendarApi, CalendarGone, EventsPage, SyncTokenExpired
from catflap.google.calendar_errors import unavailable
from catflap.log import log

# With an older one than that, a full sync begins anew: how long Google knows a page token is not documented.
_PAGES_KEPT = timedelta(days=1)
# An incremental sync is held in memory, because its pages must take effect together; a longer one is replaced
# by a full sync.
_MOST_PAGES = 4
_EVENTS = "calendar.events.readonly"


class _Changes(NamedTuple):
    """Everything that changed since a sync token."""

    rows: dict[str, EventRow | None]
    next_sync_token: str | None


class CalendarSync:
    """Syncs calendars of one account.

    Args:
        api: Google's Calendar API.
        requests: Sends requests with the account's tokens.
        store: Writes the results.
        intervals: When the next sync is due.
        now: The time when the sync of the account began.
        only_due: Whether this is periodic polling, unless there was a notification.
    """

    def __init__(
        self,
        api: CalendarApi,
        requests: AccountRequests,
        store: CalendarStore,
        intervals: SyncIntervals,
        now: datetime,
        *,
        only_due: bool,
    ) -> None:
        self._api = api
        self._requests = requests
        self._store = store
        self._intervals = intervals
        self._now = now
        self._only_due = only_due

    async def sync(self, calendar: SyncState) -> bool:
        """Sync one calendar.

        Returns:
            False when its row changed meanwhile, most likely because another sync was faster.

        Raises:
            NoToken: nothing of the account can be read.
            CatflapError: for any other error response; what is stored stays as it is.
        """
        try:
            if calendar.sync_token is not None and calendar.page_token is None:
                changes = await self._changes(calendar, calendar.sync_token)
                if changes is not None:
                    return await self._store_changes(calendar, changes)
            return await self._sync_in_full(calendar)
        except CalendarGone as error:
            return await self._store.empty(calendar, error.code, self._next_due(calendar))

    async def _changes(self, calendar: SyncState, sync_token: str) -> _Changes | None:
        """Return what changed; None if a full sync is needed."""
        rows: dict[str, EventRow | None] = {}
        page_token: str | None = None
        for _ in range(_MOST_PAGES):
            try:
                page = await self._page(calendar, page_token, sync_token=sync_token)
            except SyncTokenExpired:
                log.info("calendar_sync_token_expired", calendar_id=calendar.id)
                return None
            rows.update(self._rows(calendar, page))
            if page.next_page_token is None:
                return _Changes(rows, page.next_sync_token)
            page_token = page.next_page_token
        log.info("calendar_changed_much", calendar_id=calendar.id, changed=len(rows))
        return None

    async def _store_changes(self, calendar: SyncState, changes: _Changes) -> bool:
        rows, next_sync_token = changes
        if not rows and next_sync_token is None:
            raise unavailable("an empty list without a sync token")
        is_missed = bool(rows) and calendar.has_push and not calendar.was_notified
        due_at = self._next_due(replace(calendar, has_push=calendar.has_push and not is_missed))
        written = await self._store.apply_changes(calendar, rows, next_sync_token, due_at)
        if is_missed:
            await self._store.note_missed_notification(calendar)
        log.info("calendar_synced", calendar_id=calendar.id, full=False, changed=len(rows), written=written)
        return written

    async def _sync_in_full(self, calendar: SyncState) -> bool:
        state: SyncState | None = calendar
        if calendar.page_time_min is not None and calendar.page_time_min < self._store.horizon - _PAGES_KEPT:
            state = await self._store.discard_pages(calendar)
        resumed = state is not None and state.page_token is not None
        time_min = calendar.page_time_min if resumed else None
        time_min, count = time_min or self._store.horizon, 0
        read: set[str | None] = set()
        while state is not None:
            try:
                page = await self._page(state, state.page_token, time_min=time_min)
            except SyncTokenExpired:
                if not resumed:
                    raise
                log.info("calendar_page_token_expired", calendar_id=calendar.id)
                read.clear()
                state, resumed, time_min = await self._store.discard_pages(state), False, self._store.horizon
                continue
            rows = self._rows(state, page)
            count += len(rows)
            if page.next_page_token is None:
                return await self._complete(state, rows, page.next_sync_token, count, resumed=resumed)
            read.add(state.page_token)
            if page.next_page_token in read:
                raise unavailable("pages repeat")
            state = await self._store.store_page(state, rows, page.next_page_token, time_min)
        return False

    async def _complete(
        self, state: SyncState, rows: EventRows, next_sync_token: str | None, count: int, *, resumed: bool
    ) -> bool:
        if not rows and state.page_token is None and next_sync_token is None:
            # Google ends each list with a sync token; an empty list without one must not delete events.
            raise unavailable("an empty list without a sync token")
        # What changed since the first pages were read is found with the sync token.
        due_at = self._now if resumed else self._next_due(state)
        written = await self._store.complete_full_sync(state, rows, next_sync_token, due_at)
        log.info("calendar_synced", calendar_id=state.id, full=True, changed=count, written=written)
        return written

    async def _page(
        self,
        calendar: SyncState,
        page_token: str | None,
        *,
        sync_token: str | None = None,
        time_min: datetime | None = None,
    ) -> EventsPage:
        list_events = partial(
            self._api.list_events,
            calendar_id=calendar.google_id,
            sync_token=sync_token,
            page_token=page_token,
            time_min=time_min,
        )
        return await self._requests.call(list_events, _EVENTS, self.priority(calendar))

    def _rows(self, calendar: SyncState, page: EventsPage) -> dict[str, EventRow | None]:
        zone, horizon = zone_or(calendar.time_zone, UTC), self._store.horizon
        skipped = partial(_log_skipped, calendar.id)
        return dict(event_row(item, zone, horizon, skipped) for item in page.items)

    def priority(self, calendar: SyncState) -> Priority:
        """Return what requests about a calendar are for."""
        polls = self._only_due and calendar.synced_at is not None and not calendar.was_notified
        return Priority.POLL if polls else Priority.SYNC

    def _next_due(self, calendar: SyncState) -> datetime:
        return self._now + self._intervals.of_calendar(calendar)


def _log_skipped(calendar_id: int, event_id: str, reason: str) -> None:
    log.warning("event_skipped", calendar_id=calendar_id, event_id=event_id, reason=reason)
