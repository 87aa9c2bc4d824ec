"""A plan is computed again if something it depends on has changed, and only then."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements import planner
from catflap.announcements.planner import Planner
from catflap.announcements.preference_store import save_preferences
from catflap.announcements.preferences import Preferences
from catflap.announcements.zones import store_browser_zone
from catflap.calendars.calendar_list import write_time_zone
from catflap.clock import FixedClock
from catflap.speech import Voices, installed_engines, installed_voices, voices
from catflap.store.calendar_tables import calendars, events
from catflap.store.device_tables import device_members
from catflap.store.tables import accounts, announcements, devices, users
from tests.announcements.conftest import add_device
from tests.support.sandbox_calendar import SUB, Served, add_account
from tests.support.statements import recorded_statements


class Plans:
    """A user who has been planned once; counts how often `planning.plan` is called."""

    def __init__(
        self, engine: AsyncEngine, google: Served, user_id: int, device_id: int, clock: FixedClock
    ) -> None:
        self.engine = engine
        self.google = google
        self.user_id = user_id
        self.device_id = device_id
        self.clock = clock
        self.computed = 0
        self.voices = installed_voices()

    async def sync(self) -> None:
        await self.google.calendars(self.engine, self.clock).sync_account(self.user_id, SUB)

    async def is_computed(self) -> bool:
        """Plan again; return whether the plan was computed."""
        before = self.computed
        await Planner(self.engine, self.clock, self.voices).plan_user(self.user_id)
        return self.computed > before

    async def execute(self, *statements: Any) -> None:
        async with self.engine.begin() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def prefer(self, **changes: Any) -> None:
        async with self.engine.begin() as connection:
            await save_preferences(
                connection, self.user_id, replace(Preferences(), **changes), self.clock.now()
            )


@pytest.fixture
async def plans(
    engine: AsyncEngine,
    google: Served,
    account: int,
    device_id: int,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Plans:
    found = Plans(engine, google, account, device_id, clock)
    plan = planner.plan

    def counted(*arguments: Any) -> Any:
        found.computed += 1
        return plan(*arguments)

    monkeypatch.setattr(planner, "plan", counted)
    google.insert("Standup", clock.now() + timedelta(hours=3))
    await found.sync()
    assert await found.is_computed()
    return found


async def test_nothing_is_computed_where_nothing_changed(plans: Plans) -> None:
    with recorded_statements() as sent:
        assert not await plans.is_computed()
    assert len(sent) == 4


async def test_a_sync_without_changes_changes_no_plan(plans: Plans) -> None:
    await plans.sync()
    assert not await plans.is_computed()


async def test_workers_that_plan_at_once_compute_it_once(plans: Plans) -> None:
    plans.google.insert("Retro", plans.clock.now() + timedelta(hours=5))
    await plans.sync()
    assert await plans.is_computed()
    assert not await plans.is_computed()


async def test_an_event_of_which_only_the_place_changed_changes_no_schedule(plans: Plans) -> None:
    async def schedule() -> tuple[list[Any], list[Any]]:
        async with plans.engine.connect() as connection:
            said = await connection.execute(select(announcements).order_by(announcements.c.id))
            return list(said), list(await connection.execute(select(devices.c.schedule_version)))

    before = await schedule()
    plans.clock.advance(timedelta(minutes=1))
    (event,) = plans.google.sandbox.events("mia@example.com")
    plans.google.sandbox.change_event("mia@example.com", event["id"], {"location": "Room 2"})
    await plans.sync()
    assert await plans.is_computed(), "an event is an input as a whole"
    assert before[0] and await schedule() == before


def _calendar(**values: Any) -> Any:
    return update(calendars).values(**values)


async def _insert_event(plans: Plans) -> None:
    plans.google.insert("Retro", plans.clock.now() + timedelta(hours=5))
    await plans.sync()


async def _delete_event(plans: Plans) -> None:
    plans.google.sandbox.delete_event(
        "mia@example.com", plans.google.sandbox.events("mia@example.com")[0]["id"]
    )
    await plans.sync()


async def _second_account(plans: Plans) -> None:
    await add_account(plans.engine, plans.user_id, plans.clock.now(), "200000000000000000002")


async def _google_zone(plans: Plans) -> None:
    await write_time_zone(plans.engine, plans.user_id, SUB, "Asia/Tokyo")


async def _browser_zone(plans: Plans) -> None:
    async with plans.engine.begin() as connection:
        await store_browser_zone(connection, plans.user_id, "Asia/Tokyo")


async def _new_device(plans: Plans) -> None:
    await add_device(plans.engine, plans.user_id, plans.clock, b"second")


async def _shared_device(plans: Plans) -> None:
    async with plans.engine.begin() as connection:
        made = insert(users).values(created_at=plans.clock.now()).returning(users.c.id)
        owner_id = int((await connection.execute(made)).scalar_one())
    device_id = await add_device(plans.engine, owner_id, plans.clock, b"second")
    member = {"device_id": device_id, "user_id": plans.user_id, "says_name": True, "says_titles": False}
    await plans.execute(insert(device_members).values(**member, joined_at=plans.clock.now()))


CHANGES: dict[str, Callable[[Plans], Awaitable[None]]] = {
    "an event at Google": _insert_event,
    "an event deleted at Google": _delete_event,
    "a row of an event": lambda plans: plans.execute(update(events).values(recurs=True)),
    "events deleted": lambda plans: plans.execute(delete(events)),
    "a calendar's zone": lambda plans: plans.execute(_calendar(time_zone="Pacific/Apia")),
    "a calendar's default reminders": lambda plans: plans.execute(_calendar(default_reminders=[17])),
    "a calendar deselected": lambda plans: plans.execute(_calendar(is_selected=False)),
    "a calendar to be read anew": lambda plans: plans.execute(_calendar(synced_at=None)),
    "the primary calendar": lambda plans: plans.execute(_calendar(is_primary=False)),
    "a calendar deleted": lambda plans: plans.execute(delete(calendars)),
    "an account": _second_account,
    "the primary account": lambda plans: plans.execute(update(accounts).values(is_primary=False)),
    "an account deleted": lambda plans: plans.execute(delete(accounts)),
    "the zone of Google's settings": _google_zone,
    "the browser's zone": _browser_zone,
    "the chosen zone": lambda plans: plans.prefer(zone="Asia/Tokyo"),
    "the reminders": lambda plans: plans.prefer(reminder_minutes=(5,)),
    "the source of reminders": lambda plans: plans.prefer(reminders_from="google"),
    "the briefing": lambda plans: plans.prefer(briefing_at=time(9, 30)),
    "the Japanese dialect": lambda plans: plans.prefer(dialect_ja="kyoto"),
    "the English dialect": lambda plans: plans.prefer(dialect_en="butler"),
    "tentative events": lambda plans: plans.prefer(tentative="skip"),
    "event types": lambda plans: plans.prefer(event_types=("focusTime",)),
    "no preferences": lambda plans: plans.execute(text("DELETE FROM app.preferences")),
    "a new device": _new_device,
    "a device of somebody else": _shared_device,
    "whether the name is said": lambda plans: plans.execute(update(device_members).values(says_name=True)),
    "whether titles are said": lambda plans: plans.execute(update(device_members).values(says_titles=False)),
    "the name": lambda plans: plans.execute(update(accounts).values(given_name="Mia")),
    "the quiet hours of a device": lambda plans: plans.execute(update(devices).values(quiet_from=time(22))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_each_input_that_changes_makes_a_new_plan(
    plans: Plans, change: Callable[[Plans], Awaitable[None]]
) -> None:
    await change(plans)
    assert await plans.is_computed()
    assert not await plans.is_computed()


async def test_other_phrasebooks_or_engines_make_a_new_plan(
    plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "speech_version", lambda: "another")
    plans.voices = Voices(installed_engines())
    assert await plans.is_computed()
    assert not await plans.is_computed()
    plans.voices = Voices(())
    assert await plans.is_computed()


@pytest.mark.parametrize(
    "columns",
    [
        (devices, {"volume": 10, "name": "Tea", "last_seen_at": datetime(2026, 11, 24, 12).astimezone()}),
        (
            calendars,
            {
                "synced_at": datetime(2026, 11, 24, 12).astimezone(),
                "sync_token": "next",
                "problem": "google_unavailable",
            },
        ),
        (calendars, {"background_color": "#123456", "foreground_color": "#ffffff", "access_role": "reader"}),
        (calendars, {"is_selected_at_google": False, "is_selected_by_user": True}),
        (users, {"plan_due_at": datetime(2026, 11, 24, 12).astimezone()}),
    ],
    ids=["device", "sync", "look", "origin of the selection", "due time"],
)
async def test_what_no_plan_depends_on_makes_none(plans: Plans, columns: tuple[Any, dict[str, Any]]) -> None:
    table, values = columns
    await plans.execute(update(table).values(values))
    assert not await plans.is_computed()


async def test_the_time_makes_a_new_plan_when_an_announcement_comes_within_24_hours(plans: Plans) -> None:
    # The announcement ten minutes before comes within reach two hours and twenty minutes from now.
    plans.google.insert("Tomorrow", plans.clock.now() + timedelta(hours=26, minutes=30))
    await plans.sync()
    assert await plans.is_computed()
    plans.clock.advance(timedelta(hours=2, minutes=20))
    assert not await plans.is_computed()
    plans.clock.advance(timedelta(seconds=1))
    assert await plans.is_computed()
    async with plans.engine.connect() as connection:
        titles = (await connection.execute(select(announcements.c.titles))).scalars().all()
    assert ["Tomorrow"] in titles


async def test_without_a_coming_announcement_a_plan_is_computed_after_six_hours(plans: Plans) -> None:
    plans.clock.advance(timedelta(hours=6))
    assert not await plans.is_computed()
    plans.clock.advance(timedelta(seconds=1))
    assert await plans.is_computed()


async def test_a_plan_of_a_later_time_is_none_for_an_earlier(plans: Plans) -> None:
    earlier = FixedClock(plans.clock.now() - timedelta(minutes=1))
    plans.clock = earlier
    assert await plans.is_computed()


async def test_a_sound_that_is_overdue_is_asked_for_again_without_planning(plans: Plans) -> None:
    renders = text("SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'render'")
    async with plans.engine.connect() as connection:
        before = await connection.scalar(renders)
        waiting = select(announcements.c.sound_key).where(announcements.c.state == "planned").distinct()
        keys = (await connection.execute(waiting)).all()
    plans.clock.advance(timedelta(minutes=11))
    assert not await plans.is_computed()
    async with plans.engine.connect() as connection:
        assert await connection.scalar(renders) == before + len(keys)
