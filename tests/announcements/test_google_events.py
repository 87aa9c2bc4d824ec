"""Events as Google's API gives them, from the sandbox over HTTP to the words on a device."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planner import Planner
from catflap.announcements.preferences import Preferences, save
from catflap.clock import FixedClock
from catflap.store.tables import announcements
from tests.support.sandbox_calendar import EMAIL, SUB, Served

# One of the zones that are never on UTC, so that a mistaken zone shows.
ZONE = "Europe/Berlin"
USUAL = Preferences(zone=ZONE, dialect_en="plain", dialect_ja="standard", briefing_at=time(8))
OWN = {"email": EMAIL}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 12, 1, 23, tzinfo=UTC))


class Told:
    """What one day's events make Mia say."""

    def __init__(
        self, google: Served, engine: AsyncEngine, clock: FixedClock, user: int, device: int
    ) -> None:
        self._google, self._engine, self._clock = google, engine, clock
        self._user, self._device = user, device

    def add(self, summary: str | None, start: str, end: str, **more: Any) -> None:
        """An event on wall clocks of Berlin, or on whole days."""
        title = {} if summary is None else {"summary": summary}
        times = {"start": self._time(start), "end": self._time(end)}
        self._google.sandbox.insert_event(EMAIL, {**title, **times, **more})

    async def said(self, preferences: Preferences = USUAL) -> list[Row[Any]]:
        """All rows of the device, in order of time."""
        async with self._engine.begin() as connection:
            await save(connection, self._user, preferences, self._clock.now())
        await self._google.calendars(self._engine, self._clock).sync_account(self._user, SUB)
        await Planner(self._engine, self._clock).plan_user(self._user)
        query = select(announcements).where(announcements.c.device_id == self._device)
        async with self._engine.connect() as connection:
            found = await connection.execute(query.order_by(announcements.c.play_at, announcements.c.key))
            return [row for row in found if row.state != "cancelled"]

    async def briefing(self, preferences: Preferences = USUAL) -> str:
        """The words of the only briefing."""
        (row,) = [row for row in await self.said(preferences) if row.kind == "briefing"]
        return str(row.display)

    @staticmethod
    def _time(text: str) -> dict[str, str]:
        return {"date": text} if len(text) == 10 else {"dateTime": f"{text}:00", "timeZone": ZONE}


@pytest.fixture
def told(google: Served, engine: AsyncEngine, clock: FixedClock, account: int, device_id: int) -> Told:
    return Told(google, engine, clock, account, device_id)


@pytest.mark.parametrize("title", ["Ann's birthday", "花子さんの誕生日"])
async def test_whose_birthday_it_is_is_said(told: Told, title: str) -> None:
    properties = {"type": "birthday", "contact": "people/c1"}
    told.add(
        title,
        "2026-12-02",
        "2026-12-03",
        eventType="birthday",
        birthdayProperties=properties,
        visibility="private",
        transparency="transparent",
        recurrence=["RRULE:FREQ=YEARLY"],
    )
    assert title in await told.briefing()


async def test_only_flights_and_tables_are_announced_of_googles_special_types(told: Told) -> None:
    told.add("Focus time", "2026-12-02T10:00", "2026-12-02T12:00", eventType="focusTime")
    told.add("Out of office", "2026-12-02T13:00", "2026-12-02T15:00", eventType="outOfOffice")
    told.add("Home", "2026-12-02", "2026-12-03", eventType="workingLocation")
    told.add("Flight to Oslo", "2026-12-02T18:00", "2026-12-02T20:00", eventType="fromGmail")
    assert [tuple(row.titles) for row in await told.said()] == [(), ("Flight to Oslo",)]
    assert "One appointment, at 6:00 pm." in await told.briefing()
    asked = Preferences(zone=ZONE, event_types=("focusTime", "outOfOffice", "workingLocation"))
    titles = {title for row in await told.said(asked) for title in row.titles}
    assert titles == {"Focus time", "Out of office", "Home", "Flight to Oslo"}


async def test_answers_are_heard(told: Told) -> None:
    for hour, (title, answer) in enumerate(
        [("No", "declined"), ("Perhaps", "tentative"), ("Unread", "needsAction"), ("Yes", "accepted")], 10
    ):
        guests = [{**OWN, "responseStatus": answer}, {"email": "b@example.org", "responseStatus": "accepted"}]
        told.add(title, f"2026-12-02T{hour}:00", f"2026-12-02T{hour}:30", attendees=guests)
    told.add("Pencilled in", "2026-12-02T15:00", "2026-12-02T16:00", status="tentative")
    said = {row.titles[0]: row.display for row in await told.said() if row.kind == "before"}
    assert {title: "aybe" in words for title, words in said.items()} == {
        "Perhaps": True,
        "Unread": True,
        "Yes": False,
        "Pencilled in": True,
    }


async def test_only_private_events_are_secret(told: Told) -> None:
    kitten = Preferences(zone=ZONE, dialect_en="kitten", briefing_at=None)
    told.add("Secret project", "2026-12-02T09:00", "2026-12-02T09:30", visibility="private")
    told.add(None, "2026-12-02T10:00", "2026-12-02T11:00", hangoutLink="https://meet.example.com/x")
    told.add("", "2026-12-02T11:00", "2026-12-02T12:00")
    told.add(" \u3000 ", "2026-12-02T12:00", "2026-12-02T12:30")
    told.add("🎉🎉", "2026-12-02T13:00", "2026-12-02T13:30")
    told.add("Lunch", "2026-12-02T14:00", "2026-12-02T14:30", transparency="transparent")
    spoken = [row.spoken.split(" at ")[0] for row in await told.said(kitten)]
    assert spoken == ["Mew! A secret appointment", *["Mew! An appointment"] * 4, "Mew! Lunch"]


async def test_googles_reminders_are_used_where_the_person_chose_them(told: Told, google: Served) -> None:
    told.add("Default", "2026-12-02T09:00", "2026-12-02T09:30")
    own = {
        "useDefault": False,
        "overrides": [{"method": "popup", "minutes": 60}, {"method": "email", "minutes": 5}],
    }
    told.add("Own", "2026-12-02T10:00", "2026-12-02T11:00", reminders=own)
    told.add("None", "2026-12-02T12:00", "2026-12-02T13:00", reminders={"useDefault": False})
    at_start = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 0}]}
    told.add("At once", "2026-12-02T14:00", "2026-12-02T15:00", reminders=at_start)
    morning = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 900}]}
    told.add("Whole day", "2026-12-03", "2026-12-04", reminders=morning)
    midnight = datetime(2026, 12, 1, 23, tzinfo=UTC)
    chosen = Preferences(zone=ZONE, reminders_from="google", briefing_at=None)
    said = {(row.titles[0], row.kind, row.play_at - midnight) for row in await told.said(chosen)}
    assert said == {
        ("Default", "before", timedelta(hours=8, minutes=30)),
        ("Own", "before", timedelta(hours=9)),
        ("Whole day", "before", timedelta(hours=9)),
        ("At once", "start", timedelta(hours=14)),
    }
    ours = Preferences(zone=ZONE, briefing_at=None)
    assert {row.titles[0] for row in await told.said(ours)} == {"Default", "Own", "None", "At once"}


async def test_what_runs_when_the_briefing_comes_is_told(told: Told) -> None:
    told.add("Conference", "2026-12-01T09:00", "2026-12-03T17:00")
    told.add("Night shift", "2026-12-01T22:00", "2026-12-02T06:00")
    late = await told.briefing()
    assert "“Conference” until 5:00 pm tomorrow" in late
    assert "Night shift" not in late
    early = await told.briefing(Preferences(zone=ZONE, dialect_en="plain", briefing_at=time(5)))
    assert "Under way now: “Night shift” until 6:00 am and “Conference” until 5:00 pm tomorrow." in early
    assert "Nothing" not in late + early
