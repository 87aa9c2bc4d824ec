"""Keep Google's push channels of an account: open missing ones, renew them before they expire, stop the rest.

A channel can't be prolonged. A new one is opened while the old one still works, and the old one is stopped
once the first notification of the new one has arrived (Google's guide "Push notifications"). A channel is
stored before Google is asked for it, because its first notification may come before the response; of its
token only a hash is stored. A channel whose response was lost can't be stopped, as its resource id is
unknown: it is forgotten, and its notifications are refused until Google ends it.
"""

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.problems import OperatorNotice
from catflap.calendars.push_channel_plan import LONGEST_REFUSAL, Channel, Resource, stoppable, work_of
from catflap.clock import Clock
from catflap.errors import CatflapError, OperatorMustAct
from catflap.google.calendar_channels import (
    LIFETIME,
    CalendarChannelApi,
    ChannelIdTaken,
    NewChannel,
    OpenedChannel,
    PushNotSupported,
)
from catflap.google.calendar_errors import CalendarGone
from catflap.log import log
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.row_mapping import Columns
from catflap.store.single_statements import fetch_alone
from catflap.store.task_types import AccountKey
from catflap.store.token_hash import hash_token

_T = TypeVar("_T")
# Google's first notification comes within seconds.
_ARRIVES_WITHIN = timedelta(minutes=15)
_REFUSED_FOR = timedelta(hours=1)
_UNSUPPORTED_FOR = LONGEST_REFUSAL
_PAUSE = timedelta(minutes=10)
_LOG_EVERY = timedelta(hours=1)
_STOP_SECONDS = 5.0
_STOPS_AT_ONCE = 10

_READ = PreparedQuery(
    text("""
    SELECT c.id AS wanted_id, c.google_id, c.push_refused_until,
        p.id, p.is_list, p.address, p.resource_id, p.created_at, p.expires_at, p.notified_at
    FROM (SELECT id, google_id, push_refused_until FROM app.calendars
        WHERE user_id = :user_id AND account_sub = :account_sub AND is_selected) c
    FULL JOIN (SELECT * FROM app.push_channels
        WHERE user_id = :user_id AND account_sub = :account_sub) p ON p.calendar_id = c.id
    """)
)
# Nothing is inserted when the account or the calendar was deleted meanwhile.
_INSERT = """
    INSERT INTO app.push_channels
        (id, user_id, account_sub, calendar_id, is_list, address, token_hash, created_at, expires_at)
    SELECT :id, {columns}, :address, :token_hash,
        CAST(:now AS timestamptz), CAST(:expires_at AS timestamptz)
    FROM {table} WHERE {key} FOR KEY SHARE RETURNING id
"""
_INSERT_OF_CALENDAR = PreparedQuery(
    text(
        _INSERT.format(
            columns="user_id, account_sub, id, false", table="app.calendars", key="id = :calendar_id"
        )
    )
)
_INSERT_OF_LIST = PreparedQuery(
    text(
        _INSERT.format(
            columns="user_id, sub, NULL, true",
            table="app.accounts",
            key="user_id = :user_id AND sub = :account_sub",
        )
    )
)
_OPENED = PreparedQuery(
    text("""
    UPDATE app.push_channels SET resource_id = :resource_id, expires_at = :expires_at
    WHERE id = :id RETURNING id
    """)
)
_FORGET = PreparedQuery(text("DELETE FROM app.push_channels WHERE id = ANY (:ids)"))
_FORGET_ACCOUNT = PreparedQuery(
    text("""
    DELETE FROM app.push_channels WHERE user_id = :user_id AND account_sub = :account_sub
    RETURNING id, resource_id, is_list, expires_at
    """)
)
_REFUSED = PreparedQuery(text("UPDATE app.calendars SET push_refused_until = :until WHERE id = :calendar_id"))


class CallWithToken(Protocol):
    """Sends a request with an access token of one account that has a scope, and returns its result."""

    async def __call__(self, request: Callable[[str], Awaitable[_T]], scope: str, /) -> _T:
        """Return the result of `request`; raise an error of Catflap's when there is no token."""


class PushChannels:
    """Opens, renews and stops push channels.

    Args:
        engine: The database.
        clock: The current time.
        api: Google's Calendar API.
        address: Where Google sends notifications.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, api: CalendarChannelApi, address: str) -> None:
        self._engine = engine
        self._clock = clock
        self._api = api
        self.address: Final = address
        self._refusals = OperatorNotice()
        self._silence = OperatorNotice()
        self._paused_until: datetime | None = None
        self._logged_at: dict[str, datetime] = {}

    async def maintain(self, account: AccountKey, call: CallWithToken) -> None:
        """Give each selected calendar and the list a channel, and stop the other channels of the account.

        A failure is logged and raises nothing: without a channel a calendar is read more often.
        """
        try:
            await self._maintain(account, call)
        except CatflapError as error:
            self._log(account, error)

    async def stop_all(self, account: AccountKey, call: CallWithToken) -> None:
        """Forget all channels of an account and stop them at Google as far as that succeeds within seconds.

        For the end of a grant, as long as there still is a token.
        """
        rows = await fetch_alone(self._engine, _FORGET_ACCOUNT, **account._asdict())
        now, places = self._clock.now(), asyncio.Semaphore(_STOPS_AT_ONCE)

        async def stop(channel: Channel) -> None:
            async with places:
                await self._stop(channel, call)

        live = stoppable(row for row in rows if row["expires_at"] > now)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                ended = await asyncio.gather(*map(stop, live), return_exceptions=True)
        except TimeoutError:
            log.info("push_channels_not_stopped", user=account.user_id, reason="timeout")
            return
        for error in ended:
            if isinstance(error, CatflapError):
                self._log(account, error)
            elif error is not None:
                raise error

    async def _maintain(self, account: AccountKey, call: CallWithToken) -> None:
        now = self._clock.now()
        rows = await fetch_alone(self._engine, _READ, **account._asdict())
        work = work_of(rows, self.address, now)
        self._watch_arrivals([row for row in rows if row["address"] == self.address], now)
        if work.forgotten:
            await fetch_alone(self._engine, _FORGET, ids=work.forgotten)
        for channel in work.unwanted:
            await self._stop(channel, call)
            await fetch_alone(self._engine, _FORGET, ids=[channel.id])
        # A clock that was ahead may have put it off for long.
        if self._paused_until is None or not now < self._paused_until <= now + _PAUSE:
            for resource in work.missing:
                await self._open(account, resource, call)

    async def _open(self, account: AccountKey, resource: Resource, call: CallWithToken) -> None:
        channel = NewChannel(str(uuid.uuid4()), secrets.token_urlsafe(32), self.address)
        if not await self._insert(account, resource, channel):
            return
        try:
            opened = await self._ask(resource, channel, call)
        except CatflapError as error:
            await fetch_alone(self._engine, _FORGET, ids=[channel.id])
            await self._refused(account, resource, error)
            return
        self._refusals.record_success()
        stored = await fetch_alone(
            self._engine,
            _OPENED,
            id=channel.id,
            resource_id=opened.resource_id,
            expires_at=opened.expires_at,
        )
        if not stored:
            # The account was unlinked meanwhile.
            await self._stop(Channel(channel.id, opened.resource_id, resource.calendar_id is None), call)

    async def _ask(self, resource: Resource, channel: NewChannel, call: CallWithToken) -> OpenedChannel:
        opened = await call(partial(self._watch, resource, channel), resource.scope)
        if opened.expires_at <= self._clock.now():
            # None would ever count, and each sync would open another.
            await self._stop(Channel(channel.id, opened.resource_id, resource.calendar_id is None), call)
            raise OperatorMustAct(
                "push_ended_at_once",
                "By the clock of this machine, push channels have ended before Google opens them. Set it.",
            )
        return opened

    async def _insert(self, account: AccountKey, resource: Resource, channel: NewChannel) -> bool:
        now = self._clock.now()
        values = {
            "id": channel.id,
            "address": channel.address,
            "token_hash": hash_token(channel.token),
            "now": now,
            "expires_at": now + LIFETIME,
        }
        if resource.calendar_id is None:
            return bool(await fetch_alone(self._engine, _INSERT_OF_LIST, **values, **account._asdict()))
        calendar = resource.calendar_id
        return bool(await fetch_alone(self._engine, _INSERT_OF_CALENDAR, **values, calendar_id=calendar))

    async def _watch(self, resource: Resource, channel: NewChannel, token: str) -> OpenedChannel:
        if resource.google_id is None:
            return await self._api.watch_list(token, channel)
        return await self._api.watch_events(token, resource.google_id, channel)

    async def _refused(self, account: AccountKey, resource: Resource, error: CatflapError) -> None:
        """Note that a channel was not opened; raise the error if it concerns other channels too."""
        now = self._clock.now()
        if isinstance(error, OperatorMustAct):
            # The same for every account.
            self._paused_until = now + _PAUSE
        if not _is_about_one(error):
            raise error
        if not isinstance(error, PushNotSupported):
            self._log(account, error)
        if resource.calendar_id is not None and not isinstance(error, ChannelIdTaken):
            until = now + (_UNSUPPORTED_FOR if isinstance(error, PushNotSupported) else _REFUSED_FOR)
            await fetch_alone(self._engine, _REFUSED, calendar_id=resource.calendar_id, until=until)

    async def _stop(self, channel: Channel, call: CallWithToken) -> None:
        request = partial(self._api.stop, channel_id=channel.id, resource_id=channel.resource_id)
        try:
            await call(request, channel.scope)
        except CatflapError as error:
            if not _is_about_one(error):
                raise

    def _watch_arrivals(self, rows: Iterable[Columns], now: datetime) -> None:
        """Tell the operator when Google opens channels, but none of its notifications arrives."""
        opened = [row for row in rows if row["resource_id"] is not None and row["expires_at"] > now]
        if any(row["notified_at"] is not None for row in opened):
            self._silence.record_success()
        elif any(row["created_at"] < now - _ARRIVES_WITHIN for row in opened):
            self._silence.record_failure(
                OperatorMustAct(
                    "push_never_arrives",
                    f"Google has opened push channels, but none of its notifications arrives at"
                    f" {self.address}. Let requests from the internet reach this address, or correct"
                    " CATFLAP_PUBLIC_URL or CATFLAP_CALENDAR_PUSH_URL.",
                )
            )

    def _log(self, account: AccountKey, error: CatflapError) -> None:
        self._refusals.record_failure(error)
        now = self._clock.now()
        logged_at = self._logged_at.get(error.code)
        if not isinstance(error, OperatorMustAct) and (logged_at is None or logged_at <= now - _LOG_EVERY):
            self._logged_at[error.code] = now
            log.warning("push_channels_failed", user=account.user_id, code=error.code, detail=error.detail)


def _is_about_one(error: CatflapError) -> bool:
    """Return whether an error of Google's is about one channel or calendar, so that the next one may work."""
    kinds = (PushNotSupported, ChannelIdTaken, CalendarGone)
    # Calendars and the list need different scopes.
    return isinstance(error, kinds) or error.code in ("google_refused", "scope_missing")
