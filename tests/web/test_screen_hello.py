"""The first minute: three steps, each of which may be skipped, by keyboard too; it does not come back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from catflap.errors import TryAgain
from tests.support.fake_state import ALICE, FakeApi
from tests.support.fake_when import calendar
from tests.web.visits import NOON, SOON, SPEAKS, Visit, finds_nothing, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screens"),
]
NEW = replace(ALICE, introduced=False)


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def catflap(catflap: FakeApi) -> FakeApi:
    """The fake API with two calendars, for somebody who is new."""
    catflap.viewer = NEW
    catflap.own_calendars = [
        calendar(1, "Alice", "#9fe1e7", primary=True),
        calendar(2, "Holidays <b>", "#fad165", selected=False),
    ]
    return catflap


async def step(page: Page, name: str) -> None:
    await expect(page.locator(".hello-step:visible h2")).to_have_text(await says(page, f"hello_{name}"))
    await expect(page.locator('.hello-way [aria-current="step"]')).to_have_text(
        await says(page, f"hello_step_{name}")
    )


async def test_the_three_steps_are_gone_through_by_keyboard_and_end_at_today(
    page: Page, catflap: FakeApi
) -> None:
    visit = Visit(page, catflap)
    await visit.open()
    assert page.url == f"{catflap.url}/hello"
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await step(page, "calendars")
    await expect(page.get_by_role("checkbox", name="Alice")).to_be_checked()
    await finds_nothing(page)
    await page.get_by_role("checkbox", name="Holidays <b>").focus()
    await page.keyboard.press("Space")
    await catflap.until(lambda catflap: catflap.own_calendars[1]["selected"])
    await page.get_by_role("button", name=await says(page, "hello_next")).focus()
    await page.keyboard.press("Enter")
    await step(page, "voice")
    await expect(page.locator("#hello-voice")).to_be_focused()
    await expect(page.locator("#screen-hello .voice-card").first).to_be_visible()
    await finds_nothing(page)
    await page.get_by_role("button", name=await says(page, "hello_next")).click()
    await step(page, "sound")
    await page.get_by_text(await says(page, "hello_silent"), exact=True).click()
    await finds_nothing(page)
    await page.get_by_role("button", name=await says(page, "hello_say"), exact=True).click()
    await catflap.until(lambda catflap: bool(catflap.said))
    assert catflap.said[0][0] == await says(page, "device_hello")
    assert catflap.introductions == 0
    await page.get_by_role("link", name=await says(page, "hello_done")).click()
    await catflap.until(lambda catflap: catflap.introductions == 1)
    await expect(page.locator("#screen-today")).to_be_visible()


async def test_a_voice_is_heard_and_chosen(page: Page, catflap: FakeApi) -> None:
    visit = Visit(page, catflap)
    await visit.open()
    await page.get_by_role("button", name=await says(page, "hello_next")).click()
    card = page.locator("#screen-hello .voice-card").last
    await card.get_by_role("button").click()
    await catflap.until(lambda catflap: bool(catflap.samples))
    name = await card.get_by_role("radio").get_attribute("value")
    assert catflap.samples[0].dialect == name
    await card.get_by_role("radio").check()
    language = await page.locator("html").get_attribute("lang")
    await catflap.until(lambda catflap: catflap.preferences[f"dialect_{language}"] == name)


async def test_a_voice_that_can_not_be_heard_or_kept_says_so(page: Page, catflap: FakeApi) -> None:
    # One that is offered no more.
    catflap.preferences |= {"dialect_ja": "manx", "dialect_en": "manx"}
    await Visit(page, catflap).open()
    await page.get_by_role("button", name=await says(page, "hello_next")).click()
    catflap.no_sample = TryAgain("voice_unavailable", "Try again.")
    card = page.locator("#screen-hello .voice-card").last
    await card.get_by_role("button").click()
    told = page.locator("#screen-hello .hello-step:visible .saved")
    await expect(told).to_have_text(await says(page, "hear_failed"))
    catflap.ailing = True
    await card.get_by_role("radio").click()
    await expect(told).to_have_text(await says(page, "not_saved"))
    # What is shown is what is stored.
    await expect(card.get_by_role("radio")).not_to_be_checked()


async def test_what_is_pressed_keeps_the_focus(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    box = page.get_by_role("checkbox", name="Holidays")
    await box.focus()
    await page.keyboard.press("Space")
    told = page.locator("#screen-hello .hello-step:visible .saved")
    await expect(told).to_have_text(await says(page, "saved"))
    await expect(box).to_be_focused()
    for _ in range(2):
        await page.get_by_role("button", name=await says(page, "hello_next")).click()
    say = page.get_by_role("button", name=await says(page, "hello_say"), exact=True)
    await say.focus()
    await page.keyboard.press("Enter")
    await catflap.until(lambda catflap: len(catflap.said) == 1)
    await expect(say).not_to_have_attribute("aria-disabled", "true")
    await expect(say).to_be_focused()


async def test_all_can_be_skipped_at_once_and_by_leaving(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    await page.get_by_role("link", name=await says(page, "hello_skip")).click()
    await catflap.until(lambda catflap: catflap.introductions == 1)
    await expect(page.locator("#screen-today")).to_be_visible()
    await page.get_by_role("link", name=await says(page, "hello_again")).click()
    await step(page, "calendars")
    await page.get_by_role("link", name=await says(page, "screen_when")).click()
    await catflap.until(lambda catflap: catflap.introductions == 2)


async def test_the_ways_back_go_through_the_steps(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    following = page.get_by_role("button", name=await says(page, "hello_next"))
    await following.click()
    await following.click()
    await step(page, "sound")
    await page.get_by_role("button", name=await says(page, "hello_back"), exact=True).click()
    await step(page, "voice")
    await page.go_back()
    await step(page, "sound")
    await page.go_back()
    await step(page, "voice")
    assert catflap.introductions == 0


async def test_calendars_appear_as_they_are_found(page: Page, catflap: FakeApi) -> None:
    found, catflap.own_calendars = catflap.own_calendars, []
    visit = Visit(page, catflap)
    await visit.open()
    waiting = await says(page, "hello_calendars_wait")
    await expect(page.get_by_text(waiting)).to_be_visible()
    await finds_nothing(page)
    catflap.own_calendars = found
    await visit.sees(".hello-calendar")
    await expect(page.get_by_text(waiting)).to_have_count(0)


async def test_the_note_that_asks_to_listen_is_gone_once_she_speaks(page: Page, catflap: FakeApi) -> None:
    catflap.say("hello", SOON, "Hello?")
    visit = Visit(page, catflap)
    await visit.open()
    for _ in range(2):
        await page.get_by_role("button", name=await says(page, "hello_next")).click()
    await page.get_by_role("button", name=await says(page, "hello_say"), exact=True).click()
    note = page.get_by_text(await says(page, "hello_listen"))
    await expect(note).to_be_visible()
    await visit.advance(SOON - NOON)
    await visit.sees(SPEAKS)
    await expect(note).to_have_count(0)


async def test_without_the_calendar_there_is_a_way_to_allow_it(page: Page, catflap: FakeApi) -> None:
    catflap.viewer = replace(NEW, missing_scopes=("calendar",))
    await page.goto(f"{catflap.url}/hello")
    allow = page.locator("#screen-hello").get_by_role("link", name=await says(page, "allow_calendar"))
    assert "/signin/google?scopes=calendar" in (await allow.get_attribute("href") or "")
    await finds_nothing(page)


async def test_who_knows_her_begins_with_today(page: Page, catflap: FakeApi) -> None:
    catflap.viewer = ALICE
    await Visit(page, catflap).open()
    await expect(page.locator("#screen-today")).to_be_visible()
    await expect(page.locator("#screen-hello")).to_be_hidden()
    assert catflap.introductions == 0


async def test_a_session_that_ends_leaves_no_calendar_on_the_screen(page: Page, catflap: FakeApi) -> None:
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.get_by_role("checkbox", name="Alice")).to_be_visible()
    await catflap.end_session()
    await visit.advance(timedelta(seconds=11))
    await expect(page.get_by_text("Alice")).to_have_count(0)


async def test_without_scripts_nothing_of_it_appears_but_why(browser: Browser, catflap: FakeApi) -> None:
    context = await browser.new_context(java_script_enabled=False, locale="en")
    page = await context.new_page()
    await page.goto(catflap.url)
    await expect(page.locator("#screen-hello")).to_be_hidden()
    await page.goto(f"{catflap.url}/hello")
    await expect(page.get_by_text("Mia shows you round with JavaScript")).to_be_visible()
    await expect(page.locator("#screen-hello button:visible")).to_have_count(0)
    await context.close()
