"""What is known of an account stays known, whichever scopes the next code was asked with."""

from pathlib import Path
from typing import Any

import pytest

from catflap.clock import FixedClock
from catflap.google.id_token import Identity
from catflap.signin.users import known_profile
from catflap.store.database import Urls
from tests.support.app_client import ALICE, CALENDAR, RunningApp, running_app
from tests.support.signin_codes import native, post

SHOWN = ("email", "email_verified", "name", "given_name", "family_name", "picture")
KNOWN = {
    "sub": "1",
    "email": ALICE,
    "email_verified": True,
    "name": "Alice Cat",
    "given_name": "Alice",
    "family_name": "Cat",
    "picture": "https://pictures.example.com/1",
    "locale": "en",
    "hosted_domain": "cats.example",
}


async def account(app: RunningApp, token: str) -> dict[str, Any]:
    me = await app.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    return {name: me.json()["accounts"][0][name] for name in SHOWN}


@pytest.mark.parametrize("scopes", [("openid",), ("openid", "email"), ("openid", "profile")])
async def test_a_code_without_a_profile_scope_leaves_what_is_known(
    app: RunningApp, scopes: tuple[str, ...]
) -> None:
    token = (await native(app, code=app.native_code())).json()["token"]
    before = await account(app, token)
    assert before["email"] == ALICE and before["name"]
    answer = await native(app, code=app.native_code(scopes=(*scopes, *CALENDAR)))
    assert answer.status_code == 200
    assert await account(app, token) == before
    assert answer.json()["account"] | before == answer.json()["account"]


async def test_a_linked_account_keeps_its_profile_too(app: RunningApp) -> None:
    key = await app.api_key("users")
    user_id = (await app.client.post("/v1/users", json={}, headers=key)).json()["id"]
    path = f"/v1/users/{user_id}/google/code"
    for scopes in (("openid", "email", "profile", *CALENDAR), ("openid", *CALENDAR)):
        body = {"code": app.native_code(scopes=scopes)}
        answer = await app.client.post(path, json=body, headers=key)
        assert (answer.status_code, answer.json()["account"]["email"]) == (200, ALICE)
    row = (await app.rows("SELECT email, name FROM app.accounts"))[0]
    assert row["email"] == ALICE and row["name"]


async def test_what_was_not_known_yet_is_added_by_a_later_code(app: RunningApp) -> None:
    answer = await native(app, code=app.native_code(scopes=("openid", *CALENDAR)))
    token = answer.json()["token"]
    assert await account(app, token) | {"email": "", "name": None} == await account(app, token)
    await native(app, code=app.native_code())
    assert (await account(app, token))["email"] == ALICE


@pytest.mark.parametrize("name", ["name", "given_name", "family_name", "picture", "locale"])
def test_each_member_of_the_profile_stays_or_changes_on_its_own(name: str) -> None:
    seen = Identity(**KNOWN)
    for silent in (None, ""):
        kept = known_profile(Identity(**{**KNOWN, name: silent}), KNOWN)
        assert kept == KNOWN
    assert known_profile(Identity(**{**KNOWN, name: "new"}), KNOWN) == {**KNOWN, name: "new"}
    assert known_profile(seen, {**KNOWN, name: None}) == KNOWN


def test_whether_an_address_is_verified_goes_with_the_address() -> None:
    silent = known_profile(Identity("1", "", False), KNOWN)
    assert silent == KNOWN
    moved = known_profile(Identity("1", "new@example.com", False), KNOWN)
    assert (moved["email"], moved["email_verified"], moved["hosted_domain"]) == (
        "new@example.com",
        False,
        None,
    )


async def test_an_allow_list_of_addresses_tells_a_code_without_one_what_to_ask_for(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path, allowed_emails=(ALICE,)) as app:
        answer = await native(app, code=app.native_code(scopes=("openid", *CALENDAR)))
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        assert "scope email" in answer.json()["detail"]
        assert (await post(app, "/signin/google/code", code=app.popup_code(), client="popup")).is_success
