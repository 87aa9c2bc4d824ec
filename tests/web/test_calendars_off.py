"""Calendars switched off: no title of an event is stored; maintenance and the deletion of old rows go on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from catflap.clock import FixedClock
from catflap.fastapi import Catflap
from catflap.store.database import Urls
from catflap.vault import maintenance
from catflap.vault.lifetimes import AUDIT_KEPT
from catflap.vault.maintenance import Maintenance
from catflap.work.periodic import PeriodicTasks
from catflap.work.retention import Retention
from tests.support.app_client import RunningApp, running_app
from tests.support.host import embedded

pytestmark = pytest.mark.slow

CALENDAR_TABLES = ("app.calendars", "app.events", "app.calendar_syncs", "app.announcements")
Serve = Callable[[RunningApp, Path], AbstractAsyncContextManager[RunningApp]]


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path, calendars=False) as opened:
        yield opened


@pytest.fixture
def ticked(monkeypatch: pytest.MonkeyPatch) -> dict[type, asyncio.Event]:
    """Events that are set when a tick of the maintenance, of retention or of the periodic tasks is over."""
    monkeypatch.setattr(maintenance, "_TICK_SECONDS", 0.1)
    events = {}
    for kind in (Maintenance, Retention, PeriodicTasks):
        events[kind] = over = asyncio.Event()

        async def tick(self: object, tick: object = kind.tick, over: asyncio.Event = over) -> None:
            await tick(self)  # type: ignore[operator]
            over.set()

        monkeypatch.setattr(kind, "tick", tick)
    return events


@asynccontextmanager
async def serve(app: RunningApp, folder: Path) -> AsyncIterator[RunningApp]:
    """As `catflap serve` and `catflap work` do it, with the setting."""
    async with app.catflap.work():
        yield app


@asynccontextmanager
async def host(app: RunningApp, folder: Path) -> AsyncIterator[RunningApp]:
    """A host application that includes no calendars; the setting is as it is by default."""

    def build(catflap: Catflap) -> FastAPI:
        app = FastAPI(lifespan=catflap.lifespan)
        app.include_router(catflap.auth_router())
        app.include_router(catflap.me_router())
        return app

    async with embedded(app, folder, build, calendars=True) as (guest, _):
        yield guest


async def _soon_over(app: RunningApp) -> None:
    """Make the one access token one that the maintenance refreshes."""
    now = app.clock.now()
    soon, before = now + timedelta(minutes=1), now - timedelta(minutes=59)
    await app.rows(
        "UPDATE vault.google_tokens SET expires_at = $1, refreshed_at = $2, used_at = $3", soon, before, now
    )


@pytest.mark.parametrize("run", [serve, host])
async def test_no_title_is_stored_and_tokens_are_refreshed(
    app: RunningApp, tmp_path: Path, ticked: dict[type, asyncio.Event], run: Serve
) -> None:
    async with run(app, tmp_path) as guest:
        browser = await guest.browser()
        await browser.sign_in("/signin/google?scopes=calendar")
        assert (await browser.me())["grants"]
        # Counted before, because the next tick may begin as soon as the row is changed.
        asked = guest.google_was_asked("oauth.token.refresh")
        await _soon_over(guest)
        for _ in range(2):
            # The first tick may have begun before the token was about to expire.
            ticked[Maintenance].clear()
            async with asyncio.timeout(30):
                await ticked[Maintenance].wait()
        assert guest.google_was_asked("oauth.token.refresh") == asked + 1
        assert not ticked[PeriodicTasks].is_set()
        queued = await guest.rows("SELECT entrypoint FROM queue.pgqueuer")
        assert "sync" not in [row[0] for row in queued]
    for table in CALENDAR_TABLES:
        assert await app.rows(f"SELECT * FROM {table}") == [], table
    asked_of_google = {one["endpoint"] for one in app.sandbox.requests()}
    assert asked_of_google and not [name for name in asked_of_google if name.startswith("calendar")]


@pytest.mark.parametrize("run", [serve, host])
async def test_old_rows_are_deleted(
    app: RunningApp, tmp_path: Path, ticked: dict[type, asyncio.Event], run: Serve
) -> None:
    logged = "INSERT INTO app.audit (at, action, outcome) VALUES ($1, $2, 'ok')"
    limit = app.clock.now() - AUDIT_KEPT
    await app.rows(logged, limit - timedelta(days=1), "old")
    await app.rows(logged, limit + timedelta(days=1), "younger")
    async with run(app, tmp_path), asyncio.timeout(30):
        await ticked[Retention].wait()
    assert [row[0] for row in await app.rows("SELECT action FROM app.audit")] == ["younger"]


async def test_a_sync_that_was_enqueued_before_reads_nothing(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in("/signin/google?scopes=calendar")
    (account,) = (await browser.me())["accounts"]
    await app.catflap.components.jobs.sync(f"{(await browser.me())['user_id']} {account['sub']}")
    assert await app.rows("SELECT * FROM app.calendar_syncs") == []


async def test_maintenance_runs_without_periodic_tasks_too(
    app: RunningApp, ticked: dict[type, asyncio.Event]
) -> None:
    async with app.catflap.work(periodic=False), asyncio.timeout(30):
        await ticked[Maintenance].wait()
    assert not ticked[PeriodicTasks].is_set()
