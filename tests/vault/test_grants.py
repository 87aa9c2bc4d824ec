"""Grants survive second sign-ins, narrower responses and requests of other users."""

import asyncio
import itertools
from datetime import timedelta

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import Tampered, TryAgain
from catflap.google.oauth import OAuth, TokenResponse
from catflap.store.tables import users
from catflap.store.vault_tables import google_tokens as t
from catflap.vault import Grants, Vault
from tests.vault.conftest import Google, GrantConsent

WIDE = frozenset({"openid", "email", "calendar.events"})
NARROW = frozenset({"openid", "email"})


def _answer(refresh: str | None, scopes: frozenset[str] = WIDE, access: str = "access") -> TokenResponse:
    return TokenResponse(access, 3599, scopes, refresh)


async def test_a_second_login_without_a_refresh_token_keeps_ours(grants: Grants, user_id: int) -> None:
    await grants.store(user_id, "sub", _answer("first"))
    kept = await grants.store(user_id, "sub", _answer(None, access="second"))
    assert kept is not None
    assert grants.open_refresh_token(kept) == "first"
    assert grants.open_access_token(kept) == "second"


async def test_a_narrower_second_login_loses_neither_scopes_nor_access(grants: Grants, user_id: int) -> None:
    await grants.store(user_id, "sub", _answer("first"))
    kept = await grants.store(user_id, "sub", _answer(None, NARROW, "narrow"))
    assert kept is not None
    assert kept.scopes == WIDE
    assert grants.open_refresh_token(kept) == "first"
    # The narrow token does not allow the calendar, so the next use refreshes.
    assert grants.open_access_token(kept) is None


async def test_a_new_refresh_token_replaces_those_whose_scopes_it_covers(
    grants: Grants, user_id: int
) -> None:
    await grants.store(user_id, "sub", _answer("first", NARROW))
    kept = await grants.store(user_id, "sub", _answer("second", WIDE))
    assert kept is not None and len(kept.tokens) == 1
    assert grants.open_refresh_token(kept) == "second" and kept.scopes == WIDE


async def test_without_any_refresh_token_nothing_is_stored(grants: Grants, user_id: int) -> None:
    assert await grants.store(user_id, "sub", _answer(None)) is None
    assert await grants.of_user(user_id) == []


async def test_a_refresh_token_of_another_client_is_not_counted_on(
    grants: Grants, user_id: int, vault_engine: AsyncEngine
) -> None:
    await grants.store(user_id, "sub", _answer("first"))
    async with vault_engine.begin() as connection:
        await connection.execute(update(t).values(client_id="another"))
    assert await grants.store(user_id, "sub", _answer(None)) is None


async def test_two_first_consents_at_once_are_one_grant(grants: Grants, user_id: int) -> None:
    kept = await asyncio.gather(*(grants.store(user_id, "sub", _answer(f"r{n}")) for n in range(8)))
    assert {one.id for one in kept if one} == {kept[0].id if kept[0] else None}
    (grant,) = await grants.of_user(user_id)
    assert grant.version == 8


@pytest.mark.slow
async def test_whatever_google_answers_in_whatever_order_no_access_is_lost(
    grants: Grants, user_id: int
) -> None:
    answers = list(itertools.product([None, "a", "b"], [WIDE, NARROW]))
    for number, order in enumerate(itertools.product(answers, repeat=3)):
        given: list[tuple[str, frozenset[str]]] = []
        for refresh, scopes in order:
            if refresh is not None:
                given = [one for one in given if not one[1] <= scopes] + [(refresh, scopes)]
            kept = await grants.store(user_id, f"sub{number}", _answer(refresh, scopes))
            assert (kept is None) == (not given)
            if kept is not None:
                stored = {grants.open_refresh_token(one) for one in kept.tokens}
                assert stored >= {token for token, _ in given}
                assert kept.scopes >= scopes and kept.scopes >= frozenset().union(*(s for _, s in given))


async def test_a_value_moved_to_another_row_user_or_field_does_not_open(
    grants: Grants, user_id: int, vault_engine: AsyncEngine, engine: AsyncEngine, clock: FixedClock
) -> None:
    async with engine.begin() as connection:
        made = insert(users).values(created_at=clock.now()).returning(users.c.id)
        stranger = (await connection.execute(made)).scalar_one()
    await grants.store(user_id, "sub", _answer("mine"))
    await grants.store(stranger, "sub", _answer("theirs"))
    for move in (
        f"UPDATE vault.google_tokens SET refresh_token = (SELECT refresh_token FROM vault.google_tokens "
        f"WHERE user_id = {user_id}) WHERE user_id = {stranger}",
        f"UPDATE vault.google_tokens SET refresh_token = access_token WHERE user_id = {stranger}",
        "UPDATE vault.google_tokens SET refresh_token = set_byte(refresh_token, 9, 1)",
    ):
        async with vault_engine.begin() as connection:
            await connection.execute(text(move))
        grant = await grants.find(stranger, "sub")
        assert grant is not None
        with pytest.raises(Tampered):
            grants.open_refresh_token(grant)
    mine = await grants.find(user_id, "sub")
    assert mine is not None and grants.open_access_token(mine) == "access"


async def test_a_dump_of_the_database_holds_no_token(
    grants: Grants, user_id: int, vault_engine: AsyncEngine
) -> None:
    await grants.store(user_id, "sub", _answer("1//canary-refresh-token", access="ya29.canary-access-token"))
    async with vault_engine.connect() as connection:
        row = (await connection.execute(text("SELECT g::text FROM vault.google_tokens g"))).scalar_one()
    for canary in ("1//canary-refresh", "ya29.canary"):
        assert canary not in row and canary.encode().hex() not in row


async def test_a_grant_shows_no_token_when_printed(grants: Grants, user_id: int) -> None:
    kept = await grants.store(user_id, "sub", _answer("canary-refresh"))
    assert kept is not None and "canary" not in repr(kept) and "_token" not in repr(kept)


async def test_the_seven_days_of_testing_mode_are_stored(
    grants: Grants, user_id: int, clock: FixedClock
) -> None:
    answer = TokenResponse("a", 3599, WIDE, "r", refresh_token_expires_in=604799)
    kept = await grants.store(user_id, "sub", answer)
    assert kept is not None
    assert kept.refresh_expires_at == clock.now() + timedelta(seconds=604799)


async def test_disconnecting_revokes_at_google_and_erases_here(
    vault: Vault, grant_consent: GrantConsent, google: Google, oauth: OAuth
) -> None:
    grant = await grant_consent()
    refresh_token = vault.grants.open_refresh_token(grant) or ""
    assert await vault.revoke(grant.user_id, grant.account_sub)
    assert await vault.grants.of_user(grant.user_id) == []
    assert google.sandbox.state.request_log.counts["oauth.revoke"] == 1
    assert not await oauth.revoke(refresh_token)


async def test_while_google_is_down_disconnecting_holds_here_at_once_and_there_later(
    vault: Vault, grant_consent: GrantConsent, google: Google
) -> None:
    grant = await grant_consent()
    google.trouble(endpoint="oauth.revoke", status=503)
    assert not await vault.revoke(grant.user_id, grant.account_sub)
    (marked,) = await vault.grants.of_user(grant.user_id)
    assert (marked.state, marked.reason) == ("revoked", "user")
    assert vault.grants.open_access_token(marked) is None
    with pytest.raises(TryAgain):
        await vault.revocation.finish(marked.id)
    google.clear_faults()
    await vault.revocation.finish(marked.id)
    assert await vault.grants.of_user(grant.user_id) == []


async def test_a_consent_given_meanwhile_is_not_revoked_by_a_late_job(
    vault: Vault, grant_consent: GrantConsent, google: Google
) -> None:
    grant = await grant_consent()
    google.trouble(endpoint="oauth.revoke", status=503)
    await vault.revoke(grant.user_id, grant.account_sub)
    google.clear_faults()
    again = await grant_consent(again=True)
    await vault.revocation.finish(again.id)
    assert (await vault.access_token(grant.user_id)).token
    assert google.sandbox.state.request_log.counts["oauth.revoke"] == 1
