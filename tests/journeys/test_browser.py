"""A person at a real browser: signs in at the local Google, and Mia speaks.

Nothing is fast-forwarded: time flows, and the tests wait for what the page does.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest
from playwright.async_api import Page, expect

from tests.journeys.conftest import Demo
from tests.support.chromium import open_browser

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "mia.png"
SPEAKS = '#mia[data-state="speaking"]'
HEIGHT = "element => element.getBoundingClientRect().height"
# While the day is drawn anew, what was found may be out of the document.
IS_HIGHER = f"""drawn => [...document.querySelectorAll("#appointments .block")]
  .some((one) => one.textContent.includes("Cake") && ({HEIGHT})(one) > drawn)"""
IDLE = '#mia[data-state="idle"]'


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with open_browser() as browser:
        context = await browser.new_context(
            locale="en-GB",
            timezone_id="UTC",
            viewport={"width": 1280, "height": 800},
            device_scale_factor=1.5,
        )
        opened = await context.new_page()
        wrong: list[str] = []
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on(
            "console", lambda line: wrong.append(line.text) if "Content Security" in line.text else None
        )
        yield opened
        assert wrong == []


async def to_the_consent(page: Page, demo: Demo) -> None:
    await page.goto(demo.url)
    await page.click("text=Sign in with Google")
    await page.click("button[name=email]")


async def sign_in(page: Page, demo: Demo) -> None:
    await to_the_consent(page, demo)
    await page.click("button[value=allow]")
    await expect(page.locator("#say-next")).to_be_enabled(timeout=30_000)
    await page.get_by_role("link", name="Skip all").click()
    if await page.locator("#wake").is_visible():
        await page.click("#wake")


async def loudest(page: Page) -> float:
    return float(await page.locator("#mia").get_attribute("data-loudest") or 0)


@pytest.mark.parametrize("demo", [""], ids=["with every installed voice"], indirect=True)
async def test_after_sign_in_an_announcement_plays_within_ninety_seconds(
    page: Page, demo: Demo, tmp_path: Path
) -> None:
    await sign_in(page, demo)
    await expect(page.locator(".appointment .block").first).to_be_visible()
    await page.wait_for_selector(SPEAKS, timeout=90_000)
    words = await page.locator("#bubble-text").text_content()
    await expect(page.locator("#mia")).to_have_attribute("data-mouth", "open")
    await page.screenshot(path=PICTURE if "CATFLAP_SCREENSHOT" in os.environ else tmp_path / "mia.png")
    await page.wait_for_selector(IDLE, timeout=30_000)
    assert await loudest(page) > 0.1
    said = page.locator("#announcements .announcement", has_text=words)
    await expect(said).to_contain_text("said", timeout=10_000)


async def test_the_next_announcement_plays_on_request(page: Page, demo: Demo) -> None:
    await sign_in(page, demo)
    await page.click("#say-next")
    await page.wait_for_selector(SPEAKS)
    await page.wait_for_selector(IDLE, timeout=30_000)
    assert await loudest(page) > 0.1
    await expect(page.locator("#announcements")).not_to_contain_text("said")


async def test_the_first_minute_ends_with_a_hello_that_is_heard_and_does_not_come_back(
    page: Page, demo: Demo
) -> None:
    await to_the_consent(page, demo)
    await page.click("button[value=allow]")
    await expect(page.locator(".hello-calendar").first).to_be_visible(timeout=30_000)
    await page.get_by_role("button", name="Next", exact=True).click()
    await expect(page.locator("#screen-hello .voice-card")).to_have_count(3)
    await page.locator("#screen-hello .voice-card").last.get_by_role("button").click()
    await page.wait_for_selector(SPEAKS)
    await page.wait_for_selector(IDLE, timeout=30_000)
    await page.get_by_role("button", name="Next", exact=True).click()
    await page.get_by_role("button", name="Say hello").click()
    await page.wait_for_selector(SPEAKS)
    await expect(page.locator("#bubble-text")).to_contain_text("Can you hear me?")
    await page.wait_for_selector(IDLE, timeout=30_000)
    assert await loudest(page) > 0.1
    async with page.expect_response("**/v1/me/introduction"):
        await page.get_by_role("link", name="To my day").click()
    await page.reload()
    await expect(page.locator("#appointments")).to_be_visible()
    await expect(page.locator("#screen-hello")).to_be_hidden()


async def test_a_denied_consent_is_shown_as_denied(page: Page, demo: Demo) -> None:
    await to_the_consent(page, demo)
    await page.click("button[value=deny]")
    await expect(page.get_by_role("alert")).to_contain_text("You said no; nothing was stored.")


async def test_without_the_calendar_scope_the_page_says_why_and_asks_again(page: Page, demo: Demo) -> None:
    await to_the_consent(page, demo)
    await page.uncheck("input[name=scope]")
    await page.click("button[value=allow]")
    await expect(page.get_by_role("heading", name="Mia can't see your calendar")).to_be_visible()
    await page.click("text=Allow the calendar")
    if await page.locator("button[name=email]").count():
        await page.click("button[name=email]")
    await page.check("input[name=scope]")
    await page.click("button[value=allow]")
    await expect(page.locator("#say-next")).to_be_enabled(timeout=30_000)


async def test_a_new_dialect_applies_to_the_next_announcement(page: Page, demo: Demo) -> None:
    await sign_in(page, demo)
    await page.click('a[data-screen="voice"]')
    await page.locator('input[name="dialect_en"][value="pirate"]').check(force=True)
    await page.click('.screens a[data-screen="today"]')
    await expect(page.locator("#announcements")).to_contain_text("Pirate", timeout=20_000)
    await expect(page.locator("#announcements")).not_to_contain_text("Kitten")


async def test_a_change_at_google_appears_on_the_time_line_without_a_reload(page: Page, demo: Demo) -> None:
    await to_the_consent(page, demo)
    google = urljoin(page.url, "/sandbox/calendars/mia@example.com/primary/events")
    await page.click("button[value=allow]")
    await page.get_by_role("link", name="Skip all").click()
    await expect(page.locator("#appointments .block").first).to_be_visible(timeout=30_000)
    await page.evaluate("window.stayed = true")
    cake = page.locator("#appointments .block", has_text="Cake")
    now, hour = datetime.now(UTC), timedelta(hours=1)
    async with httpx2.AsyncClient() as client:
        # On both days if it is midnight meanwhile.
        made = await client.post(google, json={"summary": "Cake", **times(now - hour, now + 3 * hour)})
        await expect(cake).to_be_visible(timeout=20_000)
        event, drawn = f"{google}/{made.json()['id']}", await cake.evaluate(HEIGHT)
        until = await cake.locator(".which").text_content()
        assert (await client.patch(event, json=times(now - 2 * hour, now + 4 * hour))).status_code == 200
        await expect(cake.locator(".which")).not_to_have_text(until or "", timeout=20_000)
        await page.wait_for_function(IS_HIGHER, arg=drawn, timeout=20_000)
        assert (await client.delete(event)).is_success
        await expect(cake).to_have_count(0, timeout=20_000)
    assert await page.evaluate("window.stayed") is True


def times(start: datetime, end: datetime) -> dict[str, dict[str, str]]:
    return {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}


async def test_signing_out_stops_announcements(page: Page, demo: Demo) -> None:
    await sign_in(page, demo)
    await page.click("text=Sign out")
    await expect(page.locator(".mia.sleeping")).to_be_visible()
    await page.reload()
    await expect(page.locator("text=Sign in with Google")).to_be_visible()
