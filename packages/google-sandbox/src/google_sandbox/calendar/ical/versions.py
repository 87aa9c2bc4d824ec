"""The VEVENTs of a file, grouped by UID, and the newest version of each master and instance."""

from __future__ import annotations

from collections.abc import Iterable

from google_sandbox.calendar.ical.components import Component
from google_sandbox.calendar.ical.events import Event
from google_sandbox.calendar.ical.report import ImportReport, Unreadable
from google_sandbox.calendar.ical.values import duration, read_moment
from google_sandbox.calendar.ical.zones import Definitions, FileZones, known_zone

VERSION_PROPERTIES = ("DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE")


def events_by_uid(calendars: list[Component], zone_name: str, report: ImportReport) -> dict[str, list[Event]]:
    """Return the events of a file that can be read, by UID, in the file's order.

    Args:
        calendars: The VCALENDARs of the file.
        zone_name: The zone of floating times where no X-WR-TIMEZONE says otherwise.
        report: Gets what cannot be read.
    """
    groups: dict[str, list[Event]] = {}
    definitions = Definitions(calendars)
    for calendar in calendars:
        zones = FileZones(calendar, definitions)
        named = calendar.text("X-WR-TIMEZONE")
        found = zones.named(named) if named else None
        default = found or known_zone(zone_name)
        is_cancelled = calendar.text("METHOD").upper() == "CANCEL"
        for component in calendar.walk("VEVENT"):
            uid = component.text("UID") or _content(component)
            is_off = is_cancelled or component.text("STATUS").upper() == "CANCELLED"
            event = Event(component, uid, zones, default, bool(named) and found is None, is_off, report)
            if _is_readable(event):
                groups.setdefault(event.uid, []).append(event)
    return groups


def newest(events: Iterable[Event]) -> Event:
    """Return the event with the highest SEQUENCE, then the newest DTSTAMP, then the last of the file."""
    return max(reversed(list(events)), key=lambda event: event.version)


def _content(component: Component) -> str:
    """What identifies an event without UID: all it says but which version it is."""
    return "\n".join(
        line.text
        for name, lines in component.lines.items()
        if name not in VERSION_PROPERTIES
        for line in lines
    )


def _is_readable(event: Event) -> bool:
    _tell_problems(event)
    try:
        if not event.component.is_closed:
            raise Unreadable("the file ends inside it")
        _ = event.recurrence_id, event.start
    except Unreadable as problem:
        event.report.skip(event.shown_uid, str(problem))
        return False
    return True


def _tell_problems(event: Event) -> None:
    for problem in event.component.problems:
        event.report.skip(event.shown_uid, problem)
    for guess in event.component.guesses:
        event.report.assume(event.shown_uid, guess)
    for alarm in event.component.walk("VALARM"):
        if not _has_trigger(alarm):
            event.report.skip(event.shown_uid, "an alarm of it cannot be read")


def _has_trigger(alarm: Component) -> bool:
    trigger = alarm.first("TRIGGER")
    if trigger is None or alarm.problems:
        return False
    try:
        if trigger.parameter("VALUE").upper() == "DATE-TIME":
            read_moment(trigger)
        else:
            duration(trigger.value)
    except ValueError:
        return False
    return True
