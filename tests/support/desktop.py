"""What `catflap signin` sends, made by hand, and the browser of its person."""

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from catflap.google.oauth import code_challenge
from tests.support.app_client import ALICE, CALENDAR, DESKTOP_CLIENT_ID, Browser, RunningApp

PATH, HANDOVER = "/signin/google/desktop", "/signin/handover"
PREFIX = "https://www.googleapis.com/auth/"
LOOPBACK = "http://127.0.0.1:49152"


@dataclass
class Command:
    """One sign-in of a command: its secrets, and the code that its browser brought."""

    app: RunningApp
    client_id: str = DESKTOP_CLIENT_ID
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    redirect_uri: str = f"{LOOPBACK}/"

    async def at_google(self, email: str = ALICE, **at_google: Any) -> dict[str, str]:
        """Send a browser through Google's pages; the parameters with which it comes back."""
        scope = (await self.app.client.get(PATH)).json()["scope"]
        asks = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": scope,
            "state": "s",
            "nonce": self.nonce,
            "code_challenge": code_challenge(self.verifier),
            "code_challenge_method": "S256",
            "prompt": "consent select_account",
        }
        browser = await self.app.browser(email)
        url = f"{self.app.sandbox.base_url}/o/oauth2/v2/auth?{urlencode(asks)}"
        back = urlsplit(await browser.at_google(url, **at_google))
        return {name: values[0] for name, values in parse_qs(back.query).items()}

    async def body(self, email: str = ALICE, **changes: Any) -> dict[str, Any]:
        """The body that hands a new code over."""
        body = {
            "code": (await self.at_google(email))["code"],
            "code_verifier": self.verifier,
            "redirect_uri": self.redirect_uri,
            "nonce": self.nonce,
        }
        return {**body, **changes}


def minted(app: RunningApp, email: str = ALICE) -> dict[str, Any]:
    """The body for a code that a phone could have got, without the way through Google's pages."""
    redirect_uri, nonce = f"{LOOPBACK}/", secrets.token_urlsafe(32)
    scopes = ["openid", "email", "profile", *(PREFIX + name for name in CALENDAR)]
    code = app.sandbox.mint_code(
        email, DESKTOP_CLIENT_ID, scopes, "web", redirect_uri, nonce, force_refresh_token=True
    )
    return {"code": code, "code_verifier": "v" * 43, "redirect_uri": redirect_uri, "nonce": nonce}


async def hand_over(app: RunningApp, email: str = ALICE, **changes: Any) -> httpx2.Response:
    """Sign in as the command does; `changes` are members of the body."""
    return await app.client.post(PATH, json=await Command(app).body(email, **changes))


async def take_over(browser: Browser, token: str, origin: str | None = LOOPBACK) -> httpx2.Response:
    """Post the form of the command's page, from a page of `origin`."""
    headers = {} if origin is None else {"Origin": origin}
    return await browser.http.post(browser.app.origin + HANDOVER, data={"handover": token}, headers=headers)
