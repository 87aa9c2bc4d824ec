"""What Google's Calendar endpoint says: the calendars of an account and their events, page by page.

No storage, no policy, no retries: an access token comes in, checked values or an error of Catflap's tree go
out. What a refusal means is in `calendar_errors`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx2

from catflap.google import members
from catflap.google.calendar_errors import AccessRefused, CalendarGone, SyncTokenExpired, refusal, unavailable
from catflap.google.fetch import PAGE, FetchedResponse, FetchError, fetch
from catflap.google.members import Malformed
from catflap.log import log

__all__ = [
    "MAX_REMINDERS",
    "MAX_REMINDER_MINUTES",
    "AccessRefused",
    "CalendarApi",
    "CalendarEntry",
    "CalendarGone",
    "CalendarList",
    "EventsPage",
    "SyncTokenExpired",
    "popup_minutes",
]

_CALENDAR_FIELDS = (
    "kind,nextPageToken,items(id,summary,summaryOverride,timeZone,primary,selected,deleted,defaultReminders)"
)
_EVENT_FIELDS = (
    "kind,nextPageToken,nextSyncToken,items(id,status,iCalUID,summary,start,end,recurrence,recurringEventId,"
    "originalStartTime,transparency,visibility,attendees(self,responseStatus),eventType,reminders,"
    "birthdayProperties)"
)
# What an event is known and filed by; what it says is read leniently where it is used.
_EVENT_TEXTS = ("iCalUID", "recurringEventId")
_MAX_TEXT, _MAX_TOKEN = 1024, 4096
_ID = re.compile(r"[A-Za-z0-9_@.-]{1,128}")
# Google's limits of `reminders.overrides`.
MAX_REMINDERS = 5
MAX_REMINDER_MINUTES = 40_320


@dataclass(frozen=True)
class CalendarEntry:
    """One line of a person's calendar list; `time_zone` is "" when Google names none."""

    id: str
    summary: str = field(repr=False)
    time_zone: str
    is_primary: bool
    is_selected: bool
    default_reminders: tuple[int, ...] = ()


@dataclass(frozen=True)
class CalendarList:
    """A person's calendar list; not `complete` when an entry could not be read and is left out."""

    entries: tuple[CalendarEntry, ...]
    complete: bool = True


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

    async def list_calendars(self, token: str) -> CalendarList:
        """Every calendar on the person's list (`calendarList.list`), all pages.

        Raises:
            AccessRefused: the access token.
            UserMustAct: `scope_missing`, `google_account_refused`.
            OperatorMustAct: `google_api_disabled`, `google_project_refused`.
            TryAgain: `google_rate_limited`, `google_quota_exceeded`, `google_unavailable`.
            BadRequest: `google_refused`.
        """
        entries: list[CalendarEntry] = []
        complete = True
        page_token: str | None = None
        while True:
            query = {"maxResults": "250", "fields": _CALENDAR_FIELDS}
            body = await self._get(token, "/users/me/calendarList", _with(query, pageToken=page_token))
            items, whole = _items(body, ("timeZone",))
            entries += [_calendar_entry(item) for item in items if item.get("deleted") is not True]
            complete = complete and whole
            following = _text(body, "nextPageToken")
            if following is None:
                return CalendarList(tuple(entries), complete)
            if following == page_token:
                raise unavailable("nextPageToken repeats")
            page_token = following

    async def time_zone(self, token: str) -> str | None:
        """The time zone that the person set in Google Calendar (`settings.get`).

        Raises:
            CatflapError: as `list_calendars`.
        """
        body = await self._get(token, "/users/me/settings/timezone", {"fields": "value"})
        return _text(body, "value")

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
            CalendarGone: `not_found`, `not_allowed`.
            CatflapError: as `list_calendars`.
        """
        # With one attendee wanted Google sends only the person's own entry.
        query = {"maxResults": "2500", "maxAttendees": "1", "fields": _EVENT_FIELDS}
        since = time_min.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time_min else None
        query = _with(query, syncToken=sync_token, pageToken=page_token, timeMin=since)
        body = await self._get(token, f"/calendars/{quote(calendar_id, safe='')}/events", query)
        items, _ = _items(body, _EVENT_TEXTS)
        return EventsPage(items, _text(body, "nextPageToken"), _text(body, "nextSyncToken"))

    async def _get(self, token: str, path: str, query: dict[str, str]) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = await fetch(
                self._http, "GET", self._root + path, limit=PAGE, params=query, headers=headers
            )
        except FetchError as error:
            raise unavailable(error.reason) from None
        about_calendar = path.startswith("/calendars/")
        return _checked(answer, sync_token_sent="syncToken" in query, about_calendar=about_calendar)


def _checked(answer: FetchedResponse, *, sync_token_sent: bool, about_calendar: bool) -> Mapping[str, Any]:
    """The JSON object in a good answer; anything else becomes an error."""
    body = answer.json_object()
    if answer.status != 200:
        raise refusal(answer, body, sync_token_sent=sync_token_sent, about_calendar=about_calendar)
    if body is None:
        raise unavailable("no JSON object")
    return body


def _calendar_entry(item: Mapping[str, Any]) -> CalendarEntry:
    return CalendarEntry(
        id=item["id"],
        summary=members.shown(item, "summaryOverride", _MAX_TEXT)
        or members.shown(item, "summary", _MAX_TEXT)
        or "",
        time_zone=item.get("timeZone") or "",
        is_primary=item.get("primary") is True,
        is_selected=item.get("selected") is True,
        default_reminders=popup_minutes(item.get("defaultReminders")),
    )


def popup_minutes(reminders: object) -> tuple[int, ...]:
    """The minutes of reminders shown on a screen; e-mails and malformed members are ignored."""
    popups = (
        reminder.get("minutes")
        for reminder in (reminders if isinstance(reminders, list) else ())
        if isinstance(reminder, dict) and reminder.get("method") == "popup"
    )
    valid = {minutes for minutes in popups if type(minutes) is int and 0 <= minutes <= MAX_REMINDER_MINUTES}
    return tuple(sorted(valid))[:MAX_REMINDERS]


def _items(body: Mapping[str, Any], texts: tuple[str, ...]) -> tuple[tuple[Mapping[str, Any], ...], bool]:
    """The items that have an `id` and, where they have them, `texts` that are texts; whether that is all.

    The others are skipped and named in the log, by their id if that much can be read: one bad item must not
    keep the good ones away. A page without a good one is no page of Google's.
    """
    if not body.keys() & {"kind", "items", "nextPageToken", "nextSyncToken"}:
        # A list of Google's has at least one of them, however empty it is; `{}` must not empty a copy.
        raise unavailable("no list")
    items = body.get("items", [])
    if not isinstance(items, list):
        raise unavailable("items is no list")
    good = []
    for item in items:
        try:
            if not isinstance(item, dict):
                raise Malformed("item")
            for name in texts:
                members.opaque(item, name, _MAX_TEXT)
            members.required(members.opaque(item, "id", _MAX_TEXT), "id")
        except Malformed as error:
            log.warning("google_item_skipped", id=_shown_id(item), member=error.name)
        else:
            good.append(item)
    if items and not good:
        raise unavailable("no readable item")
    return tuple(good), len(good) == len(items)


def _shown_id(item: object) -> str | None:
    identifier = item.get("id") if isinstance(item, dict) else None
    return identifier if isinstance(identifier, str) and _ID.fullmatch(identifier) else None


def _text(body: Mapping[str, Any], name: str) -> str | None:
    """A token of a list's own, which must come back unchanged."""
    try:
        return members.opaque(body, name, _MAX_TOKEN)
    except Malformed:
        raise unavailable(f"malformed {name}") from None


def _with(query: dict[str, str], **more: str | None) -> dict[str, str]:
    return query | {name: value for name, value in more.items() if value is not None}
