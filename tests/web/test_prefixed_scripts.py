"""popup.js and gapi.js in a page of the host application, with the routers below different prefixes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.async_api import Page, expect

from catflap.fastapi import Catflap
from tests.support.app_client import ALICE, CLIENT_ID, RunningApp
from tests.support.chromium import open_browser
from tests.support.host import embedded

pytestmark = pytest.mark.browser
PAGE = """<!DOCTYPE html>
<button id="popup">Popup</button> <button id="signin">Sign in</button>
<button id="disconnect">Disconnect</button>
<pre id="shown"></pre>
<script src="/auth/static/gapi.js?me=/api&gsi={gsi}"></script>
<script type="module">
  import {{ Popup }} from "/auth/static/popup.js";
  const show = (text) => {{ document.getElementById("shown").textContent = text; }};
  const on = (id, act) => document.getElementById(id).addEventListener("click", () => act().then(show, show));
  const popup = await Popup.prepare({{ scopes: "calendar", gsi: "{gsi}" }});
  on("popup", async () => "popup " + (await popup.open()).account.email);
  gapi.load("auth2", async () => {{
    const auth = await gapi.auth2.init({{ client_id: "{client_id}" }});
    on("signin", async () => "auth2 " + (await auth.signIn()).getBasicProfile().getEmail());
    on("disconnect", async () => {{ await auth.disconnect(); return "disconnected"; }});
    document.title = "ready";
  }});
</script>
"""


@pytest.fixture
async def guest(app: RunningApp, tmp_path: Path) -> AsyncIterator[RunningApp]:
    def build(catflap: Catflap) -> FastAPI:
        host = FastAPI(lifespan=catflap.lifespan)
        host.include_router(catflap.auth_router(), prefix="/auth")
        host.include_router(catflap.me_router(), prefix="/api")

        @host.get("/")
        async def home() -> HTMLResponse:
            gsi = f"{app.sandbox.base_url}/gsi/client"
            return HTMLResponse(PAGE.format(gsi=gsi, client_id=CLIENT_ID))

        return host

    async with embedded(app, tmp_path, build, auth="/auth", popup_redirect_uri="origin") as (opened, _):
        yield opened


async def _consent(page: Page, button: str, *, asked_before: bool = False) -> None:
    async with page.expect_popup() as opening:
        await page.click(button)
    google = await opening.value
    if await google.locator(f'button[name="email"][value="{ALICE}"]').count():
        await google.click(f'button[name="email"][value="{ALICE}"]')
    if not asked_before:
        await google.get_by_role("button", name="Allow", exact=True).click()


async def test_both_scripts_find_the_routes_of_their_catflap(guest: RunningApp) -> None:
    async with open_browser() as browser:
        page = await (await browser.new_context(locale="en-GB")).new_page()
        await page.goto(guest.origin)
        await expect(page).to_have_title("ready")
        await _consent(page, "#popup")
        await expect(page.locator("#shown")).to_have_text(f"popup {ALICE}")
        await _consent(page, "#signin", asked_before=True)
        await expect(page.locator("#shown")).to_have_text(f"auth2 {ALICE}")
        await page.click("#disconnect")
        await expect(page.locator("#shown")).to_have_text("disconnected")
    rows = await guest.rows("SELECT state FROM vault.google_tokens")
    assert {row["state"] for row in rows} <= {"revoked"}
