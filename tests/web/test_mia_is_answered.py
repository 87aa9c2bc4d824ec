"""What people choose and answer on the page: preferences, a mute of all devices, again and later."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import FakeApi
from tests.web.visits import NOON, SHOWS, SOON, SPEAKS, Visit, hold, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("mia_is_answered"),
]


ONE_O_CLOCK = """
new Intl.DateTimeFormat(navigator.language, { hour: "numeric", minute: "2-digit", timeZone: "UTC" })
  .format(Date.UTC(2026, 10, 24, 13))
"""


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


async def press(page: Page, key: str) -> None:
    await page.get_by_role("button", name=await says(page, key), exact=True).click()


async def heard(page: Page, catflap: FakeApi) -> Visit:
    """Visit the page until Mia has said something."""
    catflap.say("lunch", SOON, "Ahoy! “Lunch” at 12:20.")
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#reactions")).to_be_hidden()
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SPEAKS)
    await expect(page.locator("#reactions")).to_be_visible()
    await catflap.until(lambda catflap: bool(catflap.acks))
    return visit


async def test_what_is_said_and_when_is_chosen_with_the_rest_untouched(page: Page, catflap: FakeApi) -> None:
    catflap.preferences |= {"countdown_minutes": [5, 3], "event_types": ["focusTime"], "says_moved": False}
    before = dict(catflap.preferences)
    await Visit(page, catflap).open("/when")
    await expect(page.locator("#countdown [aria-pressed=true]")).to_have_count(2)
    for control, value in {
        "#reminders-from": "google",
        "#repeat": "3",
        "#in-meetings": "silent",
        "#tentative": "skip",
    }.items():
        await page.select_option(control, value)
    await page.locator("#evening-on").check()
    await page.locator("#evening").fill("21:30")
    await page.locator("#briefing").fill("06:45")
    await page.get_by_label(await says(page, "says_cancelled")).check()
    chosen = before | {
        "reminders_from": "google",
        "repeat_minutes": 3,
        "in_meetings": "silent",
        "tentative": "skip",
        "evening_at": "21:30",
        "briefing_at": "06:45",
        "says_cancelled": True,
    }
    await catflap.until(lambda catflap: catflap.preferences == chosen)
    await expect(page.locator("#special .saved")).to_have_text(await says(page, "saved"))
    await page.locator("#countdown [value='5']").click()
    await page.locator("#countdown [value='3']").click()
    await page.select_option("#repeat", "")
    await page.locator("#evening").fill("")
    gone = {"countdown_minutes": [], "repeat_minutes": None, "evening_at": None}
    await catflap.until(lambda catflap: catflap.preferences == chosen | gone)


async def test_a_choice_stays_while_the_one_before_it_is_saved(page: Page, catflap: FakeApi) -> None:
    before = dict(catflap.preferences)
    reached, goes_on = await hold(page, "**/v1/preferences", "PUT")
    await Visit(page, catflap).open("/when")
    await page.select_option("#repeat", "3")
    await reached.wait()
    await page.locator("#evening-on").check()
    goes_on.set()
    chosen = before | {"repeat_minutes": 3, "evening_at": "21:00"}
    await catflap.until(lambda catflap: catflap.preferences["repeat_minutes"] == 3)
    await expect(page.locator("#evening-on")).to_be_checked()
    await catflap.until(lambda catflap: catflap.preferences == chosen)


async def test_quiet_hours_are_saved_when_both_ends_are_there(page: Page, catflap: FakeApi) -> None:
    catflap.preferences |= {"quiet_from": "22:00", "quiet_until": "07:00"}
    await Visit(page, catflap).open("/when")
    begin, end = (page.locator(f"input[name={name}]") for name in ("quiet_from", "quiet_until"))
    await begin.fill("")
    await expect(page.locator("#quiet .saved")).to_have_text(await says(page, "quiet_half"))
    assert catflap.preferences["quiet_from"] == "22:00"
    await begin.fill("23:00")
    await catflap.until(lambda catflap: catflap.preferences["quiet_from"] == "23:00")
    await expect(page.locator("#quiet .saved")).to_have_text(await says(page, "saved"))
    await end.fill("")
    await expect(page.locator("#quiet .saved")).to_have_text(await says(page, "quiet_half"))
    await begin.fill("")
    await catflap.until(lambda catflap: catflap.preferences["quiet_from"] is None)


@pytest.mark.parametrize("lasts", ["hour", "tomorrow", "always"])
async def test_one_tap_mutes_all_devices_and_another_ends_it(
    page: Page, catflap: FakeApi, lasts: str
) -> None:
    catflap.say("lunch", SOON, "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    await press(page, f"hush_{lasts}")
    await expect(page.locator("#hush")).to_be_hidden()
    assert catflap.mutes == [lasts]
    until = await page.evaluate(ONE_O_CLOCK)
    note = await says(page, "muted") if lasts == "always" else await says(page, "muted_until", time=until)
    await expect(page.locator("#muted-note")).to_have_text(note)
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SHOWS)
    assert await visit.started() == []
    await page.click("#mute")
    await catflap.until(lambda catflap: catflap.mutes[-1] is None)
    await expect(page.locator("#hush")).to_be_visible()
    await expect(page.locator("#muted-note")).to_have_text("")


async def test_what_she_said_is_said_again(page: Page, catflap: FakeApi) -> None:
    visit = await heard(page, catflap)
    await press(page, "say_again")
    await catflap.until(lambda catflap: catflap.reactions == [("repeat", "lunch", None)])
    await expect(page.locator("#reaction")).to_have_text(await says(page, "did_repeat"))
    await visit.sees(SPEAKS)
    await catflap.until(lambda catflap: len(catflap.acks) == 2)
    assert len(await visit.started()) == 2


async def test_what_she_said_is_snoozed_and_acknowledged(page: Page, catflap: FakeApi) -> None:
    await heard(page, catflap)
    await press(page, "snooze")
    await catflap.until(lambda catflap: catflap.reactions == [("snooze", "lunch", 5)])
    await expect(page.locator("#reaction")).to_contain_text("12:05")
    await press(page, "got_it")
    await catflap.until(lambda catflap: catflap.reactions[-1] == ("acknowledge", "lunch", None))
    await expect(page.locator("#reaction")).to_have_text(await says(page, "did_acknowledge"))


async def test_a_reaction_that_fails_is_told(page: Page, catflap: FakeApi) -> None:
    await heard(page, catflap)
    catflap.ailing = True
    await press(page, "snooze")
    await expect(page.locator("#reaction")).to_have_text(await says(page, "not_done"))


async def test_after_half_an_hour_nothing_was_said_last_and_after_a_reload_it_is_known(
    page: Page, catflap: FakeApi
) -> None:
    catflap.say("lunch", NOON - timedelta(minutes=20), "Ahoy!")
    catflap.acks.append({"announcement": "lunch", "state": "played"})
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#reactions")).to_be_visible()
    await visit.sleep(timedelta(minutes=11))
    await expect(page.locator("#reactions")).to_be_hidden()
