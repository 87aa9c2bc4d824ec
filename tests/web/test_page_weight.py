"""What the first visit costs: bytes over the network as Chromium counts them, headers included."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.fake_state import FakeApi

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_words"),
]
# The page that a newcomer sees, and the whole application behind it, both with nothing kept from before.
SIGNED_OUT, SIGNED_IN = 60_000, 120_000


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    # Without the worker, which fetches what it keeps for later.
    context = await browser.new_context(locale="en", service_workers="block")
    yield await context.new_page()
    await context.close()


class Weight:
    """Bytes that arrived for a page, and from which servers."""

    def __init__(self) -> None:
        self.bytes: dict[str, float] = {}
        self.servers: set[str] = set()

    def on_response(self, event: dict[str, Any]) -> None:
        self.servers.add(urlsplit(event["response"]["url"]).netloc)

    def on_finished(self, event: dict[str, Any]) -> None:
        self.bytes[event["requestId"]] = event["encodedDataLength"]

    @classmethod
    async def of(cls, page: Page) -> "Weight":
        """Weigh what a page loads from now on."""
        weight = cls()
        session = await page.context.new_cdp_session(page)
        await session.send("Network.enable")
        session.on("Network.responseReceived", weight.on_response)
        session.on("Network.loadingFinished", weight.on_finished)
        return weight


async def test_the_first_page_is_light_and_asks_nobody_else(page: Page, catflap: FakeApi) -> None:
    catflap.viewer = None
    weight = await Weight.of(page)
    await page.goto(catflap.url, wait_until="load")
    assert 0 < sum(weight.bytes.values()) <= SIGNED_OUT
    assert weight.servers == {urlsplit(catflap.url).netloc}


async def complete(page: Page, catflap: FakeApi) -> None:
    """Wait until the page has all that it loads by itself, which goes on after its load event."""
    await expect(page.locator("html")).to_have_attribute("data-schedule", str(catflap.version))
    await expect(page.locator("#appointments")).to_have_attribute("aria-busy", "false")


async def test_the_application_is_light_and_asks_nobody_else(page: Page, catflap: FakeApi) -> None:
    weight = await Weight.of(page)
    await page.goto(catflap.url)
    await complete(page, catflap)
    assert 0 < sum(weight.bytes.values()) <= SIGNED_IN
    assert weight.servers == {urlsplit(catflap.url).netloc}


async def test_what_has_not_changed_is_not_fetched_again(page: Page, catflap: FakeApi) -> None:
    await page.goto(catflap.url)
    await complete(page, catflap)
    asked = len(catflap.asked)
    await page.reload()
    await complete(page, catflap)
    again = [one for one in catflap.asked[asked:] if "/static/" in one]
    assert again == []
