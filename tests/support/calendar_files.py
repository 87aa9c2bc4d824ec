"""iCalendar files to compare the expansion of recurring events on: ours, and real ones by others."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar

from catflap.calendars.event_projection import StoredEvent, project_event
from tests.support.ical_occurrences import day_of
from tests.support.sandbox_calendar import Served

OWN = sorted((Path(__file__).parents[2] / "packages/google-sandbox/tests/data").glob("*.ics"))
REAL_DIRECTORY = Path(__file__).parents[3] / "shared" / "data" / "calendars"
REAL = sorted(REAL_DIRECTORY.glob("*.ics"))


def read_text(path: Path) -> str:
    """Return the text of a file, also within a coroutine."""
    return path.read_text()


async def read_calendar(google: Served, calendar_id: str) -> list[StoredEvent]:
    """Return the stored form of the events that our client reads from a calendar of the sandbox."""
    listed = await google.api.list_calendars(google.token)
    entry = next(one for one in listed.entries if one.id == calendar_id)
    page = await google.api.list_events(google.token, calendar_id)
    assert page.next_page_token is None
    return [StoredEvent(1, project_event(item), entry.time_zone) for item in page.items]


def windows(calendar: icalendar.Calendar, zone: ZoneInfo) -> Iterable[tuple[datetime, datetime]]:
    """Yield a long stretch from the first start on, and single days of November 2026."""
    starts = [day_of(event["DTSTART"].dt) for event in calendar.walk("VEVENT")]
    first = datetime.combine(min(starts), datetime.min.time(), zone) - timedelta(days=3)
    yield first, first + timedelta(days=800)
    for days in range(7):
        start = datetime(2026, 11, 20, 6, 0, tzinfo=zone) + timedelta(days=days)
        yield start, start + timedelta(hours=24)
