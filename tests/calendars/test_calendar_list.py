"""The calendar list is read incrementally, and stored with the sync token that covers it."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Calendars
from catflap.calendars import calendar_list as calendar_list_module
from catflap.clock import FixedClock
from catflap.store.unavailable import DatabaseUnavailable
from google_sandbox import Sandbox
from tests.support.faulty_transport import FaultyTransport, calendar_list, refusal
from tests.support.sandbox_calendar import EMAIL, SUB, Served, plans
from tests.support.statements import recorded_statements
from tests.support.synced import (
    account_sync,
    add_band,
    calendar_rows,
    calendars_answer,
    failure,
    stored_titles,
    titles,
)

LIST = "/users/me/calendarList"


def lists(transport: FaultyTransport) -> list[str | None]:
    """The sync token of each request for the list since the last call."""
    asked = [url.params.get("syncToken") for url in transport.asked if url.path.endswith("/calendarList")]
    transport.asked.clear()
    return asked


async def test_the_list_is_read_incrementally_and_only_what_changed_is_written(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    clock: FixedClock,
) -> None:
    first = (await account_sync(engine)).list_sync_token
    assert first and lists(transport) == [None]
    await synced_calendars.sync_account(account, SUB)
    assert lists(transport) == [first]
    assert (await account_sync(engine)).list_sync_token == first
    add_band(google, clock)
    await google.write("PATCH", f"{LIST}/band", summaryOverride="My band", colorId="5")
    with recorded_statements() as sent:
        await synced_calendars.sync_account(account, SUB)
    assert sum("INSERT INTO app.calendars" in one.sql for one in sent) == 1
    assert not any("SET summary" in one.sql for one in sent)
    assert lists(transport) == [first]
    second = (await account_sync(engine)).list_sync_token
    assert second not in (None, first)
    assert sorted(row.summary for row in (await calendar_rows(engine)).values()) == ["My band", EMAIL]
    await google.write("DELETE", f"{LIST}/band")
    await synced_calendars.sync_account(account, SUB)
    assert lists(transport) == [second]
    assert set(await calendar_rows(engine)) == {EMAIL}
    assert [one["summary"] for one in (await calendars_answer(engine, account))["removed"]] == ["My band"]


async def test_names_colours_zone_and_role_come_along(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    sandbox: Sandbox = google.sandbox
    sandbox.add_account("leo@example.com")
    sandbox.share_calendar("leo@example.com", EMAIL, role="freeBusyReader")
    await synced_calendars.sync_account(account, SUB)
    leo = (await calendar_rows(engine))["leo@example.com"]
    assert (leo.summary, leo.access_role, leo.time_zone) == ("leo@example.com", "freeBusyReader", "UTC")
    before = await plans(engine)
    await google.write("PATCH", f"{LIST}/leo@example.com", colorId="11")
    await synced_calendars.sync_account(account, SUB)
    assert (await calendar_rows(engine))["leo@example.com"].background_color != leo.background_color
    assert await plans(engine) == before, "colours are not announced"
    sandbox.set_time_zone("leo@example.com", "Asia/Tokyo")
    await google.write("PATCH", f"{LIST}/leo@example.com", summaryOverride="Leo")
    await synced_calendars.sync_account(account, SUB)
    leo = (await calendar_rows(engine))["leo@example.com"]
    assert (leo.summary, leo.time_zone) == ("Leo", "Asia/Tokyo")
    assert await plans(engine) == before + 1


async def test_a_hidden_calendar_leaves_the_list_and_returns_with_it(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    add_band(google, clock)
    await synced_calendars.sync_account(account, SUB)
    assert await stored_titles(engine) == ["Concert", "Tea"]
    await google.write("PATCH", f"{LIST}/band", hidden=True)
    await synced_calendars.sync_account(account, SUB)
    assert (await stored_titles(engine), set(await calendar_rows(engine))) == (["Tea"], {EMAIL})
    await google.write("PATCH", f"{LIST}/band", hidden=False)
    await synced_calendars.sync_account(account, SUB)
    assert await stored_titles(engine) == ["Concert", "Tea"]
    assert (await calendars_answer(engine, account))["removed"] == []


async def test_after_410_the_whole_list_is_read_and_what_left_it_is_removed(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    clock: FixedClock,
) -> None:
    add_band(google, clock)
    await synced_calendars.sync_account(account, SUB)
    old = (await account_sync(engine)).list_sync_token
    await google.write("DELETE", f"{LIST}/band")
    google.sandbox.expire("sync")
    lists(transport)
    await synced_calendars.sync_account(account, SUB)
    assert lists(transport) == [old, None]
    assert set(await calendar_rows(engine)) == {EMAIL}
    assert (await account_sync(engine)).list_sync_token not in (None, old)


async def test_a_change_that_cannot_be_read_removes_nothing_and_is_not_skipped(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    clock: FixedClock,
) -> None:
    add_band(google, clock)
    await synced_calendars.sync_account(account, SUB)
    (before,) = [row for key, row in (await calendar_rows(engine)).items() if key != EMAIL]
    lists(transport)
    broken = {"id": before.google_id, "timeZone": 5}
    mine = {"id": EMAIL, "summary": "Mine", "selected": True, "primary": True, "timeZone": "UTC"}

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if "calendarList" not in request.url.path:
            return None
        changed = "syncToken" in request.url.params
        items = [broken] if changed else [mine, broken]
        return httpx2.Response(200, json={"items": items, "nextSyncToken": "beyond"})

    transport.instead = answer
    await synced_calendars.sync_account(account, SUB)
    assert len(lists(transport)) == 2, "changes, and then the whole list"
    rows = await calendar_rows(engine)
    assert (rows[before.google_id].summary, rows[EMAIL].summary) == (before.summary, "Mine")
    assert (await account_sync(engine)).list_sync_token is None, "as the token covers what was not read"
    transport.instead = lambda request: None
    await google.write("DELETE", f"{LIST}/{before.google_id}")
    await synced_calendars.sync_account(account, SUB)
    assert (lists(transport), set(await calendar_rows(engine))) == ([None], {EMAIL})


@pytest.mark.parametrize("mark", [{"deleted": True}, {"hidden": True}])
async def test_changes_that_would_leave_no_calendar_are_an_error(
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    mark: dict[str, Any],
) -> None:
    body = {"items": [{"id": EMAIL, **mark}], "nextSyncToken": "next"}
    transport.instead = lambda request: (
        httpx2.Response(200, json=body) if "calendarList" in request.url.path else None
    )
    assert (await failure(synced_calendars, account)).code == "google_unavailable"
    assert await stored_titles(engine) == ["Tea"]
    assert (await account_sync(engine)).list_sync_token != "next"


async def test_a_page_that_fails_leaves_list_and_token_as_they_were(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    transport: FaultyTransport,
    clock: FixedClock,
) -> None:
    before = (await account_sync(engine)).list_sync_token
    add_band(google, clock)
    google.sandbox.import_ical(EMAIL, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "choir")
    transport.page_size = 1
    transport.instead = lambda request: (
        refusal(503, "backendError")
        if "calendarList" in request.url.path and "pageToken" in request.url.params
        else None
    )
    await failure(synced_calendars, account)
    assert set(await calendar_rows(engine)) == {EMAIL}
    assert (await account_sync(engine)).list_sync_token == before
    transport.instead = lambda request: None
    await synced_calendars.sync_account(account, SUB)
    assert set(await calendar_rows(engine)) == {EMAIL, "band", "choir"}


async def test_the_token_is_not_stored_where_the_list_is_not(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = (await account_sync(engine)).list_sync_token
    add_band(google, clock)

    async def broken(*_: object) -> None:
        raise DatabaseUnavailable("a fault")

    monkeypatch.setattr(calendar_list_module, "enqueue", broken)
    with pytest.raises(DatabaseUnavailable):
        await synced_calendars.sync_account(account, SUB)
    assert set(await calendar_rows(engine)) == {EMAIL}
    assert (await account_sync(engine)).list_sync_token == before


async def test_the_whole_list_is_read_where_no_calendar_is_stored(
    synced_calendars: Calendars, engine: AsyncEngine, account: int
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM app.calendars"))
    await synced_calendars.sync_account(account, SUB)
    assert await stored_titles(engine) == ["Tea"]


async def test_a_removed_calendar_is_forgotten_after_a_week_also_when_the_list_does_not_change(
    google: Served,
    synced_calendars: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    add_band(google, clock)
    await synced_calendars.sync_account(account, SUB)
    transport.instead = calendar_list({"id": EMAIL, "summary": "Mine", "primary": True, "selected": True})
    await synced_calendars.sync_account(account, SUB)
    assert len((await calendars_answer(engine, account))["removed"]) == 1
    transport.instead = lambda request: None
    await google.write("DELETE", f"{LIST}/band")
    for days, shown in ((0, 1), (6, 1), (2, 0)):
        clock.advance(timedelta(days=days))
        await synced_calendars.sync_account(account, SUB)
        assert len((await calendars_answer(engine, account))["removed"]) == shown


async def test_of_a_calendar_that_shows_only_when_somebody_is_busy_the_titles_are_private(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    sandbox: Sandbox = google.sandbox
    sandbox.add_account("leo@example.com")
    when = {"dateTime": (clock.now() + timedelta(hours=2)).isoformat()}
    sandbox.insert_event(
        "leo@example.com", {"summary": "Secret", "location": "Paris", "start": when, "end": when}
    )
    sandbox.share_calendar("leo@example.com", EMAIL, role="freeBusyReader")
    await synced_calendars.sync_account(account, SUB)
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT resource FROM app.events"))).scalars()
        (busy,) = [one for one in rows if one.get("summary") != "Tea"]
    assert busy["visibility"] == "private" and not busy.keys() & {"summary", "location"}


async def test_a_user_whose_role_changes_has_what_it_shows_and_no_more(
    google: Served, synced_calendars: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    sandbox: Sandbox = google.sandbox
    sandbox.add_account("leo@example.com")
    when = {"dateTime": (clock.now() + timedelta(hours=2)).isoformat()}
    sandbox.insert_event("leo@example.com", {"summary": "Paris", "start": when, "end": when})
    for role, seen in (
        ("reader", ["Paris", "Tea"]),
        ("freeBusyReader", ["", "Tea"]),
        ("writer", ["Paris", "Tea"]),
    ):
        sandbox.share_calendar("leo@example.com", EMAIL, role=role)
        await synced_calendars.sync_account(account, SUB)
        assert sorted(await titles(engine, account, clock)) == seen
