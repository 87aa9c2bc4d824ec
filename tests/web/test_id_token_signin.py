"""Sign-in with an ID token of Google's button or of a native app."""

import json

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.app_client import (
    ALICE,
    RunningApp,
)
from tests.support.jwt import hs256
from tests.support.signin import NOTHING, ONE_OF_EACH
from tests.support.signin_codes import (
    CREDENTIAL_PATH,
    id_token,
    popup,
    post,
)


async def test_an_id_token_alone_opens_a_session_without_a_grant_which_may_follow(app: RunningApp) -> None:
    browser = await app.browser()
    body = {"credential": id_token(app)}
    answer = await browser.send("POST", CREDENTIAL_PATH, json=body, headers=app.page_headers())
    assert answer.json()["account"]["email"] == ALICE
    assert await app.stored() == {**ONE_OF_EACH, "vault.google_tokens": 0}
    await browser.sign_in()
    assert (await browser.me())["grants"][0]["state"] == "active"
    assert (await app.stored())["app.users"] == 1


async def test_an_id_token_of_a_native_app_gives_a_bearer(app: RunningApp) -> None:
    body = {"credential": id_token(app, azp="4711-android.apps.googleusercontent.com"), "client": "native"}
    answer = await app.client.post(CREDENTIAL_PATH, json=body)
    assert answer.json()["token_type"] == "Bearer"


async def test_an_id_token_with_a_state_must_carry_its_nonce(app: RunningApp) -> None:
    browser = await app.browser()
    for nonce, status in (("another", 400), (None, 400)):
        begun = await popup(browser, "scopes=")
        body = {"credential": id_token(app, nonce=nonce), "state": begun["state"]}
        answer = await browser.send("POST", CREDENTIAL_PATH, json=body, headers=app.page_headers())
        assert answer.status_code == status
    begun = await popup(browser, "scopes=")
    body = {"credential": id_token(app, nonce=begun["nonce"]), "state": begun["state"]}
    answer = await browser.send("POST", CREDENTIAL_PATH, json=body, headers=app.page_headers())
    assert answer.status_code == 200


async def test_googles_button_in_redirect_mode_posts_a_form_with_its_own_cookie(app: RunningApp) -> None:
    form = {"credential": id_token(app), "g_csrf_token": "abc"}
    refused = await app.client.post(CREDENTIAL_PATH, data=form)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    other = await app.client.post(CREDENTIAL_PATH, data=form, headers={"Cookie": "g_csrf_token=xyz"})
    assert other.status_code == 403
    answer = await app.client.post(CREDENTIAL_PATH, data=form, headers={"Cookie": "g_csrf_token=abc"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert answer.cookies["catflap_session"]


async def test_a_form_with_a_field_twice_is_refused(app: RunningApp) -> None:
    body = f"g_csrf_token=abc&credential={id_token(app)}&credential=again"
    headers = {"Cookie": "g_csrf_token=abc", "Content-Type": "application/x-www-form-urlencoded"}
    answer = await app.client.post(CREDENTIAL_PATH, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "forgery", ["alg none", "HS256 with the public key", "unknown kid", "own key", "text"]
)
async def test_a_forged_id_token_signs_nobody_in(app: RunningApp, forgery: str) -> None:
    genuine = id_token(app)
    claims = jwt.decode(genuine, _public(app)).claims
    header = {"alg": "RS256", "kid": "a-kid-nobody-has"}
    public = (await app.client.get(app.sandbox.base_url + "/oauth2/v3/certs")).json()["keys"][0]
    pem = _public(app).as_pem(private=False)
    forged = {
        "alg none": "eyJhbGciOiJub25lIn0." + genuine.split(".")[1] + ".",
        "HS256 with the public key": hs256(genuine, pem),
        "unknown kid": jwt.encode(header, claims, RSAKey.generate_key(2048)),
        "own key": jwt.encode({**header, "kid": public["kid"]}, claims, RSAKey.generate_key(2048)),
        "text": "not.a.token",
    }[forgery]
    answer = await post(app, CREDENTIAL_PATH, credential=forged)
    assert (answer.status_code, answer.json()["code"]) == (400, "id_token_invalid")
    assert await app.stored() == NOTHING


def _public(app: RunningApp) -> RSAKey:
    keys = json.loads(app.sandbox.state.keys.jwks())["keys"]
    return RSAKey.import_key(keys[0])
