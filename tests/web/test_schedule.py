"""The schedule over HTTP: its ETag, its stream from any web server, its sounds, and acknowledgements."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import ALICE, Browser, RunningApp, running_app, running_app_of
from tests.support.jobs import run_jobs

pytestmark = pytest.mark.slow  # starts an application for each test

MINUTE = timedelta(minutes=1)


@asynccontextmanager
async def documents(app: RunningApp, headers: dict[str, str]) -> AsyncIterator[asyncio.Queue[Any]]:
    """The documents of an open stream, as they come."""
    found: asyncio.Queue[Any] = asyncio.Queue()

    async def read() -> None:
        wants = {**headers, "Accept": "text/event-stream"}
        async with (
            httpx2.AsyncClient(timeout=60) as http,
            http.stream("GET", app.origin + "/v1/device/schedule", headers=wants) as stream,
        ):
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    found.put_nowait(json.loads(line.removeprefix("data: ")))

    reading = asyncio.create_task(read())
    yield found
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def until(found: asyncio.Queue[Any], text: str, *, has: bool = True) -> dict[str, Any]:
    """The first document that has, or has not, an announcement with a text."""
    async with asyncio.timeout(60):
        while True:
            document: dict[str, Any] = await found.get()
            if has == any(text in one["text"] for one in document["announcements"]):
                return document


async def become_device(app: RunningApp) -> tuple[Browser, dict[str, str]]:
    browser = await app.browser()
    await browser.sign_in()
    made = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    await run_jobs(app)
    preferences = (await browser.get("/v1/preferences")).json()
    chosen = {"zone": "UTC", "dialect_en": "plain", "briefing_at": None, "reminder_minutes": [10]}
    await browser.send("PUT", "/v1/preferences", json={**preferences, **chosen})
    await run_jobs(app)
    return browser, {"Authorization": f"Bearer {made['token']}"}


async def sync(app: RunningApp, browser: Browser, **jobs: Any) -> None:
    calendars = app.catflap.components.jobs.calendars
    assert calendars is not None
    await calendars.sync_account((await browser.me())["user_id"], app.sandbox.account(ALICE).sub)
    await run_jobs(app, **jobs)


def times(start: datetime) -> dict[str, Any]:
    moments = {"start": start, "end": start + 30 * MINUTE}
    return {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in moments.items()}


async def test_a_document_that_the_device_has_is_not_sent_again(app: RunningApp) -> None:
    browser, headers = await become_device(app)
    first = await app.client.get("/v1/device/schedule", headers=headers)
    known = {**headers, "If-None-Match": first.headers["ETag"]}
    again = await app.client.get("/v1/device/schedule", headers=known)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    (device,) = (await browser.get("/v1/devices")).json()["devices"]
    await browser.send("PATCH", f"/v1/devices/{device['id']}", json={"volume": 7})
    changed = await app.client.get("/v1/device/schedule", headers=known)
    assert changed.status_code == 200 and changed.json()["volume"] == 7
    assert changed.headers["ETag"] != first.headers["ETag"]


async def test_a_change_at_one_web_server_reaches_streams_of_another(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path) as one:
        browser, headers = await become_device(one)
        (device,) = (await browser.get("/v1/devices")).json()["devices"]
        async with (
            running_app_of(one.sandbox, database_urls, clock, tmp_path) as other,
            documents(other, headers) as found,
        ):
            assert (await found.get())["volume"] == 60
            await browser.send("PATCH", f"/v1/devices/{device['id']}", json={"volume": 7})
            assert (await asyncio.wait_for(found.get(), 30))["volume"] == 7


async def test_a_meeting_cancelled_three_seconds_before_is_gone_before_it_is_due(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path, push=True) as app:
        browser, headers = await become_device(app)
        start = clock.now() + 30 * MINUTE
        event = app.sandbox.insert_event(ALICE, {"summary": "Retro", **times(start)})
        await sync(app, browser)
        async with documents(app, headers) as found, app.catflap.work(periodic=False):
            planned = await until(found, "Retro")
            (due,) = (one for one in planned["announcements"] if "Retro" in one["text"])
            play_at = datetime.fromisoformat(due["play_at"])
            clock.advance_to(play_at - timedelta(seconds=3))
            # Google tells it by a push notification, and the worker reads it.
            app.sandbox.delete_event(ALICE, str(event["id"]))
            last = await until(found, "Retro", has=False)
        assert datetime.fromisoformat(last["now"]) < play_at
        assert due["id"] not in [one["id"] for one in last["announcements"]]


async def test_a_sound_is_cached_for_good_and_has_ranges(app: RunningApp) -> None:
    browser, headers = await become_device(app)
    app.sandbox.insert_event(ALICE, {"summary": "Retro", **times(app.clock.now() + 30 * MINUTE)})
    await sync(app, browser, but=())
    (one, *_) = (await app.client.get("/v1/device/schedule", headers=headers)).json()["announcements"]
    whole = await app.client.get(one["audio"]["url"])
    assert whole.headers["Cache-Control"] == "private, max-age=3600, immutable"
    assert whole.headers["Content-Length"] == str(one["audio"]["bytes"]) == str(len(whole.content))
    part = await app.client.get(one["audio"]["url"], headers={"Range": "bytes=-10"})
    assert (part.status_code, part.content) == (206, whole.content[-10:])
    beyond = await app.client.get(one["audio"]["url"], headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


async def test_an_acknowledgement_that_is_sent_again_changes_nothing(app: RunningApp) -> None:
    browser, headers = await become_device(app)
    app.sandbox.insert_event(ALICE, {"summary": "Retro", **times(app.clock.now() + 30 * MINUTE)})
    await sync(app, browser)
    (one, *_) = (await app.client.get("/v1/device/schedule", headers=headers)).json()["announcements"]
    read = "SELECT state, updated_at FROM app.announcements WHERE id = $1"
    found = []
    for state, minute in (("played", 20), ("played", 21), ("held", 22)):
        at = (app.clock.now() + minute * MINUTE).isoformat()
        body = {"announcement": one["id"], "state": state, "at": at}
        answer = await app.client.post("/v1/device/acks", headers=headers, json=body)
        assert answer.status_code == 204
        found += await app.rows(read, one["id"])
    assert found == [found[0]] * 3 and found[0]["state"] == "played"
