"""Sign-in by a command: codes of the desktop client, and the hand-over to the browser."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import (
    ALICE,
    BOB,
    CLIENT_ID,
    DESKTOP,
    DESKTOP_CLIENT_ID,
    RunningApp,
    running_app,
)
from tests.support.chromium import strict_page
from tests.support.desktop import HANDOVER, LOOPBACK, PATH, Command, hand_over, take_over
from tests.support.signin import NOTHING, ONE_OF_EACH, error_of
from tests.support.signin_codes import id_token, native, post

pytestmark = pytest.mark.slow  # starts an application for each test


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path, calendars=True, **DESKTOP) as running:
        yield running


async def test_a_command_learns_what_to_ask_google_with_and_no_secret(app: RunningApp) -> None:
    answer = await app.client.get(PATH)
    found = answer.json()
    assert found["client_id"] == DESKTOP_CLIENT_ID
    assert found["discovery_url"] == app.catflap.services.settings.google_discovery_url
    assert found["scope"].startswith("email openid profile https://www.googleapis.com/auth/calendar")
    assert "GOCSPX" not in answer.text
    chosen = (await app.client.get(PATH, params={"scopes": "drive.file"})).json()["scope"]
    assert chosen == "email openid profile https://www.googleapis.com/auth/drive.file"


async def test_a_code_signs_in_stores_the_grant_of_its_client_and_opens_the_page(app: RunningApp) -> None:
    answer = await hand_over(app)
    found = answer.json()
    assert (answer.status_code, found["account"]["email"], found["missing"]) == (200, ALICE, [])
    assert answer.headers["Cache-Control"] == "no-store"
    assert await app.stored() == {**ONE_OF_EACH, "app.sessions": 0}
    assert [row[0] for row in await app.rows("SELECT client_id FROM vault.google_tokens")] == [
        DESKTOP_CLIENT_ID
    ]
    browser = await app.browser()
    opened = await take_over(browser, found["handover"]["handover"])
    assert (opened.status_code, opened.headers["Location"]) == (303, "/")
    assert "catflap_session=" in opened.headers["Set-Cookie"]
    assert (await browser.me())["user_id"] == found["user_id"]


async def test_what_was_not_ticked_is_missing(app: RunningApp) -> None:
    command = Command(app)
    back = await command.at_google(untick=["calendar.events.readonly"])
    body = {"code": back["code"], "code_verifier": command.verifier, "nonce": command.nonce}
    answer = await app.client.post(PATH, json={**body, "redirect_uri": command.redirect_uri})
    assert answer.json()["missing"] == ["calendar.events.readonly"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"code_verifier": "v" * 43}, "code_rejected"),
    ({"nonce": "another-nonce-than-theirs"}, "id_token_invalid"),
    ({"redirect_uri": "http://127.0.0.1:49153/"}, "redirect_uri_mismatch"),
    ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
    ({"redirect_uri": "http://127.0.0.1:1@evil.example/"}, "invalid_request"),
    ({"redirect_uri": "http://localhost:49152/"}, "invalid_request"),
    ({"code_verifier": "short"}, "invalid_request"),
    ({"extra": "x"}, "invalid_request"),
]


async def test_a_code_without_what_belongs_to_it_is_refused(app: RunningApp) -> None:
    for changes, code in WRONG:
        answer = await hand_over(app, **changes)
        assert (changes, answer.status_code, answer.json()["code"]) == (changes, 400, code)
    assert await app.stored() == NOTHING


async def test_a_code_is_taken_once_and_only_from_its_client(app: RunningApp) -> None:
    body = await Command(app).body()
    assert (await app.client.post(PATH, json=body)).status_code == 200
    assert (await app.client.post(PATH, json=body)).json()["code"] == "code_rejected"
    for code in (app.native_code(BOB), app.popup_code(BOB)):
        answer = await app.client.post(PATH, json={**body, "code": code})
        assert answer.json()["code"] in ("code_rejected", "redirect_uri_mismatch")
    ours = (await Command(app).body())["code"]
    assert (await native(app, code=ours)).json()["code"] in ("code_rejected", "redirect_uri_mismatch")
    assert await app.stored() == {**ONE_OF_EACH, "app.sessions": 0}


async def test_a_page_can_not_pass_for_the_command(app: RunningApp) -> None:
    answer = await app.client.post(PATH, json=await Command(app).body(), headers={"Origin": app.origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert await app.stored() == NOTHING


async def test_only_the_page_of_the_command_hands_over(app: RunningApp) -> None:
    """Else somebody's own sign-in could be put into another person's browser (login CSRF)."""
    token = (await hand_over(app)).json()["handover"]["handover"]
    browser = await app.browser()
    for origin in (None, "null", "https://evil.example", app.origin, "http://127.0.0.1:49153"):
        refused = await take_over(browser, token, origin)
        assert (origin, error_of(refused)) == (origin, "state_invalid")
        assert "catflap_session" not in str(refused.headers)
    # And nobody else can use it up.
    assert (await take_over(browser, token)).headers["Location"] == "/"


async def test_a_handover_works_once_and_for_five_minutes(app: RunningApp) -> None:
    token, late = [(await hand_over(app)).json()["handover"]["handover"] for _ in range(2)]
    first, second = await app.browser(), await app.browser()
    assert (await take_over(first, token)).headers["Location"] == "/"
    for made_up in (token, "x" * 43, ""):
        assert error_of(await take_over(second, made_up)) == "state_invalid"
    app.clock.advance(timedelta(minutes=5))
    assert error_of(await take_over(second, late)) == "state_invalid"
    assert token not in await app.dump()
    assert late not in await app.dump()
    await hand_over(app)
    assert len(await app.rows("SELECT 1 FROM app.signin_handovers")) == 1


async def test_only_those_on_the_list_may_sign_in_and_not_too_often(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    chosen = {"allowed_emails": (ALICE,), "signins_per_minute": 4, **DESKTOP}
    async with running_app(database_urls, clock, tmp_path, **chosen) as app:
        refused = await hand_over(app, BOB)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        assert await app.stored() == NOTHING
        statuses = {
            (await app.client.request(method, PATH, json={})).status_code for method in ["GET", "POST"] * 3
        }
        assert 429 in statuses
        begins = [(await app.client.get(PATH)).status_code for _ in range(3)]
        assert begins[-1] == 429


async def test_without_a_desktop_client_the_command_is_told(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path) as app:
        for method in ("GET", "POST"):
            body = {
                "code": "4/0A",
                "code_verifier": "v" * 43,
                "redirect_uri": f"{LOOPBACK}/",
                "nonce": "n" * 16,
            }
            answer = await app.client.request(method, PATH, json=body if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (404, "desktop_client_missing")
            assert "docs/google.md" in answer.json()["detail"]


async def test_with_a_desktop_client_alone_people_sign_in_by_command(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    chosen = {"google_client_id": "", "calendars": True, **DESKTOP}
    async with running_app(database_urls, clock, tmp_path, **chosen) as app:
        line = f"catflap signin --server {app.origin}"
        browser = await app.browser()
        assert line in (await browser.get("/")).text
        assert error_of(await browser.begin()) == "signin_by_command"
        popup = await app.client.get("/signin/google/popup")
        assert (popup.status_code, popup.json()["code"]) == (409, "signin_by_command")
        assert line in popup.json()["detail"]
        # Neither a code nor an ID token of the desktop client gets in by the routes of the web client.
        code = app.sandbox.mint_code(ALICE, DESKTOP_CLIENT_ID, ["openid", "email"])
        assert (await native(app, code=code)).json()["code"] == "signin_by_command"
        for audience in (DESKTOP_CLIENT_ID, CLIENT_ID):
            token = id_token(app, aud=audience, azp=audience)
            answer = await post(app, "/signin/google/credential", credential=token)
            assert answer.json()["code"] == "id_token_invalid"
        assert await app.stored() == NOTHING
        assert (await hand_over(app)).status_code == 200


@pytest.mark.parametrize(
    ("public_url", "cookie"),
    [("http://192.168.1.5:8400", "catflap_session="), ("https://mia.example.com", "__Host-catflap_session=")],
)
async def test_the_page_of_a_home_network_is_signed_in_by_command_and_https_keeps_its_cookies(
    database_urls: Urls, clock: FixedClock, tmp_path: Path, public_url: str, cookie: str
) -> None:
    async with running_app(
        database_urls, clock, tmp_path, public_url=public_url, calendars=True, **DESKTOP
    ) as app:
        is_plain = public_url.startswith("http://")
        browser = await app.browser()
        page = (await browser.get("/")).text
        assert (f"catflap signin --server {public_url}" in page) is is_plain
        assert (error_of(await browser.begin()) == "signin_by_command") is is_plain
        found = (await hand_over(app)).json()
        assert found["handover"]["action"] == public_url + HANDOVER
        assert found["page"] == f"{public_url}/"
        opened = await take_over(browser, found["handover"]["handover"])
        assert opened.headers["Set-Cookie"].startswith(cookie)
        assert ("; Secure" in opened.headers["Set-Cookie"]) is not is_plain
        assert ("strict-transport-security" in opened.headers) is not is_plain


@pytest.mark.slow
@pytest.mark.browser
async def test_the_lines_to_sign_in_by_fit_a_phone(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    settings = {"public_url": "http://catflap-in-the-kitchen.home.arpa:8400", "calendars": True, **DESKTOP}
    async with running_app(database_urls, clock, tmp_path, **settings) as app, strict_page() as page:
        await page.set_viewport_size({"width": 320, "height": 640})
        await page.goto(app.origin)
        await expect(page.get_by_text("catflap signin --server")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
