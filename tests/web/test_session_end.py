"""The device of a browser is removed with the session it was made in, however that session ends."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.devices import schedule_streams
from catflap.signin.sessions import ABSOLUTE, IDLE
from tests.support.app_client import ALICE, BOB, Browser, RunningApp
from tests.support.chromium import open_browser
from tests.support.statements import recorded_statements

pytestmark = pytest.mark.slow  # starts an application for each test

End = Callable[[RunningApp, Browser], Awaitable[Any]]


async def signed_in(app: RunningApp, email: str = ALICE) -> Browser:
    browser = await app.browser(email)
    await browser.sign_in()
    return browser


async def become_device(browser: Browser) -> dict[str, str]:
    """Make a browser a device, as the page does; the device's headers."""
    made = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    return {"Authorization": f"Bearer {made['token']}"}


@asynccontextmanager
async def stream(app: RunningApp, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of the open event stream, from the first document on."""
    url, wants = app.origin + "/v1/device/schedule", {**headers, "Accept": "text/event-stream"}
    async with httpx2.AsyncClient(timeout=60) as http, http.stream("GET", url, headers=wants) as response:
        assert response.status_code == 200
        lines = response.aiter_lines()
        async for line in lines:
            if line.startswith("data: "):
                break
        yield lines


async def rest(lines: AsyncIterator[str]) -> list[str]:
    """Everything until the stream ends."""
    async with asyncio.timeout(30):
        return [line async for line in lines if line.startswith("event: ")]


async def sign_out(_app: RunningApp, browser: Browser) -> None:
    await browser.send("POST", "/signout")


async def from_the_list(app: RunningApp, browser: Browser) -> None:
    """Another browser of the same person ends it."""
    other = await signed_in(app)
    listed = (await other.get("/v1/sessions")).json()["sessions"]
    (first,) = [one["id"] for one in listed if not one["current"]]
    assert (await other.send("DELETE", f"/v1/sessions/{first}")).status_code == 204


async def everywhere_else(app: RunningApp, browser: Browser) -> None:
    await (await signed_in(app)).send("DELETE", "/v1/sessions")


async def erase(_app: RunningApp, browser: Browser) -> None:
    assert (await browser.send("DELETE", "/v1/me")).status_code == 204


async def erase_rows(app: RunningApp, browser: Browser) -> None:
    """As another process or an operator would."""
    await app.rows("DELETE FROM app.users")


async def another_person(_app: RunningApp, browser: Browser) -> None:
    browser.email = BOB
    await browser.sign_in("/signin/google?scopes=calendar&purpose=signin", email=BOB)


@pytest.mark.parametrize("end", [sign_out, from_the_list, everywhere_else, erase, erase_rows, another_person])
async def test_an_open_stream_ends_with_the_session_and_says_so(app: RunningApp, end: End) -> None:
    browser = await signed_in(app)
    headers = await become_device(browser)
    async with stream(app, headers) as lines:
        await end(app, browser)
        assert await rest(lines) == ["event: end"]
    for method, path in (("GET", "schedule"), ("POST", "heartbeat")):
        answer = await app.client.request(method, f"/v1/device/{path}", headers=headers)
        assert answer.status_code == 401


@pytest.mark.parametrize("lifetime", [ABSOLUTE, IDLE])
async def test_an_open_stream_ends_when_the_session_runs_out(
    app: RunningApp, clock: FixedClock, lifetime: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_streams, "KEEP_ALIVE_SECONDS", 0.05)
    browser = await signed_in(app)
    headers = await become_device(browser)
    async with stream(app, headers) as lines:
        clock.advance(lifetime + timedelta(seconds=1))
        assert await rest(lines) == ["event: end"]
    assert (await app.client.get("/v1/device/schedule", headers=headers)).status_code == 401


async def test_a_keep_alive_asks_the_database_nothing(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_streams, "KEEP_ALIVE_SECONDS", 0.01)
    browser = await signed_in(app)
    headers = await become_device(browser)
    async with stream(app, headers) as lines:
        with recorded_statements() as sent:
            kept_alive = 0
            while kept_alive < 50:
                kept_alive += (await anext(lines)).startswith(":")
    read = [one for one in sent if "app.sounds" in one.sql]
    # The new device's first plan may come meanwhile.
    assert len(read) <= 2


async def test_a_paired_device_outlives_every_session(app: RunningApp) -> None:
    browser = await signed_in(app)
    secret = "a robot's own secret"
    body = {"token_sha256": hashlib.sha256(secret.encode()).hexdigest(), "model": "robot"}
    code = (await app.client.post("/v1/pairings", json=body)).json()["code"]
    await browser.send("POST", "/v1/devices", json={"code": code})
    await browser.send("POST", "/signout")
    headers = {"Authorization": f"Bearer {secret}"}
    assert (await app.client.get("/v1/device/schedule", headers=headers)).status_code == 200


async def test_a_removed_device_hears_it_too(app: RunningApp) -> None:
    browser = await signed_in(app)
    headers = await become_device(browser)
    (device,) = (await browser.get("/v1/devices")).json()["devices"]
    async with stream(app, headers) as lines:
        await browser.send("DELETE", f"/v1/devices/{device['id']}")
        assert await rest(lines) == ["event: end"]
    assert (await browser.get("/v1/session")).status_code == 200


async def test_a_stream_of_a_token_that_was_replaced_ends_and_one_of_the_new_token_goes_on(
    app: RunningApp,
) -> None:
    browser = await signed_in(app)
    old = await become_device(browser)
    new = {"Authorization": "Bearer the new token"}
    body = {"token_sha256": hashlib.sha256(b"the new token").hexdigest()}
    async with stream(app, old) as lines:
        assert (await app.client.post("/v1/device/token", json=body, headers=old)).status_code == 204
        assert await rest(lines) == ["event: end"]
    assert (await app.client.get("/v1/device/schedule", headers=old)).status_code == 401
    async with stream(app, new) as lines:
        # Again, because the answer was lost.
        assert (await app.client.post("/v1/device/token", json=body, headers=new)).status_code == 204
        await browser.send("PATCH", "/v1/devices/1", json={"volume": 7})
        async with asyncio.timeout(30):
            assert (
                await anext(line async for line in lines if line.startswith("event: ")) == "event: schedule"
            )


async def test_signing_in_again_keeps_the_browser_the_device_it_is(app: RunningApp) -> None:
    browser = await signed_in(app)
    headers = await become_device(browser)
    before = (await browser.get("/v1/devices")).json()
    await browser.sign_in("/signin/google?scopes=calendar&purpose=signin")
    assert (await browser.get("/v1/devices")).json() == before
    assert (await app.client.get("/v1/device/schedule", headers=headers)).status_code == 200
    assert len((await browser.get("/v1/sessions")).json()["sessions"]) == 1


async def test_a_page_that_belongs_to_another_session_reads_nothing(app: RunningApp) -> None:
    browser = await signed_in(app)
    old = browser.csrf
    await another_person(app, browser)
    for path in ("/v1/session", "/v1/appointments", "/v1/announcements", "/v1/preferences", "/v1/calendars"):
        stale = await browser.get(path, headers={"X-CSRF-Token": old})
        assert (stale.status_code, stale.json()["code"]) == (403, "csrf")
        assert (await browser.get(path, headers={"X-CSRF-Token": browser.csrf})).status_code == 200
        assert (await browser.get(path)).status_code == 200


async def test_the_session_says_whose_it_is(app: RunningApp) -> None:
    browser = await signed_in(app)
    shown = (await browser.get("/v1/session")).json()
    me = await browser.me()
    assert (shown["user_id"], shown["kind"]) == (me["user_id"], "cookie")
    await browser.send("POST", "/signout")
    assert (await browser.get("/v1/session")).status_code == 401
    assert (await app.client.get("/v1/session")).status_code == 401


async def test_a_browser_whose_session_ends_meanwhile_becomes_no_device(app: RunningApp) -> None:
    browser = await signed_in(app)
    (session,) = await app.rows("SELECT id, user_id FROM app.sessions")
    await browser.send("POST", "/signout")
    with pytest.raises(Exception, match="unauthenticated"):
        await app.catflap.services.devices.add_browser(session["user_id"], "Browser", session["id"])


@pytest.mark.browser
async def test_an_open_page_gives_way_to_the_signed_out_one(app: RunningApp) -> None:
    visitor, elsewhere = await signed_in(app), await signed_in(app)
    cookies = [
        {"name": name, "value": value, "url": app.origin} for name, value in visitor.http.cookies.items()
    ]
    async with open_browser() as chromium:
        context = await chromium.new_context()
        await context.add_cookies(cookies)  # type: ignore[arg-type]
        page = await context.new_page()
        await page.goto(app.origin)
        await page.wait_for_selector("html[data-schedule]")
        await elsewhere.send("DELETE", "/v1/sessions")
        await page.wait_for_selector(".google")
        assert await page.evaluate("Object.keys(localStorage)") == []
