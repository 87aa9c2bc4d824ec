"""What is done about the channels of an account, decided from its rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from catflap.calendars.push_channel_plan import Channel, Resource, work_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADDRESS = "https://cat.example.com/google/calendar/push"
WEEK, DAY = timedelta(days=7), timedelta(days=1)
LIST, CALENDAR = Resource(None, None), Resource(1, "mia@example.com")


def row(
    name: str | None = None, *, of_list: bool = False, wanted: bool = True, **more: Any
) -> dict[str, Any]:
    """A calendar or the list with its channel; without a name, a calendar that has none."""
    is_calendar = wanted and not of_list
    return {
        "wanted_id": CALENDAR.calendar_id if is_calendar else None,
        "google_id": CALENDAR.google_id if is_calendar else None,
        "push_refused_until": None,
        "id": name,
        "is_list": of_list if name else None,
        "address": ADDRESS,
        "resource_id": f"resource-of-{name}",
        "created_at": NOW - DAY,
        "expires_at": NOW - DAY + WEEK,
        "notified_at": NOW - DAY,
        **more,
    }


def work(*rows: dict[str, Any]) -> tuple[list[Resource], list[str], list[str]]:
    """What is missing, unwanted and forgotten, with a working channel of the list."""
    found = work_of([row("list", of_list=True), *rows], ADDRESS, NOW)
    assert all(one.resource_id == f"resource-of-{one.id}" for one in found.unwanted)
    return found.missing, [one.id for one in found.unwanted], found.forgotten


def test_a_working_channel_needs_nothing() -> None:
    assert work(row("a")) == ([], [], [])


def test_the_list_is_always_wanted() -> None:
    assert work_of([], ADDRESS, NOW).missing == [LIST]


def test_of_channels_that_two_processes_have_opened_one_is_stopped() -> None:
    twice = row("a", expires_at=NOW + WEEK), row("b", expires_at=NOW + 2 * DAY)
    assert work(*twice) == ([], ["b"], [])
    assert work(*reversed(twice)) == ([], ["b"], [])


def test_a_channel_that_works_is_not_stopped_for_one_that_does_not_yet() -> None:
    new = row("new", notified_at=None, created_at=NOW, expires_at=NOW + WEEK)
    old = row("old", created_at=NOW - 6 * DAY, expires_at=NOW + DAY)
    assert work(old, new) == ([], [], [])
    assert work(old, new | {"notified_at": NOW}) == ([], ["old"], [])


def test_one_that_is_being_opened_is_neither_opened_again_nor_stopped() -> None:
    opening = row("a", resource_id=None, notified_at=NOW, created_at=NOW, expires_at=NOW + WEEK)
    assert work(opening) == ([], [], [])
    assert work(opening | {"created_at": NOW - timedelta(minutes=5)}) == ([CALENDAR], [], ["a"])
    assert work(opening | {"wanted_id": None, "google_id": None}) == ([], [], [])


def test_what_is_expired_is_forgotten_whether_wanted_or_not() -> None:
    assert work(row("a", expires_at=NOW)) == ([CALENDAR], [], ["a"])
    assert work(row("a", wanted=False, expires_at=NOW)) == ([], [], ["a"])


def test_what_is_not_wanted_is_stopped() -> None:
    assert work(row("a", wanted=False)) == ([], ["a"], [])


def test_a_calendar_that_google_refused_to_watch_waits() -> None:
    assert work(row(push_refused_until=NOW + DAY)) == ([], [], [])
    assert work(row(push_refused_until=NOW)) == ([CALENDAR], [], [])


def test_a_channel_is_stopped_with_the_scope_it_was_opened_with() -> None:
    assert Channel("a", "r", is_list=True).scope == LIST.scope
    assert Channel("a", "r", is_list=False).scope == CALENDAR.scope
