"""Routers below prefixes of the host's choice: redirects, links, scripts and addresses follow them."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from playwright.async_api import expect

from catflap.fastapi import Catflap, OptionalUser
from catflap_client import GoogleAuth
from tests.support.app_client import Browser, RunningApp
from tests.support.chromium import open_browser
from tests.support.host import embedded
from tests.support.http import http_client

pytestmark = pytest.mark.slow

AUTH = "/outer/auth"
RETURN_TO = "https://shop.example/back"
CALLBACK = f"{AUTH}/signin/google/callback"


def build(catflap: Catflap) -> FastAPI:
    app = FastAPI(lifespan=catflap.lifespan)
    outer = APIRouter(prefix="/outer")
    outer.include_router(catflap.auth_router(), prefix="/auth")
    app.include_router(outer)
    app.include_router(catflap.token_router(), prefix="/api")
    app.include_router(catflap.me_router(), prefix="/mine")
    app.include_router(catflap.mia_router(), prefix="/mia")
    return app


@pytest.fixture
async def guest(app: RunningApp, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with embedded(app, tmp_path, build, auth=AUTH, return_urls=(RETURN_TO,)) as (opened, _):
        yield opened


async def sign_in(guest: RunningApp) -> Browser:
    browser = await guest.browser()
    answer = await browser.begin(f"{AUTH}/signin/google?scopes=calendar")
    back = await browser.at_google(answer.headers["Location"])
    answer = await browser.get(back)
    assert answer.headers["Location"] == "/mia/"
    browser.csrf = (await browser.get("/mine/v1/me")).json()["csrf_token"]
    return browser


async def test_signing_in_and_out_follows_the_prefixes(guest: RunningApp) -> None:
    browser = await guest.browser()
    begun = await browser.begin(f"{AUTH}/signin/google?scopes=calendar")
    asked = parse_qs(urlsplit(begun.headers["Location"]).query)
    assert asked["redirect_uri"] == [guest.origin + CALLBACK]
    refused = await browser.get(await browser.at_google(begun.headers["Location"], deny=True))
    assert refused.headers["Location"] == "/mia/?error=access_denied"
    browser = await sign_in(guest)
    assert (await browser.send("POST", f"{AUTH}/signout")).headers["Location"] == "/mia/"


async def test_every_address_on_the_page_leads_somewhere(guest: RunningApp) -> None:
    signed_in = await sign_in(guest)
    for browser, path in (
        (await guest.browser(), "/mia/"),
        (await guest.browser(), "/mia/signin/window"),
        (signed_in, "/mia/"),
    ):
        page = (await browser.get(path)).text
        found = set(re.findall(r'(?:href|src|action)="(/[^"]*)"', page))
        assert len(found) >= 5
        for address in found - {f"{AUTH}/signout"}:
            answer = await browser.get(address.replace("&amp;", "&"))
            assert answer.status_code == (303 if "/signin/google?" in address else 200), address
    data = json.loads(re.findall(r'id="page-data"[^>]*>(.*?)</script>', page, re.DOTALL)[0])
    assert (data["mia"], data["me"]) == ("/mia", "/mine")
    module = (await guest.client.get(f"{guest.origin}/mia/static/page/page.js")).text
    for name in re.findall(r'from "([^"]+)"', module):
        address = urljoin(f"{guest.origin}/mia/static/page/page.js", name)
        assert (await guest.client.get(address)).status_code == 200


async def test_links_for_other_back_ends_follow_the_prefixes(guest: RunningApp) -> None:
    headers = await guest.api_key("users", "tokens")

    async def post(path: str, **body: Any) -> httpx2.Response:
        return await guest.client.post(guest.origin + path, json=body, headers=headers)

    user = (await post("/api/v1/users")).json()["id"]
    refused = await guest.client.get(
        f"{guest.origin}/api/v1/users/{user}/google/token", params={"scopes": "calendar"}, headers=headers
    )
    create = refused.json()["consent"]["create"]
    assert create == f"{guest.origin}/api/v1/users/{user}/consents"
    made = await post(urlsplit(create).path, scopes="calendar", return_to=RETURN_TO)
    assert made.json()["url"].startswith(f"{guest.origin}{AUTH}/consents/")
    browser = await guest.browser()
    to_google = (await browser.get(made.json()["url"])).headers["Location"]
    back = await browser.at_google(to_google)
    assert back.startswith(guest.origin + CALLBACK)
    assert (await browser.get(back)).headers["Location"].startswith(RETURN_TO)


async def test_a_code_without_lasting_access_leads_to_consent_below_the_prefix(guest: RunningApp) -> None:
    await sign_in(guest)
    await guest.rows("DELETE FROM vault.google_tokens")
    body = {"code": guest.popup_code(), "client": "popup", "scopes": "calendar"}
    answer = await guest.client.post(
        f"{guest.origin}{AUTH}/signin/google/code", json=body, headers=guest.page_headers()
    )
    assert answer.json()["code"] == "consent_needed"
    assert answer.json()["consent_url"].startswith(f"{AUTH}/signin/google?")


async def test_addresses_of_sounds_follow_the_prefix(guest: RunningApp) -> None:
    browser = await sign_in(guest)
    made = (await browser.send("POST", "/mia/v1/devices", json={"browser": True})).json()
    (user,) = (await guest.rows("SELECT user_id FROM app.devices"))[0]
    now = guest.clock.now()
    await guest.rows("INSERT INTO app.sounds VALUES ('k', 'wav', 'hash', 3, 1.5, $1)", now)
    await guest.rows(
        "INSERT INTO app.announcements (id, user_id, device_id, key, kind, state, play_at, expires_at,"
        " titles, event_start, dialect, display, spoken, sound_key, updated_at)"
        " VALUES ('a', $1, $2, 'k', 'say', 'ready', $3, $4, '{}', '', 'pirate', '', '', 'k', $3)",
        user,
        made["id"],
        now + timedelta(minutes=1),
        now + timedelta(minutes=5),
    )
    device = {"Authorization": f"Bearer {made['token']}"}
    schedule = await guest.client.get(f"{guest.origin}/mia/v1/device/schedule", headers=device)
    (address,) = [one["audio"]["url"] for one in schedule.json()["announcements"] if one["id"] == "a"]
    assert address.startswith(f"{guest.origin}/mia/v1/sounds/")
    assert (await guest.client.get(address)).content == b"wav"


async def test_scripts_for_pages_of_the_host_are_below_the_prefix_of_sign_in(guest: RunningApp) -> None:
    for name, who in (("gapi.js", "cross-origin"), ("popup.js", "same-origin")):
        answer = await guest.client.get(f"{guest.origin}{AUTH}/static/{name}")
        assert answer.headers["Cross-Origin-Resource-Policy"] == who
        assert answer.headers["Cache-Control"] == "no-cache"
        # A proxy may have made the tag strong.
        for tag in (answer.headers["ETag"], answer.headers["ETag"].removeprefix("W/")):
            known = {"If-None-Match": f'"another", {tag}'}
            again = await guest.client.get(f"{guest.origin}{AUTH}/static/{name}", headers=known)
            assert (again.status_code, again.content) == (304, b"")
            for header in ("ETag", "Vary", "Cache-Control"):
                assert again.headers[header] == answer.headers[header]
    assert (await guest.client.get(f"{guest.origin}{AUTH}/static/page/page.js")).status_code == 404
    assert (await guest.client.get(f"{guest.origin}/mia/static/page/page.js")).headers[
        "Cache-Control"
    ] == "no-cache"
    assert (await guest.client.get(f"{guest.origin}/mia/static/page/../../app.py")).status_code == 404


async def test_below_a_mount_or_a_path_of_a_reverse_proxy(app: RunningApp, tmp_path: Path) -> None:
    def mounted(catflap: Catflap) -> FastAPI:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            async with catflap.lifespan(inner, root_path="/inner"):
                yield

        inner = FastAPI()
        inner.include_router(catflap.auth_router(), prefix="/auth")
        inner.include_router(catflap.me_router())

        @inner.get("/hello")
        async def hello(user: OptionalUser) -> str | None:
            return user.name if user else None

        app = FastAPI(lifespan=lifespan)
        app.mount("/inner", inner)
        return app

    auth = "/inner/auth"
    async with embedded(app, tmp_path, mounted, auth=auth) as (guest, _):
        browser = await guest.browser()
        assert (await browser.get("/inner/hello")).json() is None
        begun = await browser.begin(f"{auth}/signin/google?scopes=calendar")
        back = await browser.at_google(begun.headers["Location"])
        assert back.startswith(f"{guest.origin}{auth}/signin/google/callback")
        assert (await browser.get(back)).headers["Location"] == "/inner/"
        assert (await browser.get("/inner/hello")).json() == "Alice"
        refused = await browser.get(back)
        assert refused.headers["Location"] == "/inner/"


async def test_the_client_takes_the_prefix_with_the_url(guest: RunningApp) -> None:
    user = (await (await sign_in(guest)).get("/mine/v1/me")).json()["user_id"]
    key = (await guest.api_key("tokens"))["Authorization"].removeprefix("Bearer ")
    async with http_client(auth=GoogleAuth(user, url=f"{guest.origin}/api", api_key=key)) as http:
        answer = await http.get(f"{guest.sandbox.base_url}/calendar/v3/users/me/calendarList")
    assert answer.status_code == 200


async def test_another_loopback_name_leads_to_the_path_that_browsers_see(
    app: RunningApp, tmp_path: Path
) -> None:
    """Behind a proxy that removes `/outer`, the request has a shorter path than the browser's address."""

    def stripped(catflap: Catflap) -> FastAPI:
        @asynccontextmanager
        async def lifespan(host_app: FastAPI) -> AsyncIterator[None]:
            async with catflap.lifespan(host_app, root_path="/outer"):
                yield

        host_app = FastAPI(lifespan=lifespan)
        host_app.include_router(catflap.auth_router(), prefix="/auth")
        return host_app

    async with embedded(app, tmp_path, stripped, auth=AUTH) as (guest, _):
        browser = await guest.browser()
        led = await browser.get("/auth/signin/google", headers={"Host": "localhost:1"})
        assert led.headers["Location"] == f"{guest.origin}{AUTH}/signin/google?by_origin=1"


@pytest.mark.browser
async def test_the_page_works_below_a_prefix(guest: RunningApp) -> None:
    person = await sign_in(guest)
    failed: list[str] = []
    errors: list[str] = []
    async with open_browser() as browser:
        context = await browser.new_context(locale="en-GB")
        cookies = [
            {"name": one.name, "value": one.value, "url": guest.origin} for one in person.http.cookies.jar
        ]
        await context.add_cookies(cookies)  # type: ignore[arg-type]
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("response", lambda one: failed.append(one.url) if one.status >= 400 else None)
        await page.goto(f"{guest.origin}/mia/")
        await page.get_by_role("link", name="Skip all").click()
        await page.wait_for_url(f"{guest.origin}/mia/")
        await expect(page.locator("#appointments")).not_to_have_attribute("aria-busy", "true")
        await page.click('a[data-screen="voice"]')
        await page.wait_for_url(f"{guest.origin}/mia/voice")
        await expect(page.locator('input[name="dialect_en"]:checked')).to_be_visible()
        # The schedule arrived over the stream of this browser's own device.
        await expect(page.locator("html")).to_have_attribute("data-schedule", re.compile(r"\d+"))
        # Signing out, the page may still ask for the session that has ended.
        assert failed == []
        await page.click("#signout button")
        await page.wait_for_url(f"{guest.origin}/mia/")
        await context.close()
    assert errors == []
