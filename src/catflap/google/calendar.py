"""What Google's Calendar endpoint says: the calendars of an account and their events, page by page.

No storage, no policy, no retries: an access token comes in, checked values or an error of Catflap's tree go
out. Errors are told apart by status and `reason` (Calendar API, "Handle API errors"), never by their text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import quote

import httpx2

from catflap.errors import BadRequest, OperatorMustAct, TryAgain, UserMustAct

_CALENDAR_FIELDS = (
    "nextPageToken,items(id,summary,summaryOverride,timeZone,primary,selected,defaultReminders)"
)
_EVENT_FIELDS = (
    "nextPageToken,nextSyncToken,items(id,status,iCalUID,summary,start,end,recurrence,recurringEventId,"
    "originalStartTime,transparency,visibility,attendees(self,responseStatus),eventType,reminders,"
    "birthdayProperties)"
)
# Google's limits of `reminders.overrides`.
MAX_REMINDERS = 5
MAX_REMINDER_MINUTES = 40_320
_RATE_LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
_SCOPE_MISSING = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_API_DISABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})


class AccessRefused(TryAgain):
    """Google refused the access token (401); a fresh one may do."""

    def __init__(self) -> None:
        super().__init__("access_token_refused", "Google refused the access token.")


class SyncTokenExpired(TryAgain):
    """The sync token is of no use any more (410, or 400 for one Google can't read): sync in full."""

    def __init__(self) -> None:
        super().__init__("sync_token_expired", "The calendar must be read again in full.")


@dataclass(frozen=True)
class CalendarEntry:
    """One line of a person's calendar list."""

    id: str
    summary: str = field(repr=False)
    time_zone: str
    is_primary: bool
    is_selected: bool
    default_reminders: tuple[int, ...] = ()


@dataclass(frozen=True)
class EventsPage:
    """One page of events as Google writes them; `next_sync_token` is on the last page only."""

    items: tuple[Mapping[str, Any], ...] = field(repr=False)
    next_page_token: str | None
    next_sync_token: str | None


class CalendarApi:
    """The two lists of Calendar API v3 that a copy needs.

    Args:
        http: Sends the requests; its time-outs are ours.
        base_url: Where Google's APIs live, such as `https://www.googleapis.com`.
    """

    def __init__(self, http: httpx2.AsyncClient, base_url: str) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/calendar/v3"

    async def list_calendars(self, token: str) -> tuple[CalendarEntry, ...]:
        """Every calendar on the person's list (`calendarList.list`), all pages.

        Raises:
            AccessRefused: the access token.
            UserMustAct: `scope_missing`.
            OperatorMustAct: `google_api_disabled`.
            TryAgain: `google_rate_limited`, `google_unavailable`.
            BadRequest: `not_found`, `not_allowed`, `google_refused`.
        """
        entries: list[CalendarEntry] = []
        page_token: str | None = None
        while True:
            query = {"maxResults": "250", "fields": _CALENDAR_FIELDS}
            body = await self._get(token, "/users/me/calendarList", _with(query, pageToken=page_token))
            entries += map(_calendar_entry, _items(body))
            following = _text(body, "nextPageToken")
            if following is None:
                return tuple(entries)
            if following == page_token:
                raise _unavailable("nextPageToken repeats")
            page_token = following

    async def list_events(
        self,
        token: str,
        calendar_id: str,
        *,
        sync_token: str | None = None,
        page_token: str | None = None,
        time_min: datetime | None = None,
    ) -> EventsPage:
        """One page of `events.list`: masters and exceptions, not instances.

        Args:
            token: An access token.
            calendar_id: As the calendar list calls it.
            sync_token: Only what changed since then; excludes `time_min` (Calendar API, "Synchronize").
            page_token: Of the page before; all else must be as in the request for that one.
            time_min: Leave out what ended at or before this moment.

        Raises:
            SyncTokenExpired: sync in full.
            CatflapError: as `list_calendars`.
        """
        # With one attendee wanted Google sends only the person's own entry.
        query = {"maxResults": "2500", "maxAttendees": "1", "fields": _EVENT_FIELDS}
        since = time_min.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time_min else None
        query = _with(query, syncToken=sync_token, pageToken=page_token, timeMin=since)
        body = await self._get(token, f"/calendars/{quote(calendar_id, safe='')}/events", query)
        return EventsPage(_items(body), _text(body, "nextPageToken"), _text(body, "nextSyncToken"))

    async def _get(self, token: str, path: str, query: dict[str, str]) -> Mapping[str, Any]:
        try:
            response = await self._http.get(
                self._root + path, params=query, headers={"Authorization": f"Bearer {token}"}
            )
        except httpx2.HTTPError as error:
            raise _unavailable(type(error).__name__) from None
        return _checked(response, sync_token_sent="syncToken" in query)


def _checked(response: httpx2.Response, *, sync_token_sent: bool) -> Mapping[str, Any]:
    """The JSON object in a good answer; anything else becomes an error."""
    body = _json(response)
    if response.status_code != 200:
        _refuse(response, _reasons(body), sync_token_sent=sync_token_sent)
    if body is None:
        raise _unavailable("no JSON object")
    return body


def _refuse(response: httpx2.Response, reasons: frozenset[str], *, sync_token_sent: bool) -> NoReturn:
    status = response.status_code
    hint = f"{status} {','.join(sorted(reasons))}"
    if status == 401:
        raise AccessRefused
    if status == 429 or (status == 403 and reasons & _RATE_LIMITS):
        raise TryAgain(
            "google_rate_limited", "Google asks for a pause.", detail=hint, after=_retry_after(response)
        )
    if status == 403 and reasons & _SCOPE_MISSING:
        raise UserMustAct("scope_missing", "Allow Catflap to read your calendar.", detail=hint)
    if status == 403 and reasons & _API_DISABLED:
        raise OperatorMustAct(
            "google_api_disabled", "Enable the Google Calendar API in the Cloud project.", detail=hint
        )
    if status in (400, 410) and sync_token_sent and "deleted" not in reasons:
        # All else in the request is fixed, so a 400 is about the token too.
        raise SyncTokenExpired
    if status in (404, 410):
        raise BadRequest("not_found", "Google has no such calendar.", detail=hint)
    if status == 403:
        raise BadRequest("not_allowed", "Google does not show this calendar.", detail=hint)
    if 400 <= status < 500 and status != 408:
        raise BadRequest("google_refused", "Google refused the request.", detail=hint)
    raise TryAgain(
        "google_unavailable", "Google does not answer properly.", detail=hint, after=_retry_after(response)
    )


def _unavailable(hint: str) -> TryAgain:
    return TryAgain("google_unavailable", "Google does not answer properly.", detail=hint)


def _json(response: httpx2.Response) -> Mapping[str, Any] | None:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _reasons(body: Mapping[str, Any] | None) -> frozenset[str]:
    error = (body or {}).get("error")
    if not isinstance(error, dict):
        return frozenset()
    told = [*_list(error.get("errors")), *_list(error.get("details"))]
    reasons = (item.get("reason") for item in told if isinstance(item, dict))
    return frozenset(reason for reason in reasons if isinstance(reason, str))


def _retry_after(response: httpx2.Response) -> timedelta | None:
    """Seconds, or a date compared with the answer's own, so that no clock is needed (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 7:
        return timedelta(seconds=int(value))
    try:
        until, sent = parsedate_to_datetime(value), parsedate_to_datetime(response.headers.get("date", ""))
        return max(until - sent, timedelta(0))
    except (ValueError, TypeError, OverflowError):
        return None


def _calendar_entry(item: Mapping[str, Any]) -> CalendarEntry:
    identifier = _text(item, "id")
    if not identifier:
        raise _unavailable("calendar without id")
    return CalendarEntry(
        id=identifier,
        summary=_text(item, "summaryOverride") or _text(item, "summary") or "",
        time_zone=_text(item, "timeZone") or "UTC",
        is_primary=item.get("primary") is True,
        is_selected=item.get("selected") is True,
        default_reminders=popup_minutes(item.get("defaultReminders")),
    )


def popup_minutes(reminders: object) -> tuple[int, ...]:
    """The minutes of reminders shown on a screen; e-mails and malformed members are ignored."""
    popups = (
        reminder.get("minutes")
        for reminder in _list(reminders)
        if isinstance(reminder, dict) and reminder.get("method") == "popup"
    )
    valid = {minutes for minutes in popups if type(minutes) is int and 0 <= minutes <= MAX_REMINDER_MINUTES}
    return tuple(sorted(valid))[:MAX_REMINDERS]


def _items(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    items = body.get("items", [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _unavailable("items is no list of objects")
    return tuple(items)


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise _unavailable(f"{name} is no text")
    return value or None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _with(query: dict[str, str], **more: str | None) -> dict[str, str]:
    return query | {name: value for name, value in more.items() if value is not None}
