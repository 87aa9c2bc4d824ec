"""Import of iCalendar files: everything that can be read, as the event resources Google would store.

Event ids derive from UIDs; importing a file twice changes it in place. What cannot be read is reported with
its UID and reason; only a file that is no iCalendar file at all is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from google_sandbox.calendar.calendar_store import Resource, SandboxCalendar
from google_sandbox.calendar.ical.components import Component, read_calendars
from google_sandbox.calendar.ical.content_lines import MOST_BYTES, NotACalendar, content_lines
from google_sandbox.calendar.ical.report import ImportReport, Unreadable
from google_sandbox.calendar.ical.resources import Clock
from google_sandbox.calendar.ical.versions import events_by_uid
from google_sandbox.calendar.ical.writer import UidWriter
from google_sandbox.calendar.ical.zones import Matcher
from google_sandbox.calendar.instances import find_instance
from google_sandbox.calendar.mutations import derived_id
from google_sandbox.calendar.recurrence import Series
from google_sandbox.models import SandboxAccount

__all__ = ["MOST_BYTES", "ImportReport", "NotACalendar", "import_calendars", "read_ical"]
HORIZON = timedelta(days=4018)
BROKEN = (ValueError, OverflowError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError)


def read_ical(data: str | bytes) -> list[Component]:
    """Return the calendars in an iCalendar file, for `import_calendars`.

    Raises:
        NotACalendar: (a ValueError) with a sentence, if this is no iCalendar file or too large.
    """
    return read_calendars(content_lines(data))


def import_calendars(
    calendar: SandboxCalendar, account: SandboxAccount, calendars: list[Component], now: datetime
) -> ImportReport:
    """Put the events of a file's calendars into one calendar and report what became of them."""
    report = ImportReport()
    groups = events_by_uid(calendars, calendar.time_zone, report)
    _describe(calendar, calendars)
    clock = Clock(Matcher([calendar.time_zone], now + HORIZON), now)
    organizer = {"email": account.email, "self": True}
    known = _ids_by_master(calendar)
    for uid, events in groups.items():
        writer = UidWriter(derived_id(calendar.id, uid), calendar, clock)
        try:
            writer.write(events)
            _check(writer.resources, calendar)
        except Unreadable as problem:
            report.skip(events[0].shown_uid, str(problem))
            continue
        except BROKEN:
            report.skip(events[0].shown_uid, "its times or rules cannot be read")
            continue
        for resource in writer.resources:
            calendar.put({"creator": organizer, "organizer": organizer, **resource}, now)
        report.imported += writer.imported
        if any(event.recurrence_id is None for event in events):
            _drop_former(calendar, writer, known.get(writer.id, ()), now)
    return report


def _describe(calendar: SandboxCalendar, calendars: list[Component]) -> None:
    for component in calendars:
        if name := component.text("X-WR-CALNAME") or component.text("NAME"):
            calendar.summary = name
        if about := component.text("X-WR-CALDESC"):
            calendar.description = about
        if name or about:
            return


def _check(resources: Iterable[Resource], calendar: SandboxCalendar) -> None:
    for resource in resources:
        if resource.get("recurrence"):
            Series(resource["start"], resource["end"], resource["recurrence"], calendar.zone)


def _ids_by_master(calendar: SandboxCalendar) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event_id in calendar.records:
        master, underscore, _ = event_id.partition("_")
        if underscore:
            found.setdefault(master, []).append(event_id)
    return found


def _drop_former(calendar: SandboxCalendar, writer: UidWriter, former: Iterable[str], now: datetime) -> None:
    """Undo changes of an earlier import of the same UID that this one does not make."""
    written = {resource["id"] for resource in writer.resources}
    for event_id in former:
        if event_id in written:
            continue
        resource = calendar.records[event_id].resource
        plain = find_instance(calendar, event_id) if "recurringEventId" in resource else None
        if plain is not None:
            calendar.put({name: value for name, value in plain.items() if name != "htmlLink"}, now)
        elif resource["status"] != "cancelled":
            calendar.put({**resource, "status": "cancelled"}, now)
