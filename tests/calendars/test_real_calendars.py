"""Real calendar files, compared with the expansion by an independent library.

iCalendar file → sandbox → HTTP → our API client → stored resources → occurrences.
"""

from collections import Counter
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest

from catflap.calendars.recurrence.series import expand_events
from tests.support.calendar_files import OWN, REAL, REAL_DIRECTORY, read_calendar, read_text, windows
from tests.support.ical_occurrences import as_found, occurrences_by_peer
from tests.support.sandbox_calendar import EMAIL, Served

pytestmark = pytest.mark.slow


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


def _with_exact_exclusions(calendar: icalendar.Calendar) -> icalendar.Calendar:
    """Write each EXDATE in UTC: the library lets `15:00 New York` exclude an instance at 15:00 UTC, too."""
    for event in calendar.walk("VEVENT"):
        lines = event.pop("EXDATE", [])
        for line in lines if isinstance(lines, list) else [lines]:
            dates = [one.dt for one in line.dts]
            zoned = [one.astimezone(UTC) if getattr(one, "tzinfo", None) else one for one in dates]
            event.add("EXDATE", zoned)
    return calendar
