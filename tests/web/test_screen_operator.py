"""The screen of the operator: for operators only, charts that are tables too, always up to date."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import ALICE, FakeApi
from tests.web.visits import Visit, finds_nothing, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screens"),
]

SCREEN = "#screen-operator"
READ = f"{SCREEN}[data-at]"
NUMBERS = "GET /v1/operator/numbers"


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


async def opened(page: Page, catflap: FakeApi, at: str = "/operator") -> Visit:
    assert catflap.viewer is not None
    catflap.viewer = replace(catflap.viewer, is_operator=True)
    visit = Visit(page, catflap)
    await visit.open(at)
    return visit


async def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("busy", [False, True])
async def test_it_is_complete_on_a_phone(page: Page, catflap: FakeApi, busy: bool) -> None:
    catflap.is_busy = busy
    visit = await opened(page, catflap)
    await visit.sees(READ)
    await expect(page.get_by_role("heading", level=1)).to_have_text(await says(page, "screen_operator"))
    await expect(page.locator(f"{SCREEN} .chart-bars:visible")).to_have_count(5 if busy else 0)
    await expect(page.locator(f"{SCREEN} .entry")).to_have_count(8 if busy else 0)
    for opener in await page.locator(f"{SCREEN} summary:visible").all():
        await opener.click()
    assert await fits(page)
    await finds_nothing(page)


async def test_a_chart_says_what_it_shows_and_is_a_table_too(page: Page, catflap: FakeApi) -> None:
    catflap.is_busy = True
    visit = await opened(page, catflap)
    await visit.sees(READ)
    card = page.locator('[data-counts="token_refreshes"]')
    named = await card.get_by_role("img").last.get_attribute("aria-label") or ""
    assert await says(page, "outcome_unavailable") in named
    legend = " ".join(await card.locator(".legend").all_inner_texts())
    assert await says(page, "outcome_invalid_grant") in legend
    await card.locator("summary").click()
    await expect(card.locator("tbody tr")).to_have_count(96)
    # It stays open when new numbers come.
    at = await page.locator(SCREEN).get_attribute("data-at")
    await visit.advance(timedelta(seconds=16))
    await expect(page.locator(SCREEN)).not_to_have_attribute("data-at", at or "")
    await expect(card.locator("table")).to_be_visible()


async def test_webhooks_and_keys_are_said_in_plain_words(page: Page, catflap: FakeApi) -> None:
    catflap.is_busy = True
    await (await opened(page, catflap)).sees(READ)
    hooks = page.locator('[data-list="webhooks"]')
    told = await says(page, "hook_retries", attempts=3, failure="HTTP 503")
    await expect(hooks).to_contain_text(told)
    await expect(hooks).to_contain_text(await says(page, "hook_gone"))
    keys = page.locator('[data-list="keys"]')
    await expect(keys).to_contain_text("prometheus")
    await expect(keys).to_contain_text(await says(page, "key_unused"))
    await expect(keys).to_contain_text(await says(page, "key_revoked"))


async def test_another_range_is_one_tap_away(page: Page, catflap: FakeApi) -> None:
    catflap.is_busy = True
    visit = await opened(page, catflap)
    await visit.sees(READ)
    week = page.get_by_role("button", name=await says(page, "operator_week"))
    await week.click()
    await expect(week).to_have_attribute("aria-pressed", "true")
    bars = page.locator('[data-counts="renders"] .chart-bars')
    await expect(bars).to_have_attribute("viewBox", "0 0 84 100")
    await finds_nothing(page)


async def test_it_asks_only_while_it_is_shown(page: Page, catflap: FakeApi) -> None:
    visit = await opened(page, catflap, "/")
    await visit.advance(timedelta(seconds=16))
    assert catflap.asked.count(NUMBERS) == 0
    await page.get_by_role("link", name=await says(page, "screen_operator")).click()
    await visit.sees(READ)
    await visit.advance(timedelta(seconds=16))
    await catflap.until(lambda catflap: catflap.asked.count(NUMBERS) == 2)
    await page.get_by_role("link", name=await says(page, "screen_today"), exact=True).click()
    await expect(page.locator(SCREEN)).to_be_hidden()
    await visit.advance(timedelta(seconds=16))
    assert catflap.asked.count(NUMBERS) == 2


async def test_what_can_not_be_read_is_said_and_asked_for_again(page: Page, catflap: FakeApi) -> None:
    catflap.is_busy = True
    visit = await opened(page, catflap)
    await visit.sees(READ)
    catflap.ailing = True
    await visit.advance(timedelta(seconds=16))
    note = page.locator("#operator-note")
    await expect(note).to_have_text(await says(page, "operator_away"))
    await expect(page.locator(f"{SCREEN} .chart-bars")).to_have_count(5)
    await finds_nothing(page)
    catflap.ailing = False
    await visit.advance(timedelta(seconds=16))
    await expect(note).not_to_have_text(await says(page, "operator_away"))


async def test_nothing_stays_when_the_session_has_ended(page: Page, catflap: FakeApi) -> None:
    catflap.is_busy = True
    visit = await opened(page, catflap)
    await visit.sees(READ)
    await catflap.end_session()
    await visit.advance(timedelta(seconds=16))
    await expect(page.locator("text=prometheus")).to_have_count(0)


async def test_others_have_neither_the_screen_nor_a_link(page: Page, catflap: FakeApi) -> None:
    catflap.viewer = ALICE
    await Visit(page, catflap).open()
    await expect(page.locator('[data-screen="operator"]')).to_have_count(0)
    await expect(page.locator(SCREEN)).to_have_count(0)
    answer = await page.goto(f"{catflap.url}/operator")
    assert answer is not None
    assert answer.status == 403
    assert NUMBERS not in catflap.asked
