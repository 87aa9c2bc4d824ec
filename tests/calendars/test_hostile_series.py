"""Series that anybody may write into a shared calendar: they are kept or reported, at a bounded cost."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.calendars import timeline
from catflap.calendars.event_projection import StoredEvent, project_event
from catflap.calendars.recurrence.byday import matches_byrules
from catflap.calendars.recurrence.expand import MAX_COUNT_STEPS, MAX_STEPS
from catflap.calendars.recurrence.occurrence import Occurrence
from catflap.calendars.recurrence.rrule import RecurrenceRule
from catflap.calendars.recurrence.series import expand_events
from catflap.clock import FixedClock
from tests.support.sandbox_calendar import SUB, Served

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 2, 9, tzinfo=BERLIN)
WINDOW = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
TITLE = "Divorce lawyer"


def timed(start: datetime, hours: float = 1, *, zone: str = "Europe/Berlin", **more: Any) -> StoredEvent:
    times = {"start": start, "end": start + timedelta(hours=hours)}
    written = {name: {"dateTime": at.isoformat(), "timeZone": zone} for name, at in times.items()}
    resource = {"id": "series", "summary": TITLE, **written, **more}
    return StoredEvent(resource.pop("calendar", 1), project_event(resource), "Europe/Berlin")


def cancelled(day: int, calendar: int = 1) -> StoredEvent:
    original = (START + timedelta(days=day)).isoformat()
    resource = {"id": f"series_{day}", "status": "cancelled", "recurringEventId": "series"}
    times = {"originalStartTime": {"dateTime": original, "timeZone": "Europe/Berlin"}}
    return StoredEvent(calendar, project_event(resource | times), "Europe/Berlin")


def found_and_reported(*events: StoredEvent) -> tuple[list[Occurrence], list[tuple[str, str]]]:
    reports: list[tuple[str, str]] = []
    found = expand_events(events, *WINDOW, UTC, lambda event, reason: reports.append((event.id, reason)))
    assert TITLE not in str(reports)
    return found, reports


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31;COUNT=5",
        "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1;BYSETPOS=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=YEARLY;BYWEEKNO=20;BYMONTH=1",
        "FREQ=MINUTELY;INTERVAL=2;BYMINUTE=31",
    ],
)
def test_of_a_rule_that_matches_nothing_the_first_instance_is_left(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = _count_tested_days(monkeypatch)
    found, _ = found_and_reported(timed(START, recurrence=[f"RRULE:{rule}"]))
    assert [one.starts_at for one in found] == [START]
    assert len(days) <= MAX_STEPS + MAX_COUNT_STEPS


def test_ten_thousand_cancelled_instances_are_left_out() -> None:
    days = set(range(10_000)) - {8, 15}
    found, reports = found_and_reported(
        timed(START, recurrence=["RRULE:FREQ=DAILY"]), *(cancelled(day) for day in sorted(days))
    )
    assert [one.starts_at for one in found] == [START + timedelta(days=8), START + timedelta(days=15)]
    assert reports == []


def test_ten_thousand_excluded_dates_in_lines_of_a_thousand_are_a_rule_that_is_too_long() -> None:
    days = [f"{START + timedelta(days=day):%Y%m%dT%H%M%S}" for day in range(1, 10_000)]
    lines = [f"EXDATE;TZID=Europe/Berlin:{','.join(days[at : at + 1000])}" for at in range(0, 10_000, 1000)]
    found, reports = found_and_reported(timed(START, recurrence=["RRULE:FREQ=DAILY", *lines]))
    assert [one.starts_at for one in found] == [START]
    assert reports == [("series", "malformed rule")]


def test_an_event_with_its_end_before_its_start_has_no_length() -> None:
    found, reports = found_and_reported(timed(START, hours=-30, recurrence=["RRULE:FREQ=WEEKLY"]))
    assert [one.ends_at - one.starts_at for one in found] == [timedelta(0)] * 5
    assert reports == []


def test_all_day_with_its_end_before_its_start_is_one_day() -> None:
    times = {"start": {"date": "2026-11-05"}, "end": {"date": "2026-11-01"}}
    found, reports = found_and_reported(StoredEvent(1, {"id": "day", **times}, "Europe/Berlin"))
    assert [one.ends_at - one.starts_at for one in found] == [timedelta(days=1)]
    assert reports == []


def test_an_unknown_zone_of_a_series_keeps_the_offset_of_its_start() -> None:
    event = timed(START, zone="Mars/Olympus_Mons", recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    found, reports = found_and_reported(event)
    assert [one.starts_at for one in found] == [START, START + timedelta(days=7)]
    assert reports == []


def test_an_unknown_zone_of_an_exdate_is_that_of_the_series() -> None:
    lines = ["RRULE:FREQ=WEEKLY;COUNT=2", "EXDATE;TZID=Mars/Olympus_Mons:20261109T090000"]
    found, _ = found_and_reported(timed(START, recurrence=lines))
    assert [one.starts_at for one in found] == [START]


def test_the_same_id_in_two_calendars_is_two_series_with_exceptions_of_their_own() -> None:
    rule = ["RRULE:FREQ=WEEKLY;COUNT=2"]
    found, reports = found_and_reported(
        timed(START, recurrence=rule), timed(START, recurrence=rule, calendar=2), cancelled(7, calendar=2)
    )
    assert [(one.calendar_id, one.starts_at) for one in found] == [
        (1, START), (2, START), (1, START + timedelta(days=7)),
    ]  # fmt: skip
    assert reports == []


def test_an_event_that_covers_the_whole_window_is_found() -> None:
    found, _ = found_and_reported(timed(START - timedelta(days=40), hours=24 * 100))
    assert len(found) == 1
    yearly = timed(START - timedelta(days=340), hours=24 * 365, recurrence=["RRULE:FREQ=YEARLY"])
    found, _ = found_and_reported(yearly)
    assert len(found) == 2


async def test_an_event_that_is_not_expanded_is_logged_by_its_id(
    google: Served, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    tea = google.insert("Tea", clock.now() + timedelta(hours=3))
    rule = "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3"
    event = google.insert(TITLE, clock.now() + timedelta(hours=2), recurrence=[rule])
    await google.calendars(engine, clock).sync_account(account, SUB)
    with capture_logs() as lines:
        found = await timeline(engine, account, clock.now(), clock.now() + timedelta(days=1), UTC)
    assert {event["id"], tea["id"]} <= {one.event_id for one in found}
    assert [(line["event_id"], line["reason"]) for line in lines] == [
        (event["id"], "too many steps to count the instances")
    ]
    assert TITLE not in str(lines)


def _count_tested_days(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Record the days that are tested against a rule."""
    tested: list[date] = []

    def counted(rule: RecurrenceRule, day: date) -> bool:
        tested.append(day)
        return matches_byrules(rule, day)

    monkeypatch.setattr("catflap.calendars.recurrence.expand.matches_byrules", counted)
    return tested
