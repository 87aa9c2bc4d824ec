"""Client of the Google Calendar API: insert, patch and delete events (`events.insert` and so on).

No storage, no policy, no retries, as in `calendar`. `WRITE_RULES` maps Google's errors, by their reason.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

import httpx2

from catflap.errors import BadRequest, CatflapError, TryAgain
from catflap.google import members
from catflap.google.calendar_errors import (
    ERROR_RULES,
    AccessRefused,
    CalendarGone,
    ErrorRule,
    find_rule,
    reason_names,
    reasons_of,
    unavailable,
)
from catflap.google.calendar_requests import json_object, send
from catflap.google.fetch import FetchedResponse, Limit
from catflap.google.members import Malformed

SendUpdates = Literal["all", "externalOnly", "none"]
_FIELDS = (
    "id,etag,status,htmlLink,summary,location,description,start,end,recurrence,reminders,transparency,"
    "visibility,attendees(email,responseStatus),extendedProperties"
)
# An event with thousands of attendees and a long description.
_EVENT = Limit(4 * 1024 * 1024, 30.0)
_MAX_ID = 1024


class EventExists(BadRequest):
    """The calendar has an event with this id, or had one: Google keeps the ids of deleted events."""


class EventDeleted(BadRequest):
    """The event was deleted."""


class EtagMismatch(BadRequest):
    """The event has another ETag than the one in `If-Match`."""


_MESSAGES = {
    "google_rate_limited": "Google asks for a pause; try again after it.",
    "google_quota_exceeded": "The Calendar API's quota is used up for now; try again later.",
    "scope_missing": "Allow Catflap to change events in your calendars.",
}
_FORBIDDEN = ErrorRule(
    BadRequest,
    "write_forbidden",
    "Google does not let this account write there: it may only read the calendar, or is not the organiser.",
    reason_names("forbidden requiredAccessLevel forbiddenForNonOrganizer forbiddenForServiceAccounts"),
    frozenset({403}),
)
# In order of precedence. Rules about reading that say that a calendar is gone don't apply to writes.
WRITE_RULES: tuple[ErrorRule, ...] = (
    *(
        replace(rule, message=_MESSAGES.get(rule.code, rule.message))
        for rule in ERROR_RULES
        if rule.kind is not CalendarGone
    ),
    _FORBIDDEN,
    ErrorRule(
        BadRequest,
        "event_not_found",
        "This account has no such calendar or event.",
        reason_names("notFound NOT_FOUND"),
        frozenset({404}),
    ),
    ErrorRule(
        EventExists,
        "event_exists",
        "Another event with this id exists; choose another id.",
        reason_names("duplicate"),
        frozenset({409}),
    ),
    ErrorRule(
        EventDeleted,
        "event_deleted",
        "The event with this id was deleted; an id can't be used again.",
        reason_names("deleted"),
        frozenset({410}),
    ),
    ErrorRule(
        EtagMismatch,
        "etag_mismatch",
        "The event was changed meanwhile; read it again, and send its ETag.",
        reason_names("conditionNotMet"),
        frozenset({412}),
    ),
)


def write_refusal(response: FetchedResponse, body: Mapping[str, Any] | None) -> CatflapError:
    """Return the error for the response to a write other than 2xx.

    A reason that no rule has is about the event where the status is 400, and about rights where it is 403.
    """
    status, reasons = response.status, reasons_of(body)
    hint = " ".join([str(status), *sorted(reasons)])
    if status == 401:
        return AccessRefused()
    rule = find_rule(WRITE_RULES, status, reasons)
    if rule is None and reasons and status == 403:
        rule = _FORBIDDEN
    if rule is not None:
        return rule.error(hint, response.retry_after())
    if reasons and status in (400, 413):
        named = ", ".join(sorted(reasons))
        return BadRequest("event_invalid", f"Google does not accept this event: {named}.", detail=hint)
    message = "Google does not answer properly; try again."
    return TryAgain("google_unavailable", message, detail=hint, after=response.retry_after())


class EventWriteApi:
    """The methods of Calendar API v3 that write events, and those to find out what became of a write.

    Every method but `delete_event` and `check_calendar` returns the event resource with `id`, `etag` and
    `status` checked.

    Args:
        http: Sends the requests, with its timeouts.
        base_url: Where Google's APIs live, such as `https://www.googleapis.com`.
    """

    def __init__(self, http: httpx2.AsyncClient, base_url: str) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/calendar/v3/calendars"

    async def insert_event(
        self, token: str, calendar_id: str, event: Mapping[str, Any], *, send_updates: SendUpdates
    ) -> Mapping[str, Any]:
        """Insert an event; with an `id`, Google accepts it once.

        Raises:
            EventExists: the calendar has, or had, an event with this id.
            AccessRefused: the access token.
            UserMustAct: `scope_missing`, `google_account_refused`.
            OperatorMustAct: `google_api_disabled`, `google_project_refused`.
            TryAgain: `google_rate_limited`, `google_quota_exceeded`, `google_unavailable`; after the last one
                it is unknown whether the event was inserted.
            BadRequest: `write_forbidden`, `event_not_found` (the calendar), `event_invalid`.
        """
        query = {"sendUpdates": send_updates, "fields": _FIELDS}
        return await self._event("POST", self._path(calendar_id), token, query, json=event)

    async def get_event(self, token: str, calendar_id: str, event_id: str) -> Mapping[str, Any]:
        """Return an event, also a deleted one: its status is `cancelled`.

        Raises:
            CatflapError: as `insert_event`.
        """
        return await self._event("GET", self._path(calendar_id, event_id), token, {"fields": _FIELDS})

    async def patch_event(
        self,
        token: str,
        calendar_id: str,
        event_id: str,
        changes: Mapping[str, Any],
        *,
        send_updates: SendUpdates,
        etag: str | None = None,
    ) -> Mapping[str, Any]:
        """Change members of an event: objects are merged, lists replaced, null removes.

        Raises:
            EtagMismatch: the event has another ETag than `etag`.
            CatflapError: as `insert_event`.
        """
        query = {"sendUpdates": send_updates, "fields": _FIELDS}
        path = self._path(calendar_id, event_id)
        return await self._event("PATCH", path, token, query, etag=etag, json=changes)

    async def delete_event(
        self,
        token: str,
        calendar_id: str,
        event_id: str,
        *,
        send_updates: SendUpdates,
        etag: str | None = None,
    ) -> None:
        """Delete an event.

        Raises:
            EventDeleted: it is deleted already.
            EtagMismatch: the event has another ETag than `etag`.
            CatflapError: as `insert_event`.
        """
        path = self._path(calendar_id, event_id)
        await self._send("DELETE", path, token, {"sendUpdates": send_updates}, etag=etag)

    async def check_calendar(self, token: str, calendar_id: str) -> None:
        """Return if this account can read events of the calendar.

        Raises:
            CatflapError: as `insert_event`.
        """
        await self._send("GET", self._path(calendar_id), token, {"maxResults": "1", "fields": "kind"})

    def _path(self, calendar_id: str, event_id: str | None = None) -> str:
        path = f"{self._root}/{quote(calendar_id, safe='')}/events"
        return path if event_id is None else f"{path}/{quote(event_id, safe='')}"

    async def _event(
        self, method: str, url: str, token: str, query: Mapping[str, str], **sent: Any
    ) -> Mapping[str, Any]:
        """Send a request and return the event resource of the response."""
        event = json_object(await self._send(method, url, token, query, **sent))
        try:
            for name in ("id", "etag", "status"):
                members.required(members.token(event, name, _MAX_ID), name)
        except Malformed as error:
            raise unavailable(f"malformed {error.name}") from None
        return event

    async def _send(
        self,
        method: str,
        url: str,
        token: str,
        query: Mapping[str, str],
        *,
        etag: str | None = None,
        **sent: Any,
    ) -> FetchedResponse:
        headers = None if etag is None else {"If-Match": etag}
        return await send(
            self._http,
            method,
            url,
            token,
            limit=_EVENT,
            refusal=write_refusal,
            params=query,
            headers=headers,
            **sent,
        )
