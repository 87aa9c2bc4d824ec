"""The calendars and freebusy endpoints of Calendar v3.

Source: calendar.v3 discovery document.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from starlette.responses import Response

from catflap.sandbox.access import needs
from catflap.sandbox.app import Endpoint
from catflap.sandbox.calendar import writing
from catflap.sandbox.calendar.diary import Diary
from catflap.sandbox.calendar.endpoints import diary_of, match, respond
from catflap.sandbox.calendar.listing import single_events
from catflap.sandbox.calendar.moments import instant
from catflap.sandbox.calendar.setting_values import settings_of, watched_name
from catflap.sandbox.call import Call
from catflap.sandbox.errors import ApiError
from catflap.sandbox.oauth import scopes
from catflap.sandbox.responses import no_content
from catflap.sandbox.timestamps import parse_timestamp, zone
from catflap.sandbox.world import World

READ = frozenset({scopes.CALENDAR, scopes.CALENDAR_READ, scopes.CALENDARS, scopes.CALENDARS_READ})
WRITE = frozenset({scopes.CALENDAR, scopes.CALENDARS})
BUSY = frozenset({scopes.CALENDAR, scopes.CALENDAR_READ, scopes.FREEBUSY, scopes.EVENTS_FREEBUSY})
ROOT = "/calendar/v3"
CALENDAR = ROOT + "/calendars/{calendarId}"
TEXTS = ("summary", "description", "location", "timeZone")
LONGEST_BUSY = timedelta(days=93)


def resource(world: World, diary: Diary) -> dict[str, Any]:
    """Return a calendar as responses show it."""
    shown: dict[str, Any] = {
        "kind": "calendar#calendar",
        "etag": f'"{diary.etag}"',
        "id": diary.id,
        "summary": diary.summary,
        "timeZone": diary.time_zone,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    owner = world.accounts[diary.owner].email
    if diary.id != owner:
        shown["dataOwner"] = owner
    return shown | {n: v for n in ("description", "location") if (v := getattr(diary, n))}


def _written(body: dict[str, Any]) -> dict[str, str | None]:
    written = {name: body[name] for name in TEXTS if name in body}
    for name, value in written.items():
        if value is not None and not isinstance(value, str):
            raise ApiError(400, "invalid", f"Invalid value for field '{name}'.")
    if where := written.get("timeZone"):
        try:
            zone(where)
        except ValueError:
            raise ApiError(400, "invalid", "Invalid time zone.") from None
    return written


def _write(world: World, diary: Diary, written: dict[str, str | None]) -> None:
    diary.summary = written.get("summary", diary.summary) or diary.summary
    diary.description = written.get("description", diary.description)
    diary.location = written.get("location", diary.location)
    world.diaries.move_to_zone(diary, written.get("timeZone") or diary.time_zone)


def got(call: Call) -> Response:
    """Handle `calendars.get`."""
    return respond(call, resource(call.world, diary_of(call)[0]))


def inserted(call: Call) -> Response:
    """Handle `calendars.insert`."""
    assert call.account is not None
    written = _written(call.json())
    if not written.get("summary"):
        raise ApiError(400, "required", "Missing title.")
    world = call.world
    name = writing.derived_id(call.account.sub, str(len(world.diaries.calendars)))
    calendar_id = f"c_{name}@group.calendar.google.com"
    diary = world.diaries.create(call.account, calendar_id, str(written["summary"]), "UTC")
    _write(world, diary, written)
    return respond(call, resource(call.world, diary))


def changed(call: Call) -> Response:
    """Handle `calendars.patch` and `calendars.update`."""
    assert call.account is not None
    diary, entry = diary_of(call, write=True)
    match(call, f'"{diary.etag}"')
    written = _written(call.json())
    if call.method == "PUT":
        if not written.get("summary"):
            raise ApiError(400, "required", "Missing title.")
        written = {"description": None, "location": None, **written}
    before = settings_of(call.world, call.account)
    _write(call.world, diary, written)
    if settings_of(call.world, call.account) != before:
        call.world.channels.changed(watched_name(call.account))
    call.world.diaries.touch(call.account.sub, entry)
    return respond(call, resource(call.world, diary))


def deleted(call: Call) -> Response:
    """Handle `calendars.delete`."""
    assert call.account is not None
    diary, _ = diary_of(call, write=True)
    if diary.id == call.account.email:
        message = "The primary calendar cannot be deleted."
        raise ApiError(403, "cannotDeletePrimaryCalendar", message, domain="calendar")
    if diary.owner != call.account.sub:
        message = "Only the data owner can delete this calendar."
        raise ApiError(403, "forbidden", message, domain="calendar")
    call.world.diaries.delete(diary)
    return no_content()


def cleared(call: Call) -> Response:
    """Handle `calendars.clear`: only the primary calendar."""
    assert call.account is not None
    diary, _ = diary_of(call, write=True)
    if diary.id != call.account.email:
        raise ApiError(400, "invalid", "Only the primary calendar can be cleared.")
    for event_id in list(diary.records):
        if diary.live(event_id):
            writing.cancel(diary, event_id, call.world.now())
    return no_content()


def freebusy(call: Call) -> Response:
    """Handle `freebusy.query`."""
    assert call.account is not None
    body = call.json()
    low, high = (_bound(body, name) for name in ("timeMin", "timeMax"))
    if high <= low:
        raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")
    if high - low > LONGEST_BUSY:
        raise ApiError(400, "timeRangeTooLong", "The requested time range is too long.", domain="calendar")
    try:
        where = zone(str(body.get("timeZone") or "UTC"))
    except ValueError:
        raise ApiError(400, "invalid", "Invalid value for field 'timeZone'.") from None
    items = body.get("items") or []
    names = (
        [item.get("id") if isinstance(item, dict) else None for item in items]
        if isinstance(items, list)
        else [None]
    )
    if len(names) > 50 or not all(isinstance(name, str) for name in names):
        raise ApiError(400, "invalid", "Invalid value for field 'items'.")
    calendars: dict[str, Any] = {}
    for name in names:
        found = call.world.diaries.find(call.account, str(name))
        if found is None:
            calendars[str(name)] = {"busy": [], "errors": [{"domain": "global", "reason": "notFound"}]}
        else:
            calendars[str(name)] = {"busy": list(_busy(found[0], low, high, call.world.now(), where))}
    times = {"timeMin": _text(low), "timeMax": _text(high)}
    return respond(call, {"kind": "calendar#freeBusy", **times, "calendars": calendars})


def _bound(body: dict[str, Any], name: str) -> datetime:
    try:
        return parse_timestamp(str(body[name])).astimezone(UTC)
    except KeyError:
        raise ApiError(400, "required", f"Missing {name} parameter.") from None
    except ValueError:
        raise ApiError(400, "invalid", f"Invalid value for field '{name}'.") from None


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _busy(
    diary: Diary, low: datetime, high: datetime, now: datetime, where: tzinfo
) -> Iterator[dict[str, str]]:
    begin = finish = None
    for event in single_events(diary, low, high, now):
        if event.get("transparency") == "transparent" or _declined(event, diary):
            continue
        start = max(low, instant(event["start"], diary.zone))
        end = min(high, instant(event["end"], diary.zone))
        if begin is None or finish is None:
            begin, finish = start, end
        elif start <= finish:
            finish = max(finish, end)
        else:
            yield _period(begin, finish, where)
            begin, finish = start, end
    if begin is not None and finish is not None:
        yield _period(begin, finish, where)


def _declined(event: dict[str, Any], diary: Diary) -> bool:
    return any(
        str(guest.get("email", "")).lower() == diary.id.lower() and guest.get("responseStatus") == "declined"
        for guest in event.get("attendees", ())
    )


def _period(start: datetime, end: datetime, where: tzinfo) -> dict[str, str]:
    texts = (moment.astimezone(where).isoformat(timespec="seconds") for moment in (start, end))
    return dict(zip(("start", "end"), (text.replace("+00:00", "Z") for text in texts), strict=True))


ENDPOINTS = (
    Endpoint("calendar.calendars.insert", "POST", ROOT + "/calendars", needs(WRITE, inserted)),
    Endpoint("calendar.calendars.get", "GET", CALENDAR, needs(READ, got)),
    Endpoint("calendar.calendars.patch", "PATCH", CALENDAR, needs(WRITE, changed)),
    Endpoint("calendar.calendars.update", "PUT", CALENDAR, needs(WRITE, changed)),
    Endpoint("calendar.calendars.delete", "DELETE", CALENDAR, needs(WRITE, deleted)),
    Endpoint("calendar.calendars.clear", "POST", CALENDAR + "/clear", needs(WRITE, cleared)),
    Endpoint("calendar.freebusy.query", "POST", ROOT + "/freeBusy", needs(BUSY, freebusy)),
)
