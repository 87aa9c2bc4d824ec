"""The screen "Today": the drawn day, what comes next, what was said, and what to do when there is nothing."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import FakeApi
from tests.support.fake_today import appointment, fill_day
from tests.web.visits import NOON, Visit, block, box, finds_nothing, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screen_today"),
]
MIDNIGHT = NOON - timedelta(hours=12)
MINUTE = timedelta(minutes=1)
HOSTILE = "<img src=x onerror=alert(1)> & <b>tea</b>"


async def test_the_day_is_drawn_at_its_times_and_scrolled_to_now(phone: Page, catflap: FakeApi) -> None:
    fill_day(catflap, MIDNIGHT)
    await Visit(phone, catflap).open()
    await expect(block(phone, "Stand-up")).to_be_visible()
    review, meeting = await box(block(phone, "Design review")), await box(block(phone, "設計会議"))
    lunch, line = await box(block(phone, "お昼ごはん")), await box(phone.locator(".now-line"))
    assert lunch["y"] < line["y"] < lunch["y"] + lunch["height"]
    hour = lunch["height"] + 2
    assert review["y"] - lunch["y"] == pytest.approx(2.5 * hour, abs=1)
    assert meeting["y"] - review["y"] == pytest.approx(hour / 2, abs=1)
    assert review["x"] + review["width"] <= meeting["x"]
    short = await box(block(phone, "Stand-up"))
    assert short["height"] >= 44
    area = await box(phone.locator("#line"))
    assert area["height"] <= 740
    assert area["y"] < line["y"] < area["y"] + area["height"]
    await expect(phone.locator("#appointments .from-before")).to_contain_text("Night train")
    await expect(phone.locator("#appointments .to-after")).to_contain_text("Film night")
    await expect(phone.locator("#all-day")).to_contain_text("Grandma's birthday")
    assert await phone.evaluate("document.documentElement.scrollWidth") <= 360


async def test_axe_finds_nothing_in_the_drawing_the_list_and_what_opens(
    phone: Page, catflap: FakeApi
) -> None:
    fill_day(catflap, MIDNIGHT)
    await Visit(phone, catflap).open()
    await expect(block(phone, "Stand-up")).to_be_visible()
    await finds_nothing(phone)
    await block(phone, "設計会議").click()
    await expect(phone.locator(".detail:visible")).to_contain_text("Room 3")
    await finds_nothing(phone)
    await phone.click("#as-list")
    await expect(phone.locator("#announcements .announcement").first).to_be_visible()
    await finds_nothing(phone)
    await phone.emulate_media(color_scheme="dark")
    await finds_nothing(phone)


async def test_each_reason_for_an_empty_day_has_its_own_words(phone: Page, catflap: FakeApi) -> None:
    visit = Visit(phone, catflap)
    await visit.open()
    hint = phone.locator("#nothing")
    await expect(phone.locator("#appointments")).to_have_text(await says(phone, "today_free"))
    make = hint.get_by_role("link", name=await says(phone, "make_one"))
    await expect(make).to_have_attribute("href", "https://calendar.google.com/calendar/r/eventedit")
    await expect(make).to_have_attribute("rel", "noreferrer")
    await finds_nothing(phone)
    catflap.calendars = 0
    await catflap.tell()
    await expect(phone.locator("#appointments")).to_have_text(await says(phone, "today_none_selected"))
    await expect(hint.get_by_role("link", name=await says(phone, "choose_calendars"))).to_be_visible()
    await expect(make).to_be_hidden()
    catflap.problems = [{"kind": "account", "name": "a@example.com", "code": "google_unavailable"}]
    await catflap.tell()
    await expect(phone.locator("#appointments")).to_have_text(await says(phone, "today_unread"))
    await expect(hint).to_contain_text(await says(phone, "unread_hint"))
    await finds_nothing(phone)
    catflap.problems = []
    catflap.appointments = [appointment("Holiday", MIDNIGHT, 24 * 60, all_day=True)]
    await catflap.tell()
    await expect(phone.locator("#appointments")).to_have_text(await says(phone, "today_all_day"))
    await expect(hint).to_be_hidden()


async def test_a_day_without_calendars_leads_to_where_they_are_chosen(phone: Page, catflap: FakeApi) -> None:
    await Visit(phone, catflap).open()
    for calendars, link in ((1, "which_calendars"), (0, "choose_calendars")):
        catflap.calendars = calendars
        await catflap.tell()
        await phone.locator("#nothing").get_by_role("link", name=await says(phone, link)).click()
        title = phone.get_by_role("heading", name=await says(phone, "calendars"), exact=True)
        await expect(title).to_be_focused()
        await expect(title).to_be_in_viewport()
        await phone.go_back()


async def test_what_was_said_tells_whether_it_was_heard_and_is_said_again(
    phone: Page, catflap: FakeApi
) -> None:
    fill_day(catflap, MIDNIGHT)
    await Visit(phone, catflap).open()
    rows = phone.locator(".earlier .said")
    await expect(rows.locator(".what")).to_have_text(
        ["お昼やで。", "Stand-up in 10 minutes!", "Good morning!"]
    )
    await expect(rows.nth(0).locator(".what")).to_have_attribute("lang", "ja")
    heard, offline = await says(phone, "heard"), await says(phone, "unheard_offline")
    muted = await says(phone, "unheard", why=await says(phone, "unheard_muted"))
    await expect(rows.nth(0).locator(".outcome")).to_have_text(
        [f"Browser: {heard}", f"Kitchen: {await says(phone, 'unheard', why=offline)}"]
    )
    await expect(rows.nth(1).locator(".outcome")).to_have_text(f"Browser: {muted}")
    await rows.nth(2).get_by_role("button").click()
    await catflap.until(lambda catflap: catflap.reactions == [("repeat", "briefing", None)])
    await expect(phone.locator(".earlier-card [role=status]")).to_have_text(await says(phone, "did_repeat"))
    await expect(rows.nth(2).get_by_role("button")).to_be_focused()


async def test_one_tap_hushes_her_and_one_lets_her_speak(phone: Page, catflap: FakeApi) -> None:
    catflap.say("a", NOON + MINUTE, "ほな、行こか。", dialect="kansai")
    await Visit(phone, catflap).open()
    await expect(phone.locator("#next-words .what")).to_have_text("ほな、行こか。")
    await expect(phone.locator("#next-words .what")).to_have_attribute("lang", "ja")
    await expect(phone.locator("#next-words .dialect")).to_contain_text("関西弁")
    await phone.click("#hush button[value=always]")
    await expect(phone.locator("#muted-note")).to_have_text(await says(phone, "muted"))
    await finds_nothing(phone)
    await phone.click("#let-speak")
    await expect(phone.locator("#let-speak")).to_be_hidden()
    await expect(phone.locator("#hush")).to_be_visible()
    assert catflap.mutes == ["always", None]


async def test_nothing_was_said_yet(phone: Page, catflap: FakeApi) -> None:
    await Visit(phone, catflap).open()
    await expect(phone.locator(".earlier")).to_have_text(await says(phone, "earlier_none"))


async def test_a_place_and_a_call_open_at_the_appointment_as_text(page: Page, catflap: FakeApi) -> None:
    link = "https://meet.example.com/x?y=<b>"
    catflap.appointments = [
        appointment(HOSTILE, NOON, 60, place=HOSTILE, conference_link=link, organizer=HOSTILE),
        appointment("Next to it", NOON, 60, attendees=3),
    ]
    await Visit(page, catflap).open()
    opener = page.locator("#appointments .block").first
    await opener.focus()
    await page.keyboard.press("Enter")
    detail = page.locator(".detail:visible")
    await expect(detail).to_contain_text(f"invited by {HOSTILE}")
    await expect(detail.locator(".detail-place")).to_have_text(HOSTILE)
    join = detail.get_by_role("link", name="Join the video call")
    await expect(join).to_have_attribute("href", link)
    await expect(join).to_have_attribute("rel", "noreferrer")
    await page.keyboard.press("Tab")
    await expect(join).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(detail).to_have_count(0)
    await expect(opener).to_be_focused()
    assert await page.locator("#screen-today :is(img, b)").count() == 0


async def test_a_change_appears_in_the_drawing_and_the_list_and_keeps_the_focus(
    page: Page, catflap: FakeApi
) -> None:
    catflap.appointments = [
        appointment("Lunch", NOON, 60),
        appointment("Dentist", NOON + 4 * 60 * MINUTE, 30),
    ]
    visit = Visit(page, catflap)
    await visit.open()
    await block(page, "Dentist").focus()
    before = await box(block(page, "Lunch"))
    catflap.appointments = [
        appointment("Lunch", NOON + 120 * MINUTE, 60),
        appointment("Tea", NOON + 180 * MINUTE, 30),
        appointment("Dentist", NOON + 4 * 60 * MINUTE, 30),
    ]
    await visit.advance(MINUTE)
    await expect(block(page, "Tea")).to_be_visible()
    assert (await box(block(page, "Lunch")))["y"] - before["y"] > 100
    await expect(block(page, "Dentist")).to_be_focused()
    await expect(page.locator("#appointments .what")).to_have_text(["Lunch", "Tea", "Dentist"])


async def test_the_now_line_moves_and_what_is_over_is_marked(page: Page, catflap: FakeApi) -> None:
    catflap.appointments = [appointment("Nap", NOON - 10 * MINUTE, 10.5), appointment("Tea", NOON, 60)]
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#appointments .going-on .what")).to_have_text(["Napnow", "Teanow"])
    line = page.locator(".now-line")
    before = await box(line)
    await visit.advance(45 * timedelta(seconds=1))
    await expect(page.locator("#appointments .past .what")).to_have_text("Nap")
    assert (await box(line))["y"] - before["y"] == pytest.approx(0.9, abs=0.3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_title_is_readable_in_a_calendar_of_any_colour(
    browser: Browser, catflap: FakeApi, scheme: str
) -> None:
    colours = ["#000000", "#ffffff", "#ff0000", "#00ff00", "#0000ff", "#ffff00", "#9fe1e7", "#808080"]
    catflap.appointments = [
        appointment(one, NOON + n * 60 * MINUTE, 60, color=one) for n, one in enumerate(colours)
    ]
    async with on_a_phone(browser, "en") as phone:
        await phone.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await Visit(phone, catflap).open()
        await expect(phone.locator("#appointments .block")).to_have_count(len(colours))
        pairs = await phone.locator("#appointments .block").evaluate_all(PIXELS)
    for colour, (ink, paper) in zip(colours, pairs, strict=True):
        lighter, darker = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, colour


# Of each block the colour of its text and of what is behind it.
PIXELS = """blocks => blocks.map((block) => {
  const context = document.createElement("canvas").getContext("2d");
  const style = getComputedStyle(block);
  return [style.color, style.backgroundColor].map((colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  });
})"""


def luminance(colour: list[int]) -> float:
    """Relative luminance of WCAG 2."""
    parts = [one / 255 for one in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
