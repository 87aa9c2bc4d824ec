"""Error codes of the code routes: 4xx with a remedy for the client's mistakes, 500 for the operator's."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import CLIENT_ID, RunningApp, running_app
from tests.support.mobile_app import SAVED, app_user
from tests.support.mobile_app import TOKENS_PATH as MOBILE
from tests.support.signin import NOTHING, back_from_google, error_of
from tests.support.signin_codes import BARE, CODE_PATH, CREDENTIAL_PATH, STORE_PATH, id_token, native, post

pytestmark = pytest.mark.slow  # starts an application for each test

IOS = "4711-ios.apps.googleusercontent.com"


async def bare(app: RunningApp, body: str) -> httpx2.Response:
    return await app.client.post(CODE_PATH, content=body.encode(), headers={**app.page_headers(), **BARE})


async def sent(app: RunningApp, client: str, code: str) -> httpx2.Response:
    if client == "native":
        return await native(app, code=code)
    return await post(app, CODE_PATH, code=code, client="popup")


def web_code(app: RunningApp) -> str:
    """A code of the redirect flow of another program with our client."""
    return app.native_code(kind="web", redirect_uri=f"{app.origin}/signin/google/callback")


@pytest.mark.parametrize(
    ("client", "kind", "told"),
    [
        ("native", "popup", 'client "popup"'),
        ("native", "web", "serverAuthCode"),
        ("popup", "native", 'client "native"'),
        ("popup", "web", "CATFLAP_POPUP_REDIRECT_URI"),
    ],
)
async def test_a_code_of_another_kind_is_the_senders_mistake(
    app: RunningApp, client: str, kind: str, told: str
) -> None:
    code = {"popup": app.popup_code, "native": app.native_code}.get(kind, lambda: web_code(app))()
    answer = await sent(app, client, code)
    assert (answer.status_code, answer.json()["code"]) == (400, "redirect_uri_mismatch")
    assert told in answer.json()["detail"] and code not in answer.text
    assert await app.stored() == NOTHING


async def test_a_back_ends_wrong_redirect_uri_is_its_own_mistake(app: RunningApp) -> None:
    key = await app.api_key("users")
    user_id = (await app.client.post("/v1/users", json={}, headers=key)).json()["id"]
    for more in (
        {"code": web_code(app), "client": "web", "redirect_uri": "https://shop.example.com/callback"},
        {"code": web_code(app)},
        {"code": app.native_code(), "client": "popup"},
    ):
        answer = await app.client.post(f"/v1/users/{user_id}/google/code", json=more, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (400, "redirect_uri_mismatch")


async def test_our_own_redirect_uri_that_google_does_not_know_stays_the_operators(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    code = parse_qs(urlsplit(back).query)["code"][0]
    app.sandbox.state.grants.codes[code].redirect_uri = "https://elsewhere.example.com"
    assert error_of(await browser.get(back)) == "google_client_rejected"


@pytest.mark.parametrize("around", ["{}", " {}\n", '"{}"', "\ufeff{}"])
@pytest.mark.parametrize("encoded", [False, True])
async def test_a_code_is_taken_whatever_a_client_put_around_it(
    app: RunningApp, around: str, encoded: bool
) -> None:
    def dressed(code: str) -> str:
        return around.format(quote(code, safe="") if encoded else code)

    assert (await native(app, code=dressed(app.native_code()))).status_code == 200
    assert (await post(app, CODE_PATH, code=dressed(app.popup_code()), client="popup")).status_code == 200
    app.client.cookies.clear()
    _, token = await app_user(app)
    body = {"userId": 17, "authCode": dressed(app.native_code(force_refresh_token=True))}
    answer = await app.client.post(MOBILE, json=body, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.content) == (200, SAVED)
    if around.isascii():
        assert (await bare(app, dressed(app.popup_code()))).status_code == 200


@pytest.mark.parametrize("client", ["native", "popup", "bare", "storeauthcode", "mobile"])
async def test_what_is_no_code_is_answered_400_before_google_is_asked(app: RunningApp, client: str) -> None:
    url = f"{app.origin}/signin/google/callback?code=4%2F0Aabc&scope=openid"
    for wrong, told in (
        (id_token(app), "ID token"),
        ("ya29.secret", "access token"),
        (url, "parameter code"),
    ):
        if client == "storeauthcode":
            answer = await app.client.post(STORE_PATH, content=wrong, headers={**app.page_headers(), **BARE})
            said = answer.json()["error"]
        elif client == "mobile":
            _, token = await app_user(app)
            body = {"userId": 17, "authCode": wrong}
            answer = await app.client.post(MOBILE, json=body, headers={"Authorization": f"Bearer {token}"})
            said = answer.json()["error"]
        else:
            answer = await (bare(app, wrong) if client == "bare" else sent(app, client, wrong))
            said = answer.json()["detail"]
        assert answer.status_code == 400 and told in said and wrong not in answer.text
    assert app.google_was_asked("oauth.token.exchange") == 0


async def test_a_code_sent_as_an_id_token_is_told_where_to_go(app: RunningApp) -> None:
    answer = await app.client.post(CREDENTIAL_PATH, json={"credential": "4/0Aabc", "client": "native"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "/signin/google/code" in answer.json()["detail"]


async def test_an_id_token_of_the_apps_own_client_is_told_which_setting_lets_it_in(app: RunningApp) -> None:
    token = id_token(app, aud=IOS, azp=IOS)
    answer = await app.client.post(CREDENTIAL_PATH, json={"credential": token, "client": "native"})
    assert (answer.status_code, answer.json()["code"]) == (400, "id_token_invalid")
    assert "CATFLAP_GOOGLE_AUDIENCES" in answer.json()["detail"]
    assert await app.stored() == NOTHING


@pytest.fixture
async def with_ios(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> Any:
    async with running_app(database_urls, clock, tmp_path, google_audiences=(IOS,)) as app:
        yield app


async def test_further_client_ids_of_the_project_are_audiences_of_id_tokens(with_ios: RunningApp) -> None:
    app = with_ios
    for aud, azp, status in (
        (IOS, IOS, 200),
        (CLIENT_ID, IOS, 200),
        (IOS, "4711-android.apps.googleusercontent.com", 200),
        ("4711-android.apps.googleusercontent.com", "4711-android.apps.googleusercontent.com", 400),
        (IOS, "666-evil.apps.googleusercontent.com", 400),
    ):
        body = {"credential": id_token(app, aud=aud, azp=azp), "client": "native"}
        answer = await app.client.post(CREDENTIAL_PATH, json=body)
        assert answer.status_code == status, (aud, azp)
    body = {"credential": id_token(app, aud=IOS, azp=IOS, exp=1), "client": "native"}
    expired = await app.client.post(CREDENTIAL_PATH, json=body)
    assert "expired" in expired.json()["detail"]


async def test_the_token_endpoint_must_answer_for_our_own_client_all_the_same(with_ios: RunningApp) -> None:
    """A code is redeemed with our client id, so its ID token is for that and for no other."""
    services = with_ios.catflap.services
    assert services.settings.google_audiences == (IOS,)
    with_ios.sandbox.add_client(IOS, "a-made-up-secret")
    foreign = with_ios.sandbox.mint_code("alice@example.com", IOS, ["openid", "email"], kind="native")
    answer = await native(with_ios, code=foreign)
    assert (answer.status_code, answer.json()["code"]) == (400, "code_rejected")
