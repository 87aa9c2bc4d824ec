"""Real calendar files, compared with the expansion by an independent library.

iCalendar file → sandbox → HTTP → our API client → stored resources → occurrences.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest

from catflap.calendars.event_projection import StoredEvent, project_event
from catflap.calendars.recurrence.series import expand_events
from tests.support.ical_occurrences import as_found, day_of, occurrences_by_peer
from tests.support.sandbox_calendar import EMAIL, Served

pytestmark = pytest.mark.slow

OWN = sorted((Path(__file__).parents[2] / "packages/google-sandbox/tests/data").glob("*.ics"))
REAL_DIRECTORY = Path(__file__).parents[3] / "shared" / "data" / "calendars"
REAL = sorted(REAL_DIRECTORY.glob("*.ics"))


@pytest.mark.parametrize("path", [*OWN, *REAL], ids=lambda path: path.stem)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
async def test_the_occurrences_are_those_of_an_independent_library(
    google: Served, path: Path, zone: str
) -> None:
    text = read_text(path)
    google.sandbox.import_ical(EMAIL, text, "read")
    events = await read_calendar(google, "read")
    calendar = _with_exact_exclusions(icalendar.Calendar.from_ical(text))
    reader = ZoneInfo(zone)
    compared = 0
    problems: list[str] = []
    for start, end in windows(calendar, reader):
        ours = expand_events(events, start, end, reader, lambda _, reason: problems.append(reason))
        expected = occurrences_by_peer(calendar, start, end, reader)
        assert Counter(map(as_found, ours)) == expected
        assert problems == []
        compared += len(ours)
    assert compared > 0


def test_the_real_calendars_exist() -> None:
    if not REAL:
        pytest.skip(f"LOUDLY: no real calendars in {REAL_DIRECTORY.name}; only our own were compared")
    assert len(REAL) >= 8


def read_text(path: Path) -> str:
    return path.read_text()


async def read_calendar(google: Served, calendar_id: str) -> list[StoredEvent]:
    listed = await google.api.list_calendars(google.token)
    entry = next(one for one in listed.entries if one.id == calendar_id)
    page = await google.api.list_events(google.token, calendar_id)
    assert page.next_page_token is None
    return [StoredEvent(1, project_event(item), entry.time_zone) for item in page.items]


def _with_exact_exclusions(calendar: icalendar.Calendar) -> icalendar.Calendar:
    """Write each EXDATE in UTC: the library lets `15:00 New York` exclude an instance at 15:00 UTC, too."""
    for event in calendar.walk("VEVENT"):
        lines = event.pop("EXDATE", [])
        for line in lines if isinstance(lines, list) else [lines]:
            dates = [one.dt for one in line.dts]
            zoned = [one.astimezone(UTC) if getattr(one, "tzinfo", None) else one for one in dates]
            event.add("EXDATE", zoned)
    return calendar


def windows(calendar: icalendar.Calendar, zone: ZoneInfo) -> Iterable[tuple[datetime, datetime]]:
    """A long stretch from the first start on, and single days of November 2026."""
    starts = [day_of(event["DTSTART"].dt) for event in calendar.walk("VEVENT")]
    first = datetime.combine(min(starts), datetime.min.time(), zone) - timedelta(days=3)
    yield first, first + timedelta(days=800)
    for days in range(7):
        start = datetime(2026, 11, 20, 6, 0, tzinfo=zone) + timedelta(days=days)
        yield start, start + timedelta(hours=24)
