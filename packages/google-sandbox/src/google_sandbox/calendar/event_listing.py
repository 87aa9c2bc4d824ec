"""`events.list` and `events.instances`: filters, order, pages, and incremental synchronisation.

Sources: calendar.v3 discovery document, synchronisation guide. Choices where Google is silent: a windowed
sync also tells of events that left the window; a `syncToken` used with another `singleEvents` than it was
made with is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from google_sandbox.calendar import page_tokens
from google_sandbox.calendar.calendar_store import Record, Resource, SandboxCalendar
from google_sandbox.calendar.event_times import instant
from google_sandbox.calendar.instances import expand, in_window
from google_sandbox.calendar.serializers import cancelled, event_resource, visible_event
from google_sandbox.errors import ApiError, bad_parameter
from google_sandbox.request import Call
from google_sandbox.timestamps import parse_timestamp, zone

NO_SYNC = ("orderBy", "q", "iCalUID", "privateExtendedProperty", "sharedExtendedProperty", "updatedMin")
SYNC_PARTS = (str, int, int, bool, str, (float, int, type(None)), (float, int, type(None)))
PAGE_PARTS = (str, int, list)
Key = list[Any]


@dataclass(slots=True)
class Window:
    """The part of a calendar a request is about."""

    low: datetime | None
    high: datetime | None
    single: bool
    kinds: tuple[str, ...]
    since: int | None = None


def list_events(call: Call, calendar: SandboxCalendar) -> dict[str, Any]:
    """Return the items and next token of a list request.

    Raises:
        ApiError: 400 for parameters that contradict each other, 410 for a sync token that is too old.
    """
    today = call.state.now()
    window = _window(call, calendar)
    show_deleted = call.flag("showDeleted") or "updatedMin" in call.query
    if window.since is not None:
        found = _changes(calendar, window, today)
    else:
        found = _filtered(call, calendar, _contents(calendar, window, show_deleted, today), show_deleted)
    return page(call, calendar, found, window)


def page(
    call: Call, calendar: SandboxCalendar, found: Iterable[Resource], window: Window | None
) -> dict[str, Any]:
    """Return one page of events, in the order asked for, with the token of the next one."""
    where = response_zone(call, calendar)
    most = call.number("maxResults", 250, 1, 2500)
    guests = call.number("maxAttendees", 10**6, 1, 10**6)
    keyed = sorted(((_key(call, calendar, event), event) for event in found), key=lambda pair: pair[0])
    snapshot = calendar.changes
    if "pageToken" in call.query:
        parts = page_tokens.unpack("page", call.query["pageToken"], PAGE_PARTS)
        if not parts or parts[0] != calendar.id:
            raise page_tokens.invalid_page_token()
        snapshot = min(parts[1], calendar.changes)
        try:
            keyed = [pair for pair in keyed if pair[0] > parts[2]]
        except TypeError:
            raise page_tokens.invalid_page_token() from None
    details = call.flag("showDeleted")
    assert call.account is not None
    account = call.account
    items = [
        _item(calendar, visible_event(account, calendar, event), where, guests, details)
        for _, event in keyed[:most]
    ]
    if len(keyed) > most:
        return {
            "nextPageToken": page_tokens.pack("page", calendar.id, snapshot, keyed[most - 1][0]),
            "items": items,
        }
    if window is None or any(name in call.query for name in NO_SYNC):
        return {"items": items}
    low, high = page_tokens.as_number(window.low), page_tokens.as_number(window.high)
    kinds = ",".join(window.kinds)
    token = page_tokens.pack(
        "sync", calendar.id, calendar.generation, snapshot, window.single, kinds, low, high
    )
    return {"nextSyncToken": token, "items": items}


def _item(calendar: SandboxCalendar, event: Resource, where: tzinfo, guests: int, details: bool) -> Resource:
    if event["status"] == "cancelled":
        return cancelled(calendar, event, where, details)
    key = ("item", event["id"], event["etag"], where, guests, *event, event.get("visibility"))
    item: Resource | None = calendar.cache.get(key)
    if item is None:
        item = calendar.cache[key] = event_resource(event, where, guests)
    return item


def single_events(
    calendar: SandboxCalendar, low: datetime | None, high: datetime | None, today: datetime
) -> list[Resource]:
    """Return the events of a calendar between two instants by start, with series expanded."""
    window = Window(low, high, True, ())
    found = [e for e in _contents(calendar, window, False, today) if e["status"] != "cancelled"]
    return sorted(found, key=lambda event: (instant(event["start"], calendar.zone), event["id"]))


def response_zone(call: Call, calendar: SandboxCalendar) -> tzinfo:
    """Return the zone times are written in: `timeZone` of the request, else the calendar's."""
    name = call.query.get("timeZone")
    try:
        return zone(name) if name else calendar.zone
    except ValueError:
        raise bad_parameter("timeZone", f"Invalid time zone: {str(name)[:80]}") from None


def time_parameter(call: Call, name: str) -> datetime | None:
    """Return an RFC 3339 parameter.

    Raises:
        ApiError: 400, if it is none or has no offset.
    """
    text = call.query.get(name)
    if text is None or text == "":
        return None
    try:
        return parse_timestamp(text)
    except ValueError:
        raise ApiError(400, "badRequest", "Bad Request", location=("parameter", name)) from None


def _window(call: Call, calendar: SandboxCalendar) -> Window:
    single = call.flag("singleEvents")
    kinds = tuple(sorted(set(call.query.getlist("eventTypes"))))
    if token := call.query.get("syncToken"):
        page_tokens.refuse_restrictions(call)
        parts = page_tokens.unpack("sync", token, SYNC_PARTS)
        if not parts or parts[0] != calendar.id:
            raise page_tokens.invalid_sync_token()
        _, generation, change, was_single, was_kinds, low, high = parts
        if generation != calendar.generation or change > calendar.changes:
            raise page_tokens.gone()
        if was_single != single or was_kinds != ",".join(kinds):
            raise ApiError(
                400,
                "invalid",
                "Sync token cannot be used with other request restrictions",
                location=("parameter", "syncToken"),
            )
        try:
            return Window(page_tokens.as_instant(low), page_tokens.as_instant(high), single, kinds, change)
        except (ValueError, OverflowError, OSError):
            raise page_tokens.invalid_sync_token() from None
    low, high = time_parameter(call, "timeMin"), time_parameter(call, "timeMax")
    if low and high and high <= low:
        raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")
    order = call.query.get("orderBy")
    if order and order not in ("startTime", "updated"):
        raise bad_parameter("orderBy", f"Invalid value '{order[:40]}'.")
    if order == "startTime" and not single:
        raise ApiError(400, "badRequest", "The requested ordering is not available for the particular query.")
    return Window(low, high, single, kinds)


def _contents(
    calendar: SandboxCalendar, window: Window, show_deleted: bool, today: datetime
) -> Iterator[Resource]:
    for record in list(calendar.records.values()):
        event = record.resource
        dead = event["status"] == "cancelled"
        if not window.single:
            of_live_series = dead and bool(calendar.live(event.get("recurringEventId", "")))
            if (not dead or show_deleted or of_live_series) and _touches(calendar, event, window, today):
                yield event
        elif event.get("recurrence"):
            if not dead:
                yield from expand(calendar, event, window.low, window.high, today)
        elif not _is_exception_of_live(calendar, event) and in_window(
            event, window.low, window.high, calendar.zone
        ):
            yield event


def _is_exception_of_live(calendar: SandboxCalendar, event: Resource) -> bool:
    return "recurringEventId" in event and calendar.live(event["recurringEventId"]) is not None


def _touches(calendar: SandboxCalendar, event: Resource, window: Window, today: datetime) -> bool:
    if window.low is None and window.high is None:
        return True
    if not event.get("recurrence"):
        return in_window(event, window.low, window.high, calendar.zone)
    return any(True for _ in expand(calendar, event, window.low, window.high, today))


def _changes(calendar: SandboxCalendar, window: Window, today: datetime) -> Iterator[Resource]:
    assert window.since is not None
    seen: set[str] = set()
    for record in [r for r in calendar.records.values() if r.changed > window.since]:
        if window.kinds and record.resource.get("eventType", "default") not in window.kinds:
            continue
        for event in (
            _change(calendar, record, window, today)
            if window.single
            else _as_it_is(calendar, record, window, today)
        ):
            if event["id"] not in seen:
                seen.add(event["id"])
                yield event


def _as_it_is(
    calendar: SandboxCalendar, record: Record, window: Window, today: datetime
) -> Iterator[Resource]:
    versions = [record.resource, *(resource for _, resource in record.former)]
    if any(_touches(calendar, version, window, today) for version in versions):
        yield record.resource


def _change(calendar: SandboxCalendar, record: Record, window: Window, today: datetime) -> Iterator[Resource]:
    now = record.resource
    before = record.at(window.since or 0)
    instances: dict[str, Resource] = {}
    if before and before.get("recurrence") and before["status"] != "cancelled":
        for event in expand(calendar, before, window.low, window.high, today):
            instances[event["id"]] = {**event, "status": "cancelled"}
    if now.get("recurrence") and now["status"] != "cancelled":
        for event in expand(calendar, now, window.low, window.high, today):
            instances[event["id"]] = event
    if instances or now.get("recurrence"):
        yield from instances.values()
        return
    versions = [now, *(resource for _, resource in record.former)]
    if any(in_window(version, window.low, window.high, calendar.zone) for version in versions):
        yield now


def _filtered(
    call: Call, calendar: SandboxCalendar, events: Iterable[Resource], show_deleted: bool
) -> Iterator[Resource]:
    assert call.account is not None
    account, single = call.account, call.flag("singleEvents")
    kinds = set(call.query.getlist("eventTypes"))
    words = call.query.get("q", "").casefold()
    uid = call.query.get("iCalUID")
    updated_min = time_parameter(call, "updatedMin")
    wanted = [
        (kind, pair.partition("="))
        for kind in ("private", "shared")
        for pair in call.query.getlist(f"{kind}ExtendedProperty")
    ]
    for event in events:
        dead = event["status"] == "cancelled"
        if dead and not show_deleted and single and updated_min is None:
            continue
        if kinds and event.get("eventType", "default") not in kinds:
            continue
        if uid and event.get("iCalUID") != uid:
            continue
        if updated_min and parse_timestamp(event["updated"]) < updated_min:
            continue
        if words and words not in _text(visible_event(account, calendar, event)):
            continue
        properties = event.get("extendedProperties") or {}
        if any((properties.get(kind) or {}).get(name) != value for kind, (name, _, value) in wanted):
            continue
        yield event


def _text(event: Resource) -> str:
    guests = [
        str(guest.get(name, "")) for guest in event.get("attendees", ()) for name in ("email", "displayName")
    ]
    return " ".join(
        [*(str(event.get(n, "")) for n in ("summary", "description", "location")), *guests]
    ).casefold()


def _key(call: Call, calendar: SandboxCalendar, event: Resource) -> Key:
    order = call.query.get("orderBy")
    if order == "startTime":
        when = event.get("start") or event["originalStartTime"]
        return [instant(when, calendar.zone).timestamp(), event["id"]]
    return [event["updated"] if order == "updated" else event.get("created", ""), event["id"]]
