"""The screen "Google" in Chromium: what each account may do, and how that is changed, without a reload."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.fake_account import CALENDAR, account, session
from tests.support.fake_state import FakeApi
from tests.web.visits import NOON, Visit, finds_nothing, on_a_phone, says

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screens"),
]
BOB = "bob@example.com"


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


async def visit(page: Page, catflap: FakeApi, *accounts: dict[str, Any]) -> None:
    catflap.accounts = list(accounts) or [account()]
    catflap.sessions = catflap.sessions or [session(1)]
    await Visit(page, catflap).open("/google")
    await expect(page.locator("#google-accounts")).to_have_attribute("aria-busy", "false")


def card(page: Page, email: str = "alice@example.com") -> Locator:
    return page.get_by_role("article", name=email, exact=True)


async def parameters(link: Locator) -> dict[str, str]:
    address = urlsplit(await link.get_attribute("href") or "")
    assert address.path == "/signin/google"
    return {name: values[0] for name, values in parse_qs(address.query).items()}


async def test_a_card_says_in_plain_words_what_an_account_may_do(page: Page, catflap: FakeApi) -> None:
    unknown = "https://www.googleapis.com/auth/fitness.activity.read"
    scopes = [*CALENDAR, "email", "openid", unknown, "<b>x</b>"]
    await visit(page, catflap, account(name="Alice Cat", grant={"scopes": scopes}))
    shown = card(page)
    await expect(shown.locator(".initials")).to_have_text("AC")
    await expect(shown.get_by_text(await says(page, "account_primary"))).to_be_visible()
    lines = shown.locator(".allowed li")
    keys = ("may_read_list", "may_read_events")
    expected = [await says(page, key) for key in keys]
    expected += [
        await says(page, "may_something", scope=scope) for scope in ("fitness.activity.read", "<b>x</b>")
    ]
    await expect(lines).to_have_text([*expected, await says(page, "may_know_you")])
    await expect(shown.locator("a.primary")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await finds_nothing(page)


async def test_what_is_missing_is_one_tap_away(page: Page, catflap: FakeApi) -> None:
    granted = {
        "scopes": [CALENDAR[0]],
        "missing_scopes": [CALENDAR[1]],
        "missing_for_calendar": [CALENDAR[1]],
    }
    files = {"scopes": CALENDAR, "missing_scopes": ["drive.file"]}
    await visit(page, catflap, account(grant=granted), account(2, BOB, grant=files))
    await expect(card(page).locator(".missing li")).to_have_text([await says(page, "may_read_events")])
    link = card(page).locator("a.primary")
    await expect(link).to_have_text(await says(page, "allow_calendar"))
    asked = {"scopes": CALENDAR[1], "purpose": "add_scopes", "account": "sub-1", "next": "/google"}
    assert await parameters(link) == asked
    await expect(card(page, BOB).locator("a.primary")).to_have_text(await says(page, "account_allow"))
    assert (await parameters(card(page, BOB).locator("a.primary")))["scopes"] == "drive.file"
    await finds_nothing(page)


async def test_a_yes_that_ran_out_is_said_again_in_one_tap(page: Page, catflap: FakeApi) -> None:
    await visit(page, catflap, account(grant={"state": "reconsent", "scopes": [*CALENDAR, "drive.file"]}))
    await expect(card(page).get_by_role("heading", name=await says(page, "needs_yes"))).to_be_visible()
    link = card(page).locator("a.primary")
    await expect(link).to_have_text(await says(page, "renew"))
    assert (await parameters(link))["scopes"].split(",") == [*CALENDAR, "drive.file"]
    await finds_nothing(page)


async def test_disconnecting_says_what_it_means_and_updates_the_list(page: Page, catflap: FakeApi) -> None:
    await visit(page, catflap, account(), account(2, BOB, grant={"also_ends": 2}))
    button = card(page, BOB).get_by_role("button", name=await says(page, "account_disconnect"))
    await button.click()
    dialog = page.get_by_role("dialog", name=await says(page, "account_disconnect_title", email=BOB))
    for key in ("account_disconnect_means", "account_disconnect_linked"):
        await expect(dialog.get_by_text(await says(page, key))).to_be_visible()
    await expect(dialog.get_by_text(await says(page, "account_disconnect_others", count=2))).to_be_visible()
    await expect(dialog.get_by_text(await says(page, "account_disconnect_last"))).to_have_count(0)
    await finds_nothing(page)
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()
    assert len(catflap.accounts) == 2
    await button.click()
    await dialog.get_by_role("button", name=await says(page, "account_disconnect")).click()
    await expect(card(page, BOB)).to_have_count(0)
    await expect(page.locator("#google-note")).to_have_text(await says(page, "account_gone"))
    await expect(page.locator("#google-note")).to_be_focused()


async def test_without_an_account_the_page_says_that_nothing_will_be_said(
    page: Page, catflap: FakeApi
) -> None:
    catflap.say("briefing", NOON + timedelta(hours=1), "Good morning!")
    await visit(page, catflap)
    # The line beside Mia, on this screen, and the card of Today.
    following = page.locator(".mia-side .next-time")
    await expect(following).to_contain_text("1")
    bubble = page.locator("#bubble-text")
    await expect(bubble).to_have_text(await says(page, "hello"))
    await card(page).get_by_role("button", name=await says(page, "account_disconnect")).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name=await says(page, "account_disconnect")).click()
    await expect(following).to_have_text(await says(page, "next_unconnected"))
    await expect(bubble).to_have_text(await says(page, "hello_unseen"))
    await page.locator('.screens a[data-screen="today"]').click()
    await expect(page.locator("#next")).to_have_text(await says(page, "next_unconnected"))
    await expect(page.locator("#announcements")).to_have_text(await says(page, "next_unconnected"))
    await expect(page.locator("#appointments")).to_have_text(await says(page, "today_unconnected"))
    await finds_nothing(page)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.locator("#nothing").get_by_role("link", name=await says(page, "connect_account")).click()
    await expect(page.locator("#screen-google")).to_be_visible()


async def test_google_being_away_is_said_with_what_happens_next(page: Page, catflap: FakeApi) -> None:
    catflap.google_away = True
    await visit(page, catflap)
    await card(page).get_by_role("button", name=await says(page, "account_disconnect")).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text(await says(page, "account_disconnect_last"))).to_be_visible()
    await dialog.get_by_role("button", name=await says(page, "account_disconnect")).click()
    await expect(page.locator("#google-note")).to_have_text(await says(page, "account_gone_here"))
    await expect(card(page).get_by_text(await says(page, "account_revoked"))).to_be_visible()
    await expect(card(page).locator("a.primary")).to_have_text(await says(page, "allow_calendar"))
    await finds_nothing(page)


async def test_offline_and_503_are_said_in_the_dialog_and_nothing_is_lost(
    page: Page, catflap: FakeApi
) -> None:
    await visit(page, catflap)
    await card(page).get_by_role("button", name=await says(page, "account_disconnect")).click()
    dialog = page.get_by_role("dialog")
    yes = dialog.get_by_role("button", name=await says(page, "account_disconnect"))
    catflap.ailing = True
    await yes.click()
    await expect(dialog.get_by_role("alert")).to_have_text(await says(page, "failed_away"))
    catflap.ailing = False
    await page.context.set_offline(True)
    await yes.click()
    await expect(dialog.get_by_role("alert")).to_have_text(await says(page, "failed_offline"))
    await finds_nothing(page)
    await page.context.set_offline(False)
    await yes.click()
    await expect(page.locator("#google-note")).to_have_text(await says(page, "account_gone"))


async def test_signed_out_elsewhere_during_the_dialog_leaves_nothing_on_the_screen(
    page: Page, catflap: FakeApi
) -> None:
    await visit(page, catflap)
    await card(page).get_by_role("button", name=await says(page, "account_disconnect")).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await catflap.end_session()
    await expect(page.locator(".google")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert "alice@example.com" not in await page.content()


async def test_another_account_becomes_the_first_choice_and_one_more_is_added(
    page: Page, catflap: FakeApi
) -> None:
    await visit(page, catflap, account(), account(2, BOB))
    await card(page, BOB).get_by_role("button", name=await says(page, "account_make_primary")).click()
    note = page.locator("#google-note")
    await expect(note).to_have_text(await says(page, "account_is_primary", email=BOB))
    await expect(card(page, BOB).get_by_text(await says(page, "account_primary"))).to_be_visible()
    asked = await parameters(page.get_by_role("link", name=await says(page, "account_add")))
    assert (asked["purpose"], asked["next"], "account" in asked) == ("link", "/google", False)


async def test_sessions_are_named_and_each_other_one_can_be_ended(page: Page, catflap: FakeApi) -> None:
    app = session(2, user_agent=None, kind="bearer")
    catflap.sessions = [app, session(1), session(3, user_agent="Safari (iPhone)"), session(4)]
    catflap.paired = [{"id": 9, "name": "Kitchen Mia", "room": "Kitchen"}]
    await visit(page, catflap)
    rows = page.locator("#google-sessions li")
    await expect(rows).to_have_count(4)
    await expect(rows.first).to_contain_text(await says(page, "session_this"))
    await expect(rows.first.get_by_role("button")).to_have_count(0)
    await expect(rows.nth(1)).to_contain_text(await says(page, "session_app"))
    await page.get_by_role("button", name=f"{await says(page, 'sign_out')}: Safari (iPhone)").click()
    await expect(rows).to_have_count(3)
    note = page.locator("#google-sessions .note")
    await expect(note).to_have_text(await says(page, "session_ended"))
    await finds_nothing(page)
    await page.get_by_role("button", name=await says(page, "sessions_end_others")).click()
    await expect(rows).to_have_count(1)
    await expect(note).to_have_text(await says(page, "sessions_others_ended"))


async def test_accounts_that_can_not_be_loaded_are_tried_again(page: Page, catflap: FakeApi) -> None:
    catflap.accounts, catflap.sessions = [account()], [session(1)]
    opened = Visit(page, catflap)
    await opened.open("/voice")
    catflap.ailing = True
    await page.locator('a[data-screen="google"]').first.click()
    note = page.locator("#google-note")
    await expect(note).to_have_text(await says(page, "not_loaded"))
    await finds_nothing(page)
    catflap.ailing = False
    await opened.advance(timedelta(seconds=5))
    await expect(card(page)).to_be_visible()
    await expect(note).to_have_text("")
