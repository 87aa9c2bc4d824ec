"""The screen "Voice": heard before chosen, saved at each change, by keyboard and in both languages."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from catflap.errors import CatflapError, TryAgain
from catflap.speech import Engine, NoVoice
from tests.support.fake_state import ESPEAK, OPENJTALK, FakeApi
from tests.web.visits import SOON, SPEAKS, Visit, finds_nothing, focus, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("screen_voice"),
]

KOKORO = Engine("kokoro", "kokoro", (), frozenset({"en", "ja"}))
VOICEVOX = Engine("voicevox", "voicevox", (), frozenset({"ja"}), timeout=5)
STEP = timedelta(milliseconds=400)
PLAYS = '.hear[data-state="playing"]'
QUIET = "#voice-form:not(:has(.hear:not([data-state=''])))"


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with on_a_phone(browser, request.param) as opened:
        yield opened


async def opened(page: Page, catflap: FakeApi) -> Visit:
    """Open the screen as somebody who has touched the page, so that it may make a sound."""
    visit = Visit(page, catflap)
    await visit.open("/voice")
    await expect(radio(page, "kansai")).to_be_visible()
    await page.locator("#voice-title").click()
    return visit


def radio(page: Page, value: str) -> Locator:
    return page.locator(f'#voice-form input[value="{value}"]')


def hear(page: Page, value: str) -> Locator:
    return page.locator(f'.voice-card:has(input[value="{value}"]) .hear')


def note(page: Page, within: str) -> Locator:
    return page.locator(f".card:has({within})").get_by_role("status")


async def test_each_dialect_is_shown_in_its_language_and_the_chosen_one_is_marked(
    page: Page, catflap: FakeApi
) -> None:
    await opened(page, catflap)
    for value, language in (("pirate", "en"), ("butler", "en"), ("kansai", "ja")):
        example = page.locator(f'.voice-card:has(input[value="{value}"]) .voice-says')
        await expect(example).to_have_attribute("lang", language)
        assert len((await example.text_content()) or "") > 10
    await expect(radio(page, "pirate")).to_be_checked()
    await expect(radio(page, "kansai")).to_be_checked()
    await expect(radio(page, "normal")).to_be_checked()
    await expect(page.locator("#pitch-said")).to_have_text(await says(page, "pitch_usual"))
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await finds_nothing(page)


async def test_a_dialect_is_heard_before_it_is_chosen_and_mia_says_it(page: Page, catflap: FakeApi) -> None:
    visit = await opened(page, catflap)
    await hear(page, "butler").click()
    await visit.sees(SPEAKS)
    await expect(page.locator("#bubble-text")).to_contain_text("Pardon the purr")
    await expect(page.locator("#bubble-text")).to_have_attribute("lang", "en")
    await expect(hear(page, "butler")).to_have_attribute("aria-label", await says(page, "hear_stop"))
    (heard,) = catflap.samples
    assert (heard.dialect, heard.pitch, heard.engine, heard.talkativeness) == ("butler", 0, None, None)
    assert catflap.preferences["dialect_en"] == "pirate"
    await finds_nothing(page)
    await visit.sees(QUIET)
    name = await says(page, "hear_voice", name="Butler")
    await expect(hear(page, "butler")).to_have_attribute("aria-label", name)
    # It was kept.
    await hear(page, "butler").click()
    await visit.sees(PLAYS)
    assert len(catflap.samples) == 1


async def test_one_voice_at_a_time_is_heard_and_stops_when_asked(page: Page, catflap: FakeApi) -> None:
    visit = await opened(page, catflap)
    await hear(page, "pirate").click()
    await visit.sees(PLAYS)
    await hear(page, "kansai").click()
    await visit.sees('.voice-card:has(input[value="kansai"]) ' + PLAYS)
    await expect(page.locator(PLAYS)).to_have_count(1)
    await hear(page, "kansai").click()
    await visit.sees(QUIET)
    await expect(page.locator(SPEAKS)).to_have_count(0)


async def test_what_is_due_is_said_instead_of_a_voice_that_is_heard(page: Page, catflap: FakeApi) -> None:
    catflap.say("a", SOON, "Ahoy! Lunch!")
    visit = await opened(page, catflap)
    await visit.advance(timedelta(seconds=26))
    await hear(page, "butler").click()
    await visit.sees(PLAYS)
    await visit.sees("#bubble-text:has-text('Ahoy! Lunch!')")
    await visit.sees(QUIET)
    await catflap.until(lambda catflap: bool(catflap.acks))
    assert catflap.acks[0]["state"] == "played"


async def test_a_choice_is_saved_at_once_by_keyboard(page: Page, catflap: FakeApi) -> None:
    await opened(page, catflap)
    await focus(radio(page, "pirate"))
    await page.keyboard.press("ArrowDown")
    await expect(radio(page, "butler")).to_be_focused()
    await catflap.until(lambda catflap: catflap.preferences["dialect_en"] == "butler")
    await expect(note(page, 'input[value="butler"]')).to_have_text(await says(page, "saved"))
    await expect(radio(page, "butler")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(hear(page, "butler")).to_be_focused()
    assert catflap.preferences["dialect_ja"] == "kansai"


async def test_each_manner_shows_the_same_reminder_in_the_chosen_dialect(
    page: Page, catflap: FakeApi
) -> None:
    visit = await opened(page, catflap)
    own = "kansai" if await page.locator("html").get_attribute("lang") == "ja" else "pirate"
    texts = [
        await page.locator(f'.voice-card:has(input[value="{one}"]) .voice-says').text_content() or ""
        for one in ("brief", "normal", "chatty")
    ]
    assert len(set(texts)) == 3 and all(("会議" if own == "kansai" else "Lunch") in text for text in texts)
    await hear(page, "chatty").click()
    await visit.sees(SPEAKS)
    await expect(page.locator("#bubble-text")).to_have_text(texts[2])
    assert (catflap.samples[-1].dialect, catflap.samples[-1].talkativeness) == (own, "chatty")
    await radio(page, "chatty").check()
    await catflap.until(lambda catflap: catflap.preferences["talkativeness"] == "chatty")


async def test_a_new_pitch_is_saved_and_heard_when_the_slider_rests(page: Page, catflap: FakeApi) -> None:
    visit = await opened(page, catflap)
    await focus(page.locator("#voice-pitch"))
    for _ in range(3):
        await page.keyboard.press("ArrowRight")
    text = await says(page, "pitch_higher", count=3)
    await expect(page.locator("#voice-pitch")).to_have_attribute("aria-valuetext", text)
    await catflap.until(lambda catflap: catflap.preferences["pitch"] == 3)
    await visit.advance(STEP)
    await visit.sees(SPEAKS)
    assert [one.pitch for one in catflap.samples] == [3]
    await expect(note(page, "#voice-pitch")).to_have_text(await says(page, "saved"))


async def test_the_volume_here_and_beside_mia_are_one(page: Page, catflap: FakeApi) -> None:
    visit = await opened(page, catflap)
    await expect(page.locator("#voice-volume")).to_have_value("60")
    await page.locator("#voice-volume").fill("35")
    await expect(page.locator("#volume")).to_have_value("35")
    await catflap.until(lambda catflap: catflap.volume == 35)
    catflap.volume = 80
    await catflap.tell()
    await visit.knows_the_schedule()
    await expect(page.locator("#voice-volume")).to_have_value("80")


async def test_an_engine_is_chosen_where_there_are_several_and_whom_to_name_is_told(
    page: Page, catflap: FakeApi
) -> None:
    catflap.engines = [VOICEVOX, OPENJTALK, KOKORO, ESPEAK]
    visit = await opened(page, catflap)
    await expect(page.locator("#engine-ja option")).to_have_count(4)
    notes = page.locator('.card:has([name="engine_ja"]) .engine-notes')
    await expect(notes).to_contain_text(await says(page, "engine_server"))
    await page.locator("#engine-ja").select_option("openjtalk")
    await catflap.until(lambda catflap: catflap.preferences["engine_ja"] == "openjtalk")
    await expect(notes).to_contain_text("Nagoya Institute of Technology")
    await expect(notes).not_to_contain_text(await says(page, "engine_server"))
    await hear(page, "kansai").click()
    await visit.sees(SPEAKS)
    assert catflap.samples[-1].engine == "openjtalk"
    await finds_nothing(page)
    await page.locator("#engine-ja").select_option("")
    await catflap.until(lambda catflap: catflap.preferences["engine_ja"] is None)


async def test_an_engine_that_is_gone_counts_as_the_best(page: Page, catflap: FakeApi) -> None:
    catflap.engines = [KOKORO, ESPEAK]
    catflap.preferences["engine_en"] = "festival"
    await opened(page, catflap)
    await expect(page.locator("#engine-en")).to_have_value("")
    await expect(page.locator("#engine-ja")).to_be_hidden()


async def test_a_language_without_a_voice_says_what_to_install(page: Page, catflap: FakeApi) -> None:
    catflap.engines = [ESPEAK]
    await opened(page, catflap)
    notice = page.locator('.card:has(input[value="kansai"]) .notice')
    await expect(notice).to_have_text(await says(page, "hear_none_ja"))
    await expect(hear(page, "kansai")).to_have_count(0)
    await expect(hear(page, "pirate")).to_be_visible()
    await finds_nothing(page)


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (NoVoice("en"), "hear_none_en"),
        (TryAgain("rate_limited", "Wait.", after=timedelta(seconds=9)), "hear_too_often"),
        (TryAgain("voice_unavailable", "Try again."), "hear_failed"),
    ],
)
async def test_what_cannot_be_heard_is_told_kindly(
    page: Page, catflap: FakeApi, error: CatflapError, key: str
) -> None:
    catflap.no_sample = error
    visit = await opened(page, catflap)
    await hear(page, "butler").click()
    await expect(note(page, 'input[value="butler"]')).to_have_text(await says(page, key))
    await visit.sees(QUIET)
    catflap.no_sample = None
    await hear(page, "butler").click()
    await visit.sees(SPEAKS)


async def test_a_muted_page_shows_the_words_and_says_why_nothing_is_heard(
    page: Page, catflap: FakeApi
) -> None:
    visit = await opened(page, catflap)
    await page.click('a[data-screen="today"]')
    await page.click("#mute")
    await page.click('a[data-screen="voice"]')
    await hear(page, "butler").click()
    await expect(note(page, 'input[value="butler"]')).to_have_text(await says(page, "hear_muted"))
    await expect(page.locator("#bubble-text")).to_contain_text("Pardon the purr")
    assert await visit.started() == []


async def test_what_could_not_be_saved_goes_back_and_is_told(page: Page, catflap: FakeApi) -> None:
    await opened(page, catflap)
    catflap.ailing = True
    # Not `check`, which wants it to stay: the answer may come before Playwright looks.
    await radio(page, "butler").click(force=True)
    await expect(note(page, 'input[value="butler"]')).to_have_text(await says(page, "not_saved"))
    await expect(radio(page, "pirate")).to_be_checked()
    catflap.ailing = False
    assert catflap.preferences["dialect_en"] == "pirate"
