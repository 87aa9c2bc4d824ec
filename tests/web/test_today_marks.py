"""The marks of the time line on the screen "Today": buttons that open what Mia says at their time."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import FakeApi
from tests.support.fake_today import appointment, fill_day
from tests.web.visits import NOON, Visit, block, box, finds_nothing, guarded, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("today_marks"),
]
MIDNIGHT = NOON - timedelta(hours=12)
MINUTE = timedelta(minutes=1)


async def test_a_mark_says_what_she_says_then_and_what_became_of_it(page: Page, catflap: FakeApi) -> None:
    fill_day(catflap, MIDNIGHT)
    await Visit(page, catflap).open()
    marks = page.locator(".marks .mark")
    await expect(marks).to_have_count(5)
    states = await marks.evaluate_all("marks => marks.map((mark) => mark.dataset.state)")
    assert states == ["played", "held", "missed", "ready", "held"]
    await expect(marks.nth(3).locator(".mark-count")).to_have_text("2")
    await marks.nth(3).click()
    told = page.locator(".mark-detail:visible")
    await expect(told.locator(".what")).to_have_text(
        ["Ahoy! Design review in 10 minutes!", "Design review, now!"]
    )
    await page.locator("#day-title").click()
    await expect(told).to_be_hidden()


async def test_a_mark_is_a_button_named_by_its_times_and_words(phone: Page, catflap: FakeApi) -> None:
    fill_day(catflap, MIDNIGHT)
    await Visit(phone, catflap).open()
    marks = phone.get_by_role("list", name=await says(phone, "will_say")).locator(".mark")
    held, ready = await says(phone, "held_quiet"), await says(phone, "state_ready")
    times = await phone.locator("#announcements .when").all_text_contents()
    await expect(marks.last).to_have_role("button")
    await expect(marks.last).to_have_accessible_name(f"{times[-1]} Film night! · {held}")
    await expect(marks.nth(3)).to_have_accessible_name(
        f"{times[-3]} Ahoy! Design review in 10 minutes! · {ready} {times[-2]} Design review, now! · {ready}"
    )
    await expect(marks.nth(2).locator("[lang]")).to_have_attribute("lang", "ja")


async def test_a_mark_opens_while_it_has_the_focus_and_escape_closes_it(
    phone: Page, catflap: FakeApi
) -> None:
    fill_day(catflap, MIDNIGHT)
    visit = Visit(phone, catflap)
    await visit.open()
    marks, told = phone.locator(".marks .mark"), phone.locator(".mark-detail:visible")
    await expect(marks).to_have_count(5)
    await phone.locator("#line").focus()
    await phone.keyboard.press("Tab")
    await expect(marks.first).to_be_focused()
    await expect(told.locator(".what")).to_have_text("Good morning!")
    await expect(told.locator(".which")).to_contain_text(await says(phone, "state_played"))
    assert (await box(told.locator(".which")))["width"] > 40
    await expect(marks.first).to_have_attribute("aria-expanded", "true")
    await finds_nothing(phone)
    await phone.keyboard.press("Tab")
    await expect(told.locator(".what")).to_have_text("Stand-up in 10 minutes!")
    await expect(told).to_be_in_viewport()
    await phone.keyboard.press("Escape")
    await expect(told).to_have_count(0)
    await expect(marks.nth(1)).to_be_focused()
    # What is drawn anew leaves both as they were.
    catflap.appointments = catflap.appointments[:-1]
    await visit.advance(MINUTE)
    await expect(block(phone, "Film night")).to_have_count(0)
    await expect(marks.nth(1)).to_be_focused()
    await expect(told).to_have_count(0)
    await phone.keyboard.press("Enter")
    await expect(told.locator(".what")).to_have_text("Stand-up in 10 minutes!")
    await phone.keyboard.press("Shift+Tab")
    await phone.keyboard.press("Shift+Tab")
    await expect(phone.locator("#line")).to_be_focused()
    await expect(told).to_have_count(0)


async def test_a_tap_opens_a_mark_within_a_small_screen_and_the_next_closes_it(
    browser: Browser, catflap: FakeApi
) -> None:
    fill_day(catflap, MIDNIGHT)
    context = await browser.new_context(
        locale="en", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    async with guarded(context) as phone:
        visit = Visit(phone, catflap)
        await visit.open()
        mark, told = phone.locator(".marks .mark").nth(2), phone.locator(".mark-detail:visible")
        await mark.tap()
        await expect(told.locator(".what")).to_have_text("お昼やで。")
        bubble = await box(told)
        assert bubble["x"] >= 0
        assert bubble["x"] + bubble["width"] <= 360
        assert (await box(told.locator(".what")))["width"] > 0.8 * bubble["width"]
        # Its words can be pointed at and chosen without it closing.
        await told.locator(".what").tap()
        await expect(told).to_be_visible()
        # Nor when the day is drawn anew.
        catflap.appointments = catflap.appointments[:-1]
        await visit.advance(MINUTE)
        await expect(block(phone, "Film night")).to_have_count(0)
        await expect(told).to_be_visible()
        await mark.tap()
        await expect(told).to_have_count(0)
    await context.close()


async def test_the_time_at_the_now_line_hides_no_mark(phone: Page, catflap: FakeApi) -> None:
    catflap.appointments = [appointment("Tea", NOON, 60)]
    catflap.say("tea", NOON, "Tea, now!")
    await Visit(phone, catflap).open()
    # The widest time of a day.
    width = await phone.locator(".now-line").evaluate("""line => {
      line.dataset.time = line.dataset.time.replace(/\\d+:\\d\\d/, "20:00");
      const { width, paddingLeft, paddingRight } = getComputedStyle(line, "::before");
      return [width, paddingLeft, paddingRight].map(parseFloat).reduce((all, one) => all + one);
    }""")
    line, mark = await box(phone.locator(".now-line")), await box(phone.locator(".marks .mark"))
    assert line["x"] + width <= mark["x"] + 2
