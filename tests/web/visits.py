"""A visit to the page in a real browser, with a clock that a test moves and a spy on what is played."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, expect

from catflap.web.i18n import texts
from tests.support.fake_state import FakeApi

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOON = NOON + timedelta(seconds=30)
SPY = """
window.started = [];
const root = () => document.documentElement;
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when) {
  window.started.push(Date.now() + (when - this.context.currentTime) * 1000);
  root().dataset.started = window.started.length;
  return start.call(this, when);
};
const close = AudioContext.prototype.close;
AudioContext.prototype.close = function () {
  console.info("audio closed");
  return close.call(this);
};
"""
AWAKE = '#mia[data-state="idle"]'
SPEAKS = '#mia[data-state="speaking"]'
SHOWS = '#mia[data-state="showing"]'


class Visit:
    """One page with a clock that a test moves, the clock of the app beside it.

    The app's keep-alives don't know of that clock, so a test stays within the minute of silence after
    which the page would call again.
    """

    def __init__(self, page: Page, catflap: FakeApi) -> None:
        self.page = page
        self._catflap = catflap
        self._now = NOON
        catflap.now = lambda: self._now

    async def advance(self, by: timedelta) -> None:
        self._now += by
        await self.page.clock.run_for(by / timedelta(milliseconds=1))

    async def sleep(self, how_long: timedelta) -> None:
        """Close the lid: time passes and no timer runs."""
        self._now += how_long
        await self.page.clock.fast_forward(how_long / timedelta(milliseconds=1))

    async def open(self, at: str = "/") -> None:
        await self.page.clock.install(time=NOON - timedelta(seconds=1))
        await self.page.clock.pause_at(NOON)
        await self.page.add_init_script(SPY)
        await self.page.goto(self._catflap.url + at)
        await self.knows_the_schedule()

    async def knows_the_schedule(self) -> None:
        await self._catflap.until(lambda catflap: catflap.streams > 0)
        version = self._catflap.version
        await expect(self.page.locator("html")).to_have_attribute("data-schedule", str(version))

    async def sees(self, selector: str) -> None:
        """Let time pass in small steps until the page has got there.

        Fetching, decoding and playing take real time, so after five seconds of the page steps are smaller.
        """
        try:
            async with asyncio.timeout(30):
                for step in itertools.count():
                    if await self.page.locator(selector).count():
                        return
                    await self.advance(timedelta(milliseconds=50 if step < 100 else 1))
        except TimeoutError:
            raise AssertionError(f"never saw {selector}") from None

    async def waits(self, met: Callable[[FakeApi], bool]) -> None:
        """Let time pass in small steps until the page has asked the app: its requests take real time."""
        for _ in range(300):
            if met(self._catflap):
                return
            await self.advance(timedelta(milliseconds=100))
        raise AssertionError("the page never asked")

    async def started(self) -> list[datetime]:
        at: list[float] = await self.page.evaluate("window.started")
        return [datetime.fromtimestamp(one / 1000, UTC) for one in at]


@asynccontextmanager
async def guarded(context: BrowserContext) -> AsyncIterator[Page]:
    """A page that may neither raise nor break its security policy."""
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security" in line.text else None)
    yield page
    assert not wrong, "\n".join(wrong)


@asynccontextmanager
async def on_a_phone(browser: Browser, language: str) -> AsyncIterator[Page]:
    """A guarded page on a small screen, in a language."""
    context = await browser.new_context(locale=language, viewport={"width": 360, "height": 740})
    async with guarded(context) as opened:
        yield opened
    await context.close()


async def hold(page: Page, address: str, *methods: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Hold requests; the first event tells that one has come, the second is set to let them go on."""
    come, goes_on = asyncio.Event(), asyncio.Event()

    async def answer(route: Route) -> None:
        if not methods or route.request.method in methods:
            come.set()
            await goes_on.wait()
        await route.continue_()

    await page.route(address, answer)
    return come, goes_on


async def focus(control: Locator) -> None:
    """Focus a control; one that is still disabled would not take it, nor say so."""
    await expect(control).to_be_enabled()
    await control.focus()


async def says(page: Page, key: str, **values: Any) -> str:
    """A text of the page in its language."""
    language = await page.locator("html").get_attribute("lang") or ""
    return texts(language)[key].format(**values)


# Colours that are on their way would be taken for those of a state that stays.
_SETTLED = """
Promise.all(document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity)
  .map((one) => one.finished.catch(() => {})))
"""


async def _check(page: Page) -> dict[str, Any]:
    # Half a megabyte of script, once for each document.
    if not await page.evaluate("'axe' in globalThis"):
        await page.evaluate(AXE_SCRIPT)
    found: dict[str, Any] = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return found


async def finds_nothing(page: Page) -> None:
    """Assert that axe finds nothing: WCAG 2 at levels A and AA with contrast, and best practices.

    It needs scripts: a page without them would never answer, which is an error after a minute.
    """
    async with asyncio.timeout(60):
        await page.evaluate(_SETTLED)
        checking = asyncio.ensure_future(_check(page))
        # Axe waits by timers, which a visit's clock holds.
        while "__pwClock" in await page.evaluate("Object.keys(globalThis)") and not checking.done():
            await page.clock.run_for(1)
        found = await checking
    places = [
        f"{one['id']}: {node['target']}: {node.get('failureSummary', '')}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
    assert not places, "\n".join(places)


async def box(place: Locator) -> dict[str, float]:
    """Return where an element is and how large."""
    found = await place.bounding_box()
    assert found is not None
    return dict(found)


def block(page: Page, title: str) -> Locator:
    """Return the button of an appointment in the drawn day."""
    return page.locator("#appointments .block", has_text=title)
