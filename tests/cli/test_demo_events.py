"""Events of the demo: one is due soon, and there are some in both languages."""

from datetime import UTC, datetime, timedelta

import pytest

from catflap.cli.demo.environment import keep_event_due
from catflap.cli.demo.events import due_soon, sample_day
from catflap.speech import language_of
from google_sandbox import Sandbox

REMINDER = timedelta(minutes=10)


@pytest.mark.parametrize("second", [0, 1, 29, 39, 40, 41, 59])
def test_a_reminder_is_due_within_ninety_seconds_of_any_sign_in(second: int) -> None:
    now = datetime(2026, 11, 24, 9, 41, second, tzinfo=UTC)
    start = datetime.fromisoformat(due_soon(now, "UTC")["start"]["dateTime"])
    assert timedelta(seconds=20) <= start - REMINDER - now <= timedelta(seconds=80)


def test_the_day_is_in_two_languages_and_has_all_day_events() -> None:
    day = sample_day(datetime(2026, 11, 24, 9, 41, tzinfo=UTC), "Asia/Tokyo")
    assert {language_of(event["summary"]) for event in day} == {"ja", "en"}
    assert any("date" in event["start"] for event in day)


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
