"""What the page says after it could not: a computer that slept, or was without a network."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from tests.support.fake_state import FakeApi
from tests.web.visits import AWAKE, NOON, SOON, SPEAKS, Visit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_wakes"),
]


async def wake(page: Page, catflap: FakeApi, kind: str, slept: timedelta) -> Visit:
    """Close the lid before something is due, and open it again."""
    catflap.say("a", SOON, "Ahoy! Lunch in ten minutes.")["kind"] = kind
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#say-next")).to_be_enabled()
    await visit.sleep(slept)
    return visit


async def test_ten_minutes_are_not_said_seven_minutes_late(page: Page, catflap: FakeApi) -> None:
    visit = await wake(page, catflap, "before", timedelta(minutes=7))
    await visit.advance(timedelta(seconds=5))
    await catflap.until(lambda catflap: bool(catflap.acks))
    assert (catflap.acks[0]["announcement"], catflap.acks[0]["state"]) == ("a", "missed")
    assert await visit.started() == []
    soon = NOON + timedelta(minutes=7, seconds=8)
    catflap.say("late", soon, "Ahoy! Lunch in three minutes.")["kind"] = "late"
    await catflap.tell()
    await visit.sees(SPEAKS)
    await expect(page.locator("#bubble-text")).to_have_text("Ahoy! Lunch in three minutes.")


async def test_what_is_a_minute_late_is_said(page: Page, catflap: FakeApi) -> None:
    visit = await wake(page, catflap, "before", timedelta(seconds=90))
    await visit.sees(SPEAKS)


async def test_a_briefing_is_said_as_long_as_it_is_in_the_schedule(page: Page, catflap: FakeApi) -> None:
    visit = await wake(page, catflap, "briefing", timedelta(minutes=7))
    await visit.sees(SPEAKS)


async def test_what_was_said_without_a_network_is_told_before_the_device_is_back(
    page: Page, catflap: FakeApi
) -> None:
    """So that the server doesn't take it for missed, and says it again."""
    catflap.say("a", SOON, "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    await page.click("#say-next")
    await visit.sees(SPEAKS)  # so the sound has come
    await page.wait_for_selector(AWAKE)
    await page.context.set_offline(True)
    await catflap.hang_up()
    await expect(page.locator("#offline")).to_be_visible()
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SPEAKS)
    await page.wait_for_selector(AWAKE)
    before, streams = len(catflap.asked), catflap.streams
    await page.context.set_offline(False)
    await visit.advance(timedelta(seconds=30))
    await catflap.until(lambda catflap: catflap.streams > streams)
    told = [one for one in catflap.asked[before:] if "/v1/device/" in one]
    assert told[0] == "POST /v1/device/acks"
    assert "GET /v1/device/schedule" in told
