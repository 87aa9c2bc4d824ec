"""What a sync needs: tokens, statements, and memory for one page at a time."""

import gc
import tracemalloc
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.calendars import Calendars
from catflap.clock import FixedClock
from catflap.store.calendar_tables import events
from catflap.vault import AccessToken
from tests.support.faulty_transport import FaultyTransport
from tests.support.sandbox_calendar import SUB, Served
from tests.support.statements import recorded_statements

PAGES, PAGE_SIZE = 8, 2500


def page_of_events(number: int, clock: FixedClock) -> dict[str, Any]:
    """Return a page of a long list, the last one with a sync token."""
    start = clock.now() + timedelta(days=1)
    times = {
        name: {"dateTime": at.isoformat(), "timeZone": "Europe/Berlin"}
        for name, at in (("start", start), ("end", start + timedelta(hours=1)))
    }
    items = [
        {
            "id": f"event{number}x{i}",
            "iCalUID": f"{number}x{i}@example.com",
            "summary": f"Meeting {i}",
            **times,
        }
        for i in range(PAGE_SIZE)
    ]
    following = {"nextPageToken": str(number + 1)} if number + 1 < PAGES else {"nextSyncToken": "end"}
    return {"kind": "calendar#events", "items": items, **following}


@pytest.mark.slow
async def test_a_first_sync_of_20_000_events_holds_one_parsed_page_at_a_time(
    calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock, transport: FaultyTransport
) -> None:
    def long_list(request: httpx2.Request) -> httpx2.Response | None:
        if "/events" not in request.url.path:
            return None
        page = int(request.url.params.get("pageToken", 0))
        return httpx2.Response(200, json=page_of_events(page, clock))

    transport.instead = long_list
    gc.collect()
    tracemalloc.start()
    try:
        await calendar_sync.sync_account(account, SUB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(events)) == PAGES * PAGE_SIZE
    # Parsed, all events take 20 MB, and their projection as much again; the rows and one page take 18 MB.
    assert peak < 30_000_000


async def test_one_token_is_asked_for_where_it_has_every_scope(
    google: Served, synced_calendars: Calendars, account: int
) -> None:
    asked = google.asked
    await synced_calendars.sync_account(account, SUB)
    assert google.asked == asked + 1


async def test_each_request_has_a_token_of_its_scope_where_no_token_has_all(
    google: Served, synced_calendars: Calendars, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes: list[str] = []

    async def one_scope(_user_id: int, _account_sub: str, scope: str) -> AccessToken:
        scopes.append(scope)
        return AccessToken(google.token, google.expires_at, frozenset({scope}))

    monkeypatch.setattr(synced_calendars, "_access", one_scope)
    await synced_calendars.sync_account(account, SUB)
    assert scopes == ["calendar.calendarlist.readonly", "calendar.events.readonly"]


async def test_a_sync_without_changes_is_three_statements(
    synced_calendars: Calendars, engine: AsyncEngine, account: int
) -> None:
    with recorded_statements() as sent:
        await synced_calendars.sync_account(account, SUB)
    # The account with its calendars, the unchanged calendar, and the end.
    assert [one.sql.split()[0] for one in sent] == ["WITH", "WITH", "UPDATE"]


async def test_a_first_sync_of_many_events_writes_them_in_one_statement(
    google: Served, calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    for number in range(40):
        google.insert(f"No. {number}", clock.now() + timedelta(hours=number))
    with recorded_statements() as sent:
        await calendar_sync.sync_account(account, SUB)
    assert sum("INSERT INTO app.events" in one.sql for one in sent) == 1
