"""Codes without `openid`: the account is unnamed until a later code with an ID token names it."""

from typing import Any

import pytest

from catflap.google.id_token import unnamed
from catflap.signin import ConsentRequest
from tests.support.app_client import ALICE, BOB, CALENDAR, RunningApp

EVENTS, LIST = CALENDAR
SIGN_IN = ("openid", "email", "profile")


class ClientApp:
    """A mobile app with its own login, whose user sends codes to us."""

    def __init__(self, app: RunningApp, user_id: int, bearer: dict[str, str], key: dict[str, str]) -> None:
        self.app, self.user_id, self.bearer, self.key = app, user_id, bearer, key

    async def send(self, *scopes: str, email: str = ALICE) -> None:
        """A code for these scopes, with a refresh token."""
        code = self.app.native_code(email, scopes, force_refresh_token=True)
        body = {"userId": self.user_id, "authCode": code}
        answer = await self.app.client.post("/app/google-calendar/tokens", json=body, headers=self.bearer)
        assert answer.status_code == 200, answer.text

    async def grants(self) -> list[dict[str, Any]]:
        answer = await self.app.client.get("/v1/grants", headers=self.bearer)
        found: list[dict[str, Any]] = answer.json()["grants"]
        return found

    async def token(self, **query: str) -> tuple[int, dict[str, Any]]:
        path = f"/v1/users/{self.user_id}/google/token"
        answer = await self.app.client.get(path, params=query, headers=self.key)
        return answer.status_code, answer.json()

    async def expire_token(self) -> None:
        await self.app.rows("UPDATE vault.google_tokens SET expires_at = created_at")


@pytest.fixture
async def client_app(app: RunningApp) -> ClientApp:
    user_id, _ = await app.catflap.services.users.get_or_create()
    return ClientApp(app, user_id, await app.bearer_of(user_id), await app.api_key("tokens"))


async def _primary_calendar(client_app: ClientApp, address: str) -> None:
    """The calendar list of the unnamed account was read."""
    await client_app.app.rows(
        "INSERT INTO app.calendars (user_id, account_sub, google_id, summary, time_zone, is_primary, "
        "is_selected, sync_due_at) VALUES ($1, $2, $3, 'mine', 'UTC', true, true, 'infinity')",
        client_app.user_id,
        unnamed(client_app.user_id).sub,
        address,
    )


async def test_a_named_consent_takes_the_place_of_the_unnamed_one(
    client_app: ClientApp, app: RunningApp
) -> None:
    await client_app.send(*CALENDAR)
    assert [one["account"] for one in await client_app.grants()] == [unnamed(client_app.user_id).sub]
    await client_app.send(*SIGN_IN, *CALENDAR)
    sub = app.sandbox.account(ALICE).sub
    (grant,) = await client_app.grants()
    assert (grant["account"], grant["state"], grant["primary"]) == (sub, "active", True)
    app.sandbox.revoke_access(ALICE)
    await client_app.expire_token()
    assert (await client_app.token())[0] == 409
    await client_app.send(*SIGN_IN, *CALENDAR)
    (grant,) = await client_app.grants()
    assert (grant["account"], grant["state"], grant["primary"]) == (sub, "active", True)
    assert (await client_app.token())[0] == 200


async def test_what_the_unnamed_consent_allowed_more_is_kept(client_app: ClientApp) -> None:
    await client_app.send(*CALENDAR, "drive.file")
    await client_app.send(*SIGN_IN, EVENTS)
    (grant,) = await client_app.grants()
    assert set(grant["scopes"]) >= {*CALENDAR, "drive.file", "email"}
    await client_app.expire_token()
    for scope in ("drive.file", LIST, "email"):
        status, answer = await client_app.token(scopes=scope)
        assert status == 200 and scope in answer["scopes"]


async def test_a_back_end_that_remembers_the_unnamed_account_finds_it_under_its_name(
    client_app: ClientApp,
) -> None:
    await client_app.send(*CALENDAR)
    await client_app.send(*SIGN_IN, *CALENDAR)
    assert (await client_app.token(account=unnamed(client_app.user_id).sub))[0] == 200


async def test_its_calendars_stay_with_it(client_app: ClientApp, app: RunningApp) -> None:
    await client_app.send(*CALENDAR)
    await _primary_calendar(client_app, ALICE)
    await client_app.send(*SIGN_IN, *CALENDAR)
    rows = await app.rows("SELECT account_sub, google_id FROM app.calendars")
    assert [tuple(row) for row in rows] == [(app.sandbox.account(ALICE).sub, ALICE)]


async def test_an_account_whose_calendar_is_somebody_elses_stays_apart(
    client_app: ClientApp, app: RunningApp
) -> None:
    await client_app.send(*CALENDAR, email=BOB)
    await _primary_calendar(client_app, BOB)
    await client_app.send(*SIGN_IN, *CALENDAR, email=ALICE)
    assert [one["state"] for one in await client_app.grants()] == ["active", "active"]
    nameless = (await client_app.token())[1]["access_token"]
    assert nameless == (await client_app.token(account=unnamed(client_app.user_id).sub))[1]["access_token"]
    # Over, it no longer answers for the other, and goes at the next consent.
    app.sandbox.revoke_access(BOB)
    await client_app.expire_token()
    assert (await client_app.token(account=unnamed(client_app.user_id).sub))[0] == 409
    status, answer = await client_app.token()
    assert status == 200 and answer["access_token"] != nameless
    await client_app.send(*SIGN_IN, *CALENDAR, email=ALICE)
    (grant,) = await client_app.grants()
    assert (grant["email"], grant["primary"]) == (ALICE, True)


async def test_of_several_named_accounts_none_is_guessed(client_app: ClientApp, app: RunningApp) -> None:
    await client_app.send(*SIGN_IN, *CALENDAR, email=ALICE)
    await client_app.send(*CALENDAR, email=BOB)
    await client_app.send(*SIGN_IN, *CALENDAR, email=BOB)
    assert len(await client_app.grants()) == 3
    await _primary_calendar(client_app, BOB)
    await client_app.send(*SIGN_IN, *CALENDAR, email=ALICE)
    assert len(await client_app.grants()) == 3
    await client_app.send(*SIGN_IN, *CALENDAR, email=BOB)
    assert {one["email"] for one in await client_app.grants()} == {ALICE, BOB}


async def test_an_interrupted_merge_is_finished_by_the_next_consent(
    client_app: ClientApp, app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client_app.send(*CALENDAR)
    users = app.catflap.services.users

    async def killed(*_: object) -> None:
        raise OSError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(users, "merge", killed)
        code = app.native_code(ALICE, (*SIGN_IN, *CALENDAR), force_refresh_token=True)
        asks = ConsentRequest("link", frozenset(), client_app.user_id)
        with pytest.raises(OSError, match="killed here"):
            await app.catflap.services.signin.exchange_code(asks, code, redirect_uri="")
    assert len(await users.accounts(client_app.user_id)) == 2
    await client_app.send(*SIGN_IN, *CALENDAR)
    (account,) = await users.accounts(client_app.user_id)
    assert (account.email, account.is_primary) == (ALICE, True)
