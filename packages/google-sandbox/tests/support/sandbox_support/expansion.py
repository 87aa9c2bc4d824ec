"""The same iCalendar file expanded twice: by the sandbox, and by an independent library."""

from __future__ import annotations

import warnings
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from google_sandbox import Sandbox
from google_sandbox.calendar.importing import ImportReport

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EMAIL = "mia@example.com"
Row = tuple[str, str, str]


def imported(data: str | bytes, zone: str = "UTC") -> tuple[Sandbox, ImportReport]:
    """A sandbox with the file in its only calendar."""
    sandbox = Sandbox(clock=lambda: NOW)
    sandbox.add_account(EMAIL)
    sandbox.set_time_zone(EMAIL, zone)
    return sandbox, sandbox.import_ical(EMAIL, data)


def ours(sandbox: Sandbox, low: datetime, high: datetime) -> Counter[Row]:
    """What `events.list(singleEvents=true)` shows: title, start, end; times in UTC."""
    found = sandbox.events(EMAIL, time_min=low, time_max=high)
    return Counter((event.get("summary", ""), _edge(event["start"]), _edge(event["end"])) for event in found)


def _edge(when: dict[str, str]) -> str:
    return when.get("date") or datetime.fromisoformat(when["dateTime"]).astimezone(UTC).isoformat()


def theirs(data: str | bytes, low: datetime, high: datetime, zone: str = "UTC") -> Counter[Row]:
    """The same from recurring_ical_events.

    Its zones are forgotten first: icalendar keeps what one file defines for the next. EXDATEs are written in
    UTC, because the library lets `15:00 New York` exclude an instance at 15:00 UTC, too.
    """
    icalendar.use_zoneinfo()  # type: ignore[attr-defined]
    calendar = icalendar.Calendar.from_ical(data)
    for event in calendar.walk("VEVENT"):
        lines = event.pop("EXDATE", [])
        for line in lines if isinstance(lines, list) else [lines]:
            zoned = [
                one.dt.astimezone(UTC) if getattr(one.dt, "tzinfo", None) else one.dt for one in line.dts
            ]
            event.add("EXDATE", zoned)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = recurring_ical_events.of(calendar, skip_bad_series=False).between(low, high)
    default = str(calendar.get("X-WR-TIMEZONE", zone))
    return Counter(
        (str(event.get("SUMMARY", "")), *_edges(event, default))
        for event in found
        if str(event.get("STATUS", "")).upper() != "CANCELLED"
    )


def _edges(event: Any, default: str) -> tuple[str, str]:
    begin, end = event["DTSTART"].dt, event["DTEND"].dt
    if not isinstance(begin, datetime) and end == begin:
        end = begin + timedelta(days=1)  # RFC 5545, 3.6.1: a date without a later end lasts one day
    return _plain(begin, default), _plain(end, default)


def _plain(moment: date, default: str) -> str:
    if isinstance(moment, datetime):
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(default))
        return moment.astimezone(UTC).isoformat()
    return moment.isoformat()


def calendar(*components: str, head: str = "") -> str:
    """A VCALENDAR around components written with plain newlines."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//EN", head, *components, "END:VCALENDAR"]
    return "".join(f"{line}\r\n" for text in lines for line in text.strip().splitlines() if line.strip())


def event(uid: str, start: str, *lines: str, title: str | None = None) -> str:
    """A VEVENT; `start` is what comes after DTSTART, such as `;TZID=Europe/Berlin:20261202T100000`."""
    head = ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z"]
    return "\n".join([*head, f"DTSTART{start}", f"SUMMARY:{title or uid}", *lines, "END:VEVENT"])


def vtimezone(tzid: str, *observances: tuple[str, str, str, str, str]) -> str:
    """A VTIMEZONE of (STANDARD or DAYLIGHT, DTSTART, from, to, further lines)."""
    lines = ["BEGIN:VTIMEZONE", f"TZID:{tzid}"]
    for kind, start, before, after, more in observances:
        lines += [f"BEGIN:{kind}", f"DTSTART:{start}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}"]
        lines += [*more.splitlines(), f"END:{kind}"]
    return "\n".join([*lines, "END:VTIMEZONE"])


def european(tzid: str, standard: str = "+0100", summer: str = "+0200") -> str:
    """A zone that changes its clocks on the last Sundays of March and October, as Outlook writes it."""
    return vtimezone(
        tzid,
        ("STANDARD", "16010101T030000", summer, standard, "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
        ("DAYLIGHT", "16010101T020000", standard, summer, "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"),
    )


def starts(data: str | bytes, zone: str = "UTC") -> list[str]:
    """When everything in the calendar until 2028 begins, in order: UTC, or the day."""
    return [start for _, start, _ in shown(imported(data, zone)[0])]


def shown(data: str | bytes | Sandbox) -> list[Row]:
    """Title, start and end of everything until 2028, in order of the start."""
    sandbox = data if isinstance(data, Sandbox) else imported(data)[0]
    found = sandbox.events(
        EMAIL, time_min=datetime(1900, 1, 1, tzinfo=UTC), time_max=datetime(2028, 1, 1, tzinfo=UTC)
    )
    rows = [(one.get("summary", ""), _short(one["start"]), _short(one["end"])) for one in found]
    return sorted(rows, key=lambda row: row[1])


def _short(when: dict[str, str]) -> str:
    if "date" in when:
        return when["date"]
    return f"{datetime.fromisoformat(when['dateTime']).astimezone(UTC):%Y-%m-%d %H:%M}"


def masters(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The events that are no instances of others, as they are stored."""
    records = sandbox.state.calendar_store.calendars[EMAIL].records.values()
    return [record.resource for record in records if "recurringEventId" not in record.resource]
