"""The copy is true: against a Google that is served for real, with a PostgreSQL that is real."""

import json
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Calendars, initial_sync_done, timeline
from catflap.clock import FixedClock
from catflap.errors import BadRequest, TryAgain, UserMustAct
from catflap.google.calendar import AccessRefused
from tests.support.faulty_transport import FaultyTransport, refusal
from tests.support.sandbox_calendar import EMAIL, SUB, Served, plans
from tests.support.synced import EVENTS, calendar_rows, stored, titles


async def read_up_to(engine: AsyncEngine) -> list[tuple[str, str | None, datetime | None]]:
    """Each calendar, where its next sync goes on, and when it was last read."""
    return [(row.google_id, row.sync_token, row.synced_at) for row in (await calendar_rows(engine)).values()]


async def test_the_first_sync_reads_everything_and_asks_for_a_plan(
    google: Served, copy: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]
    (row,) = (await calendar_rows(engine)).values()
    assert row.sync_token
    assert row.synced_at == clock.now()
    assert await plans(engine) > 0


async def test_a_first_sync_that_finds_nothing_asks_for_a_plan_too(
    copy: Calendars, engine: AsyncEngine, account: int
) -> None:
    await copy.sync_account(account, SUB)
    assert await plans(engine) > 0
    async with engine.connect() as connection:
        assert await initial_sync_done(connection, account)


async def test_the_next_sync_asks_only_for_changes(
    google: Served,
    copy: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    road: FaultyTransport,
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    await copy.sync_account(account, SUB)
    asked_for = await plans(engine)
    await copy.sync_account(account, SUB)
    assert "syncToken" in road.asked[-1].params
    assert await plans(engine) == asked_for
    event = google.insert("Retro", clock.now() + timedelta(hours=2))
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup", "Retro"]
    assert await plans(engine) == asked_for + 1
    await google.write("DELETE", f"{EVENTS}/{event['id']}")
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]
    assert len(await stored(engine)) == 1


async def test_many_pages_are_one_sync(
    google: Served,
    copy: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    road: FaultyTransport,
) -> None:
    road.page_size = 2
    for number in range(7):
        google.insert(f"No. {number}", clock.now() + timedelta(hours=number + 1))
    await copy.sync_account(account, SUB)
    assert len(await titles(engine, account, clock)) == 7
    assert sum("events" in url.path for url in road.asked) == 4


async def test_a_page_that_fails_leaves_the_copy_as_it_was(
    google: Served,
    copy: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    road: FaultyTransport,
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    await copy.sync_account(account, SUB)
    before = (await stored(engine), await read_up_to(engine))
    for number in range(5):
        google.insert(f"No. {number}", clock.now() + timedelta(hours=number + 2))
    road.page_size = 2
    road.instead = lambda request: refusal(503, "backendError") if "pageToken" in request.url.params else None
    with pytest.raises(TryAgain, match="google_unavailable"):
        await copy.sync_account(account, SUB)
    assert (await stored(engine), await read_up_to(engine)) == before
    road.instead = lambda request: None
    await copy.sync_account(account, SUB)
    assert len(await titles(engine, account, clock)) == 6


async def test_after_410_everything_is_read_again_and_ghosts_are_gone(
    google: Served,
    copy: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    road: FaultyTransport,
) -> None:
    ghost = google.insert("Ghost", clock.now() + timedelta(hours=1))
    google.insert("Standup", clock.now() + timedelta(hours=2))
    await copy.sync_account(account, SUB)
    old = (await calendar_rows(engine)).popitem()[1].sync_token
    await google.write("DELETE", f"{EVENTS}/{ghost['id']}")
    road.instead = lambda request: (
        refusal(410, "fullSyncRequired") if "syncToken" in request.url.params else None
    )
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]
    assert (await calendar_rows(engine)).popitem()[1].sync_token != old


async def test_a_cancelled_instance_stays_as_a_hole(
    google: Served, copy: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    start = clock.now() + timedelta(hours=1)
    series = google.insert("Daily", start, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    await copy.sync_account(account, SUB)
    second = f"{series['id']}_{start + timedelta(days=1):%Y%m%dT%H%M%SZ}"
    await google.write("DELETE", f"{EVENTS}/{second}")
    await copy.sync_account(account, SUB)
    found = await timeline(engine, account, clock.now(), clock.now() + timedelta(days=9), UTC)
    assert [one.starts_at for one in found] == [start, start + timedelta(days=2)]


async def test_a_deleted_series_takes_its_exceptions_along(
    google: Served, copy: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    start = clock.now() + timedelta(hours=1)
    series = google.insert("Daily", start, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    second = f"{series['id']}_{start + timedelta(days=1):%Y%m%dT%H%M%SZ}"
    await google.write("PATCH", f"{EVENTS}/{second}", summary="Daily, with cake")
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Daily", "Daily, with cake", "Daily"]
    await google.write("DELETE", f"{EVENTS}/{series['id']}")
    await copy.sync_account(account, SUB)
    assert await stored(engine) == []


async def test_what_is_long_past_is_forgotten_and_series_are_kept(
    google: Served, copy: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.insert("Today", clock.now() + timedelta(hours=1))
    google.insert("Last month", clock.now() - timedelta(days=30))
    google.insert("Weekly", clock.now() - timedelta(days=30), recurrence=["RRULE:FREQ=WEEKLY"])
    await copy.sync_account(account, SUB)
    assert {row.resource["summary"] for row in await stored(engine)} == {"Today", "Weekly"}
    clock.advance(timedelta(days=8))
    await copy.sync_account(account, SUB)
    assert {row.resource["summary"] for row in await stored(engine)} == {"Weekly"}


async def test_only_what_mia_needs_is_stored(
    google: Served, copy: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.insert(
        "Dentist",
        clock.now() + timedelta(hours=1),
        description="bring the x-rays",
        location="Tooth Street 1",
        attendees=[{"email": "friend@example.com"}],
    )
    await copy.sync_account(account, SUB)
    (row,) = await stored(engine)
    assert row.resource.keys() <= {
        "id", "status", "iCalUID", "summary", "start", "end", "transparency", "visibility", "attendees",
        "eventType", "reminders",
    }  # fmt: skip
    assert not any(word in str(row.resource) for word in ("x-rays", "Tooth", "friend"))


async def test_text_postgres_cannot_hold_does_not_stop_the_sync(
    copy: Calendars, engine: AsyncEngine, account: int, clock: FixedClock, road: FaultyTransport
) -> None:
    when = {"dateTime": (clock.now() + timedelta(hours=1)).isoformat()}
    item = {"id": "odd", "summary": "nul \x00 and half a pair \ud83d", "start": when, "end": when}
    unreadable = [{"id": "no times"}, {"summary": "no id"}, {**item, "id": "half\x00"}, {**item, "id": 5}, 7]
    page = {"items": [item, *unreadable], "nextSyncToken": "t"}
    told = json.dumps(page)
    road.instead = lambda request: httpx2.Response(200, text=told) if "events" in request.url.path else None
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["nul  and half a pair ?"]


async def test_a_calendar_that_left_the_list_is_deleted(
    google: Served,
    copy: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    road: FaultyTransport,
) -> None:
    google.sandbox.import_ical(EMAIL, _ical("Concert", clock.now()), "band")
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Concert"]
    asked_for = await plans(engine)
    only = {"items": [{"id": EMAIL, "summary": "Mine", "primary": True, "selected": True, "timeZone": "UTC"}]}
    road.instead = lambda request: httpx2.Response(200, json=only) if "List" in request.url.path else None
    await copy.sync_account(account, SUB)
    assert set(await calendar_rows(engine)) == {EMAIL}
    assert await stored(engine) == []
    assert await plans(engine) > asked_for


async def test_a_calendar_no_longer_selected_is_silent_and_read_anew_when_it_is_again(
    google: Served,
    copy: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    road: FaultyTransport,
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    await copy.sync_account(account, SUB)
    entry = {"id": EMAIL, "summary": "Mine", "primary": True, "timeZone": "UTC"}
    road.instead = lambda request: (
        httpx2.Response(200, json={"items": [entry]}) if "List" in request.url.path else None
    )
    await copy.sync_account(account, SUB)
    assert await stored(engine) == []
    assert (await calendar_rows(engine))[EMAIL].sync_token is None
    async with engine.connect() as connection:
        assert await initial_sync_done(connection, account)
    road.instead = lambda request: None
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]


async def test_a_calendar_google_does_not_show_is_empty_and_keeps_nobody_waiting(
    google: Served,
    copy: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    road: FaultyTransport,
) -> None:
    google.sandbox.import_ical(EMAIL, _ical("Concert", clock.now()), "band")
    google.insert("Standup", clock.now() + timedelta(hours=1))
    road.instead = lambda request: refusal(404, "notFound") if "band/events" in request.url.path else None
    await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]
    async with engine.connect() as connection:
        assert await initial_sync_done(connection, account)


@pytest.mark.parametrize(("status", "kind"), [(503, TryAgain), (400, BadRequest)])
async def test_one_calendar_in_trouble_does_not_keep_the_others_waiting(
    google: Served, copy: Calendars, engine: AsyncEngine, account: int,
    clock: FixedClock, road: FaultyTransport,
    status: int, kind: type[Exception],
) -> None:  # fmt: skip
    google.sandbox.import_ical(EMAIL, _ical("Concert", clock.now()), "band")
    google.insert("Standup", clock.now() + timedelta(hours=1))
    mine = f"{EMAIL.replace('@', '%40')}/events"
    road.instead = lambda request: refusal(status, "oops") if mine in str(request.url) else None
    with pytest.raises(kind):
        await copy.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Concert"]
    # Mia speaks about the others; what could not be read is told on the page.
    async with engine.connect() as connection:
        assert await initial_sync_done(connection, account)


async def test_a_refused_token_is_replaced_once(
    google: Served, copy: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    google.token = "ya29.an-expired-one"
    await copy.sync_account(account, SUB)
    assert google.refused == 1
    assert await titles(engine, account, clock) == ["Standup"]


async def test_a_fresh_token_that_is_refused_too_is_not_asked_for_again(
    google: Served, copy: Calendars, account: int, road: FaultyTransport
) -> None:
    road.instead = lambda request: refusal(401, "authError")
    with pytest.raises(AccessRefused):
        await copy.sync_account(account, SUB)
    assert google.refused == 1


async def test_a_missing_scope_is_for_the_person_to_mend(
    copy: Calendars, engine: AsyncEngine, account: int, road: FaultyTransport
) -> None:
    road.instead = lambda request: refusal(403, "insufficientPermissions")
    with pytest.raises(UserMustAct, match="scope_missing"):
        await copy.sync_account(account, SUB)
    assert await calendar_rows(engine) == {}
    async with engine.connect() as connection:
        assert not await initial_sync_done(connection, account)


def _ical(title: str, now: datetime) -> str:
    start = now + timedelta(hours=3)
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//catflap//tests//EN",
            "BEGIN:VEVENT",
            "UID:one@catflap",
            f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
            f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}",
            f"SUMMARY:{title}",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )
