"""Mia in a real Chromium: on the second, in one tab, never what was called off, and always honest about it.

Most tests stop the page's clock and move it by hand; what is spied on is when a sound was handed to the
audio clock. The tests about sound itself let time flow and wait for what the page does.
"""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.chromium import open_browser
from tests.support.fake_state import FakeApi
from tests.web.visits import AWAKE, NOON, SHOWS, SOON, SPEAKS, Visit, guarded

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("mia_speaks"),  # one Chromium for all of them
]


async def say_soon(catflap: FakeApi) -> None:
    """Plan something for the moment, on a clock that flows."""
    catflap.say("soon", datetime.now(UTC) + timedelta(seconds=3), "Ahoy!", seconds=1.5)
    await catflap.tell()


async def test_what_is_scheduled_is_handed_to_the_audio_clock_for_its_second(
    page: Page, catflap: FakeApi
) -> None:
    catflap.say("a", SOON, "Ahoy! “Lunch” at 12:20.")
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=27))
    assert await visit.started() == []
    await visit.advance(timedelta(seconds=1))
    await page.wait_for_selector('html[data-started="1"]')
    await visit.advance(timedelta(milliseconds=1950))
    await expect(page.locator(AWAKE)).to_have_count(1)
    await visit.advance(timedelta(milliseconds=50))
    await page.wait_for_selector(SPEAKS)
    (at,) = await visit.started()
    assert abs(at - SOON) < timedelta(milliseconds=20)
    await expect(page.locator("#bubble-text")).to_have_text("Ahoy! “Lunch” at 12:20.")
    await expect(page.locator("#bubble-dialect")).to_have_text("Pirate")
    assert catflap.acks == []
    await catflap.until(lambda catflap: bool(catflap.acks))
    assert catflap.acks[0] == {"announcement": "a", "state": "played", "at": "2026-11-24T12:00:30.000Z"}


async def test_a_wrong_clock_on_this_computer_does_not_matter(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", NOON + timedelta(hours=5, seconds=30), "Ahoy!")
    visit = Visit(page, catflap)
    catflap.now = lambda: NOON + timedelta(hours=5)
    await visit.open()
    await expect(page.locator("#next")).to_have_text("in 0:30")
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SPEAKS)


async def test_what_disappears_from_the_schedule_is_not_said(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=29))  # the sound waits in the audio clock already
    catflap.announcements.clear()
    await catflap.tell()
    await visit.knows_the_schedule()
    await visit.advance(timedelta(seconds=20))
    await expect(page.locator(AWAKE)).to_have_count(1)
    await expect(page.locator("#bubble-text")).not_to_have_text("Ahoy!")
    assert catflap.acks == []


async def test_what_is_moved_is_said_at_its_new_time_only(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    catflap.announcements.clear()
    catflap.say("a", NOON + timedelta(seconds=15), "Ahoy!")
    await catflap.tell()
    await visit.knows_the_schedule()
    await visit.advance(timedelta(seconds=15))
    await visit.sees(SPEAKS)
    await catflap.until(lambda catflap: bool(catflap.acks))
    await visit.advance(timedelta(seconds=30))
    assert len(await visit.started()) == 1


async def test_a_sound_that_is_rendered_late_is_said_when_it_comes(page: Page, catflap: FakeApi) -> None:
    planned = catflap.say("a", SOON, "Ahoy!")
    audio, planned["audio"] = planned["audio"], None
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#say-next")).to_be_disabled()
    await visit.advance(timedelta(seconds=40))
    assert await visit.started() == []
    planned["audio"] = audio
    await catflap.tell()
    await visit.knows_the_schedule()
    await visit.advance(timedelta(seconds=1))
    await visit.sees(SPEAKS)


async def test_without_a_sound_until_the_end_it_has_failed(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, "Ahoy!", lasts=timedelta(seconds=10))["audio"] = None
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=45))
    await catflap.until(lambda catflap: bool(catflap.acks))
    assert (catflap.acks[0]["state"], catflap.acks[0]["detail"]) == ("failed", "no_sound")


async def test_what_has_expired_is_skipped(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", NOON - timedelta(hours=1), "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=1))
    await catflap.until(lambda catflap: bool(catflap.acks))
    assert catflap.acks[0]["state"] == "missed"
    assert await visit.started() == []


async def test_two_at_the_same_second_are_said_one_after_the_other(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, "Ahoy, first!")
    catflap.say("b", SOON, "Ahoy, second!", seconds=1.1)
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SPEAKS)
    await catflap.until(lambda catflap: len(catflap.acks) == 1)
    await visit.sees(SPEAKS)
    await catflap.until(lambda catflap: len(catflap.acks) == 2)
    assert [ack["state"] for ack in catflap.acks] == ["played", "played"]


async def test_what_was_said_is_not_said_again_after_a_reload(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SPEAKS)
    await catflap.until(lambda catflap: bool(catflap.acks))
    await page.reload()
    await visit.knows_the_schedule()
    await visit.advance(timedelta(seconds=30))
    assert await visit.started() == []
    assert len(catflap.devices) == 1


async def test_the_mouth_follows_the_voice(page: Page, catflap: FakeApi) -> None:
    await page.goto(catflap.url)
    await say_soon(catflap)
    await catflap.until(lambda catflap: bool(catflap.acks))
    assert catflap.acks[0]["state"] == "played"
    await expect(page.locator("#announcements .which")).to_have_text("Pirate · said")
    assert float(await page.locator("#mia").get_attribute("data-loudest") or 0) > 0.3
    await expect(page.locator(AWAKE)).to_have_count(1)
    assert await page.locator("#mia").evaluate("mia => mia.style.getPropertyValue('--open')") == "0.000"


async def test_the_next_one_can_be_heard_now_and_still_comes_at_its_time(
    page: Page, catflap: FakeApi
) -> None:
    catflap.say("a", SOON, "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    await page.click("#say-next")
    await visit.sees(SPEAKS)
    await page.wait_for_selector(AWAKE)
    assert catflap.acks == []
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SPEAKS)
    await catflap.until(lambda catflap: bool(catflap.acks))
    assert len(await visit.started()) == 2


async def test_one_touch_mutes_her_and_she_shows_her_words(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, "Ahoy!")
    visit = Visit(page, catflap)
    await visit.open()
    await page.click("#mute")
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SHOWS)
    await expect(page.locator("#bubble-text")).to_have_text("Ahoy!")
    await visit.advance(timedelta(seconds=5))
    await catflap.until(lambda catflap: bool(catflap.acks))
    assert (catflap.acks[0]["state"], catflap.acks[0]["detail"]) == ("held", "muted")
    assert await visit.started() == []


async def test_a_mute_set_elsewhere_can_be_lifted_here(page: Page, catflap: FakeApi) -> None:
    catflap.muted_until = (NOON + timedelta(hours=1)).isoformat()
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    await page.click("#mute")
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "false")
    await catflap.until(lambda catflap: catflap.muted_until is None)


async def test_the_volume_is_the_devices_own(page: Page, catflap: FakeApi) -> None:
    catflap.volume = 35
    await Visit(page, catflap).open()
    await expect(page.locator("#volume")).to_have_value("35")
    await page.locator("#volume").fill("80")
    await catflap.until(lambda catflap: catflap.volume == 80)


async def test_hostile_titles_are_text(page: Page, catflap: FakeApi) -> None:
    hostile = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    catflap.appointments = [
        {
            "title": hostile,
            "starts_at": "2026-11-24T13:00:00Z",
            "ends_at": "2026-11-24T14:00:00Z",
            "all_day": False,
            "calendar": hostile,
        }
    ]
    catflap.say("a", SOON, hostile)
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SPEAKS)
    for place in ("#bubble-text", "#appointments .what", "#announcements .what"):
        await expect(page.locator(place)).to_have_text(hostile)
    assert await page.locator("main img[src=x], #screen-today img, main script").count() == 0
    assert await page.title() == "Catflap · Mia reads you your day"


async def test_a_japanese_reader_gets_a_japanese_page(browser: Browser, catflap: FakeApi) -> None:
    context = await browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo")
    catflap.preferences["zone"] = "Asia/Tokyo"
    catflap.say("a", SOON, "にゃあ、21時から「会議」やで。", dialect="kansai")
    async with guarded(context) as page:
        visit = Visit(page, catflap)
        await visit.open()
        await expect(page.locator("#next")).to_have_text("あと 0:30")
        await expect(page.locator("#announcements .when")).to_have_text("21:00")
        await page.click('a[data-screen="voice"]')
        await expect(page.locator(".voice-card:has(:checked)").first).to_contain_text("関西弁 · Kansai")
        await visit.advance(timedelta(seconds=30))
        await visit.sees(SPEAKS)
        await expect(page.locator("#bubble-text")).to_have_attribute("lang", "ja")
    await context.close()


async def test_a_first_sync_shows_bones_until_something_comes(page: Page, catflap: FakeApi) -> None:
    catflap.syncing = True
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#appointments .bone")).to_have_count(3)
    catflap.syncing = False
    await visit.sees("#appointments .empty")
    await expect(page.locator("#appointments")).to_have_text("Nothing today. Have a nap.")


async def test_preferences_are_saved_when_picked_with_the_others_untouched(
    page: Page, catflap: FakeApi
) -> None:
    await Visit(page, catflap).open("/voice")
    await page.check('input[value="butler"]')
    await catflap.until(lambda catflap: catflap.preferences["dialect_en"] == "butler")
    await page.click('a[data-screen="when"]')
    await page.check("#zone [value=other]")
    await page.locator("#zone-city").fill("Osaka")
    await page.locator("#zone-city").press("Enter")
    await catflap.until(lambda catflap: catflap.preferences["zone"] == "Asia/Tokyo")
    assert catflap.preferences["reminder_minutes"] == [10]
    await page.go_back()
    card = page.locator('#screen-voice .card:has(input[value="butler"]:checked)')
    await expect(card.get_by_role("status")).to_have_text("Saved.")


async def test_a_browser_that_was_unpaired_becomes_a_new_device(page: Page, catflap: FakeApi) -> None:
    visit = Visit(page, catflap)
    await visit.open()
    await catflap.until(lambda catflap: catflap.heartbeats == 1)
    catflap.devices = {"another": 99}
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-schedule", str(catflap.version))
    assert len(catflap.devices) == 2


async def test_she_sends_heartbeats(page: Page, catflap: FakeApi) -> None:
    visit = Visit(page, catflap)
    await visit.open()
    await catflap.until(lambda catflap: catflap.heartbeats == 1)
    await visit.advance(timedelta(seconds=20))
    await catflap.until(lambda catflap: catflap.heartbeats == 2)


async def test_when_the_line_breaks_she_says_so_speaks_and_comes_back(page: Page, catflap: FakeApi) -> None:
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
    assert catflap.acks == []
    await page.context.set_offline(False)
    await visit.advance(timedelta(seconds=30))
    await catflap.until(lambda catflap: bool(catflap.acks))
    await expect(page.locator("#offline")).to_be_hidden()


@pytest.mark.parametrize("locks", ["true", "false"])
async def test_of_two_tabs_one_speaks_and_the_other_takes_over(
    browser: Browser, catflap: FakeApi, locks: str
) -> None:
    context = await browser.new_context()
    await context.add_init_script(
        f"if (!{locks}) Object.defineProperty(Navigator.prototype, 'locks', {{ value: undefined }})"
    )
    catflap.say("later", datetime.now(UTC) + timedelta(hours=2), "Ahoy!")
    first, second = await context.new_page(), await context.new_page()
    await first.goto(catflap.url)
    await expect(first.locator("html")).to_have_attribute("data-schedule", str(catflap.version))
    await second.goto(catflap.url)
    await expect(second.locator("#elsewhere")).to_be_visible()
    await expect(second.locator("html")).to_have_attribute("data-schedule", str(catflap.version))
    assert catflap.streams == 1
    await second.click("#speak-here")
    await expect(second.locator("#elsewhere")).to_be_hidden()
    await expect(first.locator("#elsewhere")).to_be_visible()
    await second.close()
    await expect(first.locator("#elsewhere")).to_be_hidden(timeout=10_000)
    assert len(catflap.devices) == 1
    await context.close()


async def test_signing_out_leaves_nothing_in_the_browser(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    await page.click("#signout button")
    await page.wait_for_selector(".google")
    assert catflap.devices == {}
    assert await page.evaluate("Object.keys(localStorage)") == []


async def test_without_a_gesture_she_sleeps_shows_her_words_and_says_why(catflap: FakeApi) -> None:
    catflap.say("a", SOON, "Ahoy!")
    async with open_browser() as strict, guarded(await strict.new_context()) as page:
        visit = Visit(page, catflap)
        await visit.open()
        await expect(page.locator("#wake")).to_be_visible()
        await expect(page.locator('#mia[data-state="asleep"]')).to_have_count(1)
        await visit.advance(timedelta(seconds=30))
        await visit.sees(SHOWS)
        await visit.advance(timedelta(seconds=5))
        await catflap.until(lambda catflap: bool(catflap.acks))
        assert (catflap.acks[0]["state"], catflap.acks[0]["detail"]) == ("failed", "no_gesture")


async def test_one_tap_wakes_her_and_she_speaks(catflap: FakeApi) -> None:
    async with open_browser() as strict, guarded(await strict.new_context()) as page:
        await page.goto(catflap.url)
        await page.focus("#wake")
        await page.keyboard.press("Enter")
        await expect(page.locator("#wake")).to_be_hidden()
        await say_soon(catflap)
        await catflap.until(lambda catflap: bool(catflap.acks))
        assert catflap.acks[0]["state"] == "played"


async def test_a_stream_cut_anywhere_gives_the_same_events(page: Page, catflap: FakeApi) -> None:
    await page.goto(catflap.url)
    text = ': mew\r\n\r\nevent: schedule\r\nid: 7\r\ndata: {"a":\r\ndata:1}\r\n\r\ndata: にゃあ\n\n'
    events = await page.evaluate(
        """async (text) => {
          const { readEvents } = await import("/static/page/stream.js");
          const bytes = new TextEncoder().encode(text);
          const all = new Set();
          for (let size = 1; size <= bytes.length; size += 1) {
            const body = new ReadableStream({ start(out) {
              for (let at = 0; at < bytes.length; at += size) out.enqueue(bytes.slice(at, at + size));
              out.close();
            }});
            const seen = [];
            for await (const event of readEvents(body, () => {})) seen.push(event);
            all.add(JSON.stringify(seen));
          }
          return [...all].map((one) => JSON.parse(one));
        }""",
        text,
    )
    assert events == [
        [
            {"event": "schedule", "id": "7", "data": '{"a":\n1}'},
            {"event": "message", "id": "7", "data": "にゃあ"},
        ]
    ]
