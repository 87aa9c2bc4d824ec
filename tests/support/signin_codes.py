"""One-time codes and ID tokens, as pages and native apps send them."""

from typing import Any

import httpx2

from tests.support.app_client import (
    ALICE,
    CLIENT_ID,
    Browser,
    RunningApp,
)

CODE_PATH, STORE_PATH, CREDENTIAL_PATH = "/signin/google/code", "/storeauthcode", "/signin/google/credential"


BARE = {"Content-Type": "application/octet-stream; charset=utf-8"}


async def post(app: RunningApp, path: str, **body: Any) -> httpx2.Response:
    """What a page of ours posts."""
    return await app.client.post(path, json=body, headers=app.page_headers())


async def native(app: RunningApp, **body: Any) -> httpx2.Response:
    """What a native app posts."""
    return await app.client.post(CODE_PATH, json={"client": "native", **body})


def id_token(app: RunningApp, **changes: Any) -> str:
    """What Google's button gives, with some claims changed."""
    account, now = app.sandbox.account(ALICE), int(app.clock.now().timestamp())
    claims = {
        "iss": app.sandbox.base_url,
        "aud": CLIENT_ID,
        "azp": CLIENT_ID,
        "sub": account.sub,
        "email": ALICE,
        "email_verified": True,
        "name": "Alice",
        "iat": now,
        "exp": now + 3600,
    }
    return app.sandbox.state.keys.sign({k: v for k, v in {**claims, **changes}.items() if v is not None})


async def popup(browser: Browser, query: str = "scopes=calendar") -> dict[str, Any]:
    """What a page asks for before it opens Google's popup."""
    found: dict[str, Any] = (await browser.get(f"/signin/google/popup?{query}")).json()
    return found
