"""A page whose session has ended elsewhere is silent from that moment, forgets what it held, and says so.

The page's clock stands still and is moved by hand; what is counted is sounds handed to the audio clock, and
whether that was shut before their time came.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.support.fake_state import ALICE, FakeApi
from tests.web.visits import NOON, SOON, SPEAKS, Visit, guarded, hold

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_ends"),
]
BOB = replace(ALICE, user_id=8, name="Bob Cat", email="bob@example.com", csrf_token="csrf-of-bob")
SECRET = "Ahoy! Surprise party."
KEYS = "Object.keys(localStorage)"
SIGNED_OUT = ".google"


async def until(page: Page, condition: str) -> None:
    """Wait for a condition between the page's own tasks.

    `Page.wait_for_function` evaluates text in the page unless the condition holds at once, which its security
    policy forbids.
    """
    async with asyncio.timeout(30):
        await page.evaluate(
            f"""() => new Promise((done) => {{
              const {{ port1, port2 }} = new MessageChannel();
              port1.onmessage = () => ({condition} ? done() : port2.postMessage(null));
              port2.postMessage(null);
            }})"""
        )


def audio_is_closed(page: Page) -> Callable[[], bool]:
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    return lambda: "audio closed" in said


async def pushed(catflap: FakeApi) -> None:
    """Ended from the list of sessions, by signing out elsewhere, by erasing the person."""
    await catflap.end_session()


async def unseen(catflap: FakeApi) -> None:
    """The cookie is gone, which no stream can tell."""
    catflap.viewer = None


async def to_another(catflap: FakeApi) -> None:
    """Somebody else signed in in another tab."""
    await catflap.end_session(BOB)


@pytest.mark.parametrize("end", [pushed, unseen, to_another])
async def test_what_was_scheduled_is_never_played_and_nothing_stays(
    page: Page, catflap: FakeApi, end: Callable[[FakeApi], Awaitable[None]]
) -> None:
    catflap.say("a", SOON, SECRET)
    catflap.appointments = [
        {"title": SECRET, "starts_at": "2026-11-24T13:00:00Z", "ends_at": "2026-11-24T14:00:00Z",
         "all_day": False, "calendar": ""}
    ]  # fmt: skip
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#appointments")).to_contain_text(SECRET)
    await end(catflap)
    catflap.appointments, catflap.announcements = [], []
    await visit.advance(timedelta(seconds=11))
    if catflap.viewer is None:
        await page.wait_for_selector(SIGNED_OUT)
        assert await page.evaluate(KEYS) == []
    else:
        await expect(page.locator(".who-name")).to_have_text("Bob Cat")
        assert [key for key in await page.evaluate(KEYS) if key.endswith(f".{ALICE.user_id}")] == []
    assert SECRET not in await page.content()
    await visit.advance(timedelta(seconds=40))
    assert await visit.started() == []
    assert catflap.acks == []


async def test_what_waits_in_the_audio_clock_is_taken_back(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, SECRET)
    closed = audio_is_closed(page)
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=28))
    await page.wait_for_selector('html[data-started="1"]')
    assert not closed()
    await catflap.end_session()
    await page.wait_for_selector(SIGNED_OUT)
    assert closed()
    assert catflap.acks == []


async def test_what_is_being_said_is_cut_off(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, SECRET, seconds=60)
    closed = audio_is_closed(page)
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=28))
    await visit.sees(SPEAKS)
    await catflap.end_session()
    await page.wait_for_selector(SIGNED_OUT)
    assert closed()
    assert catflap.acks == []


async def test_before_each_word_she_asks_whether_she_may_still_speak(page: Page, catflap: FakeApi) -> None:
    """Sooner than the page would ask anyway."""
    catflap.say("a", NOON + timedelta(seconds=6), SECRET)
    visit = Visit(page, catflap)
    await visit.open()
    catflap.viewer = None
    await visit.advance(timedelta(seconds=4))  # the moment sounds are handed to the audio clock
    await page.wait_for_selector(SIGNED_OUT)
    assert await visit.started() == []


async def test_asked_to_she_says_nothing_either(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, SECRET)
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#say-next")).to_be_enabled()
    catflap.viewer = None
    await page.click("#say-next")
    await page.wait_for_selector(SIGNED_OUT)
    assert await visit.started() == []


async def test_every_tab_of_the_browser_leaves(context: BrowserContext, catflap: FakeApi) -> None:
    catflap.say("a", SOON, SECRET)
    async with guarded(context) as first, guarded(context) as second:
        for page in (first, second):
            await page.goto(catflap.url)
            await expect(page.locator("html")).to_have_attribute("data-schedule", str(catflap.version))
        await expect(second.locator("#elsewhere")).to_be_visible()
        await catflap.end_session()
        for page in (first, second):
            await page.wait_for_selector(SIGNED_OUT)
            assert SECRET not in await page.content()


async def test_signing_out_in_one_tab_silences_the_other(context: BrowserContext, catflap: FakeApi) -> None:
    catflap.say("a", SOON, SECRET)
    async with guarded(context) as first, guarded(context) as second:
        for page in (first, second):
            await page.goto(catflap.url)
            await expect(page.locator("html")).to_have_attribute("data-schedule", str(catflap.version))
        await second.click("#signout button")
        await first.wait_for_selector(SIGNED_OUT)
        assert await first.evaluate(KEYS) == []


async def test_signing_out_ends_where_the_server_leads_also_when_the_end_is_noticed_before(
    page: Page, context: BrowserContext, catflap: FakeApi
) -> None:
    reached, goes_on = await hold(page, "**/signout")
    await Visit(page, catflap).open("/voice")
    async with guarded(context) as other:
        await other.goto(f"{catflap.url}/privacy")
        await page.locator("#signout button").click(no_wait_after=True)
        await reached.wait()
        catflap.viewer = None
        async with page.expect_response("**/v1/session"):
            await other.evaluate("new BroadcastChannel('catflap.session').postMessage('look')")
    goes_on.set()
    # The address of the form: here nobody is signed in any more. A reload would have stayed at the screen.
    await page.wait_for_url(f"{catflap.url}/signout")


async def test_the_same_person_signed_in_anew_goes_on_as_the_same_device(
    page: Page, catflap: FakeApi
) -> None:
    catflap.say("a", SOON, SECRET)
    visit = Visit(page, catflap)
    await visit.open()
    await visit.advance(timedelta(seconds=30))
    await visit.sees(SPEAKS)
    await catflap.until(lambda catflap: bool(catflap.acks))
    catflap.viewer = replace(ALICE, csrf_token="another-token")
    async with page.expect_navigation():
        await visit.advance(timedelta(seconds=10))
    await visit.knows_the_schedule()
    await visit.advance(timedelta(seconds=5))
    assert await visit.started() == []  # what was said is not said again
    assert len(catflap.devices) == 1


async def test_a_server_error_is_no_end(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, SECRET)
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#say-next")).to_be_enabled()
    await page.click("#say-next")
    await visit.sees(SPEAKS)  # so the sound has come
    catflap.ailing = True
    await catflap.hang_up()
    await visit.advance(timedelta(seconds=25))
    await visit.sees(SPEAKS)
    await expect(page.locator("#announcements")).to_contain_text(SECRET)
    assert f"catflap.device.{ALICE.user_id}" in await page.evaluate(KEYS)


async def test_after_sleep_nothing_is_said_before_the_server_has_answered(
    page: Page, catflap: FakeApi
) -> None:
    slept = timedelta(hours=1)
    catflap.say("a", NOON + slept + timedelta(seconds=15), SECRET)
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#say-next")).to_be_enabled()
    catflap.viewer = None
    await page.context.set_offline(True)
    await visit.sleep(slept)
    await visit.advance(timedelta(seconds=30))
    assert await visit.started() == []
    assert await page.locator("#mia").count() == 1
    await page.context.set_offline(False)
    await page.wait_for_selector(SIGNED_OUT)
    assert await visit.started() == []


async def test_after_sleep_she_speaks_when_the_server_has_answered(page: Page, catflap: FakeApi) -> None:
    slept = timedelta(hours=1)
    catflap.say("a", NOON + slept + timedelta(seconds=15), SECRET)
    visit = Visit(page, catflap)
    await visit.open()
    await expect(page.locator("#say-next")).to_be_enabled()
    await page.context.set_offline(True)
    await visit.sleep(slept)
    await visit.advance(timedelta(seconds=30))
    assert await visit.started() == []
    await page.context.set_offline(False)
    await visit.sees(SPEAKS)


async def test_a_page_out_of_the_history_shows_nothing_old(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, SECRET)
    closed = audio_is_closed(page)
    visit = Visit(page, catflap)
    await visit.open()
    catflap.viewer = None
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    await page.wait_for_selector(SIGNED_OUT)
    assert closed()


async def test_the_signed_out_page_forgets_what_a_closed_one_left(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    assert f"catflap.device.{ALICE.user_id}" in await page.evaluate(KEYS)
    await page.goto("about:blank")
    await catflap.end_session()
    await page.goto(catflap.url)
    await until(page, f"{KEYS}.length === 0")


async def test_the_page_of_one_person_forgets_what_another_left(page: Page, catflap: FakeApi) -> None:
    await Visit(page, catflap).open()
    await page.goto("about:blank")
    await catflap.end_session(BOB)
    await page.goto(catflap.url)
    await until(page, f"{KEYS}.includes('catflap.device.{BOB.user_id}')")
    assert [key for key in await page.evaluate(KEYS) if not key.endswith(f".{BOB.user_id}")] == []


async def test_sounds_are_kept_out_of_the_browsers_cache(page: Page, catflap: FakeApi) -> None:
    """There they would outlive the session."""
    catflap.say("a", SOON, SECRET)
    await Visit(page, catflap).open()
    await expect(page.locator("#say-next")).to_be_enabled()
    cached = await page.evaluate(
        "fetch('/sounds/a.wav?signature=made-up', { cache: 'only-if-cached', mode: 'same-origin' })"
        ".then(() => true, () => false)"
    )
    assert cached is False
