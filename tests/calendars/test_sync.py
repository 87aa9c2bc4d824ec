"""Synchronisation with the sandbox over HTTP into PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Calendars, initial_sync_done, timeline
from catflap.clock import FixedClock
from catflap.errors import BadRequest, TryAgain, UserMustAct
from catflap.google.calendar import AccessRefused
from tests.support.faulty_transport import FaultyTransport, calendar_list, refusal
from tests.support.sandbox_calendar import EMAIL, SUB, Served, plans
from tests.support.synced import EVENTS, calendar_rows, stored, titles


async def sync_positions(engine: AsyncEngine) -> list[tuple[str, str | None, datetime | None]]:
    """Return each calendar with its sync token and the time of its last sync."""
    return [(row.google_id, row.sync_token, row.synced_at) for row in (await calendar_rows(engine)).values()]


async def test_the_first_sync_is_full_and_enqueues_a_plan(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]
    (row,) = (await calendar_rows(engine)).values()
    assert row.sync_token
    assert row.synced_at == clock.now()
    assert await plans(engine) > 0


async def test_a_first_sync_without_events_enqueues_a_plan_too(
    calendar_sync: Calendars, engine: AsyncEngine, account: int
) -> None:
    await calendar_sync.sync_account(account, SUB)
    assert await plans(engine) > 0
    async with engine.connect() as connection:
        assert await initial_sync_done(connection, account)


async def test_the_next_sync_is_incremental(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    await calendar_sync.sync_account(account, SUB)
    asked_for = await plans(engine)
    await calendar_sync.sync_account(account, SUB)
    assert "syncToken" in transport.asked[-1].params
    assert await plans(engine) == asked_for
    event = google.insert("Retro", clock.now() + timedelta(hours=2))
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup", "Retro"]
    assert await plans(engine) == asked_for + 1
    await google.write("DELETE", f"{EVENTS}/{event['id']}")
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]
    assert len(await stored(engine)) == 1


async def test_many_pages_are_one_sync(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    transport.page_size = 2
    for number in range(7):
        google.insert(f"No. {number}", clock.now() + timedelta(hours=number + 1))
    await calendar_sync.sync_account(account, SUB)
    assert len(await titles(engine, account, clock)) == 7
    assert sum("events" in url.path for url in transport.asked) == 4


async def test_a_failing_page_leaves_the_events_as_they_were(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    await calendar_sync.sync_account(account, SUB)
    before = (await stored(engine), await sync_positions(engine))
    for number in range(5):
        google.insert(f"No. {number}", clock.now() + timedelta(hours=number + 2))
    transport.page_size = 2
    transport.instead = lambda request: (
        refusal(503, "backendError") if "pageToken" in request.url.params else None
    )
    with pytest.raises(TryAgain, match="google_unavailable"):
        await calendar_sync.sync_account(account, SUB)
    assert (await stored(engine), await sync_positions(engine)) == before
    transport.instead = lambda request: None
    await calendar_sync.sync_account(account, SUB)
    assert len(await titles(engine, account, clock)) == 6


async def test_after_410_a_full_sync_deletes_events_that_no_longer_exist(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    ghost = google.insert("Ghost", clock.now() + timedelta(hours=1))
    google.insert("Standup", clock.now() + timedelta(hours=2))
    await calendar_sync.sync_account(account, SUB)
    old = (await calendar_rows(engine)).popitem()[1].sync_token
    await google.write("DELETE", f"{EVENTS}/{ghost['id']}")
    transport.instead = lambda request: (
        refusal(410, "fullSyncRequired") if "syncToken" in request.url.params else None
    )
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]
    assert (await calendar_rows(engine)).popitem()[1].sync_token != old


async def test_a_cancelled_instance_is_stored_as_an_exception(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    start = clock.now() + timedelta(hours=1)
    series = google.insert("Daily", start, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    await calendar_sync.sync_account(account, SUB)
    second = f"{series['id']}_{start + timedelta(days=1):%Y%m%dT%H%M%SZ}"
    await google.write("DELETE", f"{EVENTS}/{second}")
    await calendar_sync.sync_account(account, SUB)
    found = await timeline(engine, account, clock.now(), clock.now() + timedelta(days=9), UTC)
    assert [one.starts_at for one in found] == [start, start + timedelta(days=2)]


async def test_deleting_a_series_deletes_its_exceptions(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    start = clock.now() + timedelta(hours=1)
    series = google.insert("Daily", start, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    second = f"{series['id']}_{start + timedelta(days=1):%Y%m%dT%H%M%SZ}"
    await google.write("PATCH", f"{EVENTS}/{second}", summary="Daily, with cake")
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Daily", "Daily, with cake", "Daily"]
    await google.write("DELETE", f"{EVENTS}/{series['id']}")
    await calendar_sync.sync_account(account, SUB)
    assert await stored(engine) == []


async def test_old_events_are_deleted_and_series_are_not(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.insert("Today", clock.now() + timedelta(hours=1))
    google.insert("Last month", clock.now() - timedelta(days=30))
    google.insert("Weekly", clock.now() - timedelta(days=30), recurrence=["RRULE:FREQ=WEEKLY"])
    await calendar_sync.sync_account(account, SUB)
    assert {row.resource["summary"] for row in await stored(engine)} == {"Today", "Weekly"}
    clock.advance(timedelta(days=8))
    await calendar_sync.sync_account(account, SUB)
    assert {row.resource["summary"] for row in await stored(engine)} == {"Weekly"}


async def test_only_the_needed_fields_are_stored(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.insert(
        "Dentist",
        clock.now() + timedelta(hours=1),
        description="bring the x-rays",
        location="Tooth Street 1",
        attendees=[{"email": "friend@example.com", "displayName": "Best Friend", "comment": "late"}],
        extendedProperties={"private": {"code": "4711"}},
        attachments=[{"fileUrl": "https://drive.example/x-rays"}],
        source={"url": "https://dentist.example/", "title": "Booking"},
    )
    await calendar_sync.sync_account(account, SUB)
    (row,) = await stored(engine)
    assert row.resource.keys() <= {
        "id", "status", "iCalUID", "summary", "start", "end", "transparency", "visibility", "attendees",
        "eventType", "reminders", "location", "attendeeCount", "organizer", "updated",
    }  # fmt: skip
    assert (row.resource["location"], row.resource["attendeeCount"]) == ("Tooth Street 1", 1)
    assert not any(
        word in str(row.resource).lower() for word in ("x-rays", "friend", "late", "4711", "dentist.")
    )


async def test_text_that_postgresql_cannot_store_does_not_stop_the_sync(
    calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock, transport: FaultyTransport
) -> None:
    when = {"dateTime": (clock.now() + timedelta(hours=1)).isoformat()}
    item = {"id": "odd", "summary": "nul \x00 and half a pair \ud83d", "start": when, "end": when}
    unreadable = [{"id": "no times"}, {"summary": "no id"}, {**item, "id": "half\x00"}, {**item, "id": 5}, 7]
    page = {"items": [item, *unreadable], "nextSyncToken": "t"}
    told = json.dumps(page)
    transport.instead = lambda request: (
        httpx2.Response(200, text=told) if "events" in request.url.path else None
    )
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["nul  and half a pair ?"]


async def test_a_calendar_that_left_the_list_is_deleted(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.sandbox.import_ical(EMAIL, _ical("Concert", clock.now()), "band")
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Concert"]
    asked_for = await plans(engine)
    only = {"items": [{"id": EMAIL, "summary": "Mine", "primary": True, "selected": True, "timeZone": "UTC"}]}
    transport.instead = calendar_list(body=only)
    await calendar_sync.sync_account(account, SUB)
    assert set(await calendar_rows(engine)) == {EMAIL}
    assert await stored(engine) == []
    assert await plans(engine) > asked_for


async def test_a_deselected_calendar_is_emptied_and_synced_in_full_when_selected_again(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    await calendar_sync.sync_account(account, SUB)
    entry = {"id": EMAIL, "summary": "Mine", "primary": True, "timeZone": "UTC"}
    transport.instead = calendar_list(entry)
    await calendar_sync.sync_account(account, SUB)
    assert await stored(engine) == []
    assert (await calendar_rows(engine))[EMAIL].sync_token is None
    async with engine.connect() as connection:
        assert await initial_sync_done(connection, account)
    transport.instead = lambda request: None
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]


async def test_a_calendar_that_google_does_not_show_is_empty_and_blocks_no_plan(
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    google.sandbox.import_ical(EMAIL, _ical("Concert", clock.now()), "band")
    google.insert("Standup", clock.now() + timedelta(hours=1))
    transport.instead = lambda request: (
        refusal(404, "notFound") if "band/events" in request.url.path else None
    )
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Standup"]
    async with engine.connect() as connection:
        assert await initial_sync_done(connection, account)


@pytest.mark.parametrize(("status", "kind"), [(503, TryAgain), (400, BadRequest)])
async def test_a_failure_with_one_calendar_does_not_stop_the_others(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int,
    clock: FixedClock, transport: FaultyTransport,
    status: int, kind: type[Exception],
) -> None:  # fmt: skip
    google.sandbox.import_ical(EMAIL, _ical("Concert", clock.now()), "band")
    google.insert("Standup", clock.now() + timedelta(hours=1))
    mine = f"{EMAIL.replace('@', '%40')}/events"
    transport.instead = lambda request: refusal(status, "oops") if mine in str(request.url) else None
    with pytest.raises(kind):
        await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Concert"]
    # Mia speaks about the others; what could not be read is told on the page.
    async with engine.connect() as connection:
        assert await initial_sync_done(connection, account)


async def test_a_rejected_token_is_replaced_once(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    google.insert("Standup", clock.now() + timedelta(hours=1))
    google.token = "ya29.an-expired-one"
    await calendar_sync.sync_account(account, SUB)
    assert google.refused == 1
    assert await titles(engine, account, clock) == ["Standup"]


async def test_a_new_token_that_is_rejected_too_is_not_replaced(
    google: Served, calendar_sync: Calendars, account: int, transport: FaultyTransport
) -> None:
    transport.instead = lambda request: refusal(401, "authError")
    with pytest.raises(AccessRefused):
        await calendar_sync.sync_account(account, SUB)
    assert google.refused == 1


async def test_a_missing_scope_needs_the_user(
    calendar_sync: Calendars, engine: AsyncEngine, account: int, transport: FaultyTransport
) -> None:
    transport.instead = lambda request: refusal(403, "insufficientPermissions")
    with pytest.raises(UserMustAct, match="scope_missing"):
        await calendar_sync.sync_account(account, SUB)
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
