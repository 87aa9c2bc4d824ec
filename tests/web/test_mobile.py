"""The mobile app's own call, replayed byte for byte."""

import json

import pytest

from tests.support.app_client import ALICE, BOB, CLIENT_ID, RunningApp, raw
from tests.support.mobile_app import SAVED, TOKENS_PATH, app_user

pytestmark = pytest.mark.slow  # starts an application for each test

FAILED = b'{"error":"Failed to exchange auth code"}'


async def send(app: RunningApp, token: str | None, body: bytes) -> tuple[int, bytes]:
    """What the app's HTTP client (Dart's) puts on the wire."""
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    status, headers, answer = await raw(
        app,
        (
            f"POST {TOKENS_PATH} HTTP/1.1\r\n"
            "user-agent: Dart/3.9 (dart:io)\r\n"
            "content-type: application/json; charset=utf-8\r\n"
            "accept-encoding: gzip\r\n"
            f"content-length: {len(body)}\r\n"
            f"{authorization}"
            f"host: {app.netloc}\r\n"
            "connection: close\r\n"
            "\r\n"
        ).encode()
        + body,
    )
    assert headers["content-type"] == "application/json"
    return status, answer


def body_of(user_id: int, code: str) -> bytes:
    return f'{{"userId":{user_id},"authCode":"{code}"}}'.encode()


async def test_the_apps_request_saves_the_grant_and_answers_in_its_words(app: RunningApp) -> None:
    user_id, token = await app_user(app)
    status, answer = await send(app, token, body_of(17, app.native_code()))
    assert (status, answer) == (200, SAVED)
    assert json.loads(answer) == {"message": "Token saved successfully"}
    grant = (await app.rows("SELECT user_id, state FROM vault.google_tokens"))[0]
    assert tuple(grant) == (user_id, "active")
    me = await app.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (
        me.json()["accounts"][0] | {"email": ALICE, "primary": True, "signs_in": False}
        == me.json()["accounts"][0]
    )


async def test_a_user_without_a_name_of_the_apps_is_called_by_our_number(app: RunningApp) -> None:
    user_id, token = await app_user(app, external_id=None)
    assert (await send(app, token, body_of(user_id, app.native_code())))[0] == 200


async def test_foreign_and_unknown_users_get_the_same_answer(app: RunningApp) -> None:
    _, token = await app_user(app)
    await app_user(app, "18")
    foreign = await send(app, token, body_of(18, app.native_code()))
    unknown = await send(app, token, body_of(999_999, app.native_code()))
    assert foreign == unknown == (403, b'{"error":"Forbidden"}')
    assert app.google_was_asked("oauth.token.exchange") == 0


async def test_our_own_number_does_not_pass_for_the_apps(app: RunningApp) -> None:
    await app_user(app, "90")
    user_id, token = await app_user(app, "17")
    assert user_id != 17
    assert (await send(app, token, body_of(user_id, app.native_code())))[0] == 403


@pytest.mark.parametrize("token", [None, "made-up", "a.b.c"])
async def test_without_a_bearer_nobody_is_told_anything(app: RunningApp, token: str | None) -> None:
    status, answer = await send(app, token, body_of(17, app.native_code()))
    assert (status, list(json.loads(answer))) == (401, ["error"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[17]",
        b'{"userId": 17}',
        b'{"authCode": "4/a"}',
        b'{"userId": "17", "authCode": "4/a"}',
        b'{"userId": true, "authCode": "4/a"}',
        b'{"userId": 17.5, "authCode": "4/a"}',
        b'{"userId": 17, "authCode": ""}',
        b'{"userId": 17, "authCode": null}',
        b'{"userId": 17, "userId": 18, "authCode": "4/a"}',
        b'{"userId": 17, "authCode": "4/a"',
        b"\xff",
        b'{"userId": 0, "authCode": "4/a"}',
        b'{"userId": -0, "authCode": "4/a"}',
        b'{"userId": -17, "authCode": "4/a"}',
        b'{"userId": 17.0, "authCode": "4/a"}',
        b'{"userId": 1.7e1, "authCode": "4/a"}',
        b'{"userId": 9223372036854775808, "authCode": "4/a"}',
        b'{"userId": 1' + b"0" * 5000 + b', "authCode": "4/a"}',
        b'{"userId": NaN, "authCode": "4/a"}',
        b'{"userId": null, "authCode": "4/a"}',
        b'{"userId": [17], "authCode": "4/a"}',
        b'{"userId": 17, "authCode": 4}',
        b'{"userId": 17, "authCode": "4/a", "more": 1}',
        b'{"userid": 17, "authCode": "4/a"}',
        b'{"userId": 17, "authCode": "4/a"} {}',
    ],
)
async def test_a_bad_body_is_answered_400_in_the_apps_shape(app: RunningApp, body: bytes) -> None:
    _, token = await app_user(app)
    status, answer = await send(app, token, body)
    assert (status, list(json.loads(answer))) == (400, ["error"])
    assert b"4/a" not in answer


@pytest.mark.parametrize("user_id", [1, 2**31, 2**53 + 1, 2**63 - 1])
async def test_the_apps_ids_may_be_any_positive_integer(app: RunningApp, user_id: int) -> None:
    _, token = await app_user(app, str(user_id))
    assert await send(app, token, body_of(user_id, app.native_code())) == (200, SAVED)
    other = user_id - 1 or 2
    assert await send(app, token, body_of(other, "4/a")) == (403, b'{"error":"Forbidden"}')


async def test_a_bad_body_without_a_bearer_stays_401(app: RunningApp) -> None:
    status, answer = await send(app, None, b'{"userId": 0}')
    assert (status, list(json.loads(answer))) == (401, ["error"])


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_or_a_parameter_twice_is_400_in_the_apps_shape(
    app: RunningApp, content_type: str
) -> None:
    _, token = await app_user(app)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    answer = await app.client.post(TOKENS_PATH, content=body_of(17, "4/a"), headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    headers["Content-Type"] = "application/json"
    twice = await app.client.post(f"{TOKENS_PATH}?a=1&a=2", content=body_of(17, "4/a"), headers=headers)
    assert (twice.status_code, list(twice.json())) == (400, ["error"])


async def test_googles_refusal_is_the_apps_own_500(app: RunningApp) -> None:
    _, token = await app_user(app)
    code = app.native_code()
    assert (await send(app, token, body_of(17, code)))[0] == 200
    assert await send(app, token, body_of(17, code)) == (500, FAILED)
    assert await send(app, token, body_of(17, "4/never-issued")) == (500, FAILED)
    app.sandbox.fault("oauth.token*", status=503)
    assert await send(app, token, body_of(17, app.native_code())) == (500, FAILED)


async def test_a_session_cookie_opens_nothing_here(app: RunningApp) -> None:
    browser = await app.browser(BOB)
    await browser.sign_in()
    user_id = (await browser.me())["user_id"]
    answer = await browser.http.post(app.origin + TOKENS_PATH, json={"userId": user_id, "authCode": "4/a"})
    assert answer.status_code == 401


async def test_a_code_without_openid_is_enough_for_a_user_who_is_known(app: RunningApp) -> None:
    """Android's AuthorizationClient asks for no sign-in scope of its own."""
    user_id, token = await app_user(app)
    calendar = ["https://www.googleapis.com/auth/calendar.events.readonly"]
    for _ in range(2):
        code = app.sandbox.mint_code(ALICE, CLIENT_ID, calendar, kind="native", force_refresh_token=True)
        assert await send(app, token, body_of(17, code)) == (200, SAVED)
    rows = await app.rows("SELECT user_id, account_sub, state FROM vault.google_tokens")
    assert [tuple(row) for row in rows] == [(user_id, f"unnamed:{user_id}", "active")]
