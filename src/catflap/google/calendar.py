"""Client of the Google Calendar API: the calendars of an account and their events, page by page.

No storage, no policy, no retries: each call takes an access token and returns checked values or raises an
error of Catflap's. `calendar_errors` maps Google's errors.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
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
    "MAX_ATTENDEES",
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
    "kind,nextPageToken,nextSyncToken,items(id,summary,summaryOverride,timeZone,primary,selected,deleted,hidden,"
    "accessRole,backgroundColor,foregroundColor,defaultReminders)"
)
_EVENT_FIELDS = (
    "kind,nextPageToken,nextSyncToken,items(id,status,iCalUID,summary,start,end,recurrence,recurringEventId,"
    "originalStartTime,transparency,visibility,location,hangoutLink,conferenceData(entryPoints(entryPointType,"
    "uri)),attendees(self,responseStatus,resource),attendeesOmitted,organizer(self,displayName),eventType,"
    "reminders,birthdayProperties,updated)"
)
# Of an event with more attendees Google sends only the user's own entry, so a page stays within a few MB.
MAX_ATTENDEES = 25
# The members that identify an event; its content is read leniently where it is used.
_EVENT_TEXTS = ("iCalUID", "recurringEventId")
_MAX_TEXT, _MAX_TOKEN = 1024, 4096
_ID = re.compile(r"[A-Za-z0-9_@.-]{1,128}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
# Google's limits of `reminders.overrides`.
MAX_REMINDERS = 5
MAX_REMINDER_MINUTES = 40_320


@dataclass(frozen=True)
class CalendarEntry:
    """One entry of a user's calendar list.

    Attributes:
        id: Google's id.
        summary: its name, the user's own for it if there is one.
        time_zone: "" when Google sends none, as `access_role`.
        is_primary: whether it is the account's own.
        is_selected: whether Google Calendar shows its events.
        default_reminders: in minutes.
        access_role: such as `owner` or `freeBusyReader`, who sees no titles.
        background_color: `#rrggbb`; None when Google sends none, as `foreground_color`.
        foreground_color: that of text on it.
    """

    id: str
    summary: str = field(repr=False)
    time_zone: str
    is_primary: bool
    is_selected: bool
    default_reminders: tuple[int, ...] = ()
    access_role: str = ""
    background_color: str | None = None
    foreground_color: str | None = None


@dataclass(frozen=True)
class CalendarList:
    """A user's calendar list, or what changed in it since a sync token.

    Attributes:
        entries: all of them, or those that changed.
        complete: false when a malformed entry was left out.
        is_incremental: whether these are the changes.
        unlisted: the ids of changed entries that are no longer on the list: deleted or hidden.
        next_sync_token: for the next incremental list, if Google sent one.
    """

    entries: tuple[CalendarEntry, ...]
    complete: bool = True
    is_incremental: bool = False
    unlisted: frozenset[str] = frozenset()
    next_sync_token: str | None = None


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

    async def list_calendars(
        self,
        token: str,
        sync_token: str | None = None,
        *,
        before_next: Callable[[], Awaitable[None]] | None = None,
    ) -> CalendarList:
        """Return the user's calendar list without hidden entries (`calendarList.list`).

        Args:
            token: An access token.
            sync_token: Only what changed since then, to which deleted and hidden entries belong.
            before_next: Called before each request but the first; its errors are raised.

        Raises:
            SyncTokenExpired: ask without sync token.
            AccessRefused: the access token.
            UserMustAct: `scope_missing`, `google_account_refused`.
            OperatorMustAct: `google_api_disabled`, `google_project_refused`.
            TryAgain: `google_rate_limited`, `google_quota_exceeded`, `google_unavailable`.
            BadRequest: `google_refused`.
        """
        # The last one counts for an entry that changed while its pages were read.
        entries: dict[str, CalendarEntry | None] = {}
        complete, is_incremental = True, sync_token is not None
        first = self._list_url.copy_merge_params({"syncToken": sync_token}) if sync_token else self._list_url
        url, page_tokens = first, set[str]()
        while True:
            body = await self._get(token, url, position_sent=is_incremental)
            items, whole = _items(body, ("timeZone",), may_lack_all=is_incremental)
            entries.update((item["id"], _calendar_entry(item)) for item in items)
            complete = complete and whole
            following = _text(body, "nextPageToken")
            if following is None:
                next_sync_token = _text(body, "nextSyncToken")
                if next_sync_token is None and is_incremental:
                    raise unavailable("changes without a sync token")
                return CalendarList(
                    tuple(entry for entry in entries.values() if entry is not None),
                    complete,
                    is_incremental,
                    frozenset(key for key, entry in entries.items() if entry is None),
                    next_sync_token,
                )
            if following in page_tokens:
                raise unavailable("nextPageToken repeats")
            page_tokens.add(following)
            url = first.copy_merge_params({"pageToken": following})
            if before_next is not None:
                await before_next()

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
            SyncTokenExpired: the sync token, or the page token: sync in full from the beginning.
            CalendarGone: `not_found`, `not_allowed`.
            CatflapError: as `list_calendars`.
        """
        query = {"maxResults": "2500", "maxAttendees": str(MAX_ATTENDEES), "fields": _EVENT_FIELDS}
        since = time_min.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time_min else None
        query = _with(query, syncToken=sync_token, pageToken=page_token, timeMin=since)
        url = self._url(f"/calendars/{quote(calendar_id, safe='')}/events", query)
        goes_on = bool(sync_token or page_token)
        body = await self._get(token, url, about_calendar=True, position_sent=goes_on)
        # Of a whole calendar an item can be read, or its copy stays; one changed event may be malformed.
        items, _ = _items(body, _EVENT_TEXTS, may_lack_all=goes_on)
        return EventsPage(items, _text(body, "nextPageToken"), _text(body, "nextSyncToken"))

    def _url(self, path: str, query: dict[str, str]) -> httpx2.URL:
        return httpx2.URL(f"{self._root}{path}?{urlencode(query, safe='(),@')}")

    async def _get(
        self, token: str, url: httpx2.URL, *, about_calendar: bool = False, position_sent: bool = False
    ) -> Mapping[str, Any]:
        refused = partial(refusal, position_sent=position_sent, about_calendar=about_calendar)
        return json_object(await send(self._http, "GET", url, token, limit=PAGE, refusal=refused))


def _calendar_entry(item: Mapping[str, Any]) -> CalendarEntry | None:
    """Return an entry of the calendar list; None for one that is deleted or hidden."""
    if item.get("deleted") is True or item.get("hidden") is True:
        return None
    return CalendarEntry(
        id=item["id"],
        summary=members.shown(item, "summaryOverride", _MAX_TEXT)
        or members.shown(item, "summary", _MAX_TEXT)
        or "",
        time_zone=item.get("timeZone") or "",
        is_primary=item.get("primary") is True,
        is_selected=item.get("selected") is True,
        default_reminders=popup_minutes(item.get("defaultReminders")),
        access_role=members.code(item, "accessRole") or "",
        background_color=_color(item, "backgroundColor"),
        foreground_color=_color(item, "foregroundColor"),
    )


def _color(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    return value.lower() if isinstance(value, str) and _COLOR.fullmatch(value) else None


def popup_minutes(reminders: object) -> tuple[int, ...]:
    """Return the minutes of popup reminders; e-mail reminders and malformed members are ignored."""
    popups = (
        reminder.get("minutes")
        for reminder in (reminders if isinstance(reminders, list) else ())
        if isinstance(reminder, dict) and reminder.get("method") == "popup"
    )
    valid = {minutes for minutes in popups if type(minutes) is int and 0 <= minutes <= MAX_REMINDER_MINUTES}
    return tuple(sorted(valid))[:MAX_REMINDERS]


def _items(
    body: Mapping[str, Any], texts: tuple[str, ...], *, may_lack_all: bool = False
) -> tuple[tuple[Mapping[str, Any], ...], bool]:
    """Return the well-formed items of a list, and whether that is all.

    An item must have an `id`, and the members named in `texts` must be strings. Others are skipped and logged
    by their id if it is readable. A page with items of which none is well-formed is an error, unless
    `may_lack_all`.
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
    if items and not good and not may_lack_all:
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
