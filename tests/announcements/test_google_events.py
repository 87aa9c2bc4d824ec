"""Events as Google's API gives them, from the sandbox over HTTP to the words on a device."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planner import Planner
from catflap.announcements.preference_store import save_preferences
from catflap.announcements.preferences import Preferences
from catflap.clock import FixedClock
from catflap.store.tables import announcements
from tests.support.phrases import has_phrase
from tests.support.sandbox_calendar import EMAIL, SUB, Served

# One of the zones that are never on UTC, so that a mistaken zone shows.
ZONE = "Europe/Berlin"
USUAL = Preferences(
    zone=ZONE, reminder_minutes=(10,), dialect_en="plain", dialect_ja="standard", briefing_at=time(8)
)
OWN = {"email": EMAIL}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 12, 1, 23, tzinfo=UTC))


class SpokenDay:
    """The announcements of one day's events."""

    def __init__(
        self, google: Served, engine: AsyncEngine, clock: FixedClock, user: int, device: int
    ) -> None:
        self._google, self._engine, self._clock = google, engine, clock
        self._user, self._device = user, device

    def add(self, summary: str | None, start: str, end: str, **more: Any) -> None:
        """Add an event in local time of Berlin, or with dates."""
        title = {} if summary is None else {"summary": summary}
        times = {"start": self._time(start), "end": self._time(end)}
        self._google.sandbox.insert_event(EMAIL, {**title, **times, **more})

    async def said(self, preferences: Preferences = USUAL) -> list[Row[Any]]:
        """Return all rows of the device, in order of time."""
        async with self._engine.begin() as connection:
            await save_preferences(connection, self._user, preferences, self._clock.now())
        await self._google.calendars(self._engine, self._clock).sync_account(self._user, SUB)
        await Planner(self._engine, self._clock).plan_user(self._user)
        query = select(announcements).where(announcements.c.device_id == self._device)
        async with self._engine.connect() as connection:
            found = await connection.execute(query.order_by(announcements.c.play_at, announcements.c.key))
            return [row for row in found if row.state != "cancelled"]

    async def briefing(self, preferences: Preferences = USUAL) -> str:
        """Return the text of the only briefing."""
        (row,) = [row for row in await self.said(preferences) if row.kind == "briefing"]
        return str(row.display)

    @staticmethod
    def _time(text: str) -> dict[str, str]:
        return {"date": text} if len(text) == 10 else {"dateTime": f"{text}:00", "timeZone": ZONE}


@pytest.fixture
def spoken_day(
    google: Served, engine: AsyncEngine, clock: FixedClock, account: int, device_id: int
) -> SpokenDay:
    return SpokenDay(google, engine, clock, account, device_id)


@pytest.mark.parametrize("title", ["Ann's birthday", "花子さんの誕生日"])
async def test_whose_birthday_it_is_is_said(spoken_day: SpokenDay, title: str) -> None:
    properties = {"type": "birthday", "contact": "people/c1"}
    spoken_day.add(
        title,
        "2026-12-02",
        "2026-12-03",
        eventType="birthday",
        birthdayProperties=properties,
        visibility="private",
        transparency="transparent",
        recurrence=["RRULE:FREQ=YEARLY"],
    )
    assert title in await spoken_day.briefing()


async def test_only_flights_and_tables_are_announced_of_googles_special_types(spoken_day: SpokenDay) -> None:
    spoken_day.add("Focus time", "2026-12-02T10:00", "2026-12-02T12:00", eventType="focusTime")
    spoken_day.add("Out of office", "2026-12-02T13:00", "2026-12-02T15:00", eventType="outOfOffice")
    spoken_day.add("Home", "2026-12-02", "2026-12-03", eventType="workingLocation")
    spoken_day.add("Flight to Oslo", "2026-12-02T18:00", "2026-12-02T20:00", eventType="fromGmail")
    assert [tuple(row.titles) for row in await spoken_day.said()] == [(), ("Flight to Oslo",)]
    assert has_phrase(await spoken_day.briefing(), "timed_one", time="6:00 pm")
    asked = Preferences(zone=ZONE, event_types=("focusTime", "outOfOffice", "workingLocation"))
    titles = {title for row in await spoken_day.said(asked) for title in row.titles}
    assert titles == {"Focus time", "Out of office", "Home", "Flight to Oslo"}


async def test_responses_to_invitations_are_respected(spoken_day: SpokenDay) -> None:
    for hour, (title, answer) in enumerate(
        [("No", "declined"), ("Perhaps", "tentative"), ("Unread", "needsAction"), ("Yes", "accepted")], 10
    ):
        guests = [{**OWN, "responseStatus": answer}, {"email": "b@example.org", "responseStatus": "accepted"}]
        spoken_day.add(title, f"2026-12-02T{hour}:00", f"2026-12-02T{hour}:30", attendees=guests)
    spoken_day.add("Pencilled in", "2026-12-02T15:00", "2026-12-02T16:00", status="tentative")
    said = {row.titles[0]: row.display for row in await spoken_day.said() if row.kind == "before"}
    assert {title: "aybe" in words for title, words in said.items()} == {
        "Perhaps": True,
        "Unread": True,
        "Yes": False,
        "Pencilled in": True,
    }


async def test_only_private_events_are_secret(spoken_day: SpokenDay) -> None:
    kitten = replace(USUAL, dialect_en="kitten", briefing_at=None)
    spoken_day.add("Secret project", "2026-12-02T09:00", "2026-12-02T09:30", visibility="private")
    spoken_day.add(None, "2026-12-02T10:00", "2026-12-02T11:00", hangoutLink="https://meet.example.com/x")
    spoken_day.add("", "2026-12-02T11:00", "2026-12-02T12:00")
    spoken_day.add(" \u3000 ", "2026-12-02T12:00", "2026-12-02T12:30")
    spoken_day.add("🎉🎉", "2026-12-02T13:00", "2026-12-02T13:30")
    spoken_day.add("Lunch", "2026-12-02T14:00", "2026-12-02T14:30", transparency="transparent")
    spoken = [row.spoken.lower() for row in await spoken_day.said(kitten)]
    assert [("secret" in words, "an appointment" in words, "lunch" in words) for words in spoken] == [
        (True, False, False),
        *[(False, True, False)] * 4,
        (False, False, True),
    ]


async def test_googles_reminders_are_used_where_the_person_chose_them(
    spoken_day: SpokenDay, google: Served
) -> None:
    spoken_day.add("Default", "2026-12-02T09:00", "2026-12-02T09:30")
    own = {
        "useDefault": False,
        "overrides": [{"method": "popup", "minutes": 60}, {"method": "email", "minutes": 5}],
    }
    spoken_day.add("Own", "2026-12-02T10:00", "2026-12-02T11:00", reminders=own)
    spoken_day.add("None", "2026-12-02T12:00", "2026-12-02T13:00", reminders={"useDefault": False})
    at_start = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 0}]}
    spoken_day.add("At once", "2026-12-02T14:00", "2026-12-02T15:00", reminders=at_start)
    morning = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 900}]}
    spoken_day.add("Whole day", "2026-12-03", "2026-12-04", reminders=morning)
    midnight = datetime(2026, 12, 1, 23, tzinfo=UTC)
    chosen = Preferences(zone=ZONE, reminders_from="google", briefing_at=None)
    said = {(row.titles[0], row.kind, row.play_at - midnight) for row in await spoken_day.said(chosen)}
    assert said == {
        ("Default", "before", timedelta(hours=8, minutes=30)),
        ("Own", "before", timedelta(hours=9)),
        ("Whole day", "before", timedelta(hours=9)),
        ("At once", "start", timedelta(hours=14)),
    }
    ours = Preferences(zone=ZONE, briefing_at=None)
    assert {row.titles[0] for row in await spoken_day.said(ours)} == {"Default", "Own", "None", "At once"}


async def test_the_briefing_names_ongoing_events_from_google(spoken_day: SpokenDay) -> None:
    spoken_day.add("Conference", "2026-12-01T09:00", "2026-12-03T17:00")
    spoken_day.add("Night shift", "2026-12-01T22:00", "2026-12-02T06:00")
    late = await spoken_day.briefing()
    assert "“Conference” until 5:00 pm tomorrow" in late
    assert "Night shift" not in late
    early = await spoken_day.briefing(Preferences(zone=ZONE, dialect_en="plain", briefing_at=time(5)))
    ongoing = "“Night shift” until 6:00 am and “Conference” until 5:00 pm tomorrow"
    assert has_phrase(early, "under_way", titles=ongoing)
    assert not has_phrase(late + early, "nothing")
