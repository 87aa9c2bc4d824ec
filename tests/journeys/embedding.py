"""Pages of an embedding app in a browser, and a person at Google's popup."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import Response
from playwright.async_api import Page, expect

from tests.journeys.pages import JQUERY
from tests.support.app_client import ALICE, CLIENT_ID, RunningApp

THEIR_OWN = {"Content-Security-Policy": "default-src * 'unsafe-inline'"}
REAL_JQUERY = Path("/usr/share/javascript/jquery/jquery.min.js")


async def shown(page: Page, app: RunningApp, html: str, **more: str) -> None:
    """Open a page of the embedding app, on an origin registered at Google."""
    values = {
        "client_id": CLIENT_ID,
        "gapi": f"/static/gapi.js?onload=start&gsi={app.sandbox.base_url}/gsi/client",
        "gsi": f"{app.sandbox.base_url}/gsi/client",
        "popup": "/static/popup.js",
        "jquery": "/their/jquery.min.js",
        **more,
    }

    # Served for real: Chromium keeps pages of a test's making away from loopback addresses.
    app.catflap.web.add_api_route("/their/page", their("text/html", html.format(**values)))
    app.catflap.web.add_api_route("/their/jquery.min.js", their("text/javascript", real_jquery()))
    await page.goto(f"{app.origin}/their/page")


def their(media_type: str, body: str) -> Callable[[], Response]:
    """Return a route of the embedding app, without our Content-Security-Policy."""
    return lambda: Response(body, headers=THEIR_OWN, media_type=media_type)


def real_jquery() -> str:
    """Return the real jQuery, where Debian's libjs-jquery is installed."""
    return REAL_JQUERY.read_text() if REAL_JQUERY.exists() else JQUERY


async def at_google(google: Page, email: str = ALICE, untick: str | None = None, deny: bool = False) -> None:
    """Choose the account and answer the consent."""
    if await google.locator(f'button[name="email"][value="{email}"]').count():
        await google.click(f'button[name="email"][value="{email}"]')
    if untick is not None:
        await google.uncheck(f'input[name="scope"][value$="{untick}"]')
    await google.get_by_role("button", name="Deny" if deny else "Allow", exact=True).click()


async def in_popup(page: Page, button: str, **answer: Any) -> None:
    async with page.expect_popup() as opening:
        await page.click(button)
    popup = await opening.value
    await popup.wait_for_load_state()
    async with popup.expect_event("close"):
        await at_google(popup, **answer)


async def told(page: Page) -> dict[str, Any]:
    await expect(page.locator("#told")).not_to_be_empty()
    found: dict[str, Any] = json.loads(await page.locator("#told").inner_text())
    await page.evaluate("document.getElementById('told').textContent = ''")
    return found
