"""A person with a browser, scripted: reads the pages and presses the buttons."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from google_sandbox import Sandbox

CLIENT = "web-client.apps.sandbox"
SECRET = "a-made-up-secret"
CALLBACK = "https://app.example.com/callback"
ORIGIN = "https://app.example.com"
G = "https://www.googleapis.com/auth/"
EVENTS = G + "calendar.events"
CALENDARS = G + "calendar"
SIGN_IN = "openid email profile"


@dataclass
class Person:
    """Drives the authorization pages and the token endpoint of one sandbox."""

    http: httpx2.AsyncClient
    email: str = "mia@example.com"
    boxes: list[str] = field(default_factory=list)

    async def begin(self, scope: str, **more: str) -> httpx2.Response:
        parameters = {
            "client_id": CLIENT,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": scope,
            "access_type": "offline",
            "state": "a-state",
            **more,
        }
        return await self.http.get("/o/oauth2/v2/auth", params=parameters)

    async def choose(self, page: httpx2.Response) -> httpx2.Response:
        data = {"ticket": ticket(page), "email": self.email}
        return await self.http.post("/o/oauth2/v2/auth/account", data=data)

    async def decide(
        self, page: httpx2.Response, decision: str = "allow", untick: Iterable[str] = ()
    ) -> httpx2.Response:
        self.boxes = [html.unescape(box) for box in re.findall(r'name="scope" value="([^"]+)"', page.text)]
        ticked = [box for box in self.boxes if box not in set(untick)]
        data = {"ticket": ticket(page), "scope": ticked, "decision": decision}
        return await self.http.post("/o/oauth2/v2/auth/consent", data=data)

    async def allow(
        self, scope: str, untick: Iterable[str] = (), decision: str = "allow", **more: str
    ) -> dict[str, str]:
        """Go through the pages that are shown and return the parameters of the redirect."""
        page = await self.begin(scope, **more)
        if page.status_code == 200 and 'name="email"' in page.text:
            page = await self.choose(page)
        if page.status_code == 200 and 'name="decision"' in page.text:
            page = await self.decide(page, decision, untick)
        assert page.status_code == 303, page.text
        return dict(httpx2.URL(page.headers["location"]).params)

    async def decide_popup(self, scope: str, relay: str, **more: str) -> dict[str, str]:
        """Go through the pages as a popup and return the message for the opener."""
        page = await self.begin(scope, redirect_uri=relay, **more)
        if 'name="email"' in page.text:
            page = await self.choose(page)
        if 'name="decision"' in page.text:
            page = await self.decide(page)
        found = re.search(r'id="response">(.*?)</script>', page.text)
        assert found, page.text
        return json.loads(found[1])

    async def exchange(self, code: str, **more: str) -> httpx2.Response:
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uri": CALLBACK,
            **more,
        }
        return await self.http.post("/token", data={k: v for k, v in data.items() if v is not None})

    async def refresh(self, token: str, **more: str) -> httpx2.Response:
        data = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": CLIENT,
            "client_secret": SECRET,
            **more,
        }
        return await self.http.post("/token", data=data)

    async def tokens(self, scope: str = f"{SIGN_IN} {CALENDARS}", **more: str) -> dict[str, Any]:
        """Consent anew and return the token response."""
        answer = await self.allow(scope, **{"prompt": "consent", **more})
        response = await self.exchange(answer["code"])
        assert response.status_code == 200, response.text
        return response.json()

    async def bearer(self, scope: str = f"{SIGN_IN} {CALENDARS}") -> dict[str, str]:
        """Return the header of a fresh access token."""
        return {"authorization": "Bearer " + (await self.tokens(scope))["access_token"]}


def ticket(page: httpx2.Response) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def populate(sandbox: Sandbox) -> None:
    """Add the client and the account the tests use."""
    sandbox.add_client(CLIENT, SECRET, [CALLBACK], [ORIGIN])
    sandbox.add_account("mia@example.com", "Mia Neko", locale="ja")
