"""The screen "When" in a real browser: each choice is saved and heard at once, in both languages."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.fake_state import FakeApi
from tests.support.fake_when import calendar
from tests.web.visits import Visit, finds_nothing, focus, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screen_when"),
]
SOON = timedelta(milliseconds=300)
FAILING = {
    "code": "google_unavailable",
    "message": "",
    "since": "2026-11-24T11:00:00Z",
    "retry_at": None,
}


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


async def opened(page: Page, catflap: FakeApi, **preferences: Any) -> Visit:
    catflap.preferences |= {"zone": "Europe/Berlin", "zone_source": "google", **preferences}
    catflap.google_zone = "Europe/Berlin"
    visit = Visit(page, catflap)
    await visit.open("/when")
    await catflap.until(lambda catflap: bool(catflap.previewed))
    await expect(page.locator("#quiet-on")).to_be_enabled()
    return visit


async def saved(catflap: FakeApi, **changes: Any) -> None:
    await catflap.until(
        lambda catflap: all(catflap.preferences[name] == value for name, value in changes.items())
    )


def switch(page: Page, id: str) -> Locator:
    return page.locator(f"#{id}-on")


async def test_the_screen_has_nothing_for_axe_folded_unfolded_and_with_all_there_is(
    page: Page, catflap: FakeApi
) -> None:
    catflap.own_calendars = [
        calendar(1, "Alice", "#9fe1e7", primary=True, reminder_minutes=[30]),
        calendar(2, "Choir", "#7bd148", state="failing", problem=FAILING),
        calendar(3, "Holidays", "#fad165", selected=False, state="not_selected"),
    ]
    places = [{"name": "Station Street", "minutes": 25}]
    await opened(page, catflap, quiet_from="22:00", quiet_until="07:00", places=places, evening_at="21:00")
    await expect(page.locator(".calendar")).to_have_count(3)
    await expect(page.locator(".calendar .notice")).to_contain_text("Choir")
    await page.locator(".calendar-more summary").first.click()
    await finds_nothing(page)
    await page.locator(".tomorrow-strip").click()
    await expect(page.locator(".sound-row").first).to_be_visible()
    await finds_nothing(page)
    # Nothing is wider than the screen.
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_lead_times_are_chips_for_the_usual_ones_and_a_field_for_any_other(
    page: Page, catflap: FakeApi
) -> None:
    await opened(page, catflap, reminder_minutes=[10])
    leads = page.locator("#leads")
    await leads.locator("button[value='0']").click()
    await saved(catflap, reminder_minutes=[10, 0])
    await expect(leads.locator("button[value='0']")).to_be_focused()
    await leads.locator("input").fill("90")
    await leads.locator("input").press("Enter")
    await saved(catflap, reminder_minutes=[90, 10, 0])
    await leads.locator("button[value='10']").click()
    await saved(catflap, reminder_minutes=[90, 0])
    await leads.locator("input").fill("99999")
    await leads.locator(".other button").click()
    await expect(leads.locator("[role=status]")).to_have_text(
        await says(page, "when_range", least=0, most=40320)
    )
    for minutes in (5, 15, 30):
        await leads.locator(f"button[value='{minutes}']").click()
    await leads.locator("button[value='60']").click()
    await expect(leads.locator("[role=status]")).to_have_text(await says(page, "when_five"))
    await saved(catflap, reminder_minutes=[90, 30, 15, 5, 0])
    await page.select_option("#reminders-from", "google")
    await saved(catflap, reminders_from="google")
    await expect(leads).to_be_hidden()


async def test_each_time_of_the_day_is_switched_on_and_off(page: Page, catflap: FakeApi) -> None:
    await opened(page, catflap)
    await switch(page, "briefing").uncheck()
    await saved(catflap, briefing_at=None)
    await expect(page.locator("#briefing")).to_be_hidden()
    await switch(page, "evening").check()
    await saved(catflap, evening_at="21:00")
    await page.locator("#evening").fill("20:15")
    await saved(catflap, evening_at="20:15")
    await page.locator("#whole-day").fill("10:00")
    await saved(catflap, all_day_at="10:00")


async def test_quiet_hours_are_set_on_the_clock_by_keys_and_the_times_follow(
    page: Page, catflap: FakeApi
) -> None:
    visit = await opened(page, catflap)
    await expect(page.locator("[role=slider]").first).to_be_hidden()
    await page.locator("#quiet-on").check()
    await saved(catflap, quiet_from="22:00", quiet_until="07:00")
    begin = page.get_by_role("slider", name=await says(page, "quiet_from"))
    await focus(begin)
    await begin.press("PageUp")
    await saved(catflap, quiet_from="23:00")
    await begin.press("ArrowRight")
    await expect(page.locator("#quiet-from")).to_have_value("23:05")
    await expect(begin).to_have_attribute("aria-valuenow", str(23 * 60 + 5))
    assert "23" in (await begin.get_attribute("aria-valuetext") or "") or "11" in (
        await begin.get_attribute("aria-valuetext") or ""
    )
    # Past midnight it begins anew.
    await begin.press("PageUp")
    await saved(catflap, quiet_from="00:05")
    await page.locator("#quiet-until").fill("06:30")
    await saved(catflap, quiet_until="06:30")
    end = page.get_by_role("slider", name=await says(page, "quiet_until"))
    await expect(end).to_have_attribute("aria-valuenow", "390")
    await visit.advance(SOON)
    await page.locator("#quiet-on").uncheck()
    await saved(catflap, quiet_from=None, quiet_until=None)


async def test_a_handle_is_dragged_and_what_is_said_follows_before_it_is_let_go(
    page: Page, catflap: FakeApi
) -> None:
    visit = await opened(page, catflap, quiet_from="22:00", quiet_until="07:00")
    face = page.locator("svg.face")
    await face.scroll_into_view_if_needed()
    box = await face.bounding_box()
    assert box
    x, y, radius = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] * 88 / 240
    handle = await page.get_by_role("slider").nth(1).bounding_box()
    assert handle
    await page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(x, y + radius, steps=4)
    await expect(page.locator("#quiet-until")).to_have_value("12:00")
    await visit.advance(SOON)
    drafted = {"quiet_from": "22:00:00", "quiet_until": "12:00:00"}
    await catflap.until(lambda catflap: catflap.previewed[-1].get("preferences") == drafted)
    assert catflap.preferences["quiet_until"] == "07:00"
    await page.mouse.up()
    await saved(catflap, quiet_until="12:00")


async def test_what_tomorrow_would_sound_like_follows_each_change_and_is_told_in_a_sentence(
    page: Page, catflap: FakeApi
) -> None:
    visit = await opened(page, catflap)
    told, rows = page.locator(".tomorrow-told"), page.locator(".sound-row")
    await page.locator(".tomorrow-strip").click()
    before = await rows.count()
    await expect(told).to_have_text(await says(page, "tomorrow_count", count=before))
    await expect(page.locator(".tomorrow-about")).to_have_text(await says(page, "tomorrow_sample"))
    await page.locator("#quiet-on").check()
    await visit.advance(SOON)
    held = page.locator(".sound-row.held.fresh")
    await expect(held.first).to_contain_text(await says(page, "held_quiet"))
    await expect(told).to_have_text(
        await says(page, "tomorrow_some_quiet", count=before, quiet=await held.count())
    )
    await switch(page, "briefing").uncheck()
    await visit.advance(SOON)
    await expect(rows).to_have_count(before)
    await catflap.until(lambda catflap: catflap.preferences["briefing_at"] is None)


async def test_one_is_heard_at_a_time(page: Page, catflap: FakeApi) -> None:
    visit = await opened(page, catflap)
    await page.locator(".tomorrow-strip").click()
    text = await page.locator(".sound-text").nth(1).text_content()
    await page.locator(".hear").nth(1).click()
    await page.locator(".hear").nth(0).click()
    await catflap.until(lambda catflap: bool(catflap.said))
    assert [said for said, _ in catflap.said] == [text]
    await visit.advance(timedelta(seconds=20))
    await page.locator(".hear").nth(0).click()
    await catflap.until(lambda catflap: len(catflap.said) == 2)


async def test_what_cannot_be_saved_goes_back_and_is_explained(page: Page, catflap: FakeApi) -> None:
    await opened(page, catflap)
    catflap.ailing = True
    await page.select_option("#in-meetings", "silent")
    await expect(page.locator("#special .saved")).to_have_text(await says(page, "not_saved"))
    await expect(page.locator("#in-meetings")).to_have_value("reminders")
    await page.route("**/v1/preferences", lambda route: route.abort())
    await page.locator("[name=says_moved]").click()
    await expect(page.locator("#special .saved")).to_have_text(await says(page, "not_saved_offline"))
    await expect(page.locator("[name=says_moved]")).to_be_checked()


async def test_special_things_places_and_the_quiet_word(page: Page, catflap: FakeApi) -> None:
    await opened(page, catflap)
    for value in ("focusTime", "workingLocation"):
        await page.locator(f"#special [value={value}]").check()
    await saved(catflap, event_types=["focusTime", "workingLocation"])
    await page.locator("[name=says_private_titles]").check()
    await page.locator("[name=says_cancelled]").check()
    await saved(catflap, says_private_titles=True, says_cancelled=True)
    await page.locator("#quiet-word").fill("至急")
    await page.locator("#quiet-word").press("Tab")
    await saved(catflap, quiet_word="至急")
    await page.locator("#place-name").fill("<b>Gym</b>")
    await page.locator("#place-minutes").fill("0")
    await page.locator("#place-add").click()
    await expect(page.locator("#places .saved")).to_have_text(
        await says(page, "when_range", least=1, most=1440)
    )
    await page.locator("#place-minutes").fill("20")
    await page.locator("#place-minutes").press("Enter")
    await saved(catflap, places=[{"name": "<b>Gym</b>", "minutes": 20}])
    await expect(page.locator(".place .what")).to_have_text("<b>Gym</b>")
    await page.locator(".place button").click()
    await saved(catflap, places=[])


async def test_calendars_are_chosen_one_by_one_and_previewed_at_once(page: Page, catflap: FakeApi) -> None:
    catflap.own_calendars = [calendar(1, "Alice", "#9fe1e7"), calendar(2, "Choir", "#7bd148")]
    visit = await opened(page, catflap)
    choir = page.locator(".calendar").nth(1)
    await choir.get_by_label(await says(page, "calendar_on", name="Choir")).uncheck()
    await catflap.until(lambda catflap: not catflap.own_calendars[1]["selected"])
    await expect(choir.locator("details")).to_have_count(0)
    alice = page.locator(".calendar").nth(0)
    await alice.locator("summary").click()
    await alice.get_by_label(await says(page, "calendar_own")).check()
    await catflap.until(lambda catflap: catflap.own_calendars[0]["reminder_minutes"] == [10])
    await alice.locator("button[value='30']").click()
    await catflap.until(lambda catflap: catflap.own_calendars[0]["reminder_minutes"] == [30, 10])
    await alice.get_by_label(await says(page, "calendar_titles")).uncheck()
    await catflap.until(lambda catflap: not catflap.own_calendars[0]["says_titles"])
    await visit.advance(SOON)
    await expect(page.locator("#calendars .saved")).to_have_text(await says(page, "saved"))


async def test_a_control_with_the_focus_is_never_under_the_strip(page: Page, catflap: FakeApi) -> None:
    await opened(page, catflap)
    await page.locator(".tomorrow-strip").click()
    await focus(page.locator("#repeat"))
    for _ in range(25):
        await page.keyboard.press("Tab")
        covered = await page.evaluate(
            """() => {
              const focused = document.activeElement, strip = document.querySelector(".tomorrow");
              if (!focused.closest("#when-form")) return false;
              const [one, other] = [focused.getBoundingClientRect(), strip.getBoundingClientRect()];
              return one.bottom > other.top + 1 && one.top < other.bottom;
            }"""
        )
        assert not covered, await page.evaluate("document.activeElement.outerHTML")


async def test_nothing_is_left_when_the_session_has_ended(page: Page, catflap: FakeApi) -> None:
    visit = await opened(page, catflap, quiet_word="secret")
    await expect(page.locator(".sound-row")).not_to_have_count(0)
    await catflap.end_session()
    await visit.advance(SOON)
    await expect(page.locator(".sound-row")).to_have_count(0)
    await expect(page.locator("#quiet-word")).to_have_count(0)


async def test_a_zone_is_found_by_the_name_of_a_city(page: Page, catflap: FakeApi) -> None:
    await opened(page, catflap)
    await expect(page.locator("#zone label:has(:checked)")).to_contain_text("Europe/Berlin")
    await page.check("#zone [value=other]")
    city = page.locator("#zone-city")
    await expect(city).to_be_focused()
    await city.press_sequentially("Mün")
    await expect(page.locator("#zone-cities option")).to_have_attribute("value", "München (Europe/Berlin)")
    for typed, zone in {
        "大阪": "Asia/Tokyo",
        "san francisco": "America/Los_Angeles",
        "Paris (Europe/Paris)": "Europe/Paris",
        "europe/london": "Europe/London",
    }.items():
        await city.fill(typed)
        await city.press("Enter")
        await saved(catflap, zone=zone, zone_source="user")
    await city.fill("Atlantis")
    await city.press("Enter")
    await expect(page.locator("#zone .saved")).to_have_text(await says(page, "zone_unknown"))
    await page.check("#zone [value=auto]")
    await saved(catflap, zone="Europe/Berlin", zone_source="google")
