"""The reading dictionary on the page, by keyboard and in both languages."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import FakeApi
from tests.web.visits import Visit, focus, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_words"),
]


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


async def test_a_word_is_taught_and_forgotten_by_keyboard(page: Page, catflap: FakeApi) -> None:
    catflap.readings = {"SRE": "es are ee"}
    await Visit(page, catflap).open("/voice")
    section = page.locator("#words")
    await expect(section.locator("li")).to_have_count(1)

    await focus(page.get_by_role("textbox", name=await says(page, "reading_word")))
    await page.keyboard.type("小鳥遊")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("textbox", name=await says(page, "reading_said"))).to_be_focused()
    await page.keyboard.type("たかなし")
    await page.keyboard.press("Enter")
    await catflap.until(lambda catflap: catflap.readings == {"SRE": "es are ee", "小鳥遊": "たかなし"})
    await expect(section.get_by_role("status")).to_have_text(await says(page, "reading_learnt"))
    await expect(section.locator("li").nth(1)).to_contain_text("たかなし")
    await expect(page.locator("#reading-word")).to_be_focused()
    await expect(page.locator("#reading-word")).to_have_value("")

    await page.get_by_role("button", name=await says(page, "reading_forget_word", word="SRE")).focus()
    await page.keyboard.press("Enter")
    await catflap.until(lambda catflap: catflap.readings == {"小鳥遊": "たかなし"})
    last = page.get_by_role("button", name=await says(page, "reading_forget_word", word="小鳥遊"))
    await expect(last).to_be_focused()
    await page.keyboard.press("Enter")
    await catflap.until(lambda catflap: catflap.readings == {})
    await expect(page.locator("#reading-word")).to_be_focused()
    await expect(section.get_by_role("status")).to_have_text(await says(page, "reading_forgotten"))


async def test_a_word_is_heard_here(page: Page, catflap: FakeApi) -> None:
    catflap.readings, catflap.said = {"小鳥遊": "たかなし"}, []
    await Visit(page, catflap).open("/voice")
    await page.get_by_role("button", name=await says(page, "reading_hear_word", word="小鳥遊")).click()
    await catflap.until(lambda catflap: bool(catflap.said))
    assert catflap.said == [("小鳥遊", max(catflap.devices.values()))]
    status = page.locator("#words").get_by_role("status")
    await expect(status).to_have_text(await says(page, "reading_listen"))


async def test_what_can_not_be_said_stays_in_the_form_with_a_kind_word(page: Page, catflap: FakeApi) -> None:
    catflap.readings = {}
    await Visit(page, catflap).open("/voice")
    status = page.locator("#words").get_by_role("status")
    await page.fill("#reading-word", "{titles}")
    await page.fill("#reading-said", "x")
    await page.locator("#words").get_by_role("button").click()
    await expect(status).to_have_text(await says(page, "reading_refused"))
    await expect(page.locator("#reading-word")).to_have_value("{titles}")

    catflap.ailing = True
    await page.fill("#reading-word", "SRE")
    await page.locator("#words").get_by_role("button").click()
    await expect(status).to_have_text(await says(page, "not_saved"))
    catflap.ailing = False
    assert catflap.readings == {}


async def test_long_words_fit_into_a_small_screen_as_text(page: Page, catflap: FakeApi) -> None:
    catflap.readings = {"<b>" + "W" * 57: "w" * 120, "小鳥遊": "たかなし"}
    await Visit(page, catflap).open("/voice")
    await expect(page.locator("#words li")).to_have_count(2)
    await expect(page.locator("#words li b")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
