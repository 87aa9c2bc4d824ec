"""Sign-in in Chromium: by redirect, in a popup, for one more scope, and with Google's old example page."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from playwright.async_api import Page, expect

from tests.journeys.embedding import at_google, in_popup, shown, told
from tests.journeys.pages import AUTH2, GUIDE, POPUP, PREPARED_ONCE
from tests.support.app_client import ALICE, BOB, RunningApp
from tests.support.chromium import strict_page

pytestmark = [pytest.mark.slow, pytest.mark.browser]
LET_THE_PERSON_CHOOSE = """() => {
  const { oauth2 } = google.accounts, real = oauth2.initCodeClient;
  oauth2.initCodeClient = (config) => real({ ...config, login_hint: "", select_account: true });
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
async def page(app: RunningApp) -> AsyncIterator[Page]:
    async with strict_page() as opened:
        yield opened


async def me(page: Page, app: RunningApp) -> dict[str, Any]:
    found: dict[str, Any] = await (await page.request.get(f"{app.origin}/v1/me")).json()
    return found


async def test_sign_in_by_redirect_needs_one_click_and_one_consent(page: Page, app: RunningApp) -> None:
    await page.goto(app.origin)
    await page.get_by_role("link", name="Sign in with Google").click()
    await at_google(page)
    await page.wait_for_url(f"{app.origin}/*")
    signed_in = await me(page, app)
    assert signed_in["accounts"][0]["email"] == ALICE
    assert signed_in["grants"][0]["missing_scopes"] == []
    assert await page.evaluate("document.cookie") == ""


async def test_the_sandboxs_pages_fit_a_phone(page: Page, app: RunningApp) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(f"{app.origin}/signin/google?scopes=calendar")
    await expect(page.get_by_placeholder("name@example.com")).to_be_visible()
    assert await page.evaluate(OVERFLOW) == 0
    await page.get_by_role("button", name=ALICE).click()
    await expect(page.get_by_role("button", name="Allow")).to_be_visible()
    assert await page.evaluate(OVERFLOW) == 0


async def test_a_missing_scope_is_shown_and_can_be_requested_with_one_click(
    page: Page, app: RunningApp
) -> None:
    await page.goto(app.origin)
    await page.get_by_role("link", name="Sign in with Google").click()
    await at_google(page, untick="calendar.events.readonly")
    await page.wait_for_url(f"{app.origin}/*")
    assert (await me(page, app))["grants"][0]["missing_scopes"] == ["calendar.events.readonly"]
    await page.get_by_role("link", name="Allow the calendar").click()
    await page.get_by_role("button", name="Allow", exact=True).click()
    await page.wait_for_url(f"{app.origin}/*")
    assert (await me(page, app))["grants"][0]["missing_scopes"] == []


async def test_one_more_scope_is_requested_when_it_is_needed(page: Page, app: RunningApp) -> None:
    await page.goto(app.origin)
    await page.get_by_role("link", name="Sign in with Google").click()
    await at_google(page)
    await page.wait_for_url(f"{app.origin}/*")
    await page.goto(f"{app.origin}/signin/google?scopes=drive.appdata")
    await page.get_by_role("button", name="Allow", exact=True).click()
    await page.wait_for_url(f"{app.origin}/*")
    scopes = (await me(page, app))["grants"][0]["scopes"]
    assert {"drive.appdata", "calendar.events.readonly"} <= set(scopes)


async def test_our_own_page_signs_in_by_popup_too(page: Page, app: RunningApp) -> None:
    await page.goto(app.origin)
    await page.get_by_role("link", name="in a window of its own").click()
    await expect(page.locator("#in-window")).to_be_enabled()
    async with page.expect_popup() as opening:
        await page.click("#in-window")
    popup = await opening.value
    await popup.wait_for_load_state()
    await popup.close()
    await expect(page.get_by_role("alert")).to_contain_text("The window was closed; nothing was stored.")
    await expect(page.locator("#in-window")).to_be_enabled()
    await in_popup(page, "#in-window")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert (await me(page, app))["accounts"][0]["email"] == ALICE


async def test_with_a_popup_the_page_stays_and_gets_the_user(page: Page, app: RunningApp) -> None:
    await shown(page, app, POPUP)
    await expect(page).to_have_title("ready")
    await in_popup(page, "#in", untick="calendar.events.readonly")
    answer = await told(page)
    assert answer["account"]["email"] == ALICE
    assert answer["missing"] == ["calendar.events.readonly"]
    assert (await me(page, app))["accounts"][0]["email"] == ALICE


async def test_a_closed_or_denied_popup_signs_nobody_in(page: Page, app: RunningApp) -> None:
    await shown(page, app, POPUP)
    await expect(page).to_have_title("ready")
    async with page.expect_popup() as opening:
        await page.click("#in")
    popup = await opening.value
    await popup.wait_for_load_state()
    await popup.close()
    assert await told(page) == {"error": "popup_closed"}
    await expect(page).to_have_title("again")
    await in_popup(page, "#in", deny=True)
    assert await told(page) == {"error": "access_denied"}
    assert (await app.stored())["app.users"] == 0


async def test_a_prepared_popup_works_at_each_click(page: Page, app: RunningApp) -> None:
    await shown(page, app, PREPARED_ONCE)
    await expect(page).to_have_title("ready")
    app.sandbox.fault("oauth.token*", status=503, times=1)

    async def choose() -> dict[str, Any]:
        """Click, and choose the account, who has consented before."""
        async with page.expect_popup() as opening:
            await page.click("#in")
        popup = await opening.value
        async with popup.expect_event("close"):
            await popup.click(f'button[name="email"][value="{ALICE}"]')
        return await told(page)

    async with page.expect_response("**/signin/google/popup?*"):
        await in_popup(page, "#in")
        assert await told(page) == {"error": "google_unavailable"}
    app.clock.advance(timedelta(minutes=11))
    async with page.expect_response("**/signin/google/popup?*"):
        assert await choose() == {"error": "state_invalid"}
    async with page.expect_response("**/signin/google/popup?*"):
        assert (await choose())["account"]["email"] == ALICE
    # Signed in now, the fresh ticket names the account, so there is nothing to choose.
    await page.click("#in")
    assert (await told(page))["account"]["email"] == ALICE


async def test_a_popup_in_a_session_rejects_another_account(page: Page, app: RunningApp) -> None:
    await shown(page, app, POPUP)
    await expect(page).to_have_title("ready")
    await in_popup(page, "#in")
    await told(page)
    # Google leaves the choice to the person, whatever account was hinted at.
    await page.evaluate(LET_THE_PERSON_CHOOSE)
    await in_popup(page, "#in", email=BOB)
    assert await told(page) == {"error": "account_mismatch"}
    assert (await app.stored())["app.accounts"] == 1


async def test_the_page_of_googles_old_guide_runs_unchanged(page: Page, app: RunningApp) -> None:
    await shown(page, app, GUIDE)
    await page.wait_for_function("typeof auth2 === 'object'")
    await in_popup(page, "#signinButton")
    await expect(page).to_have_title(f"stored for {ALICE}")
    await expect(page.locator("#signinButton")).to_be_hidden()
    assert (await me(page, app))["grants"][0]["scopes"].count("calendar.events.readonly") == 1


async def test_gapi_auth2_knows_the_current_user_and_asks_for_a_new_scope(
    page: Page, app: RunningApp
) -> None:
    await shown(page, app, AUTH2)
    await expect(page).to_have_title("ready")
    await in_popup(page, "#in")
    answer = await told(page)
    assert answer == {"email": ALICE, "id": app.sandbox.account(ALICE).sub, "told": [True]}
    await in_popup(page, "#more")
    assert await told(page) == {"before": False, "code": "4/", "keys": ["code"]}
    await page.click("#out")
    assert await told(page) == {"signedIn": False}
    assert (await page.request.get(f"{app.origin}/v1/me")).status == 401


async def test_gapi_auth2_reports_a_closed_popup_with_its_own_error_code(page: Page, app: RunningApp) -> None:
    await shown(page, app, AUTH2)
    await expect(page).to_have_title("ready")
    async with page.expect_popup() as opening:
        await page.click("#in")
    popup = await opening.value
    await popup.wait_for_load_state()
    await popup.close()
    assert await told(page) == {"error": "popup_closed_by_user"}
    await in_popup(page, "#in", deny=True)
    assert await told(page) == {"error": "access_denied"}


async def test_a_page_of_another_origin_may_load_the_shim(app: RunningApp) -> None:
    async with httpx2.AsyncClient() as http:
        shim = await http.get(f"{app.origin}/static/gapi.js")
        assert shim.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        other = await http.get(f"{app.origin}/static/page/page.js")
        assert other.headers["Cross-Origin-Resource-Policy"] == "same-origin"
