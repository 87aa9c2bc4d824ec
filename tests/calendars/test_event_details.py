"""Fields of occurrences besides their time: privacy, responses, reminders and birthdays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Occurrence, timeline
from catflap.calendars.event_projection import StoredEvent, project_event
from catflap.calendars.recurrence.series import expand_events
from catflap.clock import FixedClock
from catflap.google.calendar import popup_minutes
from catflap.store.calendar_tables import calendars
from tests.support.sandbox_calendar import EMAIL, SUB, Served

AT = datetime(2026, 12, 2, 10, tzinfo=UTC)
DAY = {"start": {"date": "2026-12-02"}, "end": {"date": "2026-12-03"}}


def occurrence(default_reminders: tuple[int, ...] = (), **members: Any) -> Occurrence:
    times = {
        "start": {"dateTime": AT.isoformat()},
        "end": {"dateTime": (AT + timedelta(hours=1)).isoformat()},
    }
    stored = StoredEvent(
        1, project_event({"id": "e", "summary": "Sync", **times, **members}), "UTC", default_reminders
    )
    (found,) = expand_events([stored], AT - timedelta(days=1), AT + timedelta(days=1), UTC)
    return found


@pytest.mark.parametrize(
    ("members", "private"),
    [
        ({}, False),
        ({"summary": ""}, False),
        ({"visibility": "public"}, False),
        ({"visibility": "private"}, True),
        ({"visibility": "confidential"}, True),
        ({"visibility": "private", "eventType": "focusTime"}, True),
        ({"visibility": "private", "eventType": "birthday"}, False),
    ],
)
def test_only_events_that_a_user_marked_private_are_private(members: dict[str, Any], private: bool) -> None:
    assert occurrence(**members).private is private


@pytest.mark.parametrize(
    ("members", "birthday"),
    [
        ({}, ""),
        ({"birthdayProperties": {"type": "birthday"}}, ""),
        ({"eventType": "birthday"}, "birthday"),
        ({"eventType": "birthday", "birthdayProperties": {"type": "self"}}, "self"),
        ({"eventType": "birthday", "birthdayProperties": {"type": "anniversary"}}, "anniversary"),
        ({"eventType": "birthday", "birthdayProperties": 7}, "birthday"),
    ],
)
def test_the_type_of_a_birthday_is_stored(members: dict[str, Any], birthday: str) -> None:
    assert occurrence(**members).birthday == birthday


def test_the_contact_of_a_birthday_is_not_stored() -> None:
    properties = {"type": "birthday", "contact": "people/c12345"}
    assert project_event({"id": "e", "birthdayProperties": properties})["birthdayProperties"] == {
        "type": "birthday"
    }


@pytest.mark.parametrize(
    ("members", "tentative", "declined"),
    [
        ({}, False, False),
        ({"status": "confirmed"}, False, False),
        ({"status": "tentative"}, True, False),
        ({"attendees": [{"self": True, "responseStatus": "accepted"}]}, False, False),
        ({"attendees": [{"self": True, "responseStatus": "tentative"}]}, True, False),
        ({"attendees": [{"self": True, "responseStatus": "needsAction"}]}, True, False),
        ({"attendees": [{"self": True, "responseStatus": "declined"}]}, False, True),
        ({"attendees": [{"email": "b@example.org", "responseStatus": "needsAction"}]}, False, False),
        ({"attendees": [{"self": True}]}, False, False),
        ({"attendees": "nobody"}, False, False),
    ],
)
def test_an_event_is_tentative_by_its_status_or_the_users_response(
    members: dict[str, Any], tentative: bool, declined: bool
) -> None:
    found = occurrence(**members)
    assert (found.tentative, found.declined) == (tentative, declined)


def popups(*minutes: int) -> list[dict[str, Any]]:
    return [{"method": "popup", "minutes": one} for one in minutes]


@pytest.mark.parametrize(
    ("members", "reminders"),
    [
        ({}, (30,)),
        ({"reminders": {"useDefault": True}}, (30,)),
        ({"reminders": {"useDefault": False}}, ()),
        ({"reminders": {"useDefault": False, "overrides": []}}, ()),
        ({"reminders": {"useDefault": False, "overrides": popups(60)}}, (60,)),
        ({"reminders": {"useDefault": False, "overrides": popups(60, 0, 10, 60)}}, (0, 10, 60)),
        ({"reminders": {"overrides": [{"method": "email", "minutes": 60}]}}, ()),
        ({"reminders": {"overrides": [{"method": "email", "minutes": 60}, *popups(5)]}}, (5,)),
        ({"reminders": {"overrides": popups(-1, 40_321)}}, ()),
        ({**DAY, "reminders": {"useDefault": True}}, ()),
        ({**DAY, "reminders": {"useDefault": False, "overrides": popups(900)}}, (900,)),
    ],
)
def test_reminders_are_the_events_own_or_those_of_its_calendar(
    members: dict[str, Any], reminders: tuple[int, ...]
) -> None:
    assert occurrence((30,), **members).reminders == reminders


@pytest.mark.parametrize(
    "strange",
    [None, 7, "10", {}, [7], [{"method": "popup"}], [{"method": "popup", "minutes": True}], [{"minutes": 5}]],
)
def test_malformed_reminders_are_ignored(strange: object) -> None:
    assert popup_minutes(strange) == ()


async def test_the_default_reminders_of_a_calendar_reach_its_events(
    engine: AsyncEngine, google: Served, user_id: int, account: int, clock: FixedClock
) -> None:
    google.insert("Sync", clock.now() + timedelta(hours=3))
    calendar_sync = google.calendars(engine, clock)
    await calendar_sync.sync_account(account, SUB)

    async def reminders() -> list[tuple[int, ...]]:
        found = await timeline(engine, user_id, clock.now(), clock.now() + timedelta(days=1), UTC)
        return [one.reminders for one in found]

    assert await reminders() == [(30,)]
    changed = {"defaultReminders": [{"method": "email", "minutes": 60}, *popups(15, 5)]}
    await google.write("PATCH", "/users/me/calendarList/primary", **changed)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM queue.pgqueuer"))
    await calendar_sync.sync_account(account, SUB)
    assert await reminders() == [(5, 15)]
    async with engine.connect() as connection:
        asked = await connection.scalar(text("SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'plan'"))
        stored = await connection.scalar(
            select(calendars.c.default_reminders).where(calendars.c.google_id == EMAIL)
        )
    assert asked == 1
    assert stored == [5, 15]
