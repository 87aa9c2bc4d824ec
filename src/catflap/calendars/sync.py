"""Synchronise the calendar list and every selected calendar of an account, in full or incrementally.

Follows Google's guide "Synchronize resources efficiently": an incremental sync sends the last sync token;
when Google answers 410, a full sync follows. Stored events are deleted only when Google says that the
calendar no longer exists or is no longer shared; every other failure is recorded and leaves them. No database
connection is held during a request to Google.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.calendar_list import (
    StoredAccount,
    read_account,
    replace_calendar_list,
    write_time_zone,
)
from catflap.calendars.datetimes import zone_or
from catflap.calendars.event_projection import EventRow, event_row
from catflap.calendars.problems import INTERNAL, AccountSyncLog, OperatorNotice, most_urgent
from catflap.calendars.store import KEEP_PAST, SyncResult, SyncState, apply_changes
from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError
from catflap.google.calendar import AccessRefused, CalendarApi, CalendarGone, SyncTokenExpired
from catflap.google.calendar_errors import unavailable
from catflap.google.scopes import READ_SETTINGS, missing_scopes
from catflap.log import log
from catflap.store.unavailable import DatabaseUnavailable
from catflap.vault import AccessToken

_T = TypeVar("_T")
GetToken = Callable[[int, str, str], Awaitable[AccessToken]]
ReplaceToken = Callable[[int, str, str, str], Awaitable[AccessToken]]
# The scope of each request: with incremental authorization, an account may have several tokens.
_LIST = "calendar.calendarlist.readonly"
_EVENTS = "calendar.events.readonly"
GetOptionalToken = Callable[[int, str], Awaitable[str | None]]


class Calendars:
    """Service that keeps the stored calendars of all users up to date.

    Args:
        engine: The database.
        clock: The current time.
        api: Google's Calendar API.
        access: `(user_id, account_sub, scope)` → an access token, with that scope if there is one.
        refused: `(user_id, account_sub, scope, token)` → a new token for one that Google rejected.
        settings_access: Like `access`, for Calendar's settings; None where the grant lacks that scope.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        api: CalendarApi,
        access: GetToken,
        refused: ReplaceToken,
        settings_access: GetOptionalToken | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._api = api
        self._access = access
        self._refused = refused
        self._settings_access = settings_access
        self._operator = OperatorNotice()

    async def sync_account(self, user_id: int, account_sub: str) -> None:
        """Sync the calendars of one Google account; a failure with one of them does not stop the others.

        Raises:
            TryAgain: `google_unavailable`, `google_rate_limited`, `google_quota_exceeded`,
                `access_token_refused`; with the time to wait, if Google asked for a pause.
            UserMustAct: `scope_missing`, and what `access` raises.
            CatflapError: for any other error response of Google.
        """
        account = _Account(self._api, user_id, account_sub, self._access, self._refused)
        problems = AccountSyncLog(self._engine, self._clock, user_id, account_sub)
        stored = await read_account(self._engine, user_id, account_sub)
        if not stored.is_recorded:
            await problems.create_row()
        try:
            states = await self._list(account, stored)
            await problems.record_list_success(stored.list_problem, is_first=not stored.is_listed)
            failures = await self._sync_all(account, problems, states)
        except _NoToken as lost:
            if isinstance(lost.error, BadRequest):
                await problems.delete_row()
            await self._record_failure(problems, lost.error)
            raise lost.error from None
        except DatabaseUnavailable:
            # Not a problem of this account; the worker retries the job.
            raise
        except CatflapError as error:
            self._operator.record_failure(error)
            await self._record_failure(problems, error)
            raise
        failure = most_urgent(failures) if failures else None
        await problems.record_end(failure)
        await self._sync_time_zone(account, stored.time_zone)
        if failure is not None:
            raise failure

    async def _list(self, account: "_Account", stored: StoredAccount) -> list[SyncState]:
        listed = await account.call(self._api.list_calendars, _LIST)
        if stored.has_list(listed):
            return stored.selected()
        now = self._clock.now()
        return await replace_calendar_list(self._engine, account.user_id, account.sub, listed, now)

    async def _sync_all(
        self, account: "_Account", problems: AccountSyncLog, states: Sequence[SyncState]
    ) -> list[CatflapError]:
        """Sync each calendar; return the failures."""
        failures: list[CatflapError] = []
        unexpected: Exception | None = None
        for calendar in states:
            try:
                await self._sync_calendar(account, calendar)
                self._operator.record_success()
            except (_NoToken, DatabaseUnavailable):
                raise
            except CatflapError as error:
                failures.append(error)
                self._operator.record_failure(error)
                await problems.record_calendar_failure(calendar.id, error.code, error.detail)
            except Exception as error:
                # A bug that one calendar's data triggers; the worker logs its location.
                unexpected = error
                await problems.record_calendar_failure(calendar.id, INTERNAL, type(error).__name__)
        if unexpected is not None:
            raise unexpected
        return failures

    async def _sync_time_zone(self, account: "_Account", stored: str | None) -> None:
        """Store the time zone set in Google Calendar; a failure is only logged."""
        if self._settings_access is None:
            return
        try:
            token = account.held_token(READ_SETTINGS)
            token = token or await self._settings_access(account.user_id, account.sub)
            name = await self._api.time_zone(token) if token is not None else None
        except CatflapError as error:
            log.info("time_zone_fetch_failed", user=account.user_id, code=error.code)
            return
        if name != stored:
            await write_time_zone(self._engine, account.user_id, account.sub, name)

    async def _record_failure(self, problems: AccountSyncLog, error: CatflapError) -> None:
        await problems.record_account_failure(error)
        await problems.record_end(error)

    async def _sync_calendar(self, account: "_Account", calendar: SyncState) -> None:
        now = self._clock.now()
        gone: str | None = None
        try:
            changes = await _fetch_changes(account, calendar, horizon=now - KEEP_PAST)
        except CalendarGone as error:
            gone = error.code
            changes = SyncResult({}, full=True, next_sync_token=None)
        written = await apply_changes(self._engine, account.user_id, calendar, changes, now, gone=gone)
        log.info(
            "calendar_synced",
            calendar_id=calendar.id,
            full=changes.full,
            changed=len(changes.events),
            written=written,
        )


class _NoToken(Exception):
    """There is no token that Google accepts, so no calendar of the account can be read."""

    def __init__(self, error: CatflapError) -> None:
        super().__init__(error.code)
        self.error = error


class _Account:
    """Send requests with the tokens of one account; retry once with a new token after a 401.

    A token is asked for once and then used for every request of this sync whose scope it has.
    """

    def __init__(
        self, api: CalendarApi, user_id: int, account_sub: str, access: GetToken, refused: ReplaceToken
    ) -> None:
        self.api = api
        self.user_id = user_id
        self.sub = account_sub
        self._access = access
        self._refused = refused
        self._held: AccessToken | None = None

    async def call(self, request: Callable[[str], Awaitable[_T]], scope: str) -> _T:
        """Return the response to a request that needs this scope.

        Raises:
            _NoToken: there is no token, or a new one was rejected too.
            CatflapError: for any other error response.
        """
        token = self.held_token([scope])
        token = token or await self._hold(self._access(self.user_id, self.sub, scope))
        try:
            return await request(token)
        except AccessRefused:
            token = await self._hold(self._refused(self.user_id, self.sub, scope, token))
        try:
            return await request(token)
        except AccessRefused as error:
            raise _NoToken(error) from None

    def held_token(self, scopes: Collection[str]) -> str | None:
        """Return the token that was last asked for, if it has these scopes."""
        held = self._held
        return None if held is None or missing_scopes(scopes, held.scopes) else held.token

    async def _hold(self, pending: Awaitable[AccessToken]) -> str:
        try:
            self._held = await pending
        except DatabaseUnavailable:
            raise
        except CatflapError as error:
            raise _NoToken(error) from None
        return self._held.token


async def _fetch_changes(account: _Account, calendar: SyncState, *, horizon: datetime) -> SyncResult:
    """Fetch the changes since the last sync; all events where there is no valid sync token.

    Args:
        horizon: Events that ended before are not stored.
    """
    if calendar.sync_token is not None:
        try:
            return await _fetch_pages(account, calendar, calendar.sync_token, horizon)
        except SyncTokenExpired:
            log.info("calendar_sync_token_expired", calendar_id=calendar.id)
    return await _fetch_pages(account, calendar, None, horizon)


async def _fetch_pages(
    account: _Account, calendar: SyncState, sync_token: str | None, horizon: datetime
) -> SyncResult:
    zone = zone_or(calendar.time_zone, UTC)
    events: dict[str, EventRow | None] = {}
    page_token: str | None = None
    while True:
        list_events = partial(
            account.api.list_events,
            calendar_id=calendar.google_id,
            sync_token=sync_token,
            page_token=page_token,
            time_min=None if sync_token else horizon,
        )
        page = await account.call(list_events, _EVENTS)
        events.update(event_row(item, zone, horizon) for item in page.items)
        if page.next_page_token is None:
            if not events and page.next_sync_token is None:
                # Google ends each list with a sync token; an empty list without one must not delete events.
                raise unavailable("an empty list without a sync token")
            return SyncResult(events, sync_token is None, page.next_sync_token)
        if page.next_page_token == page_token:
            raise unavailable("page repeats")
        page_token = page.next_page_token
