"""Calendars of the sandbox, compared with the timeline of gcal_sync, which Home Assistant reads Google with.

iCalendar file → sandbox → HTTP → gcal_sync's store and timeline; and the same through our client.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
import icalendar
import pytest
from gcal_sync.api import GoogleCalendarService
from gcal_sync.auth import AbstractAuth
from gcal_sync.model import Event
from gcal_sync.sync import CalendarEventSyncManager
from gcal_sync.timeline import Timeline

from catflap.calendars.event_projection import StoredEvent
from catflap.calendars.recurrence.expand import expand
from catflap.calendars.recurrence.occurrence import Occurrence, parse_event
from catflap.calendars.recurrence.rrule import parse_rrule
from catflap.calendars.recurrence.series import expand_events
from tests.support.calendar_files import OWN, REAL, read_calendar, read_text, windows
from tests.support.ical_occurrences import Found, as_found
from tests.support.sandbox_calendar import EMAIL, Served

pytestmark = pytest.mark.slow

ZONE = ZoneInfo("Europe/Berlin")


class _Auth(AbstractAuth):
    def __init__(self, session: aiohttp.ClientSession, base: str, token: str) -> None:
        super().__init__(session, f"{base}/calendar/v3")
        self._token = token

    async def async_get_access_token(self) -> str:
        return self._token


@pytest.mark.parametrize("path", [*OWN, *REAL], ids=lambda path: path.stem)
async def test_the_occurrences_are_those_of_the_timeline_of_gcal_sync(google: Served, path: Path) -> None:
    text = read_text(path)
    google.sandbox.import_ical(EMAIL, text, "read")
    events, timeline = await read_calendar(google, "read"), await _timeline(google, "read")
    compared = 0
    problems: list[str] = []
    for start, end in windows(icalendar.Calendar.from_ical(text), ZONE):
        ours = expand_events(events, start, end, ZONE, lambda _, reason: problems.append(reason))
        theirs = Counter(map(_found, timeline.overlapping(start, end)))
        expected = Counter(_as_gcal_sync(one) for one in ours if not _is_first_without_rule(one, events))
        assert expected - theirs == Counter()
        assert theirs - Counter(map(_as_gcal_sync, ours)) == Counter()
        assert problems == []
        compared += theirs.total()
    assert compared > 0


def _as_gcal_sync(one: Occurrence) -> Found:
    """Return an occurrence as gcal_sync shows it: one without length is half an hour long."""
    shortest = one.starts_at + timedelta(minutes=30)
    return as_found(replace(one, ends_at=shortest) if one.ends_at == one.starts_at else one)


def _is_first_without_rule(one: Occurrence, events: Sequence[StoredEvent]) -> bool:
    """Return whether it is a DTSTART that no rule generates: gcal_sync leaves most of them out.

    DTSTART "defines the first instance in the recurrence set" (RFC 5545, 3.8.5.3), with a rule that it does
    not match, or with RDATE alone, too.
    """
    for event in events:
        if event.id == one.event_id and event.recurrence:
            start = parse_event(event, ZONE).start
            rules = [line.partition(":")[2] for line in event.recurrence if line.startswith("RRULE")]
            first = (
                expand(parse_rrule(rule, start.zone), start.wall, start.wall, start.wall) for rule in rules
            )
            return one.starts_at == start.at(ZONE) and not any(map(list, first))
    return False


async def _timeline(google: Served, calendar_id: str) -> Timeline:
    async with aiohttp.ClientSession() as session:
        base = str(google.http.base_url).rstrip("/")
        service = GoogleCalendarService(_Auth(session, base, google.token))
        manager = CalendarEventSyncManager(service, calendar_id)
        await manager.run()
    return await manager.store_service.async_get_timeline(ZONE)


def _found(event: Event) -> Found:
    return event.summary.strip(), _exact(event.start.value), _exact(event.end.value)


def _exact(value: date) -> date:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
