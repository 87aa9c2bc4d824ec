"""The screens of the page: one document, whose screens are shown by links, addresses and the history."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from catflap.web import static_files
from catflap.web.routes.pages import SCREENS
from catflap.web.static_version import without_prefix
from tests.support.fake_state import FakeApi
from tests.web.visits import Visit, finds_nothing, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screens"),
]


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


@pytest.mark.parametrize("name", SCREENS)
async def test_each_screen_has_an_address_a_title_and_nothing_for_axe(
    page: Page, catflap: FakeApi, name: str
) -> None:
    await Visit(page, catflap).open("/" if name == "today" else f"/{name}")
    await expect(page.locator(".screen:visible")).to_have_count(1)
    await expect(page.locator(f"#screen-{name}")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text(await says(page, f"screen_{name}"))
    await expect(page.locator(f'a[data-screen="{name}"][aria-current="page"]:visible').last).to_be_visible()
    await finds_nothing(page)


async def test_a_screen_is_shown_without_leaving_the_document(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    await page.evaluate("window.stayed = true")
    await page.get_by_role("link", name=await says(page, "screen_when")).click()
    await expect(page.locator("#screen-when")).to_be_visible()
    await expect(page.locator("#screen-today")).to_be_hidden()
    assert page.url == f"{catflap.url}/when"
    # Who reads by ear is led to what is new.
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert (await page.title()).startswith(await says(page, "screen_when"))
    await page.go_back()
    await expect(page.locator("#screen-today")).to_be_visible()
    assert await page.evaluate("window.stayed") is True
    assert catflap.asked.count("GET /when") == 0


async def test_the_other_language_is_that_of_the_screen_that_is_shown(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    other = "ja" if await page.locator("html").get_attribute("lang") == "en" else "en"
    await page.click('#screens-nav a[data-screen="when"]')
    await expect(page.locator("#screen-when")).to_be_visible()
    await page.locator(".top a[hreflang]").click()
    await page.wait_for_url(f"{catflap.url}/when?lang={other}")
    await expect(page.locator("#screen-when")).to_be_visible()
    # It is kept in the links to the other screens.
    await page.click('#screens-nav a[data-screen="voice"]')
    await expect(page).to_have_url(f"{catflap.url}/voice?lang={other}")


async def test_a_screen_that_can_not_be_fetched_says_so_and_is_tried_again(
    page: Page, catflap: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Visit(page, catflap).open()

    def without_voice(name: str) -> tuple[str, bool]:
        return ("missing.js", False) if name.endswith("screens/voice.js") else without_prefix(name)

    # At the server, because the service worker's requests can't be intercepted.
    monkeypatch.setattr(static_files, "without_prefix", without_voice)
    await page.click('#screens-nav a[data-screen="voice"]')
    alert = page.locator("#screen-voice").get_by_role("alert")
    await expect(alert).to_contain_text(await says(page, "not_fetched"))
    await finds_nothing(page)
    # Other screens know nothing of it, and it is told again on the way back.
    await page.click('#screens-nav a[data-screen="today"]')
    await expect(page.locator("#announcements")).to_be_visible()
    await page.click('#screens-nav a[data-screen="voice"]')
    await expect(alert).to_be_visible()
    monkeypatch.undo()
    await alert.get_by_role("button", name=await says(page, "broken_again")).click()
    await expect(page.locator("#screen-voice .voice-card").first).to_be_visible()
    await expect(alert).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_be_focused()


async def test_without_scripts_the_links_lead_to_the_screens(browser: Browser, catflap: FakeApi) -> None:
    context = await browser.new_context(java_script_enabled=False, locale="en")
    page = await context.new_page()
    await page.goto(catflap.url)
    await page.click('a[data-screen="voice"]')
    await page.wait_for_url(f"{catflap.url}/voice")
    await expect(page.locator("#screen-voice")).to_be_visible()
    await expect(page.locator("#screen-today")).to_be_hidden()
    await context.close()


async def test_a_wrong_address_is_a_kind_page_with_a_way_home(page: Page, catflap: FakeApi) -> None:
    await page.goto(f"{catflap.url}/lost")
    await expect(page.get_by_role("heading", level=1)).to_have_text(await says(page, "broken_404"))
    await finds_nothing(page)
    await page.get_by_role("link", name=await says(page, "broken_home")).click()
    await expect(page.locator("#screen-today")).to_be_visible()
