"""The screen "Privacy" in Chromium: its text without scripts too, the file, and the end of everything."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from catflap.settings import Settings
from catflap.web.i18n import texts
from catflap.web.privacy import privacy_notice
from tests.support.fake_account import account
from tests.support.fake_state import FakeApi
from tests.web.visits import Visit, finds_nothing, on_a_phone, says

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screens"),
]


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


async def visit(page: Page, catflap: FakeApi, *accounts: dict[str, Any]) -> None:
    catflap.accounts = list(accounts) or [account()]
    await Visit(page, catflap).open("/privacy")
    await expect(page.locator("#privacy-erase")).to_be_enabled()


async def has_the_notice(page: Page) -> None:
    language = await page.locator("html").get_attribute("lang") or ""
    notice = privacy_notice(Settings(), texts(language))
    await expect(page.locator(".stored dt")).to_have_text([item.name for item in notice.stored])
    await expect(page.locator(".stored .kept")).to_have_text([item.kept for item in notice.stored])
    for sentence in notice.leaves:
        await expect(page.get_by_text(sentence)).to_be_visible()


async def erasing(page: Page) -> Locator:
    await page.locator("#privacy-erase").click()
    dialog = page.get_by_role("dialog", name=await says(page, "privacy_erase_title"))
    await expect(dialog).to_be_visible()
    return dialog


async def test_signed_out_it_is_a_page_of_its_own(page: Page, catflap: FakeApi) -> None:
    catflap.viewer = None
    await page.goto(f"{catflap.url}/privacy")
    await has_the_notice(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text(await says(page, "screen_privacy"))
    await expect(page.get_by_text(await says(page, "privacy_signed_out"))).to_be_visible()
    await expect(page.locator(".google")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    widths = {
        round((await one.bounding_box() or {"width": 0})["width"])
        for one in await page.locator(".card").all()
    }
    assert len(widths) == 1 and min(widths) > 300
    await finds_nothing(page)


async def test_without_scripts_the_text_is_there_and_the_file_is_downloaded(
    browser: Browser, catflap: FakeApi, tmp_path: Path
) -> None:
    context = await browser.new_context(java_script_enabled=False, locale="en")
    page = await context.new_page()
    await page.goto(f"{catflap.url}/privacy")
    await has_the_notice(page)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name=texts("en")["privacy_export"]).click()
    await (await downloading.value).save_as(tmp_path / "export.json")
    assert json.loads((tmp_path / "export.json").read_text())["user_id"] == 7
    await context.close()


async def test_everything_is_downloaded_as_a_file(page: Page, catflap: FakeApi, tmp_path: Path) -> None:
    await visit(page, catflap)
    await has_the_notice(page)
    await finds_nothing(page)
    link = page.get_by_role("link", name=await says(page, "privacy_export"))
    note = page.locator("#screen-privacy .note").first
    async with page.expect_download() as downloading:
        await link.click()
    file = await downloading.value
    await file.save_as(tmp_path / "export.json")
    assert file.suggested_filename == "catflap-export.json"
    assert json.loads((tmp_path / "export.json").read_text())["user_id"] == 7
    done = re.escape(await says(page, "privacy_export_done", size="SIZE")).replace("SIZE", r"[\d.]+ ?kB")
    await expect(note).to_have_text(re.compile(done, re.IGNORECASE))
    catflap.ailing = True
    await link.click()
    await expect(note).to_have_text(await says(page, "failed_away"))


async def test_deleting_everything_wants_a_word_and_ends_with_a_farewell(
    page: Page, catflap: FakeApi
) -> None:
    await visit(page, catflap, account(grant={"also_ends": 1}), account(2, "bob@example.com"))
    dialog = await erasing(page)
    await expect(dialog.get_by_text(await says(page, "privacy_erase_others", count=1))).to_be_visible()
    await expect(dialog.get_by_text("bob@example.com")).to_be_visible()
    yes = dialog.get_by_role("button", name=await says(page, "privacy_erase_yes"))
    await expect(yes).to_be_disabled()
    await finds_nothing(page)
    word = dialog.get_by_role("textbox")
    await expect(word).to_be_focused()
    await word.fill("alice@example.com")
    farewell = await says(page, "privacy_farewell")
    await yes.click()
    await expect(page.get_by_text(farewell)).to_be_visible()
    await expect(page.locator(".google")).to_be_visible()
    assert catflap.erased
    stored = await page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('catflap.'))")
    assert stored == []
    await finds_nothing(page)


async def test_when_google_is_away_nothing_more_is_deleted(page: Page, catflap: FakeApi) -> None:
    catflap.google_away = True
    await visit(page, catflap)
    dialog = await erasing(page)
    await dialog.get_by_role("textbox").fill("ALICE@example.com")
    await dialog.get_by_role("button", name=await says(page, "privacy_erase_yes")).click()
    refused = await says(page, "privacy_erase_google_unavailable")
    await expect(dialog.get_by_role("alert")).to_have_text(refused)
    await finds_nothing(page)
    await dialog.get_by_role("button", name=await says(page, "privacy_erase_no")).click()
    await expect(page.locator("#privacy-erase")).to_be_focused()
    assert not catflap.erased and catflap.viewer is not None


async def test_signed_out_elsewhere_during_the_question_says_no_farewell(
    page: Page, catflap: FakeApi
) -> None:
    await visit(page, catflap)
    await erasing(page)
    farewell = await says(page, "privacy_farewell")
    await catflap.end_session()
    await expect(page.get_by_text(await says(page, "privacy_signed_out"))).to_be_visible()
    await expect(page.get_by_text(farewell)).to_be_hidden()
    assert not catflap.erased


async def test_offline_nothing_is_asked(page: Page, catflap: FakeApi) -> None:
    await visit(page, catflap)
    await page.context.set_offline(True)
    await page.locator("#privacy-erase").click()
    await expect(page.get_by_text(await says(page, "failed_offline"))).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
