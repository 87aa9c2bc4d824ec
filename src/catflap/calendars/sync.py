"""Keep the copy true: read the calendar list, then every selected calendar, in full or since the last time.

No database connection is held while Google answers. Google's synchronisation guide: a sync token says where
to go on; when Google forgot it (410) everything is read again. A copy is emptied when Google says that the
calendar is gone or no longer shared, and for nothing else; whatever else goes wrong is noted and leaves it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.problems import INTERNAL, OperatorNotice, Problems, most_pressing
from catflap.calendars.store import (
    KEEP_PAST,
    SyncResult,
    SyncState,
    apply_changes,
    replace_calendar_list,
    write_time_zone,
)
from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError
from catflap.google.calendar import AccessRefused, CalendarApi, CalendarGone, EventsPage, SyncTokenExpired
from catflap.google.calendar_errors import unavailable
from catflap.log import log
from catflap.store.unavailable import DatabaseUnavailable

_T = TypeVar("_T")
Access = Callable[[int, str, str], Awaitable[str]]
Refused = Callable[[int, str, str, str], Awaitable[str]]
# What a question needs: consents that were given one by one have a token each.
_LIST = "calendar.calendarlist.readonly"
_EVENTS = "calendar.events.readonly"
MaybeAccess = Callable[[int, str], Awaitable[str | None]]


class Calendars:
    """The copy of everybody's calendars.

    Args:
        engine: The database.
        clock: What time it is.
        api: Google's Calendar API.
        access: `(user_id, account_sub, scope)` to an access token, with that scope if there is one.
        refused: `(user_id, account_sub, scope, token)`, called with a token Google refused, to a fresh one.
        settings_access: Like `access`, for Calendar's settings; to None where the grant does not open them.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        api: CalendarApi,
        access: Access,
        refused: Refused,
        settings_access: MaybeAccess | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._api = api
        self._access = access
        self._refused = refused
        self._settings_access = settings_access
        self._operator = OperatorNotice()

    async def sync_account(self, user_id: int, account_sub: str) -> None:
        """Bring the calendars of one Google account up to date.

        One calendar that Google can't deliver does not keep the others waiting.

        Raises:
            TryAgain: `google_unavailable`, `google_rate_limited`, `google_quota_exceeded`,
                `access_token_refused`; with the time to wait, if Google wants a pause.
            UserMustAct: `scope_missing`, and whatever `access` raises.
            CatflapError: whatever else Google's answer means.
        """
        account = _Account(self._api, user_id, account_sub, self._access, self._refused)
        problems = Problems(self._engine, self._clock, user_id, account_sub)
        await problems.begin()
        try:
            failures = await self._sync_all(account, problems, await self._list(account))
        except _NoAccess as lost:
            if isinstance(lost.error, BadRequest):
                await problems.forget()
            await self._failed(problems, lost.error)
            raise lost.error from None
        except DatabaseUnavailable:
            # Nothing that the person could see or mend; the job comes again.
            raise
        except CatflapError as error:
            self._operator.failed(error)
            await self._failed(problems, error)
            raise
        failure = most_pressing(failures) if failures else None
        await problems.ended(failure)
        await self._sync_time_zone(account)
        if failure is not None:
            raise failure

    async def _list(self, account: "_Account") -> list[SyncState]:
        listed = await account.ask(self._api.list_calendars, _LIST)
        now = self._clock.now()
        return await replace_calendar_list(self._engine, account.user_id, account.sub, listed, now)

    async def _sync_all(
        self, account: "_Account", problems: Problems, shelves: Sequence[SyncState]
    ) -> list[CatflapError]:
        """Sync each calendar; what went wrong with some of them."""
        await problems.listed()
        failures: list[CatflapError] = []
        broken: Exception | None = None
        for shelf in shelves:
            try:
                await self._sync_calendar(account, shelf)
                self._operator.worked()
            except (_NoAccess, DatabaseUnavailable):
                raise
            except CatflapError as error:
                failures.append(error)
                self._operator.failed(error)
                await problems.calendar_failed(shelf.id, error.code, error.detail)
            except Exception as error:
                # A fault of ours with one calendar's data; the worker logs where it was.
                broken = error
                await problems.calendar_failed(shelf.id, INTERNAL, type(error).__name__)
        if broken is not None:
            raise broken
        return failures

    async def _sync_time_zone(self, account: "_Account") -> None:
        """Note the time zone set in Google Calendar; a failure leaves what is known and stops nothing."""
        if self._settings_access is None:
            return
        try:
            token = await self._settings_access(account.user_id, account.sub)
            name = await self._api.time_zone(token) if token is not None else None
        except CatflapError as error:
            log.info("time_zone_not_read", user=account.user_id, code=error.code)
            return
        await write_time_zone(self._engine, account.user_id, account.sub, name)

    async def _failed(self, problems: Problems, error: CatflapError) -> None:
        await problems.failed(error)
        await problems.ended(error)

    async def _sync_calendar(self, account: "_Account", shelf: SyncState) -> None:
        now = self._clock.now()
        gone: str | None = None
        try:
            changes = await _read(account, shelf, since=now - KEEP_PAST)
        except CalendarGone as error:
            gone = error.code
            changes = SyncResult((), full=True, next_sync_token=None)
        written = await apply_changes(self._engine, account.user_id, shelf, changes, now, gone=gone)
        log.info(
            "calendar_synced",
            calendar_id=shelf.id,
            full=changes.full,
            changed=len(changes.items),
            written=written,
        )


class _NoAccess(Exception):
    """There is no token that Google accepts, so nothing of this account can be read now."""

    def __init__(self, error: CatflapError) -> None:
        super().__init__(error.code)
        self.error = error


class _Account:
    """Asks Google in one account's name, once more when the token was refused."""

    def __init__(
        self, api: CalendarApi, user_id: int, account_sub: str, access: Access, refused: Refused
    ) -> None:
        self.api = api
        self.user_id = user_id
        self.sub = account_sub
        self._access = access
        self._refused = refused

    async def ask(self, question: Callable[[str], Awaitable[_T]], scope: str) -> _T:
        """The answer to a question that needs this scope.

        Raises:
            _NoAccess: no token, or a fresh one was refused too.
            CatflapError: what the answer means.
        """
        token = await self._token(self._access(self.user_id, self.sub, scope))
        try:
            return await question(token)
        except AccessRefused:
            token = await self._token(self._refused(self.user_id, self.sub, scope, token))
        try:
            return await question(token)
        except AccessRefused as error:
            raise _NoAccess(error) from None

    async def _token(self, asked: Awaitable[str]) -> str:
        try:
            return await asked
        except DatabaseUnavailable:
            raise
        except CatflapError as error:
            raise _NoAccess(error) from None


async def _read(account: _Account, shelf: SyncState, *, since: datetime) -> SyncResult:
    """What changed since the last sync; everything where there is no sync token that Google knows."""
    if shelf.sync_token is not None:
        try:
            return await _pages(account, shelf, shelf.sync_token, None)
        except SyncTokenExpired:
            log.info("calendar_full_sync", calendar_id=shelf.id)
    return await _pages(account, shelf, None, since)


async def _pages(
    account: _Account, shelf: SyncState, sync_token: str | None, since: datetime | None
) -> SyncResult:
    items: list[Mapping[str, Any]] = []
    page_token: str | None = None
    while True:

        async def page(token: str, after: str | None = page_token) -> EventsPage:
            return await account.api.list_events(
                token, shelf.google_id, sync_token=sync_token, page_token=after, time_min=since
            )

        answer = await account.ask(page, _EVENTS)
        items += answer.items
        if answer.next_page_token is None:
            if not items and answer.next_sync_token is None:
                # Google ends each list with a sync token; an empty one without it must not empty a copy.
                raise unavailable("an empty list without a sync token")
            return SyncResult(items, sync_token is None, answer.next_sync_token)
        if answer.next_page_token == page_token:
            raise unavailable("page repeats")
        page_token = answer.next_page_token
