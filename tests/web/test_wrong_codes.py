"""A sender's mistake is answered as the sender's, with what to change; an operator's stays the operator's."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.store.embedded import Urls
from tests.front_door import CLIENT_ID, Door, open_door
from tests.web.test_codes import BARE, CODE, CREDENTIAL, STORE, id_token, native, post
from tests.web.test_mobile import PATH as MOBILE
from tests.web.test_mobile import SAVED, app_user
from tests.web.test_signin import NOTHING, back_from_google, error_of

IOS = "4711-ios.apps.googleusercontent.com"


async def bare(door: Door, body: str) -> httpx2.Response:
    return await door.client.post(CODE, content=body.encode(), headers={**door.page_headers(), **BARE})


async def sent(door: Door, client: str, code: str) -> httpx2.Response:
    if client == "native":
        return await native(door, code=code)
    return await post(door, CODE, code=code, client="popup")


def web_code(door: Door) -> str:
    """A code of the redirect flow of another program with our client."""
    return door.native_code(kind="web", redirect_uri=f"{door.origin}/signin/google/callback")


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
    door: Door, client: str, kind: str, told: str
) -> None:
    code = {"popup": door.popup_code, "native": door.native_code}.get(kind, lambda: web_code(door))()
    answer = await sent(door, client, code)
    assert (answer.status_code, answer.json()["code"]) == (400, "redirect_uri_mismatch")
    assert told in answer.json()["detail"] and code not in answer.text
    assert await door.stored() == NOTHING


async def test_a_back_ends_wrong_redirect_uri_is_its_own_mistake(door: Door) -> None:
    key = await door.api_key("users")
    user_id = (await door.client.post("/v1/users", json={}, headers=key)).json()["id"]
    for more in (
        {"code": web_code(door), "client": "web", "redirect_uri": "https://shop.example.com/callback"},
        {"code": web_code(door)},
        {"code": door.native_code(), "client": "popup"},
    ):
        answer = await door.client.post(f"/v1/users/{user_id}/google/code", json=more, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (400, "redirect_uri_mismatch")


async def test_our_own_redirect_uri_that_google_does_not_know_stays_the_operators(door: Door) -> None:
    browser = await door.browser()
    back = await back_from_google(browser)
    code = parse_qs(urlsplit(back).query)["code"][0]
    door.sandbox.world.grants.codes[code].redirect_uri = "https://elsewhere.example.com"
    assert error_of(await browser.get(back)) == "google_client_rejected"


@pytest.mark.parametrize("around", ["{}", " {}\n", '"{}"', "\ufeff{}"])
@pytest.mark.parametrize("encoded", [False, True])
async def test_a_code_is_taken_whatever_a_client_put_around_it(
    door: Door, around: str, encoded: bool
) -> None:
    def dressed(code: str) -> str:
        return around.format(quote(code, safe="") if encoded else code)

    assert (await native(door, code=dressed(door.native_code()))).status_code == 200
    assert (await post(door, CODE, code=dressed(door.popup_code()), client="popup")).status_code == 200
    door.client.cookies.clear()
    _, token = await app_user(door)
    body = {"userId": 17, "authCode": dressed(door.native_code(force_refresh_token=True))}
    answer = await door.client.post(MOBILE, json=body, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.content) == (200, SAVED)
    if around.isascii():
        assert (await bare(door, dressed(door.popup_code()))).status_code == 200


@pytest.mark.parametrize("client", ["native", "popup", "bare", "storeauthcode", "mobile"])
async def test_what_is_no_code_is_answered_400_before_google_is_asked(door: Door, client: str) -> None:
    url = f"{door.origin}/signin/google/callback?code=4%2F0Aabc&scope=openid"
    for wrong, told in (
        (id_token(door), "ID token"),
        ("ya29.secret", "access token"),
        (url, "parameter code"),
    ):
        if client == "storeauthcode":
            answer = await door.client.post(STORE, content=wrong, headers={**door.page_headers(), **BARE})
            said = answer.json()["error"]
        elif client == "mobile":
            _, token = await app_user(door)
            body = {"userId": 17, "authCode": wrong}
            answer = await door.client.post(MOBILE, json=body, headers={"Authorization": f"Bearer {token}"})
            said = answer.json()["error"]
        else:
            answer = await (bare(door, wrong) if client == "bare" else sent(door, client, wrong))
            said = answer.json()["detail"]
        assert answer.status_code == 400 and told in said and wrong not in answer.text
    assert door.google_was_asked("oauth.token.exchange") == 0


async def test_a_code_sent_as_an_id_token_is_told_where_to_go(door: Door) -> None:
    answer = await door.client.post(CREDENTIAL, json={"credential": "4/0Aabc", "client": "native"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "/signin/google/code" in answer.json()["detail"]


async def test_an_id_token_of_the_apps_own_client_is_told_which_setting_lets_it_in(door: Door) -> None:
    token = id_token(door, aud=IOS, azp=IOS)
    answer = await door.client.post(CREDENTIAL, json={"credential": token, "client": "native"})
    assert (answer.status_code, answer.json()["code"]) == (400, "id_token_invalid")
    assert "CATFLAP_GOOGLE_AUDIENCES" in answer.json()["detail"]
    assert await door.stored() == NOTHING


@pytest.fixture
async def with_ios(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> Any:
    async with open_door(database_urls, clock, tmp_path, google_audiences=(IOS,)) as door:
        yield door


async def test_further_client_ids_of_the_project_are_audiences_of_id_tokens(with_ios: Door) -> None:
    door = with_ios
    for aud, azp, status in (
        (IOS, IOS, 200),
        (CLIENT_ID, IOS, 200),
        (IOS, "4711-android.apps.googleusercontent.com", 200),
        ("4711-android.apps.googleusercontent.com", "4711-android.apps.googleusercontent.com", 400),
        (IOS, "666-evil.apps.googleusercontent.com", 400),
    ):
        body = {"credential": id_token(door, aud=aud, azp=azp), "client": "native"}
        answer = await door.client.post(CREDENTIAL, json=body)
        assert answer.status_code == status, (aud, azp)
    body = {"credential": id_token(door, aud=IOS, azp=IOS, exp=1), "client": "native"}
    expired = await door.client.post(CREDENTIAL, json=body)
    assert "expired" in expired.json()["detail"]


async def test_the_token_endpoint_must_answer_for_our_own_client_all_the_same(with_ios: Door) -> None:
    """A code is redeemed with our client id, so its ID token is for that and for no other."""
    services = with_ios.house.services
    assert services.settings.google_audiences == (IOS,)
    with_ios.sandbox.add_client(IOS, "a-made-up-secret")
    foreign = with_ios.sandbox.mint_code("alice@example.com", IOS, ["openid", "email"], kind="native")
    answer = await native(with_ios, code=foreign)
    assert (answer.status_code, answer.json()["code"]) == (400, "code_rejected")
