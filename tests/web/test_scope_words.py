"""A scope word means one thing everywhere, so following the advice of a refusal ends."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.errors import UserMustAct
from catflap.fastapi import User
from catflap.store.database import Urls
from tests.support.app_client import ALICE, BOB, CLIENT_ID, RunningApp, running_app
from tests.support.backend import RETURN_TO, follow, post

pytestmark = pytest.mark.slow  # starts an application for each test

G = "https://www.googleapis.com/auth/"
WORDS = [
    "calendar",
    "calendar,drive.appdata",
    f"{G}calendar",
    "calendar.events",
    "calendar.readonly",
    f"{G}calendar.events.readonly",
    "drive",
    "drive.file",
    "gmail.readonly",
    "email",
    "userinfo.profile",
    f"{G}userinfo.email",
]


@pytest.fixture
async def shop(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> Any:
    async with running_app(database_urls, clock, tmp_path, return_urls=(RETURN_TO,)) as app:
        yield app


async def token(
    app: RunningApp, user_id: int, key: dict[str, str], words: str, **more: str
) -> httpx2.Response:
    params = {"scopes": words, **more}
    return await app.client.get(f"/v1/users/{user_id}/google/token", params=params, headers=key)


async def user_with(app: RunningApp, key: dict[str, str], *scopes: str, email: str = ALICE) -> int:
    """A user of a back end who has allowed `scopes` and nothing else."""
    user_id = (await post(app, "/v1/users", key)).json()["id"]
    code = app.sandbox.mint_code(email, CLIENT_ID, scopes, kind="native", force_refresh_token=True)
    answer = await post(app, f"/v1/users/{user_id}/google/code", key, code=code)
    assert answer.status_code == 200, answer.text
    return int(user_id)


async def take_advice(app: RunningApp, key: dict[str, str], user_id: int, refusal: httpx2.Response) -> None:
    """Open exactly the consent that a refusal names, and confirm it."""
    advice = refusal.json()["consent"]
    wanted = {name: value for name, value in advice.items() if name != "create"}
    made = await app.client.post(advice["create"], json={**wanted, "return_to": RETURN_TO}, headers=key)
    assert made.status_code == 201, made.text
    told = await follow(await app.browser(), made.json()["url"])
    path = f"/v1/users/{user_id}/consents/{told['consent']}/confirm"
    confirmed = await post(app, path, key, code=told["code"])
    assert (confirmed.status_code, confirmed.json()["missing"]) == (200, [])


@pytest.mark.parametrize("had", [("openid", f"{G}tasks.readonly"), (f"{G}tasks.readonly",)])
@pytest.mark.parametrize("words", WORDS)
async def test_following_the_advice_of_a_refusal_once_is_enough(
    shop: RunningApp, words: str, had: tuple[str, ...]
) -> None:
    """Also where Google did not name the account at first, because `openid` was not asked for."""
    key = await shop.api_key("users", "tokens")
    user_id = await user_with(shop, key, *had)
    refused = await token(shop, user_id, key, words)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    await take_advice(shop, key, user_id, refused)
    answer = await token(shop, user_id, key, words)
    assert answer.status_code == 200, answer.text
    # What is shown can be asked for, word by word, and means the same.
    for shown in answer.json()["scopes"]:
        assert (await token(shop, user_id, key, shown)).status_code == 200


@pytest.mark.parametrize("words", ["calendar", f"{G}calendar", "userinfo.email drive.appdata"])
async def test_what_a_person_allowed_for_a_word_the_token_api_gives_for_it(
    shop: RunningApp, words: str
) -> None:
    key = await shop.api_key("users", "tokens")
    browser = await shop.browser()
    await browser.sign_in(f"/signin/google?scopes={words}")
    me = await browser.me()
    assert me["grants"][0]["missing_scopes"] == []
    assert (await token(shop, me["user_id"], key, words)).status_code == 200
    user = User(me["user_id"], (), shop.catflap.services)
    assert await user.access_token(words)
    if f"{G}calendar" not in words:
        with pytest.raises(UserMustAct, match="scope_missing"):
            await user.access_token(f"{G}calendar")


async def test_the_advice_names_the_account_that_lacked_something(shop: RunningApp) -> None:
    key = await shop.api_key("users", "tokens")
    user_id = await user_with(shop, key, "openid", "email", f"{G}tasks")
    code = shop.native_code(BOB)
    await post(shop, f"/v1/users/{user_id}/google/code", key, code=code)
    bob = shop.sandbox.account(BOB).sub
    for account in ({}, {"account": bob}):
        refused = await token(shop, user_id, key, "drive.file", **account)
        expected = account.get("account", shop.sandbox.account(ALICE).sub)
        assert refused.json()["consent"]["account"] == expected
        assert refused.json()["consent"]["purpose"] == "add_scopes"


async def test_a_key_limited_in_scopes_is_advised_to_ask_for_no_more_than_it_may(shop: RunningApp) -> None:
    everything = await shop.api_key("users", "tokens")
    user_id = await user_with(shop, everything, "openid", "email", f"{G}tasks")
    limits = ["openid", "email", "profile", "calendar", "tasks"]
    key = await shop.api_key("users", "tokens", scopes=limits)
    refused = await token(shop, user_id, key, "calendar")
    assert refused.json()["code"] == "scope_missing"
    await take_advice(shop, key, user_id, refused)
    assert (await token(shop, user_id, key, "calendar")).status_code == 200
    beyond = await token(shop, user_id, key, f"{G}calendar")
    assert (beyond.status_code, beyond.json()["code"]) == (403, "forbidden")


async def test_scopes_may_be_sent_as_a_list_as_we_send_them(shop: RunningApp) -> None:
    body = {"code": shop.native_code(), "client": "native", "scopes": ["calendar", "drive.file"]}
    answer = await shop.client.post("/signin/google/code", json=body)
    assert answer.json()["missing"] == ["drive.file"]
    body = {"code": shop.popup_code(), "client": "popup", "scopes": ["calendar"]}
    answer = await shop.client.post("/signin/google/code", json=body, headers=shop.page_headers())
    assert answer.json()["missing"] == []


@pytest.mark.parametrize("words", ["%00", "caf%C3%A9", "%22", "a%7F"])
async def test_words_that_no_scope_can_be_are_400_everywhere(shop: RunningApp, words: str) -> None:
    key = await shop.api_key("users", "tokens")
    user_id = await user_with(shop, key, f"{G}tasks")
    path = f"/v1/users/{user_id}/google/token?scopes={words}"
    assert (await shop.client.get(path, headers=key)).status_code == 400
    assert (await shop.client.get(f"/signin/google/popup?scopes={words}")).status_code == 400
    begun = await shop.client.get(f"/signin/google?scopes={words}")
    if words == "%00":
        # NUL is refused for every text, before the route that sends people to the page.
        assert begun.status_code == 400
    else:
        assert begun.headers["Location"] == "/?error=invalid_request"


@pytest.mark.parametrize("named", [False, True])
async def test_who_allowed_nothing_or_was_disconnected_is_linked_by_the_advice(
    shop: RunningApp, named: bool
) -> None:
    key = await shop.api_key("users", "tokens")
    user_id = await user_with(shop, key, "openid", "email", "profile", f"{G}drive.file")
    bearer = await shop.bearer_of(user_id)
    grant = (await shop.client.get("/v1/grants", headers=bearer)).json()["grants"][0]
    assert (await shop.client.delete(f"/v1/grants/{grant['id']}", headers=bearer)).status_code == 204
    account = {"account": shop.sandbox.account(ALICE).sub} if named else {}
    refused = await token(shop, user_id, key, "drive.file", **account)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    await take_advice(shop, key, user_id, refused)
    assert (await token(shop, user_id, key, "drive.file", **account)).status_code == 200
