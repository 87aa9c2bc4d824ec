"""Debian's Chromium, headless, for tests of pages."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
]


def need_chromium() -> None:
    """Skip the test where there is no Chromium; fail where browser tests must not be skipped."""
    if CHROMIUM.exists():
        return
    missing = f"{CHROMIUM} is missing (on Debian: apt install chromium)"
    if "browser" in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", ""):
        pytest.fail(missing)
    pytest.skip(missing)


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Start a browser of the test's own."""
    need_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()
