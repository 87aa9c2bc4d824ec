"""The countdown says how long it is as a person would: to the second in the last hour only."""

from datetime import datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import FakeApi
from tests.web.visits import NOON, Visit, guarded

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("mia_speaks"),
]
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("left", "english", "japanese"),
    [
        (59 * MINUTE + 59 * SECOND, "in 59:59", "あと 59:59"),
        (HOUR, "at 13:00 (in 1 h)", "13:00(あと1時間)"),
        (3 * HOUR + 20 * MINUTE, "at 15:20 (in 3 h 20 min)", "15:20(あと3時間20分)"),
        (20 * HOUR, "tomorrow at 8:00", "明日 8:00"),
        (23 * HOUR, "tomorrow at 11:00", "明日 11:00"),
        (44 * HOUR, "Thursday at 8:00", "木曜日 8:00"),
    ],
)
@pytest.mark.parametrize("language", ["en-GB", "ja"])
async def test_what_is_left_is_said_in_the_readers_language(
    browser: Browser, catflap: FakeApi, language: str, left: timedelta, english: str, japanese: str
) -> None:
    catflap.say("a", NOON + left, "Ahoy!")
    context = await browser.new_context(locale=language, timezone_id="UTC")
    async with guarded(context) as page:
        await Visit(page, catflap).open()
        await expect(page.locator("#next")).to_have_text(japanese if language == "ja" else english)
    await context.close()


async def test_what_is_hours_away_moves_once_a_minute(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", NOON + 2 * HOUR + MINUTE, "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    shown = page.locator("#next")
    await expect(shown).to_have_text("at 14:01 (in 2 h 1 min)")
    await visit.advance(30 * SECOND)
    await expect(shown).to_have_text("at 14:01 (in 2 h 1 min)")
    await visit.advance(29 * SECOND)
    catflap.announcements.clear()
    catflap.say("a", NOON + 2 * HOUR, "Ahoy!")
    await catflap.tell()
    await expect(shown).to_have_text("at 14:00 (in 2 h)")


async def test_tomorrow_is_told_by_the_persons_clock_on_a_day_of_25_hours(
    page: Page, catflap: FakeApi
) -> None:
    await Visit(page, catflap).open()
    now = datetime.fromisoformat("2026-10-25T00:30:00+02:00")
    days = await page.evaluate(
        """async ({ now, times }) => {
            const { Format } = await import("/static/lib/format.js");
            const format = new Format({}, "en");
            format.zone = "Europe/Berlin";
            return times.map((at) => format.daysUntil(at, now));
        }""",
        {"now": now.timestamp() * 1000, "times": ["2026-10-25T22:45:00Z", "2026-10-25T23:15:00Z"]},
    )
    assert days == [0, 1]


async def test_screen_readers_are_not_told_each_second(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", NOON + MINUTE, "Ahoy!")
    await Visit(page, catflap).open()
    timer = page.get_by_role("timer")
    await expect(timer).to_have_attribute("aria-live", "off")
    assert await timer.evaluate("element => element.closest('[role=status], [role=alert]') === null")
