"""Devices on the page: paired by a code after a look at what asks, tried and removed, in both languages."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import FakeApi
from tests.web.visits import Visit, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_words"),
]

ROBOT = {"model": "ESP32", "address": "192.0.2.7", "is_same_network": True, "seconds_ago": 12}


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


async def test_a_device_is_looked_at_and_claimed_by_keyboard(page: Page, catflap: FakeApi) -> None:
    catflap.codes = {"WDJB-MJHT": ROBOT}
    await Visit(page, catflap).open("/devices")
    section = page.locator("#devices")
    await page.get_by_role("textbox", name=await says(page, "device_code")).focus()
    await page.keyboard.type("WDJB-MJHT")
    await page.keyboard.press("Enter")
    await expect(section.locator(".found")).to_contain_text("ESP32")
    await expect(section.locator(".found")).to_contain_text(await says(page, "device_from_here"))
    name = page.get_by_role("textbox", name=await says(page, "device_name"))
    await expect(name).to_be_focused()
    await expect(name).to_have_accessible_description(await section.locator(".found").inner_text())
    await page.keyboard.type("Mia")
    await page.keyboard.press("Tab")
    await page.keyboard.type("台所")
    await page.keyboard.press("Enter")
    await catflap.until(lambda catflap: bool(catflap.paired))
    assert [(one["name"], one["room"]) for one in catflap.paired] == [("Mia", "台所")]
    await expect(section.locator("li").last).to_contain_text("台所")
    await expect(section.locator(".saved")).to_have_text(await says(page, "device_paired"))
    await expect(section.locator(".found")).to_be_hidden()
    await expect(page.locator("#device-code")).to_be_focused()
    await expect(page.locator("#device-code")).to_have_value("")


async def test_a_device_of_another_network_is_not_taken_for_ones_own(page: Page, catflap: FakeApi) -> None:
    catflap.codes = {"WDJB-MJHT": {**ROBOT, "is_same_network": False}}
    await Visit(page, catflap).open("/devices")
    section = page.locator("#devices")
    await page.locator("#device-code").fill("WDJB-MJHT")
    await page.get_by_role("button", name=await says(page, "device_look")).click()
    await expect(section.locator(".found")).to_contain_text("192.0.2.7")
    await page.get_by_role("button", name=await says(page, "device_not_mine"), exact=True).click()
    await expect(section.locator(".found")).to_be_hidden()
    assert catflap.paired == []


async def test_a_wrong_code_is_said_kindly(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open("/devices")
    await page.locator("#device-code").fill("XXXX-XXXX")
    await page.get_by_role("button", name=await says(page, "device_look")).click()
    await expect(page.locator("#devices .saved")).to_have_text(await says(page, "device_not_found"))
    await expect(page.locator("#device-code")).to_have_value("XXXX-XXXX")


async def test_a_device_is_tried_and_removed(page: Page, catflap: FakeApi) -> None:
    catflap.paired, catflap.said = [{"id": 70, "name": "Mia", "room": "Kitchen"}], []
    await Visit(page, catflap).open("/devices")
    section = page.locator("#devices")
    row = section.locator("li").last
    await expect(row).to_contain_text("Kitchen")
    await row.get_by_role("button", name=await says(page, "device_test")).click()
    hello = await says(page, "device_hello")
    await catflap.until(lambda catflap: catflap.said == [(hello, 70)])
    await row.get_by_role("button", name=await says(page, "device_remove")).click()
    await catflap.until(lambda catflap: catflap.paired == [])
    await expect(section.locator(".saved")).to_have_text(await says(page, "device_removed"))
    await expect(section).not_to_contain_text("Kitchen")


async def test_a_button_keeps_the_focus_when_the_device_goes_offline(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [{"id": 70, "name": "Mia", "room": "Kitchen"}]
    visit = Visit(page, catflap)
    await visit.open("/devices")
    row = page.locator("#devices li").last
    button = row.get_by_role("button", name=await says(page, "device_remove"))
    await button.focus()
    catflap.paired = [{"id": 70, "name": "Mia", "room": "Kitchen", "online": False}]
    await visit.advance(timedelta(seconds=31))
    await expect(row).to_contain_text(await says(page, "device_offline"))
    await expect(button).to_be_focused()


async def test_of_several_browsers_this_one_is_told_from_the_others(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [{"id": 70, "name": "Browser"}]
    visit = Visit(page, catflap)
    await visit.open("/devices")
    await visit.advance(timedelta(seconds=31))
    rows = page.locator("#devices li")
    await expect(rows.filter(has_text=await says(page, "device_this"))).to_have_count(1)
    await expect(rows.last).not_to_contain_text(await says(page, "device_this"))
