"""Insert, change and delete events on behalf of a user; repeating a request has no further effect.

An event is inserted with an id that the caller chooses, and Google takes each id once. Beside the event, in
a private extended property, is a hash of what was asked for. So a repeated insert is told from another event
of that id, also after somebody has edited the event, and nothing is stored here.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars.budget_windows import Priority
from catflap.calendars.event_fields import (
    EVENT_ID,
    Event,
    EventFields,
    content_hash,
    from_resource,
    invalid_event,
    to_resource,
)
from catflap.calendars.request_budget import RequestBudget
from catflap.errors import BadRequest
from catflap.google.calendar import AccessRefused
from catflap.google.calendar_writing import (
    EtagMismatch,
    EventDeleted,
    EventExists,
    EventWriteApi,
    SendUpdates,
)
from catflap.google.scopes import WRITE_EVENTS
from catflap.log import log
from catflap.store.calendar_tables import calendars
from catflap.store.queue import enqueue
from catflap.store.task_types import SYNC_DUE, AccountKey
from catflap.vault import Vault

_T = TypeVar("_T")
_P = ParamSpec("_P")
_INSERTED, _CHANGED = "catflapInserted", "catflapChanged"
# `primary`, our own id, or Google's, which is like an email address. Never "." or "..", which URLs resolve.
CALENDAR = "^(primary|[1-9][0-9]{0,17}|[!-.0-~]{1,500}@[!-.0-~]{1,255})$"
# Ids that Google chose may have more characters than those that clients choose; instances have "_".
ANY_EVENT_ID = "^[A-Za-z0-9_-]{1,1024}$"
# A strong entity tag (RFC 9110 section 8.8.3), as If-Match compares them, or any.
ETAG = r'^("[!#-~]{1,255}"|\*)$'


@dataclass(frozen=True)
class _Target:
    """A calendar at Google and the account to write with."""

    account: AccountKey
    calendar_id: str


class EventWriter:
    """Writes events to users' Google calendars.

    In every method `calendar` is `primary`, the id of a stored calendar (as `GET /v1/calendars` has it) or
    Google's own id; `account` is the `sub` of one of the user's accounts, the one allowed first if not given;
    `send_updates` says which attendees Google notifies.

    Args:
        engine: The database.
        vault: Gives access tokens.
        api: Google's Calendar API.
        budget: Gives the permit of each request.
    """

    def __init__(self, engine: AsyncEngine, vault: Vault, api: EventWriteApi, budget: RequestBudget) -> None:
        self._engine = engine
        self._vault = vault
        self._api = api
        self._budget = budget

    async def insert(
        self,
        user_id: int,
        event_id: str,
        fields: EventFields,
        *,
        calendar: str = "primary",
        account: str | None = None,
        send_updates: SendUpdates = "none",
    ) -> Event:
        """Insert an event; a repeated call returns the event that the first one inserted, as it is now.

        Args:
            user_id: Whose calendar it is.
            event_id: 5 to 1024 of the characters a to v and 0 to 9, such as `uuid4().hex`.
            fields: The event; `start` and `end` are required.

        Raises:
            BadRequest: `event_exists`: the id belongs to another event; `event_deleted`: its event was
                deleted; `event_invalid`; `event_not_found`: no such calendar; `write_forbidden`;
                `not_found`: the user allowed nothing yet.
            UserMustAct: `scope_missing`, `reconsent_required`, `google_account_refused`.
            OperatorMustAct: `google_api_disabled`, `google_project_refused`, and as `Vault.access_token`.
            TryAgain: `google_unavailable`, `google_rate_limited`, `google_quota_exceeded`,
                `google_budget_used`, `access_token_refused`, `database_unavailable`. The event may have been
                inserted: call again.
        """
        if not re.fullmatch(EVENT_ID, event_id):
            raise invalid_event("id: must have 5 to 1024 of the characters a to v and 0 to 9.")
        if "start" not in fields or "end" not in fields:
            raise invalid_event("start, end: both are required.")
        content = to_resource(fields)
        mark = content_hash(content)
        event = {**content, "id": event_id, **_marked(_INSERTED, mark)}
        target = await self._target(user_id, calendar, account)
        try:
            written = await self._call(target, self._api.insert_event, event, send_updates=send_updates)
        except EventExists as exists:
            return await self._inserted_before(target, event_id, mark, exists)
        await self._written(target, "insert")
        return from_resource(written, is_new=True)

    async def change(
        self,
        user_id: int,
        event_id: str,
        fields: EventFields,
        *,
        etag: str | None = None,
        calendar: str = "primary",
        account: str | None = None,
        send_updates: SendUpdates = "none",
    ) -> Event:
        """Change the given fields of an event, of a whole series, or of one instance.

        Args:
            user_id: Whose calendar it is.
            event_id: That of the event or of an instance.
            fields: What to change. Attendees can't be changed, because their answers would be lost.
            etag: Change it only if it has this ETag; a repeated call succeeds if the first one did.

        Raises:
            BadRequest: `etag_mismatch`; `event_not_found`; otherwise, and all the rest, as `insert`.
        """
        if "attendees" in fields:
            raise invalid_event("attendees: can't be changed, because their answers would be lost.")
        changes = to_resource(fields)
        if not changes:
            raise invalid_event("the body: names no field to change.")
        mark = content_hash(etag, changes)
        if etag is not None:
            changes |= _marked(_CHANGED, mark)
        _check_event(event_id, etag)
        target = await self._target(user_id, calendar, account)
        try:
            written = await self._call(
                target, self._api.patch_event, event_id, changes, send_updates=send_updates, etag=etag
            )
        except EtagMismatch:
            # The first attempt may have succeeded, and only its response was lost (RFC 9110 section 13.1.1).
            written = await self._call(target, self._api.get_event, event_id)
            if _mark_of(written, _CHANGED) != mark:
                raise
        # Google accepts changes of a deleted event, and it stays deleted.
        _check_exists(written)
        await self._written(target, "change")
        return from_resource(written)

    async def delete(
        self,
        user_id: int,
        event_id: str,
        *,
        etag: str | None = None,
        calendar: str = "primary",
        account: str | None = None,
        send_updates: SendUpdates = "none",
    ) -> None:
        """Delete an event, a whole series, or one instance; one that is not there is deleted already.

        Raises:
            BadRequest: `etag_mismatch`; `event_not_found`: no such calendar; and all the rest as `insert`.
        """
        _check_event(event_id, etag)
        target = await self._target(user_id, calendar, account)
        try:
            await self._call(target, self._api.delete_event, event_id, send_updates=send_updates, etag=etag)
        except EventDeleted:
            pass
        except EtagMismatch:
            found = await self._call(target, self._api.get_event, event_id)
            if found["status"] != "cancelled":
                raise
        except BadRequest as error:
            if error.code != "event_not_found":
                raise
            # Google answers the same when there is no such calendar.
            await self._call(target, self._api.check_calendar)
        await self._written(target, "delete")

    async def account_of(self, user_id: int, calendar: str, account: str | None = None) -> str | None:
        """Return the `sub` of the account that writes to `calendar`; `account` if the user has no such grant.

        Raises:
            BadRequest: `event_not_found`.
        """
        if calendar.isdecimal():
            return (await self._stored(user_id, int(calendar), account)).account.account_sub
        grant = await self._vault.grants.find(user_id, account)
        return account if grant is None else grant.account_sub

    async def _inserted_before(self, target: _Target, event_id: str, mark: str, exists: EventExists) -> Event:
        """Return the event with this id if a call with the same content inserted it."""
        try:
            event = await self._call(target, self._api.get_event, event_id)
        except BadRequest:
            # Deleted so long ago that Google knows no more than its id.
            raise exists from None
        _check_exists(event)
        if _mark_of(event, _INSERTED) != mark:
            raise exists
        await self._written(target, "insert")
        return from_resource(event)

    async def _target(self, user_id: int, calendar: str, account: str | None) -> _Target:
        if not re.fullmatch(CALENDAR, calendar):
            raise _not_found()
        if calendar.isdecimal():
            return await self._stored(user_id, int(calendar), account)
        grant = await self._vault.grants.find(user_id, account)
        if grant is None:
            raise BadRequest("not_found", "This user has not allowed access to Google yet.")
        return _Target(AccountKey(user_id, grant.account_sub), calendar)

    async def _stored(self, user_id: int, calendar_id: int, account: str | None) -> _Target:
        c = calendars.c
        query = select(c.account_sub, c.google_id).where(c.id == calendar_id, c.user_id == user_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or account not in (None, row.account_sub):
            raise _not_found()
        return _Target(AccountKey(user_id, row.account_sub), row.google_id)

    async def _call(
        self,
        target: _Target,
        method: Callable[Concatenate[str, str, _P], Awaitable[_T]],
        *args: _P.args,
        **more: _P.kwargs,
    ) -> _T:
        """Call a method of the API with a token for the target; once more with a new token after a 401."""
        user_id, account = target.account
        access = await self._vault.access_token(user_id, account, scopes=WRITE_EVENTS)
        await self._budget.acquire(user_id, Priority.WRITE)
        try:
            return await method(access.token, target.calendar_id, *args, **more)
        except AccessRefused:
            access = await self._vault.access_token(
                user_id, account, scopes=WRITE_EVENTS, rejected=access.token
            )
        await self._budget.acquire(user_id, Priority.WRITE)
        return await method(access.token, target.calendar_id, *args, **more)

    async def _written(self, target: _Target, action: str) -> None:
        """Let a stored calendar be read again, so that announcements follow; several writes are one sync."""
        log.info("event_written", user=target.account.user_id, action=action)
        c = calendars.c
        which = c.is_primary if target.calendar_id == "primary" else c.google_id == target.calendar_id
        mine = c.user_id == target.account.user_id, c.account_sub == target.account.account_sub, which
        # As after a push notification.
        changed = update(calendars).where(*mine, c.is_selected, ~c.is_notified).values(is_notified=True)
        async with self._engine.begin() as connection:
            if await connection.scalar(changed.returning(c.id)) is not None:
                await enqueue(connection, SYNC_DUE, target.account)


def _check_event(event_id: str, etag: str | None) -> None:
    if not re.fullmatch(ANY_EVENT_ID, event_id):
        raise _not_found()
    if etag is not None and not re.fullmatch(ETAG, etag):
        # No event has it. An empty header could pass for one that was not sent, which is no condition.
        raise EtagMismatch("etag_mismatch", "No event has this ETag; send it as it was received.")


def _not_found() -> BadRequest:
    return BadRequest("event_not_found", "This user has no such calendar or event.")


def _marked(name: str, mark: str) -> dict[str, Any]:
    return {"extendedProperties": {"private": {name: mark}}}


def _mark_of(event: Mapping[str, Any], name: str) -> str | None:
    properties = event.get("extendedProperties")
    private = properties.get("private") if isinstance(properties, dict) else None
    mark = private.get(name) if isinstance(private, dict) else None
    return mark if isinstance(mark, str) else None


def _check_exists(event: Mapping[str, Any]) -> None:
    if event["status"] == "cancelled":
        raise EventDeleted("event_deleted", "The event was deleted; its id can't be used again.")
