"""Client of the Google Calendar API: the calendars of an account and their events, page by page.

No storage, no policy, no retries: each call takes an access token and returns checked values or raises an
error of Catflap's. `calendar_errors` maps Google's errors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import httpx2

from catflap.google import members
from catflap.google.calendar_errors import AccessRefused, CalendarGone, SyncTokenExpired, refusal, unavailable
from catflap.google.calendar_requests import json_object, send
from catflap.google.fetch import PAGE
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
# The members that identify an event; its content is read leniently where it is used.
_EVENT_TEXTS = ("iCalUID", "recurringEventId")
_MAX_TEXT, _MAX_TOKEN = 1024, 4096
_ID = re.compile(r"[A-Za-z0-9_@.-]{1,128}")
# Google's limits of `reminders.overrides`.
MAX_REMINDERS = 5
MAX_REMINDER_MINUTES = 40_320


@dataclass(frozen=True)
class CalendarEntry:
    """One entry of a user's calendar list; `time_zone` is "" when Google sends none."""

    id: str
    summary: str = field(repr=False)
    time_zone: str
    is_primary: bool
    is_selected: bool
    default_reminders: tuple[int, ...] = ()


@dataclass(frozen=True)
class CalendarList:
    """A user's calendar list; not `complete` when a malformed entry was left out."""

    entries: tuple[CalendarEntry, ...]
    complete: bool = True


@dataclass(frozen=True)
class EventsPage:
    """One page of event resources; `next_sync_token` is on the last page only."""

    items: tuple[Mapping[str, Any], ...] = field(repr=False)
    next_page_token: str | None
    next_sync_token: str | None


class CalendarApi:
    """The list methods of Calendar API v3 that the sync needs.

    Args:
        http: Sends the requests, with its timeouts.
        base_url: Where Google's APIs live, such as `https://www.googleapis.com`.
    """

    def __init__(self, http: httpx2.AsyncClient, base_url: str) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/calendar/v3"
        # Parsed once, because httpx2 looks at each character: a sixth of the time of a small request.
        self._list_url = self._url(
            "/users/me/calendarList", {"maxResults": "250", "fields": _CALENDAR_FIELDS}
        )

    async def list_calendars(self, token: str) -> CalendarList:
        """Return all calendars of the user's list (`calendarList.list`).

        Raises:
            AccessRefused: the access token.
            UserMustAct: `scope_missing`, `google_account_refused`.
            OperatorMustAct: `google_api_disabled`, `google_project_refused`.
            TryAgain: `google_rate_limited`, `google_quota_exceeded`, `google_unavailable`.
            BadRequest: `google_refused`.
        """
        entries: list[CalendarEntry] = []
        complete = True
        url, page_token = self._list_url, None
        while True:
            body = await self._get(token, url)
            items, whole = _items(body, ("timeZone",))
            entries += [_calendar_entry(item) for item in items if item.get("deleted") is not True]
            complete = complete and whole
            following = _text(body, "nextPageToken")
            if following is None:
                return CalendarList(tuple(entries), complete)
            if following == page_token:
                raise unavailable("nextPageToken repeats")
            url, page_token = self._list_url.copy_merge_params({"pageToken": following}), following

    async def time_zone(self, token: str) -> str | None:
        """Return the time zone that the user set in Google Calendar (`settings.get`).

        Raises:
            CatflapError: as `list_calendars`.
        """
        body = await self._get(token, self._url("/users/me/settings/timezone", {"fields": "value"}))
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
        """Return one page of `events.list`: masters and exceptions, not instances.

        Args:
            token: An access token.
            calendar_id: The `id` in the calendar list.
            sync_token: Only what changed since then; excludes `time_min` (Calendar API, "Synchronize").
            page_token: That of the previous page; the other arguments must be the same as for that page.
            time_min: Leave out what ended at or before this moment.

        Raises:
            SyncTokenExpired: sync in full.
            CalendarGone: `not_found`, `not_allowed`.
            CatflapError: as `list_calendars`.
        """
        # With `maxAttendees=1` Google sends only the user's own entry.
        query = {"maxResults": "2500", "maxAttendees": "1", "fields": _EVENT_FIELDS}
        since = time_min.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time_min else None
        query = _with(query, syncToken=sync_token, pageToken=page_token, timeMin=since)
        url = self._url(f"/calendars/{quote(calendar_id, safe='')}/events", query)
        body = await self._get(token, url, about_calendar=True, sync_token_sent=sync_token is not None)
        items, _ = _items(body, _EVENT_TEXTS)
        return EventsPage(items, _text(body, "nextPageToken"), _text(body, "nextSyncToken"))

    def _url(self, path: str, query: dict[str, str]) -> httpx2.URL:
        return httpx2.URL(f"{self._root}{path}?{urlencode(query, safe='(),@')}")

    async def _get(
        self, token: str, url: httpx2.URL, *, about_calendar: bool = False, sync_token_sent: bool = False
    ) -> Mapping[str, Any]:
        refused = partial(refusal, sync_token_sent=sync_token_sent, about_calendar=about_calendar)
        return json_object(await send(self._http, "GET", url, token, limit=PAGE, refusal=refused))


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
    """Return the minutes of popup reminders; e-mail reminders and malformed members are ignored."""
    popups = (
        reminder.get("minutes")
        for reminder in (reminders if isinstance(reminders, list) else ())
        if isinstance(reminder, dict) and reminder.get("method") == "popup"
    )
    valid = {minutes for minutes in popups if type(minutes) is int and 0 <= minutes <= MAX_REMINDER_MINUTES}
    return tuple(sorted(valid))[:MAX_REMINDERS]


def _items(body: Mapping[str, Any], texts: tuple[str, ...]) -> tuple[tuple[Mapping[str, Any], ...], bool]:
    """Return the well-formed items of a list, and whether that is all.

    An item must have an `id`, and the members named in `texts` must be strings. Others are skipped and logged
    by their id if it is readable. A page with items of which none is well-formed is an error.
    """
    if not body.keys() & {"kind", "items", "nextPageToken", "nextSyncToken"}:
        # A list has at least one of them, even an empty one; `{}` must not empty the stored copy.
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
    """Return a page or sync token."""
    try:
        return members.opaque(body, name, _MAX_TOKEN)
    except Malformed:
        raise unavailable(f"malformed {name}") from None


def _with(query: dict[str, str], **more: str | None) -> dict[str, str]:
    return query | {name: value for name, value in more.items() if value is not None}
