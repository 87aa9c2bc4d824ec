"""VEVENTs as Google's event resources: texts, guests, and times in IANA zones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from google_sandbox.calendar.calendar_store import Resource
from google_sandbox.calendar.event_times import written
from google_sandbox.calendar.ical.content_lines import Line
from google_sandbox.calendar.ical.events import Event, Span
from google_sandbox.calendar.ical.series import Recurrence
from google_sandbox.calendar.ical.values import integer
from google_sandbox.calendar.ical.zones import Matcher
from google_sandbox.calendar.rules import Rule
from google_sandbox.timestamps import format_timestamp, zone

STATUSES = {"TENTATIVE": "tentative", "CANCELLED": "cancelled"}
ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
TEXTS = (("SUMMARY", "summary"), ("DESCRIPTION", "description"), ("LOCATION", "location"))
LONGEST_UID = 1024
RECENT = timedelta(days=1)


@dataclass(frozen=True)
class Times:
    """When an event happens, as Google's resources say it.

    Args:
        start, end: `{date}` or `{dateTime, timeZone}`.
        recurrence: The lines of a series, empty for a single event.
        listed_until: The last instance that is listed, where all are because no IANA zone keeps their times.
    """

    start: Resource
    end: Resource
    recurrence: list[str]
    listed_until: datetime | None = None

    def fields(self) -> Resource:
        """Return them as fields of a resource."""
        fields: Resource = {"start": self.start, "end": self.end}
        return fields | ({"recurrence": self.recurrence} if self.recurrence else {})


def texts_of(event: Event, event_id: str) -> Resource:
    """Return what a resource says beside its times."""
    component = event.component
    status = (
        "cancelled" if event.is_cancelled else STATUSES.get(component.text("STATUS").upper(), "confirmed")
    )
    resource: Resource = {
        "id": event_id,
        "iCalUID": event.shown_uid[:LONGEST_UID] or f"{event_id.partition('_')[0]}@google.com",
        "status": status,
        "eventType": "default",
        "sequence": integer(component.text("SEQUENCE")),
        "reminders": {"useDefault": True},
    }
    for name, key in TEXTS:
        line = component.first(name)
        if line and line.value.strip():
            resource[key] = line.value
    if component.text("TRANSP").upper() == "TRANSPARENT":
        resource["transparency"] = "transparent"
    visibility = component.text("CLASS").lower()
    if visibility in ("private", "confidential"):
        resource["visibility"] = visibility
    if guests := [_guest(line) for line in component.lines.get("ATTENDEE", ())]:
        resource["attendees"] = guests
    if created := event.instant("CREATED"):
        resource["created"] = format_timestamp(created)
    return resource


def _guest(line: Line) -> dict[str, Any]:
    address = line.value.strip()
    email = address[7:] if address.lower().startswith("mailto:") else address
    answer = ANSWERS.get(line.parameter("PARTSTAT").upper(), "needsAction")
    name = line.parameter("CN")
    return {"email": email, "responseStatus": answer, **({"displayName": name} if name else {})}


@dataclass(eq=False)
class Clock:
    """Turns wall clocks of a file into Google's times.

    Args:
        matcher: Finds IANA zones for zones the file defines.
        now: The sandbox's time.
        compared: How long series without an end are compared and rules checked.
        listed: How long instances are listed that no IANA zone can keep.
    """

    matcher: Matcher
    now: datetime
    compared: timedelta = timedelta(days=3653)
    listed: timedelta = timedelta(days=1827)

    @property
    def recent(self) -> datetime:
        """The wall clock from which instances matter."""
        return _naive(self.now) - RECENT

    def horizon(self, recurrence: Recurrence) -> datetime:
        """Return the wall clock until which a series is compared."""
        return max(recurrence.first, _naive(self.now)) + self.compared

    def single(self, span: Span) -> Times:
        """Return the times of an event that happens once."""
        if span.is_day:
            return self._days(span, [])
        name = self.matcher.match(span.where, span.instant, span.instant + span.length) or "UTC"
        return self._timed(span, name, [])

    def series(self, span: Span, recurrence: Recurrence) -> Times:
        """Return the times of a series."""
        if span.is_day:
            return self._days(span, recurrence.lines())
        name = self._zone_for(span, recurrence)
        if name is None:
            until = max(recurrence.first, _naive(self.now)) + self.listed
            listed = recurrence.listed(self.recent, until)
            times = self._timed(span, "UTC", listed.lines())
            return replace(times, listed_until=max(listed.added, default=until))
        if span.instant.astimezone(zone(name)).replace(tzinfo=None) != recurrence.first:
            # DTSTART is in the hour a clock change leaves out; its instances have the time as written.
            rules = (_clocked(rule, recurrence.first) for rule in recurrence.rules)
            recurrence = replace(recurrence, rules=tuple(rule for rule in rules if rule.count != 0))
        return self._timed(span, name, recurrence.lines())

    def _zone_for(self, span: Span, recurrence: Recurrence) -> str | None:
        if not span.where.is_defined:
            return span.where.name
        horizon = self.horizon(recurrence)
        walls = [horizon] if recurrence.is_endless else recurrence.expansion.between(None, horizon)[-1:]
        last = recurrence.instant(walls[0]) if walls else span.instant
        first = min([recurrence.instant(wall) for wall in recurrence.added] + [span.instant])
        return self.matcher.match(span.where, first, max(first, last) + span.length)

    def _days(self, span: Span, lines: list[str]) -> Times:
        end = span.begin.date() + span.length
        return Times({"date": span.begin.date().isoformat()}, {"date": end.isoformat()}, lines)

    def _timed(self, span: Span, name: str, lines: list[str]) -> Times:
        finish = span.instant + span.length
        end_name = self._end_name(span, finish) or name
        return Times(
            written(span.instant, zone(name), name), written(finish, zone(end_name), end_name), lines
        )

    def _end_name(self, span: Span, finish: datetime) -> str | None:
        if span.end_zone is None or span.end_zone.tz is span.where.tz:
            return None
        return self.matcher.match(span.end_zone, finish, finish)


def _clocked(rule: Rule, first: datetime) -> Rule:
    """A rule that says its time of day; its COUNT no longer counts `first`."""
    if rule.is_subdaily:
        return rule
    parts = {"BYHOUR": str(first.hour), "BYMINUTE": str(first.minute), **rule.parts}
    counts_first = rule.count is not None and next(rule.starts(first, None), None) == first
    return replace(rule, parts=parts, count=rule.count - counts_first if rule.count is not None else None)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
