"""The screen "Devices": paired by a code or a link after a look at what asks, heard or missed, removed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from catflap.clock import rfc3339
from tests.support.fake_devices import INVITATION
from tests.support.fake_state import ALICE, FakeApi
from tests.web.visits import NOON, Visit, finds_nothing, focus, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screen_devices"),
]

ROBOT = {"model": "ESP32", "address": "192.0.2.7", "is_same_network": True, "seconds_ago": 12}
MIA = {"id": 70, "name": "Mia", "room": "Kitchen", "model": "ESP32"}
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


def card(page: Page, id: int = 70) -> Locator:
    return page.locator(f'.device-card[data-device="{id}"]')


def found(page: Page) -> Locator:
    return page.locator("#device-found")


def play(minutes_ago: int, state: str, **more: Any) -> dict[str, Any]:
    at = rfc3339(NOON - minutes_ago * MINUTE)
    return {"play_at": at, "state": state, "reason": None, "late_seconds": None, **more}


async def test_a_device_is_looked_at_and_claimed_by_keyboard(page: Page, catflap: FakeApi) -> None:
    catflap.codes = {"WDJB-MJHT": ROBOT}
    visit = Visit(page, catflap)
    await visit.open("/devices")
    section = page.locator("#device-pair")
    await focus(page.get_by_role("textbox", name=await says(page, "device_code")))
    await page.keyboard.type("WDJB-MJHT")
    await page.keyboard.press("Enter")
    await expect(found(page)).to_contain_text("ESP32")
    await expect(found(page)).to_contain_text(await says(page, "device_from_here"))
    await expect(section.locator(".found-warning")).to_be_hidden()
    name = page.get_by_role("textbox", name=await says(page, "device_name"))
    await expect(name).to_be_focused()
    await expect(name).to_have_accessible_description(await found(page).inner_text())
    await finds_nothing(page)
    await page.keyboard.type("Mia")
    await page.keyboard.press("Tab")
    await page.keyboard.type("台所")
    await page.keyboard.press("Enter")
    await catflap.until(lambda catflap: bool(catflap.paired))
    assert [(one["name"], one["room"]) for one in catflap.paired] == [("Mia", "台所")]
    await expect(card(page, catflap.paired[0]["id"])).to_contain_text("台所")
    toast = page.locator("#screen-devices .toast")
    await expect(toast).to_have_text(await says(page, "device_paired"))
    await expect(found(page)).to_be_hidden()
    await expect(page.locator("#device-code")).to_be_focused()
    await expect(page.locator("#device-code")).to_have_value("")
    await visit.advance(timedelta(seconds=8))
    await expect(toast).to_have_text("")
    await expect(section.locator(".saved")).to_have_text("")


async def test_a_code_in_full_width_is_a_code(page: Page, catflap: FakeApi) -> None:
    catflap.codes = {"482913": ROBOT}
    await Visit(page, catflap).open("/devices")
    await page.locator("#device-code").fill("482913 ")
    await page.keyboard.press("Enter")
    await expect(found(page)).to_contain_text("ESP32")


async def test_a_device_of_another_network_is_not_taken_for_ones_own(page: Page, catflap: FakeApi) -> None:
    catflap.codes = {"WDJB-MJHT": {**ROBOT, "is_same_network": False}}
    await Visit(page, catflap).open("/devices")
    await page.locator("#device-code").fill("WDJB-MJHT")
    await page.get_by_role("button", name=await says(page, "device_look")).click()
    await expect(found(page)).to_contain_text("192.0.2.7")
    await expect(page.locator(".found-warning")).to_be_visible()
    await finds_nothing(page)
    await page.get_by_role("button", name=await says(page, "device_not_mine"), exact=True).click()
    await expect(found(page)).to_be_hidden()
    assert catflap.paired == []


async def test_a_wrong_code_is_said_kindly(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open("/devices")
    await page.locator("#device-code").fill("XXXX-XXXX")
    await page.get_by_role("button", name=await says(page, "device_look")).click()
    await expect(page.locator("#device-pair .saved")).to_have_text(await says(page, "device_not_found"))
    await expect(page.locator("#device-code")).to_have_value("XXXX-XXXX")


async def test_a_link_shows_what_asks_and_claims_nothing_by_itself(page: Page, catflap: FakeApi) -> None:
    catflap.codes = {"WDJB-MJHT": ROBOT}
    await Visit(page, catflap).open("/devices#code=WDJB-MJHT")
    await expect(found(page)).to_contain_text("ESP32")
    await expect(page.locator("#device-code")).to_have_value("WDJB-MJHT")
    assert await page.evaluate("location.href") == f"{catflap.url}/devices"
    assert catflap.paired == []
    # It is used up: neither a reload nor another screen brings it back.
    await page.reload()
    await expect(page.locator("#device-code")).to_be_enabled()
    await expect(page.locator("#device-code")).to_have_value("")
    await page.evaluate("location.hash = 'code=WDJB-MJHT'")
    await expect(found(page)).to_contain_text("ESP32")


@pytest.mark.parametrize("minutes", [5, 11])
async def test_a_link_is_kept_over_a_signin_for_ten_minutes(
    page: Page, catflap: FakeApi, minutes: int
) -> None:
    catflap.codes, catflap.viewer = {"WDJB-MJHT": ROBOT}, None
    await page.clock.install(time=NOON - minutes * MINUTE)
    await page.goto(f"{catflap.url}/devices#code=WDJB-MJHT")
    await expect(page).to_have_url(f"{catflap.url}/devices")
    assert "WDJB" not in " ".join(catflap.asked) + await page.evaluate("location.href")
    catflap.viewer = ALICE
    await Visit(page, catflap).open()
    if minutes < 10:
        await expect(found(page)).to_contain_text("ESP32")
        assert await page.evaluate("location.pathname") == "/devices"
    else:
        await expect(page.locator("#screen-today")).to_be_visible()
        await expect(page.locator("#screen-devices")).to_be_hidden()


async def test_an_invitation_is_accepted_with_what_is_to_be_said(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open(f"/devices#invitation={INVITATION}")
    await expect(page.locator("#invitation-what")).to_be_visible()
    await finds_nothing(page)
    await page.get_by_role("checkbox", name=await says(page, "member_says_titles")).check()
    await page.get_by_role("button", name=await says(page, "invitation_accept")).click()
    await expect(card(page, 80)).to_contain_text(await says(page, "device_shared"))
    assert catflap.members[80] == [{"is_owner": False, "says_name": True, "says_titles": True}]
    note = page.locator("#device-pair .saved")
    await expect(page.locator(".toast")).to_have_text(await says(page, "device_invitation_accepted"))
    await page.locator("#device-code").fill("invitation-that-is-over-by-now")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name=await says(page, "invitation_accept")).click()
    await expect(note).to_have_text(await says(page, "device_invitation_over"))


async def test_what_was_heard_and_missed_is_drawn_and_said(page: Page, catflap: FakeApi) -> None:
    held = play(30, "held", reason="meeting")
    late = play(10, "played", late_seconds=3.2)
    catflap.paired = [MIA]
    catflap.plays = {70: [play(40, "missed", reason="offline"), held, play(20, "played"), late]}
    await Visit(page, catflap).open("/devices")
    summary = card(page).locator(".device-plays")
    counts = {"played": 2, "missed": 1, "held": 1}
    said = [await says(page, f"device_plays_{state}", count=count) for state, count in counts.items()]
    await expect(summary).to_have_text((await says(page, "device_plays_and")).join(said))
    cells = summary.locator(".cell")
    assert [await one.get_attribute("class") for one in await cells.all()] == [
        "cell missed",
        "cell held",
        "cell played",
        "cell played",
    ]
    await card(page).locator("summary").click()
    last, *_, first = await card(page).locator(".plays li").all()
    await expect(last).to_contain_text(await says(page, "device_play_late", seconds=3))
    await expect(first).to_contain_text(await says(page, "device_play_offline"))
    await finds_nothing(page)


async def test_a_device_is_tried_and_removed(page: Page, catflap: FakeApi) -> None:
    catflap.paired, catflap.said = [MIA], []
    await Visit(page, catflap).open("/devices")
    await expect(card(page)).to_contain_text("Kitchen")
    await card(page).get_by_role("button", name=await says(page, "device_test")).click()
    hello = await says(page, "device_hello")
    await catflap.until(lambda catflap: catflap.said == [(hello, 70)])
    await card(page).locator("summary").click()
    remove = card(page).get_by_role("button", name=await says(page, "device_remove"), exact=False)
    await remove.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(await says(page, "device_remove_why"))
    await finds_nothing(page)
    await dialog.get_by_role("button", name=await says(page, "device_keep")).click()
    assert catflap.paired == [MIA]
    await remove.click()
    await dialog.get_by_role("button", name=await says(page, "device_remove")).click()
    await expect(card(page)).to_have_count(0)
    assert catflap.paired == []
    await expect(page.locator(".toast")).to_have_text(await says(page, "device_removed"))


async def test_a_button_keeps_the_focus_when_the_device_goes_offline(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [MIA]
    visit = Visit(page, catflap)
    await visit.open("/devices")
    button = card(page).get_by_role("button", name=await says(page, "device_test"))
    await button.focus()
    catflap.paired = [{**MIA, "online": False, "last_seen_at": rfc3339(NOON - MINUTE)}]
    await visit.advance(timedelta(seconds=31))
    away = (await says(page, "device_away_since", time="#")).partition("#")
    await expect(card(page)).to_contain_text(away[0].strip() or away[2].strip())
    await expect(card(page).locator(".dot.online")).to_have_count(0)
    await expect(button).to_be_focused()


async def test_of_several_browsers_this_one_is_told_from_the_others_at_once(
    page: Page, catflap: FakeApi
) -> None:
    catflap.paired = [{"id": 70, "name": "Browser"}]
    await Visit(page, catflap).open("/devices")
    cards = page.locator(".device-card")
    await expect(cards).to_have_count(2)
    await expect(cards.filter(has_text=await says(page, "device_this"))).to_have_count(1)
    await expect(card(page)).not_to_contain_text(await says(page, "device_this"))


async def test_with_the_session_all_devices_leave_the_page(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [MIA]
    visit = Visit(page, catflap)
    await visit.open("/devices")
    await expect(card(page)).to_be_visible()
    async with page.expect_navigation():
        await catflap.end_session()
        await visit.advance(timedelta(seconds=11))
    await expect(page.locator(".device-card")).to_have_count(0)
