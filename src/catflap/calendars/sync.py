"""Synchronise the calendar list and the selected calendars of an account.

Stored events are deleted only when Google says that the calendar no longer exists or is no longer shared;
every other failure is recorded and leaves them. No database connection is held during a request to Google.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.account_requests import AccountRequests, GetToken, NoToken, ReplaceToken
from catflap.calendars.budget_windows import Priority
from catflap.calendars.calendar_list import (
    StoredAccount,
    fetch_calendar_list,
    read_account,
    store_calendar_list,
    write_time_zone,
)
from catflap.calendars.calendar_sync import CalendarSync
from catflap.calendars.changes import NO_WEBHOOKS, ChangeRecorder
from catflap.calendars.problems import (
    INTERNAL,
    AccountSyncLog,
    OperatorNotice,
    most_urgent,
    problem_message,
)
from catflap.calendars.push_channels import PushChannels
from catflap.calendars.request_budget import BudgetUsed, RequestBudget
from catflap.calendars.store import CalendarStore
from catflap.calendars.sync_intervals import SyncIntervals
from catflap.calendars.sync_state import SyncState
from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.calendar import CalendarApi, CalendarList
from catflap.google.scopes import READ_SETTINGS
from catflap.log import log
from catflap.store.counters import SUCCEEDED, Count, count_nothing
from catflap.store.queue import enqueue
from catflap.store.task_types import ERASE, SYNC_DUE, AccountKey
from catflap.store.unavailable import DatabaseUnavailable

_T = TypeVar("_T")
# The scope of each request: with incremental authorization, an account may have several tokens.
_LIST = "calendar.calendarlist.readonly"
GetOptionalToken = Callable[[int, str], Awaitable[str | None]]
_DEFAULT_INTERVALS: Final = SyncIntervals()
# How often a calendar is read again at once because another sync of it was faster.
_ATTEMPTS = 3


@dataclass(frozen=True)
class _Run:
    """One sync of one account."""

    account: AccountKey
    now: datetime
    requests: AccountRequests
    problems: AccountSyncLog
    sync: CalendarSync
    only_due: bool


class Calendars:
    """Service that keeps the stored calendars of all users up to date.

    Args:
        engine: The database.
        clock: The current time.
        api: Google's Calendar API.
        access: `(user_id, account_sub, scope)` → an access token, with that scope if there is one.
        refused: `(user_id, account_sub, scope, token)` → a new token for one that Google rejected.
        budget: Gives the permit of each request.
        settings_access: Like `access`, for Calendar's settings; None where the grant lacks that scope.
        intervals: How long after a sync the next one is due.
        push: Keeps push channels; None where Google can't send notifications.
        changes: Tells webhooks what was written; by default there are none.
        count: Counts syncs of calendars by how they ended; of an account that can't be read, one.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        api: CalendarApi,
        access: GetToken,
        refused: ReplaceToken,
        budget: RequestBudget,
        settings_access: GetOptionalToken | None = None,
        intervals: SyncIntervals = _DEFAULT_INTERVALS,
        push: PushChannels | None = None,
        changes: ChangeRecorder = NO_WEBHOOKS,
        count: Count = count_nothing,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._api = api
        self._access = access
        self._refused = refused
        self._budget = budget
        self._settings_access = settings_access
        self._intervals = intervals
        self._push = push
        self._changes = changes
        self._count = count
        self._operator = OperatorNotice()

    async def run_sync(self, account: AccountKey, *, only_due: bool = False) -> None:
        """Sync an account as a background job: enqueue the next attempt where that is soon.

        Raises:
            TryAgain: `database_unavailable`.
            UserMustAct, BadRequest: as `sync_account`.
        """
        run = self._run(account, only_due=only_due)
        try:
            await self._sync(run)
        except DatabaseUnavailable:
            raise
        except BudgetUsed as error:
            # Polling is enqueued by the periodic task, the longest due first.
            if error.priority is not Priority.POLL:
                await self._enqueue_again(account, error)
        except OperatorMustAct:
            # It is the same for every account, and was logged once.
            return
        except TryAgain as error:
            # The due times say what is to be read then; without this, the periodic task would enqueue it.
            # Only one job waits: each notification meanwhile has a job, and all of them may fail.
            if not run.problems.retry_waits:
                await self._enqueue_again(account, error)

    async def _enqueue_again(self, account: AccountKey, error: TryAgain) -> None:
        async with self._engine.begin() as connection:
            await enqueue(connection, SYNC_DUE, account, after=error.after or timedelta(0))

    async def sync_account(self, user_id: int, account_sub: str, *, only_due: bool = False) -> None:
        """Sync the calendars of one Google account; a failure with one of them does not stop the others.

        Args:
            user_id: The user.
            account_sub: The Google account.
            only_due: Read what is due, also because of a push notification; by default everything.

        Raises:
            BudgetUsed: `google_budget_used`; what was not read is due still.
            TryAgain: `google_unavailable`, `google_rate_limited`, `google_quota_exceeded`,
                `access_token_refused`; with the time to wait.
            UserMustAct: `scope_missing`, and what `access` raises.
            CatflapError: for any other error response of Google.
        """
        await self._sync(self._run(AccountKey(user_id, account_sub), only_due=only_due))

    async def _sync(self, run: _Run) -> None:
        found = stored = await read_account(self._engine, run.account, run.now)
        if not stored.is_recorded:
            await run.problems.create_row()
        with_list = stored.is_list_due or not run.only_due
        try:
            if with_list:
                stored = await self._sync_list(run, stored)
            states = [one for one in stored.selected() if one.is_due or not run.only_due]
            # What is polled last, because it is the first for which there is no permit.
            states.sort(key=lambda one: run.sync.priority(one) is Priority.POLL)
            failures, unexpected = await self._sync_all(run, states)
        except NoToken as lost:
            if isinstance(lost.error, BadRequest | UserMustAct):
                await self._enqueue_erasure(run.account)
            await self._record_failure(run, lost.error)
            raise lost.error from None
        except DatabaseUnavailable:
            # Not a problem of this account; the worker retries the job.
            raise
        except BudgetUsed as error:
            self._count("calendar_syncs", error.code)
            await run.problems.record_pause(found, error)
            raise
        except CatflapError as error:
            self._operator.record_failure(error)
            await self._record_failure(run, error)
            raise
        await run.problems.record_end(failures)
        if with_list:
            await self._sync_time_zone(run, stored.time_zone)
        # Not after each notification, which are frequent; the list is read now and then in any case.
        if with_list or not all(one.was_notified for one in states):
            await self._maintain_push(run)
        if unexpected is not None:
            raise unexpected
        if failures:
            raise most_urgent(failures.values())

    def _run(self, account: AccountKey, *, only_due: bool) -> _Run:
        now = self._clock.now()
        requests = AccountRequests(*account, self._access, self._refused, self._budget)
        store = CalendarStore(self._engine, account, now, self._changes)
        return _Run(
            account,
            now,
            requests,
            AccountSyncLog(self._engine, self._clock, account, self._intervals),
            CalendarSync(self._api, requests, store, self._intervals, now, only_due=only_due),
            only_due,
        )

    async def _sync_list(self, run: _Run, stored: StoredAccount) -> StoredAccount:
        """Store the calendar list; return what is stored then."""
        priority = _list_priority(run, stored)

        async def fetch(sync_token: str | None) -> CalendarList:
            permit = partial(self._budget.acquire, run.account.user_id, priority)
            list_calendars = partial(self._api.list_calendars, sync_token=sync_token, before_next=permit)
            return await run.requests.call(list_calendars, _LIST, priority)

        listed = await fetch_calendar_list(fetch, stored.list_sync_token)
        if not stored.has_list(listed):
            await store_calendar_list(self._engine, run.account, listed, run.now, self._changes)
            stored = await read_account(self._engine, run.account, run.now)
        await run.problems.record_list_success(stored)
        return stored

    async def _sync_all(
        self, run: _Run, states: Sequence[SyncState]
    ) -> tuple[dict[int, CatflapError], Exception | None]:
        """Sync each calendar; return the failures by calendar, and the last unexpected error."""
        failures: dict[int, CatflapError] = {}
        unexpected: Exception | None = None
        for calendar in states:
            try:
                await self._sync_calendar(run, calendar)
                self._operator.record_success()
                self._count("calendar_syncs", SUCCEEDED)
            except (NoToken, DatabaseUnavailable, BudgetUsed):
                raise
            except CatflapError as error:
                failures[calendar.id] = error
                self._count("calendar_syncs", error.code)
                self._operator.record_failure(error)
                await run.problems.record_calendar_failure(calendar.id, error.code, error.detail)
            except Exception as error:
                # A bug that one calendar's data triggers; the worker logs its location.
                unexpected = error
                self._count("calendar_syncs", INTERNAL)
                failures[calendar.id] = CatflapError(INTERNAL, problem_message(INTERNAL))
                await run.problems.record_calendar_failure(calendar.id, INTERNAL, type(error).__name__)
        return failures, unexpected

    async def _sync_calendar(self, run: _Run, calendar: SyncState) -> None:
        """Sync one calendar, again if another sync of it was faster: that one may have missed a change."""
        for _ in range(_ATTEMPTS):
            if await run.sync.sync(calendar):
                return
            stored = await read_account(self._engine, run.account, run.now)
            found = [one for one in stored.selected() if one.id == calendar.id]
            if not found:
                return
            (calendar,) = found

    async def _maintain_push(self, run: _Run) -> None:
        """Open and stop push channels; a failure is only logged."""

        async def call(request: Callable[[str], Awaitable[_T]], scope: str) -> _T:
            try:
                return await run.requests.call(request, scope, Priority.POLL)
            except NoToken as lost:
                raise lost.error from None

        if self._push is not None:
            await self._push.maintain(run.account, call)

    async def _sync_time_zone(self, run: _Run, stored: str | None) -> None:
        """Store the time zone set in Google Calendar; a failure is only logged."""
        if self._settings_access is None:
            return
        try:
            token = run.requests.held_token(READ_SETTINGS)
            token = token or await self._settings_access(*run.account)
            name = None
            if token is not None:
                await self._budget.acquire(run.account.user_id, Priority.POLL)
                name = await self._api.time_zone(token)
        except CatflapError as error:
            log.info("time_zone_fetch_failed", user=run.account.user_id, code=error.code)
            return
        if name != stored:
            await write_time_zone(self._engine, *run.account, name)

    async def _enqueue_erasure(self, account: AccountKey) -> None:
        """Have the copy erased if the grant has ended, in case the job that its end enqueued was lost."""
        async with self._engine.begin() as connection:
            await enqueue(connection, ERASE, account)

    async def _record_failure(self, run: _Run, error: CatflapError) -> None:
        self._count("calendar_syncs", error.code)
        await run.problems.record_account_failure(error)
        await run.problems.record_end({}, of_account=error)


def _list_priority(run: _Run, stored: StoredAccount) -> Priority:
    polls = run.only_due and stored.is_listed and not stored.was_list_notified
    return Priority.POLL if polls else Priority.SYNC
