"""A consent that was begun on the screen of accounts leads back there, also when it fails."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from catflap.web.paths import Paths
from tests.support.app_client import Browser, RunningApp


@pytest.fixture
async def browser(app: RunningApp) -> AsyncIterator[Browser]:
    opened = await app.browser()
    await opened.sign_in()
    yield opened


async def led_to(browser: Browser, path: str, **at_google: Any) -> str:
    """Where the browser is led to after Google's pages, without host name."""
    begun = await browser.begin(path)
    back = await browser.at_google(begun.headers["Location"], **at_google)
    return str((await browser.http.get(back)).headers["Location"])


async def test_a_consent_that_fails_is_told_on_the_screen_where_it_was_begun(browser: Browser) -> None:
    more = "/signin/google?scopes=drive.file&next=/google"
    assert await led_to(browser, more, deny=True) == "/google?error=access_denied"
    assert await led_to(browser, f"{more}?lang=ja", deny=True) == "/google?lang=ja&error=access_denied"
    assert await led_to(browser, more) == "/google"


async def test_what_can_not_begin_is_told_there_too(browser: Browser) -> None:
    begun = await browser.begin("/signin/google?scopes=calendar&account=nobody&next=/google")
    assert begun.headers["Location"] == "/google?error=not_found"


@pytest.mark.parametrize(
    "began",
    [
        "/",
        "/elsewhere",
        "/google/",
        "/google?error=x",
        "//evil.example/google",
        "https://evil.example/google",
        "/googlex",
    ],
)
def test_elsewhere_nothing_is_added(began: str) -> None:
    assert Paths().began_with(began, "error=x") == "/?error=x"
    prefixed = Paths(mia="/mia", home="/app?tab=1")
    assert prefixed.began_with(began, "error=x") == "/app?tab=1&error=x"
    assert urlsplit(prefixed.began_with("/mia/google", "error=x")).path == "/mia/google"
