"""Full syncs of many pages: invisible until they are complete, resumed where they stopped."""

import asyncio
from datetime import datetime, timedelta

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.calendars import Calendars
from catflap.clock import FixedClock
from catflap.errors import TryAgain
from tests.support.faulty_transport import FaultyTransport, refusal
from tests.support.sandbox_calendar import EMAIL, SUB, Served, plans
from tests.support.synced import EVENTS, calendar_rows, primary_calendar, stored, titles


@pytest.fixture
def seven(google: Served, clock: FixedClock, transport: FaultyTransport) -> list[str]:
    """The titles of seven events, which Google lists in pages of two."""
    transport.page_size = 2
    names = [f"No. {number}" for number in range(7)]
    for number, name in enumerate(names):
        google.insert(name, clock.now() + timedelta(hours=number + 1))
    return names


def failing_page(transport: FaultyTransport, number: int) -> None:
    """Let the request of one page fail, counted from 1, and all after it."""
    asked = 0

    def refuse(request: httpx2.Request) -> httpx2.Response | None:
        nonlocal asked
        asked += "/events" in request.url.path
        return refusal(503, "backendError") if asked >= number else None

    transport.instead = refuse


def event_pages(transport: FaultyTransport) -> list[httpx2.URL]:
    return [url for url in transport.asked if "/events" in url.path]


async def test_an_interrupted_first_sync_goes_on_with_the_next_page(
    seven: list[str],
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    failing_page(transport, 3)
    with pytest.raises(TryAgain):
        await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == []
    assert len(await stored(engine)) == 4
    before = await plans(engine)
    transport.asked.clear()
    transport.instead = lambda request: None
    clock.advance(timedelta(minutes=5))
    await calendar_sync.sync_account(account, SUB, only_due=True)
    assert await titles(engine, account, clock) == seven
    pages = event_pages(transport)
    assert len(pages) == 2
    assert all("pageToken" in url.params for url in pages)
    assert len({url.params["timeMin"] for url in pages}) == 1
    row = await primary_calendar(engine)
    assert (row.page_token, row.page_time_min, row.generation) == (None, None, 1)
    assert row.sync_token
    assert await plans(engine) == before + 1


async def test_what_changed_before_a_full_sync_went_on_is_read_right_after_it(
    seven: list[str],
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    failing_page(transport, 3)
    with pytest.raises(TryAgain):
        await calendar_sync.sync_account(account, SUB)
    gone = (await stored(engine))[0]
    google.sandbox.delete_event(EMAIL, gone.google_id)
    transport.instead = lambda request: None
    clock.advance(timedelta(minutes=5))
    await calendar_sync.sync_account(account, SUB, only_due=True)
    assert await titles(engine, account, clock) == seven
    await calendar_sync.sync_account(account, SUB, only_due=True)
    assert await titles(engine, account, clock) == [
        name for name in seven if name != gone.resource["summary"]
    ]


async def test_a_sync_cancelled_in_the_middle_of_a_page_goes_on_there(
    seven: list[str],
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    held = asyncio.Event()

    async def third_page(_: httpx2.Request) -> None:
        if len(event_pages(transport)) == 3:
            held.set()
            await asyncio.Event().wait()

    transport.after = third_page
    job = asyncio.create_task(calendar_sync.sync_account(account, SUB))
    await held.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    transport.after = None
    transport.asked.clear()
    await calendar_sync.sync_account(account, SUB)
    assert len(event_pages(transport)) == 2
    assert await titles(engine, account, clock) == seven


async def test_the_old_copy_is_read_until_the_new_one_is_complete(
    seven: list[str],
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    await calendar_sync.sync_account(account, SUB)
    ids = {row.resource["summary"]: row.google_id for row in await stored(engine)}
    await google.write("PATCH", f"{EVENTS}/{ids['No. 0']}", summary="Renamed")
    await google.write("DELETE", f"{EVENTS}/{ids['No. 6']}")
    asked = len(event_pages(transport))

    def expired(request: httpx2.Request) -> httpx2.Response | None:
        if "syncToken" in request.url.params:
            return refusal(410, "fullSyncRequired")
        return refusal(500, "backendError") if len(event_pages(transport)) - asked > 3 else None

    transport.instead = expired
    with pytest.raises(TryAgain):
        await calendar_sync.sync_account(account, SUB)
    assert len(await stored(engine)) > 7
    assert await titles(engine, account, clock) == seven
    transport.instead = lambda request: None
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == ["Renamed", *seven[1:-1]]
    assert len(await stored(engine)) == 6


async def test_a_page_token_that_google_forgot_begins_the_full_sync_anew(
    seven: list[str],
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    failing_page(transport, 3)
    with pytest.raises(TryAgain):
        await calendar_sync.sync_account(account, SUB)
    token = (await primary_calendar(engine)).page_token
    transport.asked.clear()
    transport.instead = lambda request: (
        refusal(400, "invalid")
        if request.url.params.get("pageToken") == token and len(event_pages(transport)) == 1
        else None
    )
    with capture_logs() as logs:
        await calendar_sync.sync_account(account, SUB)
    assert "calendar_page_token_expired" in [line["event"] for line in logs]
    assert await titles(engine, account, clock) == seven
    assert len(await stored(engine)) == 7


async def test_an_unfinished_full_sync_that_is_too_old_begins_anew(
    seven: list[str],
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    failing_page(transport, 3)
    with pytest.raises(TryAgain):
        await calendar_sync.sync_account(account, SUB)
    transport.instead = lambda request: None
    transport.asked.clear()
    clock.advance(timedelta(days=1, minutes=1))
    await calendar_sync.sync_account(account, SUB)
    pages = event_pages(transport)
    assert "pageToken" not in pages[0].params
    assert datetime.fromisoformat(pages[0].params["timeMin"]) == clock.now() - timedelta(days=7)
    assert len(await stored(engine)) == 7


async def test_many_changes_at_once_are_read_by_a_full_sync(
    seven: list[str],
    google: Served,
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    await calendar_sync.sync_account(account, SUB)
    more = [f"More {number}" for number in range(9)]
    for number, name in enumerate(more):
        google.insert(name, clock.now() + timedelta(hours=number + 20))
    transport.asked.clear()
    await calendar_sync.sync_account(account, SUB)
    assert ["syncToken" in url.params for url in event_pages(transport)] == [True] * 4 + [False] * 8
    assert await titles(engine, account, clock) == seven + more


async def test_two_first_syncs_at_once_store_each_page_once(
    seven: list[str], calendar_sync: Calendars, engine: AsyncEngine, account: int, clock: FixedClock
) -> None:
    await asyncio.gather(*(calendar_sync.sync_account(account, SUB) for _ in range(5)))
    assert await titles(engine, account, clock) == seven
    assert len(await stored(engine)) == 7
    assert len({row.sync_token for row in (await calendar_rows(engine)).values()}) == 1


async def test_a_full_sync_whose_pages_take_turns_ends(
    seven: list[str],
    calendar_sync: Calendars,
    engine: AsyncEngine,
    account: int,
    clock: FixedClock,
    transport: FaultyTransport,
) -> None:
    def in_turns(request: httpx2.Request) -> httpx2.Response | None:
        if not request.url.path.endswith("/events"):
            return None
        token = "b" if request.url.params.get("pageToken") == "a" else "a"
        return httpx2.Response(200, json={"items": [], "nextPageToken": token})

    transport.instead = in_turns
    with pytest.raises(TryAgain, match="google_unavailable"):
        await calendar_sync.sync_account(account, SUB)
    assert len(event_pages(transport)) == 3
    transport.instead = lambda request: None
    await calendar_sync.sync_account(account, SUB)
    await calendar_sync.sync_account(account, SUB)
    assert await titles(engine, account, clock) == seven
