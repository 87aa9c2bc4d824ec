"""What the style files do together: each screen's is loaded when it is first shown, and then stays."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from catflap.web.routes.pages import SCREENS
from tests.support.fake_state import FakeApi
from tests.web.visits import guarded, on_a_phone, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_words"),
]
# The looks of each kind of element that is shown, but for what depends on its content or its focus.
LOOKS = """() => {
  document.activeElement.blur();
  const wanted = ["display", "position", "padding", "margin", "color", "backgroundColor", "border",
    "borderRadius", "boxShadow", "font", "gap", "minHeight", "textAlign", "alignItems", "justifyContent",
    "opacity", "fill", "stroke"];
  const looks = {};
  const shown = ".screen:not([hidden]) *, .mia-side *, .top *, .foot *, .screens *";
  for (const one of document.querySelectorAll(shown)) {
    const style = getComputedStyle(one);
    const isState = (name) => /^(class|aria|data-state|hidden|disabled)/.test(name);
    const states = one.getAttributeNames().filter(isState);
    const kind = [one.localName, ...states.map((name) => `${name}=${one.getAttribute(name)}`)].join(" ");
    const under = one.parentElement.getAttribute("class") ?? one.parentElement.id;
    (looks[`${under} > ${kind}`] ??= []).push(wanted.map((name) => `${name}: ${style[name]}`).join("; "));
  }
  return Object.fromEntries(Object.entries(looks).map(([kind, all]) => [kind, [...new Set(all)].sort()]));
}"""


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with on_a_phone(browser, "en") as opened:
        yield opened


def path(name: str) -> str:
    return "/" if name == "today" else f"/{name}"


async def go(page: Page, name: str) -> None:
    await page.locator(f':is(.screens, .foot) a[data-screen="{name}"]').click()
    await expect(page.locator(f"#screen-{name}")).to_be_visible()


async def looks(page: Page) -> dict[str, list[str]]:
    """How it looks once two looks in a row are the same."""
    before: dict[str, list[str]] = {}
    for _ in range(40):
        now: dict[str, list[str]] = await page.evaluate(LOOKS)
        if now == before:
            return now
        before = now
        await asyncio.sleep(0.25)
    raise AssertionError("it never came to rest")


@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_looks_the_same_after_all_the_others(page: Page, catflap: FakeApi, name: str) -> None:
    await page.goto(catflap.url + path(name))
    await expect(page.locator(f"#screen-{name}")).to_be_visible()
    fresh = await looks(page)
    for other in [*(other for other in SCREENS if other != name), name]:
        await go(page, other)
    seen = await looks(page)
    shared = fresh.keys() & seen.keys()
    assert {kind: seen[kind] for kind in shared} == {kind: fresh[kind] for kind in shared}


async def width(page: Page, selector: str) -> float:
    box = await page.locator(selector).bounding_box()
    assert box
    return box["width"]


async def test_mia_is_large_on_a_phone_before_one_has_signed_in(page: Page, catflap: FakeApi) -> None:
    catflap.viewer = None
    await page.goto(catflap.url)
    assert await width(page, ".stage") > 200


@pytest.mark.parametrize("name", SCREENS)
async def test_mute_is_one_tap_away_on_each_screen_of_a_phone(
    page: Page, catflap: FakeApi, name: str
) -> None:
    await page.goto(catflap.url + path(name))
    mute = page.locator("#mute")
    await expect(mute).to_be_visible()
    await expect(mute).to_be_in_viewport()
    await mute.click()
    await expect(mute).to_have_attribute("aria-pressed", "true")
    await expect(mute).to_have_accessible_name(await says(page, "unmute"))
    await mute.click()
    await expect(mute).to_have_attribute("aria-pressed", "false")


async def test_by_keyboard_the_focus_does_not_go_under_the_tabs(page: Page, catflap: FakeApi) -> None:
    await page.goto(f"{catflap.url}/voice")
    await expect(page.locator(".voice-card").last).to_be_attached()
    below = """() => {
      const one = document.activeElement, {top, bottom} = one.getBoundingClientRect();
      const tabs = document.querySelector(".screens").getBoundingClientRect();
      return bottom - top < tabs.top && !one.closest(".screens") && bottom > tabs.top
        && one !== document.body;
    }"""
    for _ in range(25):
        await page.keyboard.press("Tab")
        focused = await page.evaluate("document.activeElement.outerHTML.slice(0, 90)")
        assert not await page.evaluate(below), focused


@pytest.mark.parametrize("name", SCREENS)
async def test_mia_stays_in_view_on_a_desk(browser: Browser, catflap: FakeApi, name: str) -> None:
    context = await browser.new_context(locale="en", viewport={"width": 1280, "height": 900})
    async with guarded(context) as page:
        await page.goto(catflap.url + path(name))
        await expect(page.locator("#mute")).to_be_attached()
        # However little the screen has to show.
        await page.locator(".day-side").evaluate("(side) => side.style.setProperty('min-height', '3000px')")
        await page.locator(".foot").scroll_into_view_if_needed()
        await expect(page.locator("#bubble")).to_be_in_viewport()
    await context.close()
