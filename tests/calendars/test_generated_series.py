"""Generated series, compared with the expansion by recurring-ical-events."""

import os
from collections import Counter
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import icalendar
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from catflap.calendars.event_projection import StoredEvent, project_event
from catflap.calendars.recurrence.series import expand_events
from tests.support.generated_series import GeneratedSeries, generated_series
from tests.support.ical_occurrences import as_found, occurrences_by_peer

EXAMPLES = int(os.environ.get("CATFLAP_SERIES", "300"))


@given(
    generated_series(),
    st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]),
    st.integers(-100, 10_000),
    st.sampled_from([1, 24, 24 * 60, 24 * 800]),
)
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_occurrences_of_a_generated_series_are_those_of_recurring_ical_events(
    series: GeneratedSeries, reader: str, hours_ahead: int, hours: int
) -> None:
    note(series.ical())
    if series.has_hours:
        hours_ahead, hours = min(hours_ahead, 800), min(hours, 24 * 14)
    start = series.start.replace(tzinfo=UTC) + timedelta(hours=hours_ahead)
    end = start + timedelta(hours=hours)
    zone = ZoneInfo(reader)
    problems: list[str] = []
    events = [StoredEvent(1, project_event(one), "UTC") for one in series.resources()]
    ours = expand_events(events, start, end, zone, lambda _, reason: problems.append(reason))
    assert problems == []
    expected = occurrences_by_peer(
        icalendar.Calendar.from_ical(series.ical()), start, end, zone, {"series": series.length}
    )
    found = Counter(map(as_found, ours))
    if series.has_hours:
        # The peer has an hour that a time change leaves out, and the next one, at one time.
        found, expected = Counter(set(found)), Counter(set(expected))
    assert found == expected
