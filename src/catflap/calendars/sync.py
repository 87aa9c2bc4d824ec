"""Keep the copy true: read the calendar list, then every selected calendar, in full or since the last time.

No database connection is held while Google answers. Google's synchronisation guide: a sync token says where
to go on; when Google forgot it (410) everything is read again.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.shelf import KEEP_PAST, Changes, Shelf, write_events, write_list
from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError, TryAgain
from catflap.google.calendar import AccessRefused, CalendarApi, EventsPage, SyncTokenExpired
from catflap.log import log

_T = TypeVar("_T")
Access = Callable[[int, str], Awaitable[str]]
Refused = Callable[[int, str, str], Awaitable[str]]

# Google may stop sharing a calendar that is still on the list; it is empty to us then.
_NOT_SHOWN = frozenset({"not_found", "not_allowed"})
_ONE_CALENDAR_ONLY = frozenset({"google_unavailable", "google_refused"})


class Calendars:
    """The copy of everybody's calendars.

    Args:
        engine: The database.
        clock: What time it is.
        api: Google's Calendar API.
        access: `(user_id, account_sub)` to an access token.
        refused: `(user_id, account_sub, token)`, called with a token Google refused, to a fresh one.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Clock, api: CalendarApi, access: Access, refused: Refused
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._api = api
        self._access = access
        self._refused = refused

    async def sync_account(self, user_id: int, account_sub: str) -> None:
        """Bring the calendars of one Google account up to date.

        One calendar that Google can't deliver does not keep the others waiting.

        Raises:
            TryAgain: `google_unavailable`, `google_rate_limited`, `access_token_refused`.
            UserMustAct: `scope_missing`, and whatever `access` raises.
            CatflapError: whatever else Google's answer means.
        """
        account = _Account(self._api, user_id, account_sub, self._access, self._refused)
        entries = await account.ask(self._api.list_calendars)
        failure: CatflapError | None = None
        for shelf in await write_list(self._engine, user_id, account_sub, entries):
            try:
                await self._sync_calendar(account, shelf)
            except (TryAgain, BadRequest) as error:
                if error.code not in _ONE_CALENDAR_ONLY:
                    raise
                failure = error
        if failure is not None:
            raise failure

    async def _sync_calendar(self, account: "_Account", shelf: Shelf) -> None:
        now = self._clock.now()
        try:
            changes = await _read(account, shelf, since=now - KEEP_PAST)
        except SyncTokenExpired:
            log.info("calendar_full_sync", calendar_id=shelf.id)
            changes = await _read_in_full(account, shelf, since=now - KEEP_PAST)
        except BadRequest as error:
            if error.code not in _NOT_SHOWN:
                raise
            log.warning("calendar_not_shown", calendar_id=shelf.id, code=error.code)
            changes = Changes((), full=True, next_sync_token=None)
        written = await write_events(self._engine, account.user_id, shelf, changes, now)
        log.info(
            "calendar_synced",
            calendar_id=shelf.id,
            full=changes.full,
            changed=len(changes.items),
            written=written,
        )


class _Account:
    """Asks Google in one account's name, once more when the token was refused."""

    def __init__(
        self, api: CalendarApi, user_id: int, account_sub: str, access: Access, refused: Refused
    ) -> None:
        self.api = api
        self.user_id = user_id
        self._account_sub = account_sub
        self._access = access
        self._refused = refused

    async def ask(self, question: Callable[[str], Awaitable[_T]]) -> _T:
        token = await self._access(self.user_id, self._account_sub)
        try:
            return await question(token)
        except AccessRefused:
            return await question(await self._refused(self.user_id, self._account_sub, token))


async def _read(account: _Account, shelf: Shelf, *, since: datetime) -> Changes:
    if shelf.sync_token is None:
        return await _read_in_full(account, shelf, since=since)
    return await _pages(account, shelf, shelf.sync_token, None)


async def _read_in_full(account: _Account, shelf: Shelf, *, since: datetime) -> Changes:
    return await _pages(account, shelf, None, since)


async def _pages(account: _Account, shelf: Shelf, sync_token: str | None, since: datetime | None) -> Changes:
    items: list[Mapping[str, Any]] = []
    page_token: str | None = None
    while True:

        async def page(token: str, after: str | None = page_token) -> EventsPage:
            return await account.api.list_events(
                token, shelf.google_id, sync_token=sync_token, page_token=after, time_min=since
            )

        answer = await account.ask(page)
        items += answer.items
        if answer.next_page_token is None:
            return Changes(items, sync_token is None, answer.next_sync_token)
        if answer.next_page_token == page_token:
            raise TryAgain("google_unavailable", "Google does not answer properly.", detail="page repeats")
        page_token = answer.next_page_token
