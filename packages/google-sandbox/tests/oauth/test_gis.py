"""The stand-in for Google's browser script, in a real browser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from playwright.async_api import BrowserContext, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from google_sandbox import Sandbox
from google_sandbox.http_server import listen, serving
from sandbox_support.chromium import open_browser
from sandbox_support.person import CLIENT, EVENTS, SECRET

pytestmark = pytest.mark.browser

ORIGIN = "https://app.example.com"
PAGE = """<!doctype html><title>An app</title>
<button id="ask">Connect</button><div id="button"></div><pre id="log"></pre> <script
src="{base}/gsi/client"></script> <script> const log = (value) => {{
document.getElementById("log").textContent += JSON.stringify(value) + "\\n"; }}; const client =
google.accounts.oauth2.initCodeClient({{ client_id: "{client}", scope: "openid email {scope}", state: "s-1",
ux_mode: "{mode}", redirect_uri: "{origin}/back", callback: log, error_callback: (error) => log({{
failed: error.type }}), }}); document.getElementById("ask").onclick = () => client.requestCode();
google.accounts.id.initialize({{ client_id: "{client}", callback: log, nonce: "n-1" }});
google.accounts.id.renderButton(document.getElementById("button"), {{ text: "continue_with" }});
</script>"""


@dataclass
class AnApp:
    """Somebody's web app with a button, and a browser to press it."""

    context: BrowserContext
    origin: str = ""
    mode: str = "popup"

    async def open(self, mode: str = "popup") -> Page:
        self.mode = mode
        page = await self.context.new_page()
        await page.goto(self.origin)
        return page


@pytest.fixture
async def app(sandbox: Sandbox, base: str) -> AsyncIterator[AnApp]:
    sock = listen("127.0.0.1", 0)
    origin = f"http://127.0.0.1:{sock.getsockname()[1]}"
    sandbox.add_client(CLIENT, SECRET, [f"{origin}/back"], [origin])
    async with open_browser() as chromium:
        context = await chromium.new_context(locale="en-US")
        context.set_default_timeout(15_000)
        shown = AnApp(context, origin)

        async def page(request: Request) -> HTMLResponse:
            return HTMLResponse(
                PAGE.format(base=base, origin=origin, client=CLIENT, scope=EVENTS, mode=shown.mode)
            )

        async with serving(Starlette(routes=[Route("/", page), Route("/back", page)]), sock):
            yield shown
        await context.close()


async def heard(page: Page) -> dict[str, Any]:
    await page.wait_for_function("document.getElementById('log').textContent.endsWith('\\n')")
    return json.loads((await page.text_content("#log") or "").splitlines()[-1])


@pytest.mark.browser
async def test_a_popup_code_reaches_the_callback_and_exchanges(app: AnApp, http: httpx2.AsyncClient) -> None:
    page = await app.open()
    async with page.expect_popup() as opened:
        await page.click("#ask")
    popup = await opened.value
    await popup.click("button[value='mia@example.com']")
    await popup.click("text=Allow")
    answer = await heard(page)
    assert set(answer) == {"code", "scope", "state", "authuser", "prompt"}
    assert answer["state"] == "s-1" and EVENTS in answer["scope"]
    data = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": "postmessage"}
    tokens = (await http.post("/token", data=data, auth=(CLIENT, SECRET))).json()
    assert "refresh_token" in tokens


@pytest.mark.browser
async def test_denying_and_closing_the_popup_call_back_with_an_error(app: AnApp) -> None:
    page = await app.open()
    async with page.expect_popup() as opened:
        await page.click("#ask")
    popup = await opened.value
    await popup.click("button[value='mia@example.com']")
    await popup.click("text=Deny")
    assert (await heard(page))["error"] == "access_denied"
    await page.reload()
    async with page.expect_popup() as opened:
        await page.click("#ask")
    await (await opened.value).close()
    assert await heard(page) == {"failed": "popup_closed"}


@pytest.mark.browser
async def test_redirect_mode_comes_back_to_the_redirect_uri(app: AnApp) -> None:
    page = await app.open("redirect")
    await page.click("#ask")
    await page.click("button[value='mia@example.com']")
    await page.click("text=Allow")
    await page.wait_for_url(f"{app.origin}/back?*")
    assert "state=s-1" in page.url and "code=4%2F0A" in page.url


@pytest.mark.browser
async def test_the_sign_in_button_hands_a_credential_to_the_callback(
    app: AnApp, http: httpx2.AsyncClient
) -> None:
    page = await app.open()
    async with page.expect_popup() as opened:
        await page.click("text=Continue with Google")
    await (await opened.value).click("button[value='mia@example.com']")
    answer = await heard(page)
    assert answer["select_by"] == "btn"
    info = (await http.get("/tokeninfo", params={"id_token": answer["credential"]})).json()
    assert (info["email"], info["nonce"], info["aud"]) == ("mia@example.com", "n-1", CLIENT)
    assert info["jti"] and info["nbf"]


async def test_the_button_posts_to_a_login_uri_with_its_csrf_token(
    http: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.add_client(CLIENT, SECRET, [], [ORIGIN])
    given = {"client_id": CLIENT, "origin": ORIGIN, "login_uri": f"{ORIGIN}/login", "g_csrf_token": "c-1"}
    page = await http.post("/gsi/select", data={**given, "email": "mia@example.com"})
    assert f'action="{ORIGIN}/login"' in page.text
    assert 'name="g_csrf_token" value="c-1"' in page.text and 'name="credential" value="ey' in page.text


async def test_an_unregistered_origin_gets_no_credential(http: httpx2.AsyncClient) -> None:
    given = {"client_id": CLIENT, "origin": "https://evil.example.com", "email": "mia@example.com"}
    for answer in (await http.get("/gsi/select", params=given), await http.post("/gsi/select", data=given)):
        assert (answer.status_code, "origin_mismatch" in answer.text) == (403, True)
