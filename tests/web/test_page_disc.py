"""The page shows the minutes that are left as a disc, and plays no sound that is torn or another."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from tests.support.fake_state import FakeApi
from tests.web.visits import NOON, Visit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("mia_speaks"),
]


async def test_the_disc_shrinks_in_the_last_hour(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", NOON + timedelta(minutes=60, seconds=10), "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    disc = page.locator("#disc")
    await expect(disc).to_be_hidden()
    await visit.advance(timedelta(seconds=10))
    await expect(disc).to_be_visible()
    await expect(disc).to_have_attribute("data-minutes", "60.0")
    await visit.advance(timedelta(seconds=30))
    await expect(disc).to_have_attribute("data-minutes", "59.5")
    catflap.announcements.clear()
    catflap.say("b", NOON + timedelta(minutes=15, seconds=40), "Ahoy!")
    await catflap.tell()
    await expect(disc).to_have_attribute("data-minutes", "15.0")


async def test_without_an_announcement_there_is_no_disc(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    await expect(page.locator("#disc")).to_be_hidden()


@pytest.mark.parametrize("broken", ["torn", "swapped"])
async def test_a_sound_that_is_not_what_the_schedule_says_is_fetched_again(
    page: Page, catflap: FakeApi, broken: str
) -> None:
    catflap.say("a", NOON + timedelta(seconds=30), "Ahoy!")
    whole = catflap.sounds["a"]
    catflap.sounds["a"] = whole[:-100] if broken == "torn" else whole[:-2] + b"\1\1"
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=28))
    await visit.waits(lambda catflap: catflap.asked.count("GET /sounds/a.wav") >= 2)
    assert await visit.started() == []
    catflap.sounds["a"] = whole
    await visit.sees('html[data-started="1"]')
