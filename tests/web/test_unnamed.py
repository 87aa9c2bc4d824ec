"""A code without `openid` names nobody; a later one tells whose account it was."""

from typing import Any

import pytest

from catflap.google.id_token import unnamed
from catflap.signin import ConsentRequest
from tests.front_door import ALICE, BOB, CALENDAR, Door

EVENTS, LIST = CALENDAR
SIGN_IN = ("openid", "email", "profile")


class App:
    """A mobile app with its own login, whose user sends codes to us."""

    def __init__(self, door: Door, user_id: int, bearer: dict[str, str], key: dict[str, str]) -> None:
        self.door, self.user_id, self.bearer, self.key = door, user_id, bearer, key

    async def send(self, *scopes: str, email: str = ALICE) -> None:
        """A code for these scopes, with a refresh token."""
        code = self.door.native_code(email, scopes, force_refresh_token=True)
        body = {"userId": self.user_id, "authCode": code}
        answer = await self.door.client.post("/app/google-calendar/tokens", json=body, headers=self.bearer)
        assert answer.status_code == 200, answer.text

    async def grants(self) -> list[dict[str, Any]]:
        answer = await self.door.client.get("/v1/grants", headers=self.bearer)
        found: list[dict[str, Any]] = answer.json()["grants"]
        return found

    async def token(self, **query: str) -> tuple[int, dict[str, Any]]:
        path = f"/v1/users/{self.user_id}/google/token"
        answer = await self.door.client.get(path, params=query, headers=self.key)
        return answer.status_code, answer.json()

    async def run_out(self) -> None:
        await self.door.rows("UPDATE vault.google_tokens SET expires_at = created_at")


@pytest.fixture
async def app(door: Door) -> App:
    user_id, _ = await door.house.services.users.make()
    return App(door, user_id, await door.bearer_of(user_id), await door.api_key("tokens"))


async def _primary_calendar(app: App, address: str) -> None:
    """The calendar list of the unnamed account was read."""
    await app.door.rows(
        "INSERT INTO app.calendars (user_id, account_sub, google_id, summary, time_zone, is_primary, "
        "is_selected) VALUES ($1, $2, $3, 'mine', 'UTC', true, true)",
        app.user_id,
        unnamed(app.user_id).sub,
        address,
    )


async def test_a_named_consent_takes_the_place_of_the_unnamed_one(app: App, door: Door) -> None:
    await app.send(*CALENDAR)
    assert [one["account"] for one in await app.grants()] == [unnamed(app.user_id).sub]
    await app.send(*SIGN_IN, *CALENDAR)
    sub = door.sandbox.account(ALICE).sub
    (grant,) = await app.grants()
    assert (grant["account"], grant["state"], grant["primary"]) == (sub, "active", True)
    door.sandbox.revoke_access(ALICE)
    await app.run_out()
    assert (await app.token())[0] == 409
    await app.send(*SIGN_IN, *CALENDAR)
    (grant,) = await app.grants()
    assert (grant["account"], grant["state"], grant["primary"]) == (sub, "active", True)
    assert (await app.token())[0] == 200


async def test_what_the_unnamed_consent_allowed_more_is_kept(app: App) -> None:
    await app.send(*CALENDAR, "drive.file")
    await app.send(*SIGN_IN, EVENTS)
    (grant,) = await app.grants()
    assert set(grant["scopes"]) >= {*CALENDAR, "drive.file", "email"}
    await app.run_out()
    for scope in ("drive.file", LIST, "email"):
        status, answer = await app.token(scopes=scope)
        assert status == 200 and scope in answer["scopes"]


async def test_a_back_end_that_remembers_the_unnamed_account_finds_it_under_its_name(app: App) -> None:
    await app.send(*CALENDAR)
    await app.send(*SIGN_IN, *CALENDAR)
    assert (await app.token(account=unnamed(app.user_id).sub))[0] == 200


async def test_its_calendars_stay_with_it(app: App, door: Door) -> None:
    await app.send(*CALENDAR)
    await _primary_calendar(app, ALICE)
    await app.send(*SIGN_IN, *CALENDAR)
    rows = await door.rows("SELECT account_sub, google_id FROM app.calendars")
    assert [tuple(row) for row in rows] == [(door.sandbox.account(ALICE).sub, ALICE)]


async def test_an_account_whose_calendar_is_somebody_elses_stays_apart(app: App, door: Door) -> None:
    await app.send(*CALENDAR, email=BOB)
    await _primary_calendar(app, BOB)
    await app.send(*SIGN_IN, *CALENDAR, email=ALICE)
    assert [one["state"] for one in await app.grants()] == ["active", "active"]
    nameless = (await app.token())[1]["access_token"]
    assert nameless == (await app.token(account=unnamed(app.user_id).sub))[1]["access_token"]
    # Over, it no longer answers for the other, and goes at the next consent.
    door.sandbox.revoke_access(BOB)
    await app.run_out()
    assert (await app.token(account=unnamed(app.user_id).sub))[0] == 409
    status, answer = await app.token()
    assert status == 200 and answer["access_token"] != nameless
    await app.send(*SIGN_IN, *CALENDAR, email=ALICE)
    (grant,) = await app.grants()
    assert (grant["email"], grant["primary"]) == (ALICE, True)


async def test_of_several_named_accounts_none_is_guessed(app: App, door: Door) -> None:
    await app.send(*SIGN_IN, *CALENDAR, email=ALICE)
    await app.send(*CALENDAR, email=BOB)
    await app.send(*SIGN_IN, *CALENDAR, email=BOB)
    assert len(await app.grants()) == 3
    await _primary_calendar(app, BOB)
    await app.send(*SIGN_IN, *CALENDAR, email=ALICE)
    assert len(await app.grants()) == 3
    await app.send(*SIGN_IN, *CALENDAR, email=BOB)
    assert {one["email"] for one in await app.grants()} == {ALICE, BOB}


async def test_an_interrupted_merge_is_finished_by_the_next_consent(
    app: App, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.send(*CALENDAR)
    users = door.house.services.users

    async def killed(*_: object) -> None:
        raise OSError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(users, "merge", killed)
        code = door.native_code(ALICE, (*SIGN_IN, *CALENDAR), force_refresh_token=True)
        asks = ConsentRequest("link", frozenset(), app.user_id)
        with pytest.raises(OSError, match="killed here"):
            await door.house.services.signin.redeem(asks, code, redirect_uri="")
    assert len(await users.accounts(app.user_id)) == 2
    await app.send(*SIGN_IN, *CALENDAR)
    (account,) = await users.accounts(app.user_id)
    assert (account.email, account.is_primary) == (ALICE, True)
