"""Instances of recurring events, as `singleEvents=true` and `events.instances` list them.

Source: calendar.v3 discovery document (`recurringEventId`, `originalStartTime`). Without an upper bound a
series is shown until two years after the lower bound or today; Google's own limit is not documented.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo

from google_sandbox.calendar.calendar_store import Resource, SandboxCalendar
from google_sandbox.calendar.event_times import instance_suffix, instant, written
from google_sandbox.calendar.recurrence import Series
from google_sandbox.timestamps import parse_date

HORIZON = timedelta(days=730)
LARGEST_CLOCK_CHANGE = timedelta(hours=3)
NOT_INHERITED = frozenset({"recurrence", "id", "etag", "start", "end"})


def series_of(calendar: SandboxCalendar, master: Resource) -> Series:
    """Return the series of a recurring event, computed once per version of the event."""
    key = ("series", master["id"], master["etag"])
    series = calendar.cache.get(key)
    if series is None:
        series = calendar.cache[key] = Series(
            master["start"], master["end"], master["recurrence"], calendar.zone
        )
    assert isinstance(series, Series)
    return series


def occurrence(master: Resource, series: Series, start: datetime) -> Resource:
    """Return the instance of a series at a naive local start."""
    moment = series.aware(start)
    name = master["start"].get("timeZone")
    if isinstance(moment, datetime):
        begin = written(moment, series.zone, name)
        finish = written(moment + series.length, series.zone, master["end"].get("timeZone", name))
    else:
        begin = {"date": moment.isoformat()}
        finish = {"date": (moment + series.length).isoformat()}
    return {
        **{k: v for k, v in master.items() if k not in NOT_INHERITED},
        "id": f"{master['id']}_{instance_suffix(moment)}",
        "etag": master["etag"],
        "start": begin,
        "end": finish,
        "recurringEventId": master["id"],
        "originalStartTime": begin,
    }


def expand(
    calendar: SandboxCalendar, master: Resource, low: datetime | None, high: datetime | None, today: datetime
) -> Iterator[Resource]:
    """Yield the instances of a series that touch `low`..`high` (instants), cancelled exceptions included."""
    series = series_of(calendar, master)
    exceptions = calendar.exceptions_of(master["id"])
    latest = high or max(low or today, today) + HORIZON
    edge = _naive(latest, series, calendar.zone)
    earliest = None if low is None else _earliest(low, series, calendar.zone)
    for start in series.between(earliest, edge):
        moment = series.aware(start)
        suffix = instance_suffix(moment)
        if suffix in exceptions:
            continue
        if low is not None and _instant(moment, calendar.zone) + series.length <= low:
            continue
        yield occurrence(master, series, start)
    for exception in exceptions.values():
        if in_window(exception, low, latest, calendar.zone):
            yield exception


def find_instance(calendar: SandboxCalendar, event_id: str) -> Resource | None:
    """Return the unchanged instance an id like `abc_20261124T085000Z` names, if its series has it."""
    master_id, underscore, suffix = event_id.rpartition("_")
    master = calendar.live(master_id) if underscore else None
    if master is None or not master.get("recurrence"):
        return None
    original = _from_suffix(suffix)
    if original is None or (isinstance(original, datetime) == ("date" in master["start"])):
        return None
    series = series_of(calendar, master)
    if isinstance(original, datetime):
        local_start = original.astimezone(series.zone).replace(tzinfo=None)
    else:
        local_start = datetime(original.year, original.month, original.day)  # noqa: DTZ001 - naive local by contract
    found = series.between(local_start, local_start + timedelta(seconds=1))
    return occurrence(master, series, found[0]) if found else None


def in_window(event: Resource, low: datetime | None, high: datetime | None, calendar_zone: tzinfo) -> bool:
    """Return whether an event ends after `low` and starts before `high`; both bounds are exclusive."""
    start = event.get("start") or event.get("originalStartTime")
    if start is None:
        return True
    begin = instant(start, calendar_zone)
    finish = instant(event.get("end") or start, calendar_zone)
    return (low is None or finish > low or (finish == begin and begin >= low)) and (
        high is None or begin < high
    )


def _from_suffix(suffix: str) -> datetime | date | None:
    try:
        if len(suffix) == 8:
            return parse_date(f"{suffix[:4]}-{suffix[4:6]}-{suffix[6:]}")
        return datetime.strptime(suffix, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _instant(moment: datetime | date, calendar_zone: tzinfo) -> datetime:
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=calendar_zone).astimezone(UTC)


def _earliest(low: datetime, series: Series, calendar_zone: tzinfo) -> datetime | None:
    """The wall clock before which no occurrence can reach `low`."""
    margin = timedelta(days=1) if series.all_day else LARGEST_CLOCK_CHANGE
    try:
        return _naive(low, series, calendar_zone) - series.length - margin
    except OverflowError:
        return None


def _naive(moment: datetime, series: Series, calendar_zone: tzinfo) -> datetime:
    return moment.astimezone(calendar_zone if series.all_day else series.zone).replace(tzinfo=None)
