"""Access tokens: one refresh for all concurrent callers, and no use of an invalid token."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest, UserMustAct
from catflap.google.oauth import OAuth, TokenResponse
from catflap.store.notify import NotificationListener
from catflap.store.vault_tables import google_tokens as t
from catflap.vault import Grants, Vault
from catflap.vault.lease import Lease, Leases
from tests.support.faulty_transport import FaultyTransport
from tests.support.vault import access_error, another_vault
from tests.vault.conftest import ExpireToken, Google, GrantConsent


async def test_a_fresh_token_is_handed_out_without_asking_google(
    vault: Vault, grant_consent: GrantConsent, google: Google
) -> None:
    grant = await grant_consent()
    first = await vault.access_token(grant.user_id, grant.account_sub)
    assert await vault.access_token(grant.user_id, grant.account_sub) == first
    assert google.refreshes() == 0


async def test_fifty_callers_of_one_expired_token_are_one_refresh(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(latency=0.15)
    calls = [vault.access_token(grant.user_id, grant.account_sub) for _ in range(50)]
    tokens = await asyncio.gather(*calls)
    assert len({one.token for one in tokens}) == 1
    assert google.refreshes() == 1


async def test_two_processes_on_one_database_refresh_once(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    grants: Grants,
    oauth: OAuth,
    clock: FixedClock,
    notifications: NotificationListener,
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(latency=0.3)
    vaults = [
        vault,
        another_vault(grants, oauth, clock, notifications),
        another_vault(grants, oauth, clock, notifications),
    ]
    tokens = await asyncio.gather(
        *(one.access_token(grant.user_id, grant.account_sub) for one in vaults for _ in range(5))
    )
    assert len({one.token for one in tokens}) == 1
    assert google.refreshes() == 1


async def test_a_google_slower_than_the_lease_is_still_asked_once(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    grants: Grants,
    oauth: OAuth,
    clock: FixedClock,
    notifications: NotificationListener,
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(latency=2.5)
    vaults = [vault, another_vault(grants, oauth, clock, notifications)]
    await asyncio.gather(*(one.access_token(grant.user_id, grant.account_sub) for one in vaults))
    assert google.refreshes() == 1


async def test_no_connection_is_held_while_google_answers(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    transport: FaultyTransport,
    vault_engine: AsyncEngine,
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    answer = transport.hold_next()
    call = asyncio.create_task(vault.access_token(grant.user_id, grant.account_sub))
    await answer.arrived.wait()
    in_use = vault_engine.pool.checkedout()  # type: ignore[attr-defined]
    answer.release.set()
    await call
    assert in_use == 0


async def test_a_cancelled_caller_does_not_cancel_the_refresh_of_the_others(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(latency=0.3)
    first = asyncio.create_task(vault.access_token(grant.user_id, grant.account_sub))
    second = asyncio.create_task(vault.access_token(grant.user_id, grant.account_sub))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).token
    assert google.refreshes() == 1


async def test_a_late_holder_can_not_overwrite_a_newer_token(
    grant_consent: GrantConsent, grants: Grants
) -> None:
    grant = await grant_consent()
    leases = Leases(grants.engine, timedelta(0))
    late = await leases.acquire(grant.main)
    assert isinstance(late, Lease)
    quick = await leases.acquire(grant.main)
    assert isinstance(quick, Lease)
    newer = TokenResponse("newer", 3599, grant.scopes)
    assert (
        await grants.store_refreshed(grant.main, late.id, TokenResponse("late", 3599, grant.scopes)) is None
    )
    kept = await grants.store_refreshed(grant.main, quick.id, newer)
    assert kept is not None and grants.open_access_token(kept) == "newer"
    assert (
        await grants.store_refreshed(grant.main, quick.id, TokenResponse("late", 3599, grant.scopes)) is None
    )
    assert not await grants.mark_invalid(grant.main, late.id, "invalid_grant")


async def test_a_refused_token_is_not_handed_out_again(
    vault: Vault, grant_consent: GrantConsent, google: Google
) -> None:
    grant = await grant_consent()
    old = await vault.access_token(grant.user_id, grant.account_sub)
    new = await vault.access_token(grant.user_id, grant.account_sub, rejected=old.token)
    assert new.token != old.token
    named = hashlib.sha256(old.token.encode()).hexdigest()
    again = await vault.access_token(grant.user_id, grant.account_sub, rejected_sha256=named)
    assert again == new
    assert google.refreshes() == 1


async def test_a_token_with_too_little_life_is_refreshed_first(
    vault: Vault, grant_consent: GrantConsent, google: Google, clock: FixedClock
) -> None:
    grant = await grant_consent()
    clock.advance(timedelta(minutes=50))
    await vault.access_token(grant.user_id, grant.account_sub)
    assert google.refreshes() == 0
    token = await vault.access_token(grant.user_id, grant.account_sub, min_ttl=timedelta(minutes=30))
    assert token.expires_at - clock.now() > timedelta(minutes=59)
    assert google.refreshes() == 1


async def test_missing_scopes_are_an_error_without_asking_google(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    with pytest.raises(UserMustAct) as caught:
        await vault.access_token(grant.user_id, grant.account_sub, scopes=["drive.appdata"])
    assert caught.value.code == "scope_missing"
    assert google.refreshes() == 0


async def test_an_unknown_user_gets_no_token(vault: Vault, user_id: int) -> None:
    with pytest.raises(BadRequest) as caught:
        await vault.access_token(user_id)
    assert caught.value.code == "not_found"


async def test_without_an_account_the_first_one_counts(vault: Vault, grant_consent: GrantConsent) -> None:
    first = await grant_consent()
    await grant_consent(email="second@example.com")
    token = await vault.access_token(first.user_id)
    assert token == await vault.access_token(first.user_id, first.account_sub)


async def test_an_invalid_grant_costs_google_one_call_for_any_number_of_callers(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    vault_engine: AsyncEngine,
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.revoke_access()
    outcomes = await asyncio.gather(
        *(vault.access_token(grant.user_id, grant.account_sub) for _ in range(20)), return_exceptions=True
    )
    outcomes += [await access_error(vault, grant.user_id) for _ in range(20)]
    assert {one.code for one in outcomes if isinstance(one, UserMustAct)} == {"reconsent_required"}
    assert len([one for one in outcomes if isinstance(one, UserMustAct)]) == 40
    assert google.refreshes() == 1
    async with vault_engine.connect() as connection:
        row = (await connection.execute(select(t))).one()
    assert (row.state, row.reason) == ("reconsent", "invalid_grant")
    assert row.ended_at is not None and row.access_token is None and row.refresh_token is None


async def test_a_new_consent_makes_an_invalid_grant_active(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.revoke_access()
    assert await access_error(vault, grant.user_id) is not None
    again = await grant_consent()
    assert (again.id, again.state, again.reason, again.ended_at) == (grant.id, "active", None, None)
    assert (await vault.access_token(grant.user_id)).token


async def test_a_refresh_with_fewer_scopes_is_stored_and_sent_to_webhooks(
    vault: Vault, grant_consent: GrantConsent, grants: Grants
) -> None:
    grant = await grant_consent()
    lease = await Leases(grants.engine).acquire(grant.main)
    assert isinstance(lease, Lease)
    kept = await grants.store_refreshed(grant.main, lease.id, TokenResponse("t", 3599, frozenset({"openid"})))
    assert kept is not None and kept.scopes == {"openid"}


async def test_a_pause_of_the_database_clock_is_the_only_time_that_leases_know(
    grant_consent: GrantConsent, grants: Grants, clock: FixedClock
) -> None:
    grant = await grant_consent()
    leases = Leases(grants.engine, timedelta(hours=1))
    assert isinstance(await leases.acquire(grant.main), Lease)
    clock.advance(timedelta(days=365))
    assert not isinstance(await leases.acquire(grant.main), Lease)
