"""What goes wrong at a sign-in is said with what to do next: the real page with a sandbox Google."""

import json
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route, async_playwright, expect

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.journeys.embedding import at_google, shown, told
from tests.journeys.pages import POPUP
from tests.support.app_client import ALICE, BOB, RunningApp, running_app
from tests.support.chromium import ARGUMENTS, CHROMIUM, need_browser, open_browser
from tests.web.visits import finds_nothing, on_a_phone, says

pytestmark = [pytest.mark.slow, pytest.mark.browser]
BOTH = pytest.mark.parametrize("language", ["en", "ja"])


@asynccontextmanager
async def phone(language: str) -> AsyncIterator[Page]:
    async with open_browser() as browser, on_a_phone(browser, language) as page:
        yield page


@asynccontextmanager
async def without_cookies(language: str, **more: Any) -> AsyncIterator[BrowserContext]:
    """A Chromium whose person blocks all cookies, in its settings."""
    need_browser(CHROMIUM)
    with tempfile.TemporaryDirectory(prefix="catflap-chromium-", ignore_cleanup_errors=True) as folder:
        preferences = Path(folder) / "Default" / "Preferences"
        preferences.parent.mkdir()
        blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
        preferences.write_text(json.dumps(blocked))
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                folder, executable_path=CHROMIUM, args=ARGUMENTS, locale=language, **more
            )
            yield context
            await context.close()


async def to_google(page: Page, app: RunningApp) -> None:
    await page.goto(app.origin)
    await page.get_by_role("link", name=await says(page, "sign_in"), exact=True).click()


async def agree(page: Page) -> None:
    """At Google: choose the account, and allow all."""
    await page.click(f'button[value="{ALICE}"]')
    await page.click("button[value=allow]")


async def expect_problem(page: Page, code: str, step: str | None = None) -> None:
    """Both sentences are read out, the step is a link beside them, and axe finds nothing."""
    await expect_sentences(page, code, step)
    await finds_nothing(page)


async def expect_sentences(page: Page, code: str, step: str | None = None) -> None:
    """As `expect_problem`, for a page without scripts, in which axe can't run."""
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(await says(page, f"error_{code}"))
    await expect(alert).to_contain_text(await says(page, f"remedy_{code}"))
    await expect(alert.get_by_role("link")).to_have_count(0 if step is None else 1)
    if step is not None:
        await expect(alert.get_by_role("link")).to_have_text(await says(page, step))


@BOTH
async def test_a_no_at_google_can_be_followed_by_a_yes(app: RunningApp, language: str) -> None:
    async with phone(language) as page:
        await to_google(page, app)
        await page.click(f'button[value="{ALICE}"]')
        await page.click("button[value=deny]")
        await expect_problem(page, "access_denied")
        assert (await app.stored())["app.users"] == 0
        await page.get_by_role("link", name=await says(page, "sign_in"), exact=True).click()
        await agree(page)
        await expect(page.locator("#signout")).to_be_visible()


@BOTH
async def test_an_unticked_box_leads_to_one_button_that_allows_the_calendar(
    app: RunningApp, language: str
) -> None:
    async with phone(language) as page:
        await to_google(page, app)
        await page.click(f'button[value="{ALICE}"]')
        await page.uncheck('input[name="scope"][value$="calendar.events.readonly"]')
        await page.click("button[value=allow]")
        title = await says(page, "needs_calendar")
        await expect(page.get_by_role("heading", name=title)).to_be_visible()
        await page.get_by_role("link", name=await says(page, "allow_calendar")).click()
        await page.click("button[value=allow]")
        await expect(page.locator("#signout")).to_be_visible()
        await expect(page.get_by_role("heading", name=title)).to_have_count(0)


@BOTH
@pytest.mark.parametrize(
    ("fault", "code", "step"),
    [
        ({"error": "admin_policy_enforced"}, "admin_policy", "step_choose"),
        ({"error": "org_internal"}, "org_internal", "step_choose"),
        ({"error": "invalid_client"}, "google_client_rejected", None),
        ({"error": "invalid_grant"}, "code_rejected", None),
        ({"status": 503}, "google_unavailable", None),
        ({"drop": "before"}, "google_unavailable", None),
    ],
    ids=["administrator", "organisation", "client", "code", "down", "cut off"],
)
async def test_what_google_refuses_is_said_with_what_to_do(
    app: RunningApp, language: str, fault: dict[str, object], code: str, step: str | None
) -> None:
    async with phone(language) as page:
        app.sandbox.fault("oauth.token*", **fault)
        await to_google(page, app)
        await agree(page)
        await expect_problem(page, code, step)
        assert (await app.stored())["app.users"] == 0


@BOTH
async def test_who_is_not_on_the_list_can_choose_another_account(
    database_urls: Urls, clock: FixedClock, tmp_path: Path, language: str
) -> None:
    async with (
        running_app(database_urls, clock, tmp_path, allowed_emails=(BOB,)) as app,
        phone(language) as page,
    ):
        await to_google(page, app)
        await agree(page)
        await expect_problem(page, "not_allowed", "step_choose")
        await page.get_by_role("link", name=await says(page, "step_choose")).click()
        await page.click(f'button[value="{BOB}"]')
        await page.click("button[value=allow]")
        await expect(page.locator("#signout")).to_be_visible()


@BOTH
async def test_a_sign_in_that_grew_too_old_starts_again(app: RunningApp, language: str) -> None:
    async with phone(language) as page:
        await to_google(page, app)
        await page.click(f'button[value="{ALICE}"]')
        await expect(page.locator("button[value=allow]")).to_be_visible()
        await page.context.clear_cookies(name=re.compile("^catflap_"))
        await page.click("button[value=allow]")
        # Without the cookie of its request, but this browser keeps the next one.
        await expect_problem(page, "state_invalid")


@BOTH
async def test_a_sign_in_that_is_over_is_not_blamed_on_cookies_that_come_back(
    app: RunningApp, language: str
) -> None:
    async with phone(language) as page:
        # As a tab of the day before or an address from another browser, without any cookie of ours.
        await page.goto(f"{app.origin}/?error=state_invalid&lang={language}")
        await expect_problem(page, "state_invalid")
        await page.reload()
        await expect_problem(page, "state_invalid")
        assert page.url.endswith(f"&lang={language}")


@BOTH
async def test_google_in_testing_mode_explains_itself_on_the_way_back(app: RunningApp, language: str) -> None:
    app.sandbox.add_client("of testers", "secret", testing=True, testers=[BOB])  # the same project
    async with phone(language) as page:
        await to_google(page, app)
        await page.click(f'button[value="{ALICE}"]')
        await expect(page.locator("body")).to_contain_text("access_denied")
        # Google sends nobody back from there.
        await page.go_back()
        await page.go_back()
        await page.get_by_text(await says(page, "blocked"), exact=True).click()
        await expect(page.get_by_text(await says(page, "blocked_testing_how"))).to_be_visible()


@BOTH
async def test_a_blocked_window_offers_the_way_without_one(app: RunningApp, language: str) -> None:
    async with phone(language) as page:
        # What a blocker of pop-ups does.
        await page.add_init_script("window.open = () => null")
        await page.goto(f"{app.origin}/signin/window")
        await page.click("#in-window:enabled")
        await expect_problem(page, "popup_failed_to_open", "step_redirect")
        await page.get_by_role("alert").get_by_role("link").click()
        await agree(page)
        await expect(page.locator("#signout")).to_be_visible()


@BOTH
async def test_without_a_network_the_window_says_so_and_stays(app: RunningApp, language: str) -> None:
    async with phone(language) as page:
        await page.goto(f"{app.origin}/signin/window")
        await expect(page.locator("#in-window")).to_be_enabled()
        async with page.expect_popup() as opening:
            await page.click("#in-window")
        popup = await opening.value
        await popup.click(f'button[value="{ALICE}"]')
        await page.route("**/signin/google/code", lambda route: route.abort())
        async with popup.expect_event("close"):
            await popup.click("button[value=allow]")
        await expect(page.get_by_role("alert")).to_contain_text(await says(page, "error_offline"))
        await expect(page.locator("#in-window")).to_be_enabled()


@BOTH
async def test_where_googles_script_is_blocked_the_window_becomes_a_redirect(
    app: RunningApp, language: str
) -> None:
    async with phone(language) as page:
        await page.route("**/gsi/client", lambda route: route.abort())
        await page.goto(f"{app.origin}/signin/window")
        await page.wait_for_url(f"{app.sandbox.base_url}/**")
        await agree(page)
        await expect(page.locator("#signout")).to_be_visible()


@BOTH
async def test_a_browser_without_cookies_is_told_before_and_after_google(
    app: RunningApp, language: str
) -> None:
    async with without_cookies(language) as context:
        page = await context.new_page()
        await page.goto(app.origin)
        await expect(page.get_by_role("alert")).to_contain_text(await says(page, "error_cookies_blocked"))
        await page.get_by_role("link", name=await says(page, "sign_in"), exact=True).click()
        await agree(page)
        await expect_problem(page, "cookies_blocked")
        assert (await app.stored())["app.sessions"] == 0
        await page.goto(f"{app.origin}/signin/window")
        await expect_problem(page, "cookies_blocked")
        await expect(page.locator("#in-window")).to_be_disabled()
        await page.get_by_role("main").get_by_role("link", name=await says(page, "step_redirect")).click()
        await page.wait_for_url(f"{app.sandbox.base_url}/**")


async def test_without_scripts_too_a_browser_without_cookies_is_told(app: RunningApp) -> None:
    async with without_cookies("en", java_script_enabled=False) as context:
        page = await context.new_page()
        await to_google(page, app)
        await agree(page)
        await expect_sentences(page, "cookies_blocked")


async def without_sent_cookies(route: Route) -> None:
    headers = await route.request.all_headers()
    headers.pop("cookie", None)
    await route.continue_(headers=headers)


async def test_a_popup_of_another_page_is_told_that_no_cookie_came_back(app: RunningApp) -> None:
    async with phone("en") as page:
        await shown(page, app, POPUP)
        await expect(page).to_have_title("ready")
        async with page.expect_popup() as opening:
            await page.click("#in")
        popup = await opening.value
        await popup.wait_for_load_state()
        # What a browser does to a page of another site that blocks third-party cookies.
        await page.context.clear_cookies()
        await page.context.route(f"{app.origin}/signin/google/**", without_sent_cookies)
        async with popup.expect_event("close"):
            await at_google(popup)
        assert await told(page) == {"error": "cookies_blocked"}


async def test_gapi_auth2_says_that_cookies_are_blocked_as_google_did(app: RunningApp) -> None:
    async with without_cookies("en") as context:
        page = await context.new_page()
        await page.goto(app.origin)
        await page.add_script_tag(url=f"{app.origin}/static/gapi.js?gsi={app.sandbox.base_url}/gsi/client")
        said = await page.evaluate(
            "new Promise((done) => gapi.load('auth2', { onerror: done, callback: () => done(null) }))"
        )
        assert said == {
            "error": "idpiframe_initialization_failed",
            "details": "Cookies are not enabled in current environment.",
        }
