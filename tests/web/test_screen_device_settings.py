"""A device on the screen "Devices": name, volume, mute, quiet hours, format, key, members, speakers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.fake_devices import INVITATION
from tests.support.fake_state import FakeApi
from tests.web.visits import Visit, finds_nothing, focus, hold, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screen_devices"),
]

MIA = {"id": 70, "name": "Mia", "room": "Kitchen", "model": "ESP32"}
BOB = {"user_id": 9, "name": "Bob", "is_owner": False, "says_name": True, "says_titles": False}
SPEAKER = {
    "entity": "media_player.bath",
    "name": "Bath",
    "room": "",
    "resumes": False,
    "available": True,
    "device": None,
    "at_rest": False,
    "rest_entity": None,
    "volume": None,
}


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


def card(page: Page, id: int = 70) -> Locator:
    return page.locator(f'.device-card[data-device="{id}"]')


async def press(page: Page, place: Locator, key: str) -> None:
    await place.get_by_role("button", name=await says(page, key)).first.click()


async def until(catflap: FakeApi, **changed: Any) -> None:
    """Wait until the paired device has been changed."""
    await catflap.until(lambda catflap: catflap.paired[0].items() >= changed.items())


async def test_a_device_is_renamed_in_its_place(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [dict(MIA)]
    await Visit(page, catflap).open("/devices")
    await press(page, card(page), "device_rename")
    name = card(page).get_by_role("textbox", name=await says(page, "device_name"))
    await expect(name).to_be_focused()
    await finds_nothing(page)
    await name.fill("Tama <b>")
    await card(page).get_by_role("textbox", name=await says(page, "device_room")).fill("寝室")
    await page.keyboard.press("Enter")
    await until(catflap, name="Tama <b>", room="寝室")
    await expect(card(page).locator("h2")).to_have_text("Tama <b>")
    rename = card(page).get_by_role("button", name=await says(page, "device_rename"))
    await expect(rename).to_be_focused()
    await rename.click()
    await page.keyboard.press("Escape")
    await expect(name).to_have_count(0)


async def test_volume_and_mute_are_of_this_device_only(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [dict(MIA)]
    await Visit(page, catflap).open("/devices")
    await focus(card(page).get_by_role("slider", name=await says(page, "volume")))
    await page.keyboard.press("ArrowRight")
    await until(catflap, volume=65)
    await press(page, card(page), "device_mute_hour")
    await catflap.until(lambda catflap: catflap.paired[0].get("muted_until") is not None)
    assert catflap.paired[0]["muted_until"].startswith("2026-11-24T13:00:0")
    unmute = card(page).get_by_role("button", name=await says(page, "device_unmute"))
    await expect(unmute).to_be_focused()
    await finds_nothing(page)
    await unmute.click()
    await until(catflap, muted_until=None)
    assert (catflap.volume, catflap.muted_until) == (60, None)


async def test_quiet_hours_are_set_and_ended(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [dict(MIA)]
    await Visit(page, catflap).open("/devices")
    await card(page).locator("summary").click()
    times = card(page).locator('input[type="time"]')
    begin, end = times.nth(0), times.nth(1)
    await begin.fill("22:00")
    await end.fill("07:00")
    await end.press("Enter")
    await expect(page.locator(".toast")).to_have_text(await says(page, "saved"))
    hours = catflap.paired[0]["quiet_hours"]
    assert (hours["begin"][:5], hours["end"][:5]) == ("22:00", "07:00")
    await finds_nothing(page)
    await press(page, card(page), "device_quiet_none")
    await until(catflap, quiet_hours=None)
    await expect(begin).to_have_value("")


async def test_the_format_of_sounds_is_chosen_among_what_there_is(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [{**MIA, "audio": {"format": "mp3", "rate": 44100}}]
    await Visit(page, catflap).open("/devices")
    await card(page).locator("summary").click()
    codec = card(page).get_by_label(await says(page, "device_audio"), exact=True)
    await expect(codec).to_have_value("mp3")
    await codec.select_option("opus")
    # Opus has no 44100 Hz.
    await until(catflap, audio={"format": "opus", "rate": 24000})
    await expect(card(page).locator('option[value="44100"]')).to_be_disabled()


async def test_the_key_of_this_browser_is_changed_and_it_speaks_on(page: Page, catflap: FakeApi) -> None:
    visit = Visit(page, catflap)
    await visit.open("/devices")
    (before,) = catflap.devices
    await page.locator(".device-card summary").click()
    await press(page, page.locator(".device-card"), "device_key_change")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(await says(page, "device_key_means"))
    await dialog.get_by_role("button", name=await says(page, "device_key_change")).click()
    await expect(page.locator(".toast")).to_have_text(await says(page, "device_key_changed"))
    assert before not in catflap.devices and len(catflap.devices) == 1
    heartbeats, streams = catflap.heartbeats, catflap.streams
    await catflap.hang_up()
    await visit.waits(lambda catflap: catflap.heartbeats > heartbeats and catflap.streams > streams)
    # It is still the same device.
    assert len(catflap.devices) == 1


async def test_the_owner_sees_members_invites_by_a_link_and_removes(page: Page, catflap: FakeApi) -> None:
    catflap.paired, catflap.members = [dict(MIA)], {70: [{}, dict(BOB)]}
    await Visit(page, catflap).open("/devices")
    await card(page).locator("summary").click()
    member = card(page).locator(".members li")
    await expect(member).to_contain_text("Bob")
    await expect(member).to_contain_text(await says(page, "member_without_titles"))
    await card(page).get_by_role("checkbox", name=await says(page, "member_says_name")).check()
    await catflap.until(lambda catflap: catflap.members[70][0] == {"says_name": True})
    await press(page, card(page), "member_invite")
    link = card(page).get_by_role("textbox", name=await says(page, "member_link"))
    await expect(link).to_have_value(f"{catflap.url}/devices#invitation={INVITATION}")
    await finds_nothing(page)
    await press(page, card(page), "member_withdraw")
    await expect(link).to_have_count(0)
    await press(page, member, "device_remove")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Bob")
    await dialog.get_by_role("button", name=await says(page, "device_remove")).click()
    await expect(member).to_have_count(0)
    assert catflap.members[70] == [{"says_name": True}]


async def test_a_member_chooses_what_is_said_and_leaves(page: Page, catflap: FakeApi) -> None:
    catflap.paired = [{**MIA, "is_owner": False}]
    catflap.members = {70: [{"is_owner": False, "says_titles": False}]}
    await Visit(page, catflap).open("/devices")
    await expect(card(page).get_by_role("slider")).to_have_count(0)
    await card(page).locator("summary").click()
    await card(page).get_by_role("checkbox", name=await says(page, "member_says_titles")).check()
    await catflap.until(lambda catflap: catflap.members[70][0]["says_titles"])
    await finds_nothing(page)
    await press(page, card(page), "member_leave")
    await page.get_by_role("dialog").get_by_role("button", name=await says(page, "member_leave")).click()
    await expect(card(page)).to_have_count(0)


async def test_a_speaker_of_home_assistant_becomes_a_device(page: Page, catflap: FakeApi) -> None:
    catflap.speakers = [dict(SPEAKER)]
    await Visit(page, catflap).open("/devices")
    speakers = page.locator("#device-speakers")
    await expect(speakers).to_contain_text(await says(page, "speaker_ends_music"))
    await finds_nothing(page)
    await press(page, speakers, "speaker_add")
    await expect(card(page, 90)).to_contain_text("Bath")
    await expect(speakers).to_contain_text(await says(page, "speaker_is_device"))
    await card(page, 90).locator("summary").click()
    rest = card(page, 90).get_by_role("textbox", name=await says(page, "speaker_rest"))
    await rest.fill("input_boolean.children_asleep")
    await card(page, 90).get_by_role("checkbox", name=await says(page, "speaker_own_volume")).uncheck()
    await finds_nothing(page)
    await rest.press("Enter")
    await catflap.until(lambda catflap: (catflap.speakers or [{}])[0]["volume"] == 40)
    assert (catflap.speakers or [{}])[0]["rest_entity"] == "input_boolean.children_asleep"


async def test_a_speaker_takes_nothing_before_it_is_known_what_is_set(page: Page, catflap: FakeApi) -> None:
    catflap.speakers = [dict(SPEAKER)]
    await Visit(page, catflap).open("/devices")
    await press(page, page.locator("#device-speakers"), "speaker_add")
    await expect(card(page, 90)).to_contain_text("Bath")
    reached, goes_on = await hold(page, "**/v1/speakers")
    await card(page, 90).locator("summary").click()
    await reached.wait()
    rest = card(page, 90).get_by_role("textbox", name=await says(page, "speaker_rest"))
    await expect(rest).to_be_disabled()
    goes_on.set()
    await expect(rest).to_be_enabled()


async def test_without_home_assistant_nothing_is_said_of_it(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open("/devices")
    await expect(page.locator(".device-card")).to_have_count(1)
    await expect(page.locator("#device-speakers")).to_be_hidden()


async def test_the_firmware_is_made_for_this_server(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open("/devices")
    await page.locator("#device-firmware > summary").click()
    await expect(page.locator("#device-firmware code")).to_contain_text(f"--server {catflap.url}")
    picture = page.locator("#device-firmware img")
    await picture.scroll_into_view_if_needed()
    assert await picture.evaluate("(one) => one.decode().then(() => one.naturalWidth)") > 0
    await finds_nothing(page)
