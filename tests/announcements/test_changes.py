"""Changes of occurrences, from Google to what is stored for the plan to tell."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planner import Planner
from catflap.announcements.preference_store import save_preferences
from catflap.announcements.preferences import Preferences
from catflap.calendars import choose_calendar
from catflap.clock import FixedClock
from catflap.store.calendar_tables import calendars
from catflap.store.planning_tables import occurrence_changes, plans, reactions
from catflap.store.tables import announcements, devices
from catflap.work.retention import delete_old
from tests.support.sandbox_calendar import EMAIL, SUB, Served
from tests.support.statements import recorded_statements

HOUR = timedelta(hours=1)


class Day:
    """A planned day; its events are changed at Google."""

    def __init__(self, engine: AsyncEngine, google: Served, user_id: int, clock: FixedClock) -> None:
        self.engine = engine
        self.google = google
        self.user_id = user_id
        self.clock = clock
        self.noon = clock.now()

    async def plan(self) -> None:
        await self.google.calendars(self.engine, self.clock).sync_account(self.user_id, SUB)
        await Planner(self.engine, self.clock).plan_user(self.user_id)

    async def execute(self, *statements: Any) -> None:
        async with self.engine.begin() as connection:
            for statement in statements:
                await connection.execute(statement)

    def move(self, event: dict[str, Any], start: datetime, **more: Any) -> None:
        times = {"start": start, "end": start + HOUR / 2}
        moments = {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()}
        self.google.sandbox.change_event(EMAIL, event["id"], {**moments, **more})

    async def changes(self) -> list[tuple[str, str, float, float | None]]:
        """What there is to tell: titles, and hours after noon."""
        async with self.engine.connect() as connection:
            found = await connection.execute(select(occurrence_changes).order_by(occurrence_changes.c.id))
            return [
                (
                    row.change,
                    row.title,
                    (row.starts_at - self.noon) / HOUR,
                    row.moved_to and (row.moved_to - self.noon) / HOUR,
                )
                for row in found
            ]


@pytest.fixture
async def day(engine: AsyncEngine, google: Served, account: int, device_id: int, clock: FixedClock) -> Day:
    return Day(engine, google, account, clock)


async def test_a_moved_and_a_cancelled_event_are_noticed_once(day: Day) -> None:
    tea = day.google.insert("Tea", day.noon + 3 * HOUR)
    retro = day.google.insert("Retro", day.noon + 5 * HOUR)
    await day.plan()
    assert await day.changes() == []
    day.clock.advance(timedelta(minutes=1))
    day.move(tea, day.noon + 4 * HOUR)
    day.google.sandbox.delete_event(EMAIL, retro["id"])
    await day.plan()
    told = [("moved", "Tea", 3, 4), ("cancelled", "Retro", 5, None)]
    assert sorted(await day.changes()) == sorted(told)
    day.clock.advance(HOUR)
    await day.plan()
    assert sorted(await day.changes()) == sorted(told)


async def test_what_was_noticed_does_not_make_the_next_plan_another(day: Day) -> None:
    tea = day.google.insert("Tea", day.noon + 3 * HOUR)
    await day.plan()
    day.move(tea, day.noon + 4 * HOUR)
    await day.plan()
    with recorded_statements() as sent:
        await Planner(day.engine, day.clock).plan_user(day.user_id)
    assert len(sent) == 4


async def test_an_event_moved_beyond_what_is_planned_was_moved_all_the_same(day: Day) -> None:
    rule = {"recurrence": ["RRULE:FREQ=DAILY"]}
    for title, more in (("Tea", {}), ("Standup", rule)):
        event = day.google.insert(title, day.noon + 3 * HOUR, **more)
        await day.plan()
        if more:
            path = f"/calendars/primary/events/{event['id']}/instances"
            event = (await day.google.write("GET", path))["items"][0]
        day.move(event, day.noon + 240 * HOUR)
        await day.plan()
        assert (await day.changes())[-1] == ("moved", title, 3, 240)


async def test_an_instance_and_a_whole_series_are_noticed(day: Day) -> None:
    series = day.google.insert("Standup", day.noon + 3 * HOUR, recurrence=["RRULE:FREQ=DAILY"])
    await day.plan()
    path = f"/calendars/primary/events/{series['id']}/instances"
    first = (await day.google.write("GET", path))["items"][0]
    await day.google.write("DELETE", f"/calendars/primary/events/{first['id']}")
    await day.plan()
    assert await day.changes() == [("cancelled", "Standup", 3, None)]
    await day.execute(delete(occurrence_changes))
    day.move(series, day.noon + 5 * HOUR)
    await day.plan()
    assert ("moved", "Standup", 27, 29) in await day.changes()


async def _deselect(day: Day) -> None:
    async with day.engine.begin() as connection:
        calendar_id = await connection.scalar(select(calendars.c.id).where(calendars.c.google_id == EMAIL))
        assert calendar_id is not None
        await choose_calendar(connection, day.user_id, calendar_id, chosen=False, now=day.clock.now())


async def _reselect(day: Day) -> None:
    await _deselect(day)
    await Planner(day.engine, day.clock).plan_user(day.user_id)
    await day.execute(update(calendars).values(is_selected_by_user=True, is_selected=True))


async def _remove_calendar(day: Day) -> None:
    await day.execute(delete(calendars))


async def _read_in_full_meanwhile(day: Day) -> None:
    """Google no longer knows the sync token, and what it lists then lacks the event."""
    await day.execute(update(calendars).values(sync_token="expired"))
    day.google.sandbox.delete_event(EMAIL, day.google.sandbox.events(EMAIL)[0]["id"])


async def _gone(day: Day) -> None:
    day.google.sandbox.fault("calendar.events.list", status=404, error="notFound", times=1)


async def _fail(day: Day) -> None:
    day.google.sandbox.fault("calendar.events.list", status=503, times=1)


async def _decline(day: Day) -> None:
    guests = [{"email": EMAIL, "self": True, "responseStatus": "declined"}, {"email": "b@example.org"}]
    day.google.sandbox.change_event(EMAIL, day.google.sandbox.events(EMAIL)[0]["id"], {"attendees": guests})


async def _prefer(day: Day) -> None:
    async with day.engine.begin() as connection:
        await save_preferences(connection, day.user_id, Preferences(tentative="skip"), day.clock.now())


async def _pass(day: Day) -> None:
    day.clock.advance(timedelta(hours=23))


async def _no_plan_for_two_days(day: Day) -> None:
    day.clock.advance(timedelta(days=2))
    day.google.sandbox.delete_event(EMAIL, day.google.sandbox.events(EMAIL)[0]["id"])


@pytest.mark.parametrize(
    "happen",
    [
        _deselect,
        _reselect,
        _remove_calendar,
        _read_in_full_meanwhile,
        _gone,
        _fail,
        _decline,
        _prefer,
        _pass,
        _no_plan_for_two_days,
    ],
    ids=lambda happen: happen.__name__.strip("_"),
)
async def test_nobody_cancelled_what(day: Day, happen: Callable[[Day], Awaitable[None]]) -> None:
    maybe = [{"email": EMAIL, "self": True, "responseStatus": "tentative"}, {"email": "b@example.org"}]
    day.google.insert("Tea", day.noon + 3 * HOUR, attendees=maybe)
    day.google.insert("Late tea", day.noon + 50 * HOUR)
    await day.plan()
    async with day.engine.connect() as connection:
        assert "Tea" in str(await connection.scalar(select(plans.c.occurrences)))
    await happen(day)
    for _ in range(2):
        try:
            await day.plan()
        except Exception:
            await Planner(day.engine, day.clock).plan_user(day.user_id)
        assert await day.changes() == []


async def test_what_is_moved_back_before_it_was_told_is_nothing(day: Day) -> None:
    tea = day.google.insert("Tea", day.noon + 3 * HOUR)
    await day.plan()
    for hours, expected in (
        (4, [("moved", "Tea", 3, 4)]),
        (5, [("moved", "Tea", 3, 5)]),
        (3, []),
        (6, [("moved", "Tea", 3, 6)]),
    ):
        day.move(tea, day.noon + hours * HOUR)
        await day.plan()
        assert await day.changes() == expected
        day.clock.advance(timedelta(seconds=5))


async def test_what_is_moved_back_after_it_was_told_is_told_too(day: Day, device_id: int) -> None:
    tea = day.google.insert("Tea", day.noon + 3 * HOUR)
    await day.plan()
    day.move(tea, day.noon + 4 * HOUR)
    await day.plan()
    played = {
        "id": "told", "key": "told", "user_id": day.user_id, "device_id": device_id, "kind": "moved",
        "state": "played", "play_at": day.noon, "expires_at": day.noon + HOUR, "titles": ["Tea"],
        "event_start": (day.noon + 4 * HOUR).isoformat(), "dialect": "kitten", "display": "", "spoken": "",
        "sound_key": "", "updated_at": day.noon,
    }  # fmt: skip
    await day.execute(delete(announcements).where(announcements.c.kind == "moved"))
    await day.execute(insert(announcements).values(played))
    day.clock.advance(timedelta(minutes=2))
    day.move(tea, day.noon + 3 * HOUR)
    await day.plan()
    assert await day.changes() == [("moved", "Tea", 3, 4), ("moved", "Tea", 4, 3)]


async def test_the_title_of_a_private_event_is_stored_in_neither_table(day: Day) -> None:
    doctor = day.google.insert("Doctor", day.noon + 3 * HOUR, visibility="private")
    await day.plan()
    day.move(doctor, day.noon + 4 * HOUR)
    await day.plan()
    assert await day.changes() == [("moved", "", 3, 4)]
    async with day.engine.connect() as connection:
        rows = [
            *await connection.execute(select(plans)),
            *await connection.execute(select(occurrence_changes)),
        ]
    assert "Doctor" not in str(rows) and len(rows) == 2


async def test_changes_of_a_calendar_that_is_deselected_or_gone_are_deleted(day: Day) -> None:
    for number, leave in enumerate((_deselect, _gone, _remove_calendar)):
        tea = day.google.insert("Tea", day.noon + (3 + number) * HOUR)
        await day.plan()
        day.move(tea, day.noon + 9 * HOUR)
        await day.plan()
        assert await day.changes() != [], leave.__name__
        await leave(day)
        if leave is _gone:
            day.move(tea, day.noon + 8 * HOUR)
            await day.google.calendars(day.engine, day.clock).sync_account(day.user_id, SUB)
        assert await day.changes() == [], leave.__name__
        await day.execute(update(calendars).values(is_selected_by_user=None, is_selected=True))
        day.clock.advance(timedelta(minutes=20))


async def test_facts_are_deleted_after_two_days(day: Day) -> None:
    tea = day.google.insert("Tea", day.noon + 3 * HOUR)
    await day.plan()
    day.move(tea, day.noon + 4 * HOUR)
    await day.plan()
    reaction = {"user_id": day.user_id, "action": "acknowledged", "occurrence": "x", "at": day.noon}
    await day.execute(insert(reactions).values(reaction))
    counts = select(
        select(text("count(*)")).select_from(occurrence_changes).scalar_subquery(),
        select(text("count(*)")).select_from(reactions).scalar_subquery(),
    )
    for later, left in ((timedelta(hours=47), (1, 1)), (timedelta(hours=2), (0, 0))):
        day.clock.advance(later)
        await delete_old(day.engine, day.clock.now())
        async with day.engine.connect() as connection:
            assert tuple((await connection.execute(counts)).one()) == left


async def test_without_a_device_nothing_of_a_plan_is_kept(day: Day) -> None:
    day.google.insert("Tea", day.noon + 3 * HOUR)
    await day.plan()
    await day.execute(delete(devices))
    await day.plan()
    async with day.engine.connect() as connection:
        assert (await connection.execute(select(plans))).all() == []
