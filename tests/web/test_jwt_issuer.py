"""An external JWT issuer that is down or answers nonsense: 503, and recovery without a restart."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey

from catflap.clock import FixedClock
from catflap.errors import TryAgain
from catflap.google.jwks import JwksCache
from catflap.signin.external_jwt import issuer_unavailable
from catflap.store.database import Urls
from tests.support.app_client import RunningApp, running_app
from tests.support.backend import ClientApp
from tests.support.canned_answers import Answering, answer, answering

WRONG: dict[str, bytes] = {
    "cut off": b"",
    "500": answer(500, {}),
    "404": answer(404, {}),
    "a redirect": answer(302, {}, "Location: /elsewhere"),
    "HTML": answer(200, b"<html>Sign in to the hotel's network</html>"),
    "a list": answer(200, []),
    "null": answer(200, b"null"),
    "no keys": answer(200, {"keys": []}),
    "keys of another type": answer(200, {"keys": "abc"}),
    "broken keys": answer(200, {"keys": [{"kty": "EC", "kid": "e1", "crv": "P-256"}, 7, None, {}]}),
    "deep": answer(200, b"[" * 100_000),
}


async def running_with_issuer(
    issuer: Answering, client_app: ClientApp, database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> Any:
    return running_app(
        database_urls,
        clock,
        tmp_path,
        jwt_issuer=client_app.issuer,
        jwt_audience=client_app.audience,
        jwt_jwks_url=f"{issuer.url}/keys",
    )


async def me(app: RunningApp, client_app: ClientApp) -> httpx2.Response:
    return await app.client.get("/v1/me", headers={"Authorization": f"Bearer {client_app.token()}"})


@pytest.mark.parametrize("name", WRONG)
async def test_an_issuer_without_keys_is_named_and_heals(
    database_urls: Urls, clock: FixedClock, tmp_path: Path, name: str
) -> None:
    client_app = ClientApp(clock)
    right = answer(200, {"keys": [client_app.key.as_dict(private=False)]})
    async with (
        answering(WRONG[name], WRONG[name], right) as issuer,
        await running_with_issuer(issuer, client_app, database_urls, clock, tmp_path) as app,
    ):
        failed = await me(app, client_app)
        assert (failed.status_code, failed.json()["code"]) == (503, "jwt_issuer_unavailable")
        assert "Google" not in failed.text and "CATFLAP_JWT_JWKS_URL" in failed.text
        assert int(failed.headers["Retry-After"]) > 0
        body = {"userId": 17, "authCode": "4/a"}
        headers = {"Authorization": f"Bearer {client_app.token()}"}
        mobile = await app.client.post("/app/google-calendar/tokens", json=body, headers=headers)
        assert (mobile.status_code, list(mobile.json())) == (503, ["error"])
        assert (await me(app, client_app)).status_code == 200
        assert issuer.asked == ["/keys"] * 3


async def test_an_issuer_that_does_not_listen_is_named(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    client_app = ClientApp(clock)
    async with answering(b"") as issuer:
        pass
    async with await running_with_issuer(issuer, client_app, database_urls, clock, tmp_path) as app:
        assert (await me(app, client_app)).json()["code"] == "jwt_issuer_unavailable"


async def test_one_key_that_cannot_be_read_does_not_hide_the_others(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    client_app = ClientApp(clock)
    strange = [{"kty": "EC", "kid": "e0", "crv": "P-1"}, {"kty": "AKP", "kid": "e9"}, {"kid": "e8"}]
    keys = answer(200, {"keys": [*strange, client_app.key.as_dict(private=False)]})
    async with (
        answering(keys) as issuer,
        await running_with_issuer(issuer, client_app, database_urls, clock, tmp_path) as app,
    ):
        assert (await me(app, client_app)).status_code == 200


async def test_those_who_wait_for_one_fetch_share_its_failure(clock: FixedClock) -> None:
    asked, begun, go_on = 0, asyncio.Event(), asyncio.Event()

    async def answer_late(request: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        begun.set()
        await go_on.wait()
        return httpx2.Response(500)

    async def uri() -> str:
        return "https://login.shop.example/keys"

    key = ECKey.generate_key("P-256", {"kid": "e1"})
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer_late)) as http:
        keys = JwksCache(http, uri, clock, issuer_unavailable)
        waiting = [asyncio.create_task(keys.find(str(key.kid))) for _ in range(20)]
        await begun.wait()
        go_on.set()
        failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert asked == 1
    assert {type(one) for one in failures} == {TryAgain}
