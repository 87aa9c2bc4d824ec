"""Chromium and the fake HTTP API, for tests of the page."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.support.chromium import LETS_HER_SPEAK, open_browser
from tests.support.fake_api import open_fake_api
from tests.support.fake_state import FakeApi
from tests.web.visits import guarded, on_a_phone


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser(LETS_HER_SPEAK) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def catflap() -> AsyncIterator[FakeApi]:
    async with open_fake_api(FakeApi()) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    made = await browser.new_context(locale="en-GB", timezone_id="UTC")
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    async with guarded(context) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def phone(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A small screen, in each language."""
    async with on_a_phone(browser, request.param) as opened:
        yield opened
