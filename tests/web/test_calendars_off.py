"""Calendars switched off: no title of an event is stored, and the vault's maintenance goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from catflap.clock import FixedClock
from catflap.fastapi import Catflap
from catflap.store.embedded import Urls
from catflap.vault.upkeep import Upkeep
from catflap.work.clockwork import Clockwork
from tests.front_door import Door, open_door
from tests.support.host import embedded

CALENDAR_TABLES = ("app.calendars", "app.events", "app.calendar_syncs", "app.announcements")
Serve = Callable[[Door, Path], AbstractAsyncContextManager[Door]]


@pytest.fixture
async def door(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(database_urls, clock, tmp_path, calendars=False) as opened:
        yield opened


@pytest.fixture
def ticked(monkeypatch: pytest.MonkeyPatch) -> dict[type, asyncio.Event]:
    """Events that are set when a tick of the maintenance, or of the periodic tasks, is over."""
    events = {}
    for kind in (Upkeep, Clockwork):
        events[kind] = over = asyncio.Event()

        async def tick(self: object, tick: object = kind.tick, over: asyncio.Event = over) -> None:
            await tick(self)  # type: ignore[operator]
            over.set()

        monkeypatch.setattr(kind, "tick", tick)
    return events


@asynccontextmanager
async def serve(door: Door, folder: Path) -> AsyncIterator[Door]:
    """As `catflap serve` and `catflap work` do it, with the setting."""
    async with door.house.work():
        yield door


@asynccontextmanager
async def host(door: Door, folder: Path) -> AsyncIterator[Door]:
    """A host application that includes no calendars; the setting is as it is by default."""

    def build(catflap: Catflap) -> FastAPI:
        app = FastAPI(lifespan=catflap.lifespan)
        app.include_router(catflap.auth_router())
        app.include_router(catflap.me_router())
        return app

    async with embedded(door, folder, build, calendars=True) as (guest, _):
        yield guest


async def _soon_over(door: Door) -> None:
    """Make the one access token one that the maintenance refreshes."""
    soon = door.clock.now() + timedelta(minutes=1)
    await door.rows("UPDATE vault.google_tokens SET expires_at = $1, used_at = $2", soon, door.clock.now())


@pytest.mark.parametrize("run", [serve, host])
async def test_no_title_is_stored_and_tokens_are_refreshed(
    door: Door, tmp_path: Path, ticked: dict[type, asyncio.Event], run: Serve
) -> None:
    async with run(door, tmp_path) as guest:
        browser = await guest.browser()
        await browser.sign_in("/signin/google?scopes=calendar")
        assert (await browser.me())["grants"]
        await _soon_over(guest)
        asked = guest.google_was_asked("oauth.token.refresh")
        for _ in range(2):
            # The first tick may have begun before the token was about to expire.
            ticked[Upkeep].clear()
            async with asyncio.timeout(30):
                await ticked[Upkeep].wait()
        assert guest.google_was_asked("oauth.token.refresh") == asked + 1
        assert not ticked[Clockwork].is_set()
        queued = await guest.rows("SELECT entrypoint FROM queue.pgqueuer")
        assert "sync" not in [row[0] for row in queued]
    for table in CALENDAR_TABLES:
        assert await door.rows(f"SELECT * FROM {table}") == [], table
    asked_of_google = {one["endpoint"] for one in door.sandbox.requests()}
    assert asked_of_google and not [name for name in asked_of_google if name.startswith("calendar")]


async def test_a_sync_that_was_enqueued_before_reads_nothing(door: Door) -> None:
    browser = await door.browser()
    await browser.sign_in("/signin/google?scopes=calendar")
    (account,) = (await browser.me())["accounts"]
    await door.house._jobs.sync(f"{(await browser.me())['user_id']} {account['sub']}")
    assert await door.rows("SELECT * FROM app.calendar_syncs") == []


async def test_maintenance_runs_without_periodic_tasks_too(
    door: Door, ticked: dict[type, asyncio.Event]
) -> None:
    async with door.house.work(sync_every=None), asyncio.timeout(30):
        await ticked[Upkeep].wait()
    assert not ticked[Clockwork].is_set()
