"""The occurrences of an iCalendar object by recurring-ical-events, an independent library."""

import warnings
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from catflap.calendars.datetimes import to_utc
from catflap.calendars.recurrence.occurrence import Occurrence

Found = tuple[str, datetime | date, datetime | date]
"""Title, begin and end, in UTC or as dates."""


def occurrences_by_peer(
    calendar: icalendar.Calendar,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    exact: Mapping[str, timedelta] | None = None,
) -> Counter[Found]:
    """Return what overlaps the window, where whole days begin and end in `zone`; cancelled ones are left out.

    `exact` has durations by title. The library adds the time between DTSTART and DTEND as clocks show it, so
    an instance across a clock change is an hour too long or too short: of a DTEND "the same exact duration
    will apply to all the members of the generated recurrence set" (RFC 5545, 3.8.5.3).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = recurring_ical_events.of(calendar).between(
            start - timedelta(days=2), end + timedelta(days=2)
        )
    found: Counter[Found] = Counter()
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        begins, ends = event["DTSTART"].dt, event["DTEND"].dt
        if isinstance(begins, datetime):
            at, title = _utc(begins, zone), _title(event)
            key: Found = (title, at, at + exact[title] if exact and title in exact else _utc(ends, zone))
        else:
            key = (_title(event), begins, max(day_of(ends), begins + timedelta(days=1)))
        first, last = (_midnight(one, zone) if not isinstance(one, datetime) else one for one in key[1:])
        if first < end and (last > start or first >= start):
            found[key] += 1
    return found


def as_found(one: Occurrence) -> Found:
    if one.all_day:
        assert one.day is not None and one.end_day is not None
        return one.title, one.day, one.end_day
    return one.title, one.starts_at, one.ends_at


def day_of(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _title(event: icalendar.Event) -> str:
    return str(event.get("SUMMARY", "")).strip()


def _utc(value: datetime, zone: ZoneInfo) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else to_utc(value, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return to_utc(datetime.combine(day, datetime.min.time()), zone)
