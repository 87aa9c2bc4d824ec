"""Security events: verified, handled once, and never lost."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.google.risc import MAX_AGE, SecurityEvents
from catflap.signin import Sessions
from catflap.store.tables import accounts, risc_events
from catflap.vault import Grant
from catflap.vault.lifetimes import SECURITY_EVENTS_KEPT
from google_sandbox.risc.events import event_token, subject, token_subject
from tests.vault.conftest import CLIENT_ID, Google, GrantConsent, TokenApi

RISC = "/google/risc"


def _token(google: Google, event: str, claims: dict[str, Any], client_id: str = CLIENT_ID) -> str:
    return event_token(google.sandbox.state, client_id, event, claims)


def _issued(google: Google, ahead: timedelta) -> str:
    """Return a token that is issued by a clock that is ahead of ours."""
    google.sandbox.state.offset = ahead
    return _token(google, "verification", {})


def _about(google: Google, grant: Grant, **members: str) -> dict[str, Any]:
    return {"subject": subject(google.sandbox.state, grant.account_sub), **members}


async def _tell(api: TokenApi, token: str) -> httpx2.Response:
    answer = await api.http.post(RISC, content=token, headers={"Content-Type": "application/secevent+jwt"})
    for jti in await api.services.security_event_handler.unfinished():
        await api.services.security_event_handler.handle(jti)
    return answer


@pytest.fixture
async def person(engine: AsyncEngine, clock: FixedClock, grant_consent: GrantConsent) -> Grant:
    """Somebody with an account, a grant and a session."""
    grant = await grant_consent()
    values = {
        "sub": grant.account_sub,
        "user_id": grant.user_id,
        "email": "anna@example.com",
        "email_verified": True,
        "is_primary": True,
        "signs_in": True,
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(values))
    return grant


async def test_tokens_revoked_deletes_the_tokens_and_ends_the_sessions(
    api: TokenApi, person: Grant, google: Google, engine: AsyncEngine, clock: FixedClock
) -> None:
    sessions = Sessions(engine, clock)
    session = await sessions.begin(person.user_id, "cookie")
    token = _token(google, "tokens-revoked", _about(google, person))
    assert (await _tell(api, token)).status_code == 202
    (grant,) = await api.services.vault.grants.of_user(person.user_id)
    assert (grant.state, grant.reason) == ("revoked", "tokens_revoked")
    assert api.services.vault.grants.open_refresh_token(grant) is None
    assert await sessions.find(session, "cookie") is None
    assert google.refreshes() == 0


@pytest.mark.parametrize("hashed", [True, False])
async def test_one_revoked_token_is_found_by_either_of_its_names(
    api: TokenApi, person: Grant, google: Google, grant_consent: GrantConsent, hashed: bool
) -> None:
    other = await grant_consent(email="second@example.com")
    grants = api.services.vault.grants
    refresh_token = grants.open_refresh_token(person)
    claims = {"subject": token_subject(refresh_token, hashed)}
    assert (await _tell(api, _token(google, "token-revoked", claims))).status_code == 202
    states = {one.id: (one.state, one.reason) for one in await grants.of_user(person.user_id)}
    assert states == {person.id: ("revoked", "token_revoked"), other.id: ("active", None)}


async def test_sessions_revoked_ends_sessions_and_leaves_the_grant(
    api: TokenApi, person: Grant, google: Google, engine: AsyncEngine, clock: FixedClock
) -> None:
    sessions = Sessions(engine, clock)
    session = await sessions.begin(person.user_id, "bearer")
    await _tell(api, _token(google, "sessions-revoked", _about(google, person)))
    assert await sessions.find(session, "bearer") is None
    assert (await api.services.vault.access_token(person.user_id)).token


@pytest.mark.parametrize(
    ("reason", "session_lives", "may_sign_in"),
    [("hijacking", False, False), ("bulk-account", True, True), (None, True, False)],
)
async def test_a_disabled_account_is_treated_as_google_requires(
    api: TokenApi,
    person: Grant,
    google: Google,
    engine: AsyncEngine,
    clock: FixedClock,
    reason: str | None,
    session_lives: bool,
    may_sign_in: bool,
) -> None:
    sessions = Sessions(engine, clock)
    session = await sessions.begin(person.user_id, "cookie")
    claims = _about(google, person, **({"reason": reason} if reason else {}))
    await _tell(api, _token(google, "account-disabled", claims))
    assert (await sessions.find(session, "cookie") is not None) == session_lives
    assert (await _disabled_at(engine) is None) == may_sign_in
    await _tell(api, _token(google, "account-enabled", _about(google, person)))
    assert await _disabled_at(engine) is None


async def test_an_event_acts_once_however_often_it_comes(
    api: TokenApi, person: Grant, google: Google, grant_consent: GrantConsent, engine: AsyncEngine
) -> None:
    token = _token(google, "tokens-revoked", _about(google, person))
    assert (await _tell(api, token)).status_code == 202
    again = await grant_consent(again=True)
    assert (await _tell(api, token)).status_code == 202
    (grant,) = await api.services.vault.grants.of_user(person.user_id)
    assert (grant.id, grant.state) == (again.id, "active")
    async with engine.connect() as connection:
        (row,) = (await connection.execute(select(risc_events))).all()
    assert row.done_at is not None
    assert person.account_sub not in repr(row)


@pytest.mark.parametrize("ahead", [timedelta(0), MAX_AGE])
async def test_an_event_that_is_no_longer_stored_is_refused_by_its_age(
    api: TokenApi, google: Google, engine: AsyncEngine, clock: FixedClock, ahead: timedelta
) -> None:
    handler = api.services.security_event_handler
    token = _issued(google, ahead)
    assert (await _tell(api, token)).status_code == 202
    clock.advance(SECURITY_EVENTS_KEPT)
    await handler.delete_old(clock.now())
    assert await _jtis(engine) != []
    clock.advance(timedelta(seconds=1))
    await handler.delete_old(clock.now())
    assert await _jtis(engine) == []
    assert (await _tell(api, token)).status_code == 400
    assert await _jtis(engine) == []


@pytest.mark.parametrize("sign", [-1, 1])
async def test_an_event_is_accepted_within_thirty_days_of_our_clock(
    api: TokenApi, google: Google, sign: int
) -> None:
    second = timedelta(seconds=1)
    for difference, status in ((MAX_AGE - second, 202), (MAX_AGE + second, 400)):
        assert (await _tell(api, _issued(google, sign * difference))).status_code == status


async def test_an_event_that_was_not_handled_yet_is_kept(
    api: TokenApi, engine: AsyncEngine, clock: FixedClock
) -> None:
    handler = api.services.security_event_handler
    await handler.accept(SecurityEvents("waiting", ()))
    clock.advance(2 * SECURITY_EVENTS_KEPT)
    await handler.delete_old(clock.now())
    assert await _jtis(engine) == ["waiting"]


async def test_the_name_of_a_token_is_forgotten_once_it_has_served(
    api: TokenApi, person: Grant, google: Google, engine: AsyncEngine
) -> None:
    refresh_token = api.services.vault.grants.open_refresh_token(person)
    await _tell(api, _token(google, "token-revoked", {"subject": token_subject(refresh_token, False)}))
    async with engine.connect() as connection:
        (row,) = (await connection.execute(select(risc_events))).all()
    assert refresh_token[:16] not in repr(row)


async def test_events_without_effect_are_accepted_too(api: TokenApi, person: Grant, google: Google) -> None:
    for event, claims in (
        ("verification", {"state": "here I am"}),
        ("account-credential-change-required", _about(google, person)),
        ("https://schemas.openid.net/secevent/risc/event-type/brand-new", _about(google, person)),
        ("tokens-revoked", {"subject": "nonsense"}),
        ("token-revoked", {"subject": {"token_identifier_alg": "prefix"}}),
    ):
        assert (await _tell(api, _token(google, event, claims))).status_code == 202
    assert (await api.services.vault.access_token(person.user_id)).token


async def test_what_google_did_not_sign_for_us_is_refused(
    api: TokenApi, person: Grant, google: Google
) -> None:
    good = _token(google, "tokens-revoked", _about(google, person))
    head, payload, signature = good.split(".")
    google.sandbox.add_client("another", "secret", project="another")
    for token in (
        "",
        "nonsense",
        f"{head}.{payload}.",
        f"{head}.{payload}.{signature[:-4]}AAAA",
        "eyJhbGciOiJub25lIn0." + payload + ".",
        _token(google, "tokens-revoked", _about(google, person), "another"),
        "x" * 70_000,
    ):
        answer = await _tell(api, token)
        assert answer.status_code in (400, 413), token[:40]
    (grant,) = await api.services.vault.grants.of_user(person.user_id)
    assert grant.state == "active"


async def _jtis(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list(await connection.scalars(select(risc_events.c.jti)))


async def _disabled_at(engine: AsyncEngine) -> object:
    async with engine.connect() as connection:
        return await connection.scalar(select(accounts.c.disabled_at))


@pytest.mark.parametrize("value", ["a\0b", "x" * 5000, 5, True, ["a"], {"a": "b"}, None])
@pytest.mark.parametrize("member", ["reason", "state", "subject", "sub", "token"])
async def test_a_malformed_member_is_left_out_and_the_event_kept(
    api: TokenApi, google: Google, engine: AsyncEngine, member: str, value: Any
) -> None:
    claims: dict[str, Any] = {member: value}
    if member in ("sub", "token"):
        claims = {"subject": {"subject_type": "iss-sub", "token_identifier_alg": "prefix", member: value}}
    answer = await _tell(api, _token(google, "sessions-revoked", claims))
    assert answer.status_code == 202
    async with engine.connect() as connection:
        (row,) = (await connection.execute(select(risc_events))).all()
    assert row.done_at is not None
    shown = row.events[0][member] if member != "subject" else None
    assert shown is None or (member == "state" and "\0" not in shown and len(shown) <= 255)
