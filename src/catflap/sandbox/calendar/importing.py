"""iCalendar files into a calendar: rules, exceptions and zones are kept as they are written.

Real exports are odd (a DTSTAMP ending in `ZZ`, two RRULE lines, EXDATEs that match nothing, all-day events
without an end), so only what cannot be read at all is refused. Event ids derive from UIDs; importing a file
twice changes it in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import icalendar
from icalendar.timezone import TZP

from catflap.sandbox.calendar.diary import Diary, Resource
from catflap.sandbox.calendar.moments import instance_suffix, stamp, zone
from catflap.sandbox.calendar.recurrence import Series
from catflap.sandbox.calendar.writing import derived_id
from catflap.sandbox.people import SandboxAccount

STATUSES = {"TENTATIVE": "tentative", "CANCELLED": "cancelled"}
ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}


def import_ical(diary: Diary, account: SandboxAccount, text: str, now: datetime) -> int:
    """Put every event of an iCalendar text into a calendar and return how many VEVENTs there were.

    Raises:
        ValueError: with a sentence, if the text is not iCalendar or an event has no readable start.
    """
    calendar = _parse(text)
    if name := calendar.get("X-WR-CALNAME"):
        diary.summary = str(name)
    if about := calendar.get("X-WR-CALDESC"):
        diary.description = str(about)
    default = _zone_name(str(calendar.get("X-WR-TIMEZONE", ""))) or diary.time_zone
    events = [component for component in calendar.walk("VEVENT") if isinstance(component, icalendar.Event)]
    masters = [event for event in events if "RECURRENCE-ID" not in event]
    for event in sorted(events, key=lambda event: "RECURRENCE-ID" in event):
        resource = _resource(event, diary, default)
        if "RECURRENCE-ID" in event:
            resource = _as_exception(event, resource, masters)
        organizer = {"email": account.email, "self": True}
        diary.put({"creator": organizer, "organizer": organizer, **resource}, now)
    return len(events)


def _parse(text: str) -> icalendar.Calendar:
    try:
        found = icalendar.Calendar.from_ical(text.lstrip("\ufeff \r\n"), multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not an iCalendar file: {str(error)[:200]}") from error
    calendars = [component for component in found if component.name == "VCALENDAR"]
    if not calendars:
        raise ValueError("this is not an iCalendar file: it does not begin with BEGIN:VCALENDAR")
    first = calendars[0]
    assert isinstance(first, icalendar.Calendar)
    for other in calendars[1:]:
        for component in other.subcomponents:
            first.add_component(component)
    return first


def _resource(event: icalendar.Event, diary: Diary, default: str) -> Resource:
    uid = str(event.get("UID") or event.to_ical().decode("utf-8", "replace"))
    start, end = _times(event, default, uid)
    resource: Resource = {
        "id": derived_id(diary.id, uid),
        "iCalUID": uid[:1024],
        "status": STATUSES.get(str(event.get("STATUS", "")).upper(), "confirmed"),
        "eventType": "default",
        "start": start,
        "end": end,
        "sequence": _integer(event.get("SEQUENCE")),
        "reminders": {"useDefault": True},
    }
    for name, key in (("SUMMARY", "summary"), ("DESCRIPTION", "description"), ("LOCATION", "location")):
        if str(event.get(name, "")):
            resource[key] = str(event[name])
    if str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
        resource["transparency"] = "transparent"
    visibility = str(event.get("CLASS", "")).lower()
    if visibility in ("private", "confidential"):
        resource["visibility"] = visibility
    if guests := [_guest(guest) for guest in _listed(event.get("ATTENDEE"))]:
        resource["attendees"] = guests
    created = _decoded(event, "CREATED")
    if isinstance(created, datetime) and created.tzinfo:
        resource["created"] = stamp(created)
    if lines := _recurrence(event, default):
        resource["recurrence"] = lines
        _check(resource, diary, uid)
    return resource


def _check(resource: Resource, diary: Diary, uid: str) -> None:
    try:
        Series(resource["start"], resource["end"], resource["recurrence"], diary.zone)
    except ValueError as error:
        raise ValueError(f"the event {uid[:80]!r} cannot be repeated: {error}") from error


def _as_exception(event: icalendar.Event, resource: Resource, masters: list[icalendar.Event]) -> Resource:
    original = _decoded(event, "RECURRENCE-ID")
    if not isinstance(original, date):
        raise ValueError(f"the event {resource['iCalUID'][:80]!r} has an unreadable RECURRENCE-ID")
    name = _zone_parameter(event["RECURRENCE-ID"], original, "UTC")
    if isinstance(original, datetime) and original.tzinfo is None:
        original = original.replace(tzinfo=zone(name))
    master_start = next(
        (m.get("DTSTART") for m in masters if str(m.get("UID")) == str(event.get("UID"))), None
    )
    if (
        master_start is not None
        and not isinstance(master_start.dt, datetime)
        and isinstance(original, datetime)
    ):
        original = original.date()
    master = resource["id"]
    when, _ = _when(original, name), resource.pop("recurrence", None)
    return {
        **resource,
        "id": f"{master}_{instance_suffix(original)}",
        "recurringEventId": master,
        "originalStartTime": when,
    }


def _times(event: icalendar.Event, default: str, uid: str) -> tuple[Resource, Resource]:
    begin = _decoded(event, "DTSTART")
    if not isinstance(begin, date):
        raise ValueError(f"the event {uid[:80]!r} has no readable DTSTART")
    name = _zone_parameter(event["DTSTART"], begin, default)
    finish = _decoded(event, "DTEND")
    length = _decoded(event, "DURATION")
    finish_name = _zone_parameter(event["DTEND"], finish, default) if isinstance(finish, date) else name
    if isinstance(begin, datetime):
        begin = begin if begin.tzinfo else begin.replace(tzinfo=zone(name))
        if not isinstance(finish, datetime):
            finish = begin + length if isinstance(length, timedelta) else begin
        finish = finish if finish.tzinfo else finish.replace(tzinfo=zone(finish_name))
        finish = max(begin, finish, key=lambda moment: moment.astimezone(UTC))
    else:
        if isinstance(finish, datetime) or not isinstance(finish, date):
            finish = begin + (length if isinstance(length, timedelta) else timedelta(days=1))
        finish = max(finish, begin + timedelta(days=1))
    return _when(begin, name), _when(finish, finish_name)


def _when(moment: date | datetime, name: str) -> Resource:
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat()}
    text = moment.astimezone(zone(name)).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"dateTime": text, "timeZone": name}


def _decoded(event: icalendar.Event, name: str) -> Any:
    value = event.get(name)
    value = value[0] if isinstance(value, list) and value else value
    return getattr(value, "dt", getattr(value, "td", None))


def _zone_parameter(value: Any, moment: date, default: str) -> str:
    parameter = _zone_name(str(value.params.get("TZID", ""))) if hasattr(value, "params") else None
    if parameter:
        return parameter
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return "UTC"
    return default


def _zone_name(name: str) -> str | None:
    for candidate in (name, TZP().clean_timezone_id(name) if name else ""):
        try:
            if candidate and isinstance(zone(candidate), tzinfo):
                return candidate
        except ValueError:
            continue
    return icalendar.timezone.windows_to_olson.WINDOWS_TO_OLSON.get(name)


def _recurrence(event: icalendar.Event, default: str) -> list[str]:
    lines = [f"RRULE:{rule.to_ical().decode()}" for rule in _listed(event.get("RRULE")) if rule]
    for name in ("RDATE", "EXDATE"):
        for dates in _listed(event.get(name)):
            lines += _date_lines(name, [moment.dt for moment in dates.dts], dates, default)
    return lines


def _date_lines(name: str, moments: Iterable[Any], value: Any, default: str) -> list[str]:
    lines = []
    for moment in moments:
        moment = moment[0] if isinstance(moment, tuple) else moment
        if not isinstance(moment, datetime):
            lines.append(f"{name};VALUE=DATE:{moment:%Y%m%d}")
        elif _zone_parameter(value, moment, default) == "UTC":
            lines.append(f"{name}:{moment:%Y%m%dT%H%M%SZ}")
        else:
            lines.append(f"{name};TZID={_zone_parameter(value, moment, default)}:{moment:%Y%m%dT%H%M%S}")
    return lines


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _guest(guest: Any) -> Resource:
    answer = ANSWERS.get(str(guest.params.get("PARTSTAT", "")).upper(), "needsAction")
    name = str(guest.params.get("CN", ""))
    email = str(guest).removeprefix("mailto:").removeprefix("MAILTO:")
    return {"email": email, "responseStatus": answer, **({"displayName": name} if name else {})}


def _integer(value: Any) -> int:
    return int(value) if value is not None and str(value).lstrip("-").isdecimal() else 0
