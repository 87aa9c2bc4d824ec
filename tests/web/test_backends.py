"""Other back ends: users, bearers, codes, links; a forwarded link ties nobody's calendar to another."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey, RSAKey

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import ALICE, BOB, CALENDAR, RunningApp, running_app, serve_json
from tests.support.backend import RETURN_TO, ClientApp, follow, make_link, make_user, post
from tests.support.jwt import hs256
from tests.support.signin import NOTHING, changed, error_of

pytestmark = pytest.mark.slow  # starts an application for each test


@pytest.fixture
async def shop(database_urls: Urls, clock: FixedClock, tmp_path: Any) -> Any:
    """An app with the return URL of the shop."""
    async with running_app(database_urls, clock, tmp_path, return_urls=(RETURN_TO,)) as app:
        yield app


async def grants(app: RunningApp) -> list[tuple[int, str]]:
    return [tuple(row) for row in await app.rows("SELECT user_id, account_sub FROM vault.google_tokens")]


async def test_a_user_of_an_app_is_made_once_for_each_name(app: RunningApp) -> None:
    key = await app.api_key("users")
    first = await post(app, "/v1/users", key, external_id="17")
    again = await post(app, "/v1/users", key, external_id="17")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (await post(app, "/v1/users", key)).json()["external_id"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users",
        "/v1/users/1/sessions",
        "/v1/users/1/google/code",
        "/v1/users/1/consents",
        "/v1/users/1/consents/1/confirm",
    ],
)
async def test_only_a_key_with_the_right_may_act_for_users(app: RunningApp, path: str) -> None:
    browser = await app.browser()
    await browser.sign_in()
    assert (await browser.send("POST", path, json={})).status_code == 401
    assert (await app.client.post(path, json={})).status_code == 401
    other_right = await app.api_key("tokens")
    assert (await app.client.post(path, json={"code": "4/a"}, headers=other_right)).status_code == 403


async def test_a_key_for_one_user_acts_for_no_other(app: RunningApp) -> None:
    everybody = await app.api_key("users")
    mine, other = await make_user(app, everybody), await make_user(app, everybody, "18")
    key = await app.api_key("users", user_ids=[mine])
    assert (await post(app, f"/v1/users/{mine}/sessions", key)).status_code == 201
    assert (await post(app, f"/v1/users/{other}/sessions", key)).status_code == 403
    assert (await post(app, "/v1/users", key)).status_code == 403


async def test_a_bearer_minted_by_the_back_end_opens_the_users_own_api(app: RunningApp) -> None:
    key = await app.api_key("users")
    user_id = await make_user(app, key)
    made = (await post(app, f"/v1/users/{user_id}/sessions", key)).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert (await app.client.get("/v1/me", headers=headers)).json()["user_id"] == user_id
    assert (await post(app, "/v1/users/999/sessions", key)).status_code == 404


async def test_a_code_from_the_back_end_becomes_the_users_grant_and_signs_nobody_in(app: RunningApp) -> None:
    key = await app.api_key("users")
    user_id = await make_user(app, key)
    answer = await post(
        app, f"/v1/users/{user_id}/google/code", key, code=app.native_code(), scopes="calendar"
    )
    assert answer.json() | {"user_id": user_id, "missing": []} == answer.json()
    browser = await app.browser()
    await browser.sign_in("/signin/google")
    assert (await browser.me())["user_id"] != user_id
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_code_for_another_account_than_named_is_refused(app: RunningApp) -> None:
    key = await app.api_key("users")
    user_id = await make_user(app, key)
    sub = app.sandbox.account(BOB).sub
    path = f"/v1/users/{user_id}/google/code"
    answer = await post(app, path, key, code=app.native_code(), account=sub)
    assert (answer.status_code, answer.json()["code"]) == (409, "account_mismatch")
    assert await grants(app) == []
    assert (await post(app, "/v1/users/999/google/code", key, code=app.native_code())).status_code == 404
    limited = await app.api_key("users", scopes=["calendar.events.readonly"])
    beyond = await post(app, path, limited, code=app.native_code(), scopes="drive.appdata")
    assert beyond.status_code == 403


async def test_a_link_gives_a_grant_once_the_back_end_has_confirmed(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    user_id = await make_user(shop, key)
    link = await make_link(shop, key, user_id)
    told = await follow(await shop.browser(), link["url"])
    assert told["from"] == "catflap" and told["consent"] == str(link["id"])
    assert await grants(shop) == []
    assert shop.google_was_asked("oauth.token.exchange") == 0
    path = f"/v1/users/{user_id}/consents/{link['id']}/confirm"
    confirmed = await post(shop, path, key, code=told["code"])
    assert confirmed.json()["account"]["email"] == ALICE
    assert confirmed.json()["missing"] == []
    assert await grants(shop) == [(user_id, shop.sandbox.account(ALICE).sub)]
    assert (await post(shop, path, key, code=told["code"])).status_code == 404


async def test_a_forwarded_link_does_not_tie_a_strangers_calendar_to_its_sender(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    sender, stranger = await make_user(shop, key, "sender"), await make_user(shop, key, "stranger")
    link = await make_link(shop, key, sender)
    told = await follow(await shop.browser(BOB), link["url"])
    # The shop finds the code in the session of the stranger, and so confirms it for the stranger.
    path = f"/v1/users/{stranger}/consents/{link['id']}/confirm"
    assert (await post(shop, path, key, code=told["code"])).status_code == 404
    assert await grants(shop) == []


async def test_a_link_opened_by_somebody_else_who_is_signed_in_here_is_refused(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    link = await make_link(shop, key, await make_user(shop, key))
    browser = await shop.browser(BOB)
    await browser.sign_in("/signin/google")
    told = await follow(browser, link["url"])
    assert told["error"] == "account_mismatch" and "code" not in told
    assert len(await grants(shop)) == 1


async def test_a_link_opened_in_the_users_own_session_needs_no_confirming(shop: RunningApp) -> None:
    key, browser = await shop.api_key("users"), await shop.browser()
    await browser.sign_in("/signin/google")
    user_id = (await browser.me())["user_id"]
    told = await follow(browser, (await make_link(shop, key, user_id))["url"])
    assert "code" not in told and "error" not in told
    assert set(CALENDAR) <= set((await browser.me())["grants"][0]["scopes"])


async def test_a_link_works_once_and_for_ten_minutes(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    user_id = await make_user(shop, key)
    used = await make_link(shop, key, user_id)
    await follow(await shop.browser(), used["url"])
    assert error_of(await (await shop.browser(BOB)).get(used["url"])) == "expired"
    late = await make_link(shop, key, user_id)
    shop.clock.advance(timedelta(minutes=10))
    assert error_of(await (await shop.browser()).get(late["url"])) == "expired"
    assert error_of(await (await shop.browser()).get("/consents/made-up")) == "expired"


async def test_of_two_who_open_a_link_the_first_to_answer_counts(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    link = await make_link(shop, key, await make_user(shop, key))
    alice, bob = await shop.browser(), await shop.browser(BOB)
    begun = await bob.get(link["url"])
    await follow(alice, link["url"])
    late = await bob.get(await bob.at_google(begun.headers["Location"]))
    assert error_of(late) == "expired"


@pytest.mark.parametrize("code", ["", "made-up", "a" * 43])
async def test_a_wrong_confirmation_stores_nothing_and_spoils_nothing(shop: RunningApp, code: str) -> None:
    key = await shop.api_key("users")
    user_id = await make_user(shop, key)
    link = await make_link(shop, key, user_id)
    told = await follow(await shop.browser(), link["url"])
    path = f"/v1/users/{user_id}/consents/{link['id']}/confirm"
    assert (await post(shop, path, key, code=code)).status_code in (400, 404)
    assert (await post(shop, path, key, code=told["code"])).status_code == 200


async def test_google_down_at_the_confirmation_can_be_tried_again(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    user_id = await make_user(shop, key)
    link = await make_link(shop, key, user_id)
    told = await follow(await shop.browser(), link["url"])
    path = f"/v1/users/{user_id}/consents/{link['id']}/confirm"
    shop.sandbox.fault("oauth.token*", status=503, times=1)
    assert (await post(shop, path, key, code=told["code"])).status_code == 503
    assert (await post(shop, path, key, code=told["code"])).status_code == 200


async def test_another_account_than_asked_for_is_a_mismatch_and_nothing_is_stored(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    user_id = await make_user(shop, key)
    sub = shop.sandbox.account(ALICE).sub
    link = await make_link(shop, key, user_id, account=sub, purpose="link")
    begun = await (browser := await shop.browser(BOB)).get(link["url"])
    as_bob = changed(begun.headers["Location"], login_hint=BOB)
    back = await browser.get(await browser.at_google(as_bob))
    code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
    answer = await post(shop, f"/v1/users/{user_id}/consents/{link['id']}/confirm", key, code=code)
    assert (answer.status_code, answer.json()["code"]) == (409, "account_mismatch")
    assert await grants(shop) == []


async def test_saying_no_is_told_to_the_back_end(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    link = await make_link(shop, key, await make_user(shop, key))
    told = await follow(await shop.browser(), link["url"], deny=True)
    assert told["error"] == "access_denied"
    assert await grants(shop) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"return_to": "https://evil.example/"}, "return_to_unknown"),
        ({"return_to": RETURN_TO + "&more"}, "return_to_unknown"),
        ({"purpose": "signin"}, "invalid_request"),
        ({"purpose": "add_scopes"}, "not_found"),
        ({"more": 1}, "invalid_request"),
    ],
)
async def test_a_link_is_made_only_for_what_was_registered(
    shop: RunningApp, change: dict[str, Any], code: str
) -> None:
    key = await shop.api_key("users")
    user_id = await make_user(shop, key)
    body = {"scopes": "calendar", "return_to": RETURN_TO, **change}
    answer = await post(shop, f"/v1/users/{user_id}/consents", key, **body)
    assert answer.is_error and answer.json()["code"] == code


async def test_what_waits_for_confirmation_cannot_be_opened_from_the_database(shop: RunningApp) -> None:
    key = await shop.api_key("users")
    link = await make_link(shop, key, await make_user(shop, key))
    told = await follow(await shop.browser(), link["url"])
    google_code = shop.sandbox.state.grants.codes
    dump = await shop.dump()
    assert told["code"] not in dump and link["url"].rsplit("/", 1)[1] not in dump
    assert not [code for code in google_code if code in dump]


@pytest.fixture
async def app_with_issuer(database_urls: Urls, clock: FixedClock, tmp_path: Any) -> Any:
    """An app that accepts the JWTs of another issuer."""
    client_app = ClientApp(clock)
    jwks = {"keys": [client_app.key.as_dict(private=False)]}
    async with (
        serve_json(jwks) as url,
        running_app(
            database_urls,
            clock,
            tmp_path,
            jwt_issuer=client_app.issuer,
            jwt_audience=client_app.audience,
            jwt_jwks_url=url,
        ) as app,
    ):
        yield app, client_app


async def test_an_apps_own_token_opens_the_api_for_its_user(
    app_with_issuer: tuple[RunningApp, ClientApp],
) -> None:
    app, client_app = app_with_issuer
    headers = {"Authorization": f"Bearer {client_app.token()}"}
    me = await app.client.get("/v1/me", headers=headers)
    again = await app.client.get("/v1/me", headers=headers)
    assert me.status_code == 200 and me.json() == again.json()
    assert (await app.stored())["app.users"] == 1
    other = await app.client.get("/v1/me", headers={"Authorization": f"Bearer {client_app.token(sub='18')}"})
    assert other.json()["user_id"] != me.json()["user_id"]
    body = {"userId": 17, "authCode": app.native_code()}
    assert (await app.client.post("/app/google-calendar/tokens", json=body, headers=headers)).is_success
    foreign = {"userId": 18, "authCode": app.native_code()}
    answer = await app.client.post("/app/google-calendar/tokens", json=foreign, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        "iss",
        "aud",
        "exp",
        "no exp",
        "exp infinite",
        "iat true",
        "nbf",
        "sub",
        "sub empty",
        "none",
        "HS256",
        "other key",
        "kid",
        "RS256 with the EC kid",
    ],
)
async def test_a_bad_token_of_an_app_opens_nothing(
    app_with_issuer: tuple[RunningApp, ClientApp], name: str
) -> None:
    app, client_app = app_with_issuer
    now = int(client_app.clock.now().timestamp())
    good = client_app.token()
    bad = {
        "iss": client_app.token(iss="https://login.evil.example"),
        "aud": client_app.token(aud=["another"]),
        "exp": client_app.token(exp=now - 60),
        "no exp": client_app.token(exp=None),
        "exp infinite": client_app.token(exp=float("inf")),
        "iat true": client_app.token(iat=True),
        "nbf": client_app.token(nbf=now + 61),
        "sub": client_app.token(sub=None),
        "sub empty": client_app.token(sub=""),
        "none": "eyJhbGciOiJub25lIn0." + good.split(".")[1] + ".",
        "HS256": hs256(good, client_app.key.as_pem(private=False)),
        "other key": client_app.token(key=ECKey.generate_key("P-256")),
        "kid": client_app.token(header={"alg": "ES256", "kid": "e2"}),
        "RS256 with the EC kid": client_app.token(
            key=RSAKey.generate_key(2048), header={"alg": "RS256", "kid": "e1"}
        ),
    }[name]
    answer = await app.client.get("/v1/me", headers={"Authorization": f"Bearer {bad}"})
    assert answer.status_code == 401
    assert await app.stored() == NOTHING
