"""A back end with its own users: its requests, its links and the tokens it signs."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

from catflap.clock import FixedClock
from tests.support.app_client import Browser, RunningApp

RETURN_TO = "https://shop.example.com/google?from=catflap"


async def post(app: RunningApp, path: str, key: dict[str, str], **body: Any) -> httpx2.Response:
    return await app.client.post(path, json=body, headers=key)


async def make_user(app: RunningApp, key: dict[str, str], external_id: str = "17") -> int:
    return int((await post(app, "/v1/users", key, external_id=external_id)).json()["id"])


async def make_link(app: RunningApp, key: dict[str, str], user_id: int, **more: Any) -> dict[str, Any]:
    body = {"scopes": "calendar", "return_to": RETURN_TO, **more}
    answer = await post(app, f"/v1/users/{user_id}/consents", key, **body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def follow(browser: Browser, url: str, **at_google: Any) -> dict[str, str]:
    """Open a link, go through Google's pages, and tell what `return_to` is told."""
    begun = await browser.get(url)
    back = await browser.get(await browser.at_google(begun.headers["Location"], **at_google))
    target = back.headers["Location"]
    assert target.startswith(RETURN_TO + "&"), target
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}


class ClientApp:
    """An app with its own login, and the keys it signs with."""

    issuer, audience = "https://login.shop.example", "catflap"

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.key = ECKey.generate_key("P-256", {"kid": "e1", "alg": "ES256"})

    def token(self, key: Any = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "17",
            "iat": now,
            "exp": now + 600,
            **changes,
        }
        header = header or {"alg": "ES256", "kid": "e1"}
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, present, key or self.key, algorithms=[header["alg"]])
