"""Events of the demo: one is due soon, and there are some in both languages."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from catflap.cli.demo.environment import keep_event_due
from catflap.cli.demo.events import due_soon, sample_day
from catflap.speech import language_of
from google_sandbox import Sandbox

REMINDER = timedelta(minutes=10)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
# From which hour to which people do it.
SENSIBLE = {
    "Breakfast": (6, 10),
    "朝のおさんぽ": (6, 11),
    "Stand-up": (8, 11),
    "猫カフェで打ち合わせ": (9, 18),
    "お昼ごはん": (11, 15),
    "Design review": (9, 18),
    "設計会議": (9, 18),
    "Dentist": (8, 18),
    "Piano lesson": (14, 20),
    "晩ごはん": (17, 22),
    "Film night": (18, 25),
}
ZONES = (
    "UTC",
    "Asia/Tokyo",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Africa/Casablanca",
)
# Around the time changes of those zones, and between.
STARTS = some.integers(0, 2 * 365 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + n * MINUTE)


def timed(events: list[dict[str, Any]]) -> list[tuple[str, datetime, datetime]]:
    return [
        (
            event["summary"],
            datetime.fromisoformat(event["start"]["dateTime"]),
            datetime.fromisoformat(event["end"]["dateTime"]),
        )
        for event in events
        if "dateTime" in event["start"]
    ]


@pytest.mark.parametrize("second", [0, 1, 29, 39, 40, 41, 59])
def test_a_reminder_is_due_within_ninety_seconds_of_any_sign_in(second: int) -> None:
    now = datetime(2026, 11, 24, 9, 41, second, tzinfo=UTC)
    start = datetime.fromisoformat(due_soon(now, "UTC")["start"]["dateTime"])
    assert timedelta(seconds=20) <= start - REMINDER - now <= timedelta(seconds=80)


def test_the_day_is_in_two_languages_and_has_all_day_events() -> None:
    day = sample_day(datetime(2026, 11, 24, 9, 41, tzinfo=UTC), "Asia/Tokyo")
    assert {language_of(event["summary"]) for event in day} == {"ja", "en"}
    assert any("date" in event["start"] for event in day)


@given(STARTS, some.sampled_from(ZONES))
def test_each_event_is_at_a_time_at_which_people_do_such_things(now: datetime, zone: str) -> None:
    for title, start, end in timed(sample_day(now, zone)):
        first, last = SENSIBLE[title]
        here = start.astimezone(ZoneInfo(zone))
        assert first <= here.hour
        assert timedelta(hours=here.hour, minutes=here.minute) + (end - start) <= timedelta(hours=last)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", range(24))
def test_at_any_hour_there_is_something_before_and_after_and_all_day(hour: int, zone: str) -> None:
    now = datetime(2026, 11, 24, hour, 30, tzinfo=ZoneInfo(zone))
    events = sample_day(now, zone)
    assert any(now - DAY / 2 < end <= now for _, _, end in timed(events))
    assert any(now < start < now + DAY / 2 for _, start, _ in timed(events))
    days = [date.fromisoformat(event["start"]["date"]) for event in events if "date" in event["start"]]
    assert now.date() in days


@given(STARTS, some.sampled_from(ZONES))
def test_on_each_day_two_overlap_and_one_tells_where_and_one_how_to_join(now: datetime, zone: str) -> None:
    today = now.astimezone(ZoneInfo(zone)).date()
    events = [
        event
        for event in sample_day(now, zone)
        if "dateTime" in event["start"]
        and datetime.fromisoformat(event["start"]["dateTime"]).astimezone(ZoneInfo(zone)).date() == today
    ]
    times = [(start, end) for _, start, end in timed(events)]
    assert sum(one[0] < other[1] and other[0] < one[1] for one in times for other in times) == len(times) + 2
    assert any(event.get("location") for event in events)
    assert any(event.get("conferenceData") for event in events)


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_second_sign_in_moves_the_event_that_is_due_soon(is_deleted: bool) -> None:
    first, mia = datetime(2026, 11, 24, 9, 41, tzinfo=UTC), "mia@example.com"
    sandbox = Sandbox(clock=lambda: first)
    sandbox.add_account(mia, name="Mia")
    keep_event_due(sandbox, mia, first, "UTC")
    if is_deleted:
        sandbox.delete_event(mia, sandbox.events(mia)[0]["id"])

    keep_event_due(sandbox, mia, first + timedelta(hours=1), "UTC")

    starts = [datetime.fromisoformat(event["start"]["dateTime"]) for event in sandbox.events(mia)]
    assert starts == [datetime(2026, 11, 24, 10, 52, tzinfo=UTC)]
