"""Sign-in with one-time codes of popups and native apps, and with ID tokens; who may send them."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.app_client import (
    ALICE,
    BOB,
    CALENDAR,
    CLIENT_ID,
    OTHER_CLIENT_ID,
    RunningApp,
    raw,
    running_app,
)
from tests.support.signin import NOTHING, ONE_OF_EACH
from tests.support.signin_codes import (
    BARE,
    CODE_PATH,
    CREDENTIAL_PATH,
    STORE_PATH,
    id_token,
    native,
    popup,
    post,
)

pytestmark = pytest.mark.slow  # starts an application for each test


async def test_a_popup_code_gives_a_session_and_tells_who_and_what(app: RunningApp) -> None:
    answer = await post(
        app, CODE_PATH, code=app.popup_code(), client="popup", scopes="calendar drive.appdata"
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["account"]["email"] == ALICE
    assert set(body["granted"]) >= set(CALENDAR)
    assert body["missing"] == ["drive.appdata"]
    assert "token" not in body and answer.cookies["catflap_session"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await app.client.get("/v1/me")).json()["csrf_token"] == body["csrf_token"]


async def test_a_bare_code_is_taken_as_a_popups(app: RunningApp) -> None:
    headers = {**app.page_headers(), **BARE}
    answer = await app.client.post(CODE_PATH, content=app.popup_code(), headers=headers)
    assert answer.json()["account"]["email"] == ALICE
    assert answer.cookies["catflap_session"]


async def test_the_guides_request_is_understood_byte_for_byte(app: RunningApp) -> None:
    """Google's guide to server-side sign-in, jQuery 1.8, Chrome: a bare code as octet-stream."""
    code = app.popup_code()
    status, headers, body = await raw(
        app,
        (
            "POST /storeauthcode HTTP/1.1\r\n"
            f"Host: {app.netloc}\r\n"
            "Connection: close\r\n"
            f"Content-Length: {len(code)}\r\n"
            "Accept: */*\r\n"
            "X-Requested-With: XMLHttpRequest\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36\r\n"
            "Content-Type: application/octet-stream; charset=utf-8\r\n"
            f"Origin: {app.origin}\r\n"
            "Sec-Fetch-Site: same-origin\r\n"
            "Sec-Fetch-Mode: cors\r\n"
            "Sec-Fetch-Dest: empty\r\n"
            f"Referer: {app.origin}/\r\n"
            "Accept-Encoding: gzip, deflate, br, zstd\r\n"
            "Accept-Language: en-GB,en;q=0.9\r\n"
            "\r\n"
            f"{code}"
        ).encode(),
    )
    assert status == 200
    assert json.loads(body)["account"]["email"] == ALICE
    assert "catflap_session=" in headers["set-cookie"]
    assert await app.stored() == ONE_OF_EACH


@pytest.mark.parametrize("path", [CODE_PATH, STORE_PATH])
@pytest.mark.parametrize(
    ("leave_out", "add"),
    [
        ("X-Requested-With", {}),
        ("Origin", {}),
        (None, {"Origin": "https://evil.example"}),
        (None, {"Origin": "null"}),
    ],
)
async def test_a_code_from_no_page_of_ours_is_forbidden(
    app: RunningApp, path: str, leave_out: str | None, add: dict[str, str]
) -> None:
    headers = {**app.page_headers(), **BARE, **add}
    headers.pop(leave_out or "", None)
    answer = await app.client.post(path, content=app.popup_code(), headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert app.google_was_asked("oauth.token.exchange") == 0
    assert await app.stored() == NOTHING


async def test_the_guides_route_keeps_its_own_plain_errors(app: RunningApp) -> None:
    headers = {**app.page_headers(), **BARE}
    answer = await app.client.post(STORE_PATH, content="4/no-such-code", headers=headers)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert "no-such-code" not in answer.text


async def test_a_native_code_gives_a_bearer_and_no_cookie(app: RunningApp) -> None:
    answer = await native(app, code=app.native_code(), scopes="calendar")
    body = answer.json()
    assert (body["token_type"], body["missing"]) == ("Bearer", [])
    assert "set-cookie" not in answer.headers and answer.headers["Cache-Control"] == "no-store"
    me = await app.client.get("/v1/me", headers={"Authorization": f"Bearer {body['token']}"})
    assert me.json()["user_id"] == body["user_id"]


async def test_a_bearer_is_no_cookie_and_a_cookie_no_bearer(app: RunningApp) -> None:
    token = (await native(app, code=app.native_code())).json()["token"]
    assert (await app.client.get("/v1/me", headers={"Cookie": f"catflap_session={token}"})).status_code == 401
    browser = await app.browser(BOB)
    await browser.sign_in()
    cookie = browser.http.cookies["catflap_session"]
    answer = await app.client.get("/v1/me", headers={"Authorization": f"Bearer {cookie}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Mode": "cors"},
        {"Cookie": "catflap_session=made-up"},
        {"Cookie": "catflap_signin="},
        {"Cookie": "__cf_bm=abc; __Host-catflap_session=made-up"},
        {"Cookie": "__Host-catflap_signin=made-up"},
        {"Cookie": "catflap_signin_0123456789abcdef=made-up"},
    ],
)
async def test_a_native_code_sent_by_a_browser_is_refused(app: RunningApp, header: dict[str, str]) -> None:
    body = {"client": "native", "code": app.native_code()}
    answer = await app.client.post(CODE_PATH, json=body, headers=header)
    assert answer.status_code == 403
    assert await app.stored() == NOTHING


@pytest.mark.parametrize(
    "cookie",
    [
        "__cf_bm=abc; AWSALB=xyz; AWSALBCORS=xyz",
        "JSESSIONID=1",
        "session=another-program's",
        "nonsense; =; a",
        "",
    ],
)
async def test_a_native_request_may_carry_the_cookies_of_what_stands_before_us(
    app: RunningApp, cookie: str
) -> None:
    first = await app.client.post(
        CODE_PATH, json={"client": "native", "code": app.native_code()}, headers={"Cookie": cookie}
    )
    assert first.status_code == 200
    headers = {"Cookie": cookie, "Authorization": f"Bearer {first.json()['token']}"}
    assert (await app.client.get("/v1/me", headers=headers)).status_code == 200
    body = {"client": "native", "code": app.native_code()}
    assert (await app.client.post(CODE_PATH, json=body, headers=headers)).status_code == 200
    credential = {"client": "native", "credential": id_token(app)}
    answer = await app.client.post(CREDENTIAL_PATH, json=credential, headers={"Cookie": cookie})
    assert answer.status_code == 200


async def test_a_replayed_code_is_refused(app: RunningApp) -> None:
    code = app.native_code()
    assert (await native(app, code=code)).status_code == 200
    again = await native(app, code=code)
    assert (again.status_code, again.json()["code"]) == (400, "code_rejected")
    assert await app.stored() == ONE_OF_EACH


async def test_of_the_same_code_sent_twice_at_once_one_is_taken(app: RunningApp) -> None:
    code = app.popup_code()
    answers = await asyncio.gather(*(post(app, CODE_PATH, code=code, client="popup") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert await app.stored() == ONE_OF_EACH


async def test_two_first_sign_ins_at_once_make_one_user(app: RunningApp) -> None:
    codes = [app.native_code() for _ in range(4)]
    answers = await asyncio.gather(*(native(app, code=code) for code in codes))
    assert len({answer.json()["user_id"] for answer in answers}) == 1
    assert {**await app.stored(), "app.sessions": 1} == ONE_OF_EACH


async def test_a_code_of_another_client_is_refused(app: RunningApp) -> None:
    code = app.sandbox.mint_code(ALICE, OTHER_CLIENT_ID, ["openid", "email"], kind="native")
    answer = await native(app, code=code)
    assert (answer.status_code, answer.json()["code"]) == (400, "code_rejected")
    assert await app.stored() == NOTHING


@pytest.mark.parametrize("kind", ["popup", "native"])
async def test_a_code_of_the_other_kind_of_client_is_refused(app: RunningApp, kind: str) -> None:
    if kind == "popup":
        answer = await post(app, CODE_PATH, code=app.native_code(), client="popup")
    else:
        answer = await native(app, code=app.popup_code())
    assert answer.is_error
    assert await app.stored() == NOTHING


async def test_a_code_without_openid_is_refused_with_the_remedy(app: RunningApp) -> None:
    answer = await native(app, code=app.native_code(scopes=CALENDAR))
    assert answer.json()["code"] == "id_token_missing"
    assert "openid" in answer.json()["detail"]
    assert await app.stored() == NOTHING


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"code": "4/a"}',
        b'{"client": "native"}',
        b'{"code": 7, "client": "native"}',
        b'{"code": "4/a", "client": "desktop"}',
        b'{"code": "4/a", "client": "native", "more": 1}',
        b'{"code": "4/a", "code": "4/b", "client": "native"}',
        b'{"code": "4/a b", "client": "native"}',
        b'{"code": "", "client": "native"}',
        b'{"code": "' + b"a" * 513 + b'", "client": "native"}',
        b"\xff\xfe",
        b"[" * 50_000,
    ],
)
async def test_a_bad_body_is_refused_without_being_repeated(app: RunningApp, body: bytes) -> None:
    answer = await app.client.post(CODE_PATH, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "4/" not in answer.text
    assert app.google_was_asked("oauth.token.exchange") == 0


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_a_form_of_another_site_could_send_is_refused(
    app: RunningApp, content_type: str
) -> None:
    body = json.dumps({"code": app.native_code(), "client": "native"})
    answer = await app.client.post(CODE_PATH, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert await app.stored() == NOTHING


@pytest.mark.parametrize("path", [CODE_PATH, STORE_PATH, CREDENTIAL_PATH, "/app/google-calendar/tokens"])
async def test_an_oversized_body_is_refused(app: RunningApp, path: str) -> None:
    answer = await app.client.post(path, content=b"a" * 70_000, headers={**app.page_headers(), **BARE})
    assert answer.status_code == 413

    async def endless() -> Any:
        for _ in range(100):
            yield b"a" * 1000

    headers = {**app.page_headers(), "Content-Type": "application/octet-stream"}
    if path in (CODE_PATH, STORE_PATH):
        assert (await app.client.post(path, content=endless(), headers=headers)).status_code == 413


async def test_cookie_and_bearer_in_one_request_are_refused(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    headers = {**app.page_headers(), "Authorization": "Bearer anything"}
    for method, path in (("GET", "/v1/me"), ("POST", CODE_PATH), ("POST", STORE_PATH), ("POST", "/signout")):
        answer = await browser.http.request(method, app.origin + path, headers=headers, json={})
        assert answer.status_code == 400
        assert path == STORE_PATH or answer.json()["code"] == "ambiguous_credentials"


async def test_a_popups_state_is_taken_once_and_only_in_its_own_browser(app: RunningApp) -> None:
    mine, other = await app.browser(), await app.browser(BOB)
    begun = await popup(mine)
    assert begun["client_id"] == CLIENT_ID and begun["state"]
    body = {"code": app.popup_code(), "client": "popup", "state": begun["state"]}
    await popup(other)
    refused = await other.send("POST", CODE_PATH, json=body, headers=app.page_headers())
    assert refused.json()["code"] == "state_invalid"
    assert app.google_was_asked("oauth.token.exchange") == 0
    assert (await mine.send("POST", CODE_PATH, json=body, headers=app.page_headers())).status_code == 200
    again = {**body, "code": app.popup_code()}
    replayed = await mine.send("POST", CODE_PATH, json=again, headers=app.page_headers())
    assert replayed.json()["code"] == "state_invalid"


async def test_a_popup_in_a_session_asks_for_more_of_the_same_account_only(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    begun = await popup(browser, "scopes=drive.appdata")
    assert begun["login_hint"] == app.sandbox.account(ALICE).sub
    body = {"code": app.popup_code(BOB), "client": "popup", "state": begun["state"]}
    answer = await browser.send("POST", CODE_PATH, json=body, headers=app.page_headers())
    assert (answer.status_code, answer.json()["code"]) == (409, "account_mismatch")
    assert await app.stored() == ONE_OF_EACH
    begun = await popup(browser, "scopes=drive.appdata")
    more = app.popup_code(scopes=["openid", "email", "profile", *CALENDAR, "drive.appdata"])
    body = {"code": more, "client": "popup", "state": begun["state"]}
    answer = await browser.send("POST", CODE_PATH, json=body, headers=app.page_headers())
    assert (answer.status_code, answer.json()["missing"]) == (200, [])
    assert "set-cookie" not in answer.headers


async def test_a_popup_without_a_refresh_token_is_led_to_the_consent_page(app: RunningApp) -> None:
    await (await app.browser()).sign_in()
    await app.rows("DELETE FROM vault.google_tokens")
    answer = await post(app, CODE_PATH, code=app.popup_code(), client="popup", scopes="calendar")
    assert (answer.status_code, answer.json()["code"]) == (409, "consent_needed")
    browser = await app.browser()
    assert "error" not in (await browser.sign_in(answer.json()["consent_url"])).headers["Location"]
    assert (await browser.me())["grants"][0]["state"] == "active"


async def test_a_native_app_adds_scopes_with_its_bearer_and_links_when_it_says_so(app: RunningApp) -> None:
    signed_in = (await native(app, code=app.native_code())).json()
    headers = {"Authorization": f"Bearer {signed_in['token']}"}
    scopes = ["openid", "email", "profile", "drive.appdata"]
    body = {"client": "native", "code": app.native_code(scopes=scopes), "scopes": "drive.appdata"}
    added = await app.client.post(CODE_PATH, json=body, headers=headers)
    assert (added.status_code, "token" in added.json()) == (200, False)
    stranger = {"client": "native", "code": app.native_code(BOB)}
    assert (await app.client.post(CODE_PATH, json=stranger, headers=headers)).status_code == 409
    again = app.native_code(BOB, force_refresh_token=True)
    link = {"client": "native", "code": again, "purpose": "link"}
    assert (await app.client.post(CODE_PATH, json=link, headers=headers)).status_code == 200
    me = (await app.client.get("/v1/me", headers=headers)).json()
    assert [one["email"] for one in me["accounts"]] == [ALICE, BOB]


async def test_google_down_stores_nothing(app: RunningApp) -> None:
    app.sandbox.fault("oauth.token*", status=503)
    answer = await native(app, code=app.native_code())
    assert (answer.status_code, answer.json()["code"]) == (503, "google_unavailable")
    assert await app.stored() == NOTHING


async def test_pages_of_an_allowed_origin_may_read_the_answer(
    database_urls: Any, clock: Any, tmp_path: Any
) -> None:
    from_elsewhere = "https://app.example.com"
    async with running_app(database_urls, clock, tmp_path, allowed_origins=(from_elsewhere,)) as app:
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-requested-with",
        }
        preflight = await app.client.options(CODE_PATH, headers={"Origin": from_elsewhere, **asked})
        assert preflight.headers["Access-Control-Allow-Origin"] == from_elsewhere
        assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
        headers = {**app.page_headers(), "Origin": from_elsewhere}
        body = {"code": app.popup_code(), "client": "popup"}
        answer = await app.client.post(CODE_PATH, json=body, headers=headers)
        assert answer.headers["Access-Control-Allow-Origin"] == from_elsewhere
        stranger = await app.client.options(CODE_PATH, headers={"Origin": "https://evil.example", **asked})
        assert "Access-Control-Allow-Origin" not in stranger.headers


async def test_codes_of_popups_can_be_redeemed_with_the_pages_origin(
    database_urls: Any, clock: Any, tmp_path: Any
) -> None:
    async with running_app(database_urls, clock, tmp_path, popup_redirect_uri="origin") as app:
        assert (await post(app, CODE_PATH, code=app.popup_code(), client="popup")).status_code == 200


async def test_the_bodies_that_are_read_by_hand_are_described_all_the_same(app: RunningApp) -> None:
    document = (await app.client.get("/openapi.json")).json()
    for path in (CODE_PATH, CREDENTIAL_PATH, "/app/google-calendar/tokens"):
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        schema = document["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        assert schema["additionalProperties"] is False and schema["required"]
