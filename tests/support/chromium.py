"""Debian's Chromium for tests, as a person's browser is: nothing of ours disabled but the sandbox."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

# The same engine without the windows, tabs and profiles of the whole browser: half of the CPU for each page.
SHELL = Path("/usr/bin/chromium-headless-shell")
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    # A GPU that is emulated takes more time than drawing without one.
    "--disable-gpu",
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
    "--disable-software-rasterizer",
    # Drawn without a GPU, a Mia who blinks and breathes takes half of a core for each open page.
    "--force-prefers-reduced-motion",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LETS_HER_SPEAK = "--autoplay-policy=no-user-gesture-required"


def need_browser(program: Path) -> None:
    """Skip with a word where the browser is missing; fail where browser tests must not be skipped."""
    if program.exists():
        return
    word = f"no browser here: {program} is missing (on Debian: apt install {program.name})"
    if "browser" in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", ""):
        pytest.fail(word)
    pytest.skip(word)


@asynccontextmanager
async def open_browser(*extra: str, program: Path = SHELL) -> AsyncIterator[Browser]:
    """A Chromium of the test's own.

    Args:
        extra: further command line switches.
        program: `CHROMIUM` for what the whole browser does: service workers, its history, windows.
    """
    need_browser(program)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=[*ARGUMENTS, *extra], ignore_default_args=["--mute-audio"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def strict_page() -> AsyncIterator[Page]:
    """A page in a Chromium of its own, in English; an error in it fails the test."""
    async with open_browser() as browser:
        context = await browser.new_context(locale="en-GB")
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        await context.close()
        assert errors == []
