"""Real calendars, compared with an independent expansion of the same files."""

from __future__ import annotations

import re
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from catflap.sandbox import Sandbox

CALENDARS = Path(__file__).resolve().parents[4] / "shared" / "data" / "calendars"
FILES = sorted(CALENDARS.glob("*.ics")) if CALENDARS.is_dir() else []
LOW = datetime(2010, 1, 1, tzinfo=UTC)
HIGH = datetime(2027, 6, 1, tzinfo=UTC)

if not FILES:
    pytest.skip(f"NO REAL CALENDARS at {CALENDARS}: the import is not compared", allow_module_level=True)


def ours(text: str) -> list[tuple[str, str, str]]:
    sandbox = Sandbox(clock=lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
    sandbox.add_account("mia@example.com")
    sandbox.import_ical("mia@example.com", text)
    return sorted(
        (event.get("summary", ""), _edge(event["start"]), _edge(event["end"]))
        for event in sandbox.events("mia@example.com", time_min=LOW, time_max=HIGH)
    )


def _edge(when: dict[str, str]) -> str:
    return when.get("date") or datetime.fromisoformat(when["dateTime"]).astimezone(UTC).isoformat()


def theirs(text: str) -> list[tuple[str, str, str]]:
    calendar = icalendar.Calendar.from_ical(text)
    default = str(calendar.get("X-WR-TIMEZONE", "UTC"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = recurring_ical_events.of(calendar, skip_bad_series=False).between(LOW, HIGH)
    rows = []
    for event in found:
        begin, end = event["DTSTART"].dt, event["DTEND"].dt
        if not isinstance(begin, datetime) and end == begin:
            end = begin + timedelta(days=1)  # RFC 5545, 3.6.1: a date without a later end lasts one day
        rows.append((str(event.get("SUMMARY", "")), _plain(begin, default), _plain(end, default)))
    return sorted(rows)


def _plain(moment: Any, default: str) -> str:
    if isinstance(moment, datetime):
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(default))
        return moment.astimezone(UTC).isoformat()
    assert isinstance(moment, date)
    return moment.isoformat()


def exdates_read_as_utc(text: str) -> set[str]:
    """Starts the library drops because their UTC time reads like an EXDATE's local time; RFC 5545 keeps."""
    walls = re.findall(r"EXDATE;TZID=[^:]+:(\d{8}T\d{6})", text)
    return {datetime.strptime(wall, "%Y%m%dT%H%M%S").replace(tzinfo=UTC).isoformat() for wall in walls}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_real_calendar_expands_as_the_independent_library_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    mine, other = ours(text), theirs(text)
    dropped_by_them = exdates_read_as_utc(text)
    assert len(mine) > 3
    assert [row for row in mine if row[1] not in dropped_by_them] == [
        row for row in other if row[1] not in dropped_by_them
    ]
    assert set(other) <= set(mine)
