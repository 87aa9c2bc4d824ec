"""What the page tells about the time zone and about calendars in trouble, in the reader's language."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import FakeApi
from tests.web.visits import Visit, guarded

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_words"),
]
SOURCES = {
    "en": ("chosen by you", "from Google Calendar", "from this browser"),
    "ja": ("ご自身で選択", "Google カレンダーの設定", "このブラウザの設定"),
}


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    context = await browser.new_context(locale=request.param, timezone_id="Europe/Berlin")
    async with guarded(context) as opened:
        yield opened
    await context.close()


async def sources(page: Page) -> tuple[str, str, str]:
    return SOURCES[await page.locator("html").get_attribute("lang") or ""]


async def test_the_browsers_zone_counts_until_googles_is_known_and_a_choice_is_kept(
    page: Page, catflap: FakeApi
) -> None:
    catflap.preferences |= {"zone": "UTC", "zone_source": "default"}
    visit = Visit(page, catflap)
    await visit.open("/when")
    chosen, google, browser = await sources(page)
    note = page.locator("#zone-source")
    await expect(note).to_have_text(browser)
    assert catflap.preferences["zone"] == "Europe/Berlin"
    await expect(page.locator("#zone label:has(:checked)")).to_contain_text("Europe/Berlin")

    catflap.google_zone = "Asia/Tokyo"
    catflap.preferences |= {"zone": "Asia/Tokyo", "zone_source": "google"}
    await catflap.tell()
    await expect(note).to_have_text(google)
    await expect(page.locator("#zone label:has(:checked)")).to_contain_text("Asia/Tokyo")
    await expect(page.locator("#zone [value=auto]")).to_be_checked()

    await page.select_option("#tentative", "plain")
    await catflap.until(lambda catflap: catflap.preferences["tentative"] == "plain")
    assert catflap.preferences["zone_source"] == "google"
    await page.check("#zone [value=other]")
    await page.locator("#zone-city").fill("New York")
    await page.locator("#zone-city").press("Enter")
    await catflap.until(lambda catflap: catflap.preferences["zone"] == "America/New_York")
    await expect(note).to_have_text(chosen)
    assert catflap.preferences["zone_source"] == "user"
    await expect(page.locator("#zone label:has([value=auto])")).to_contain_text("Asia/Tokyo")
    await page.check("#zone [value=auto]")
    await expect(note).to_have_text(google)
    assert catflap.preferences["zone"] == "Asia/Tokyo"


async def test_a_zone_that_is_known_is_not_replaced_by_the_browsers(page: Page, catflap: FakeApi) -> None:
    catflap.preferences |= {"zone": "Asia/Tokyo", "zone_source": "google"}
    await Visit(page, catflap).open("/when")
    await expect(page.locator("#zone-source")).to_have_text((await sources(page))[1])
    assert catflap.preferences["zone"] == "Asia/Tokyo"
    assert "PUT /v1/preferences/browser-zone" not in catflap.asked


async def test_calendars_in_trouble_are_told_and_no_longer_when_it_is_over(
    page: Page, catflap: FakeApi
) -> None:
    hostile = "<b>Band</b>"
    catflap.problems = [
        {"kind": "account", "name": "anna@example.com", "code": "google_api_disabled"},
        {"kind": "failing", "name": hostile, "code": "google_quota_exceeded"},
        {"kind": "failing", "name": "Work", "code": "some_new_code"},
        {"kind": "gone", "name": "Club", "code": "not_allowed"},
        {"kind": "removed", "name": "Choir", "code": "not_listed"},
    ]
    visit = Visit(page, catflap)
    await visit.open()
    told = page.locator("#problems li")
    await expect(told).to_have_count(5)
    for place, name in enumerate(("anna@example.com", hostile, "Work", "Club", "Choir")):
        await expect(told.nth(place)).to_contain_text(name)
    assert await page.locator("#problems b").count() == 0
    assert "problem_" not in await page.locator("#problems").inner_text()
    assert "why_" not in await page.locator("#problems").inner_text()
    catflap.problems = []
    await visit.advance(timedelta(minutes=1))
    await expect(told).to_have_count(0)


async def test_what_is_held_is_listed_with_the_reason(page: Page, catflap: FakeApi) -> None:
    for name, reason in (("night", "quiet"), ("review", "meeting")):
        catflap.say(name, catflap.now() + timedelta(hours=1), name)
        catflap.held[name] = reason
    visit = Visit(page, catflap)
    await visit.open()
    language = await page.locator("html").get_attribute("lang")
    told = page.locator("#announcements .announcement.over .which")
    await expect(told).to_contain_text(
        ["quiet hours", "meeting"] if language == "en" else ["静かな時間", "会議中"]
    )
    await expect(page.locator("#announcements .first")).to_have_count(0)


async def test_the_page_has_one_heading_of_the_first_level(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    await expect(page.get_by_role("heading", level=1)).to_have_count(1)
