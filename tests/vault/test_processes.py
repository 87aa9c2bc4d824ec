"""Refresh and revocation between processes, some of them killed with `kill -9`."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import UserMustAct
from catflap.store.database import Urls
from catflap.store.tables import users
from catflap.store.vault_tables import google_tokens
from catflap.vault import Vault, load_keyset
from tests.support.processes import run_together
from tests.support.vault import end_pauses
from tests.vault.conftest import CLIENT_ID, CLIENT_SECRET, EMAIL, ExpireToken, Google, GrantConsent

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("processes")]


@pytest.fixture
async def orders(
    google: Google, database_urls: Urls, clock: FixedClock, keyset_file: Path, user_id: int
) -> AsyncIterator[dict[str, Any]]:
    yield {
        "vault_url": database_urls.vault.render_as_string(hide_password=False),
        "discovery": google.discovery_url,
        "now": clock.now().isoformat(),
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "keyset": str(keyset_file),
        "lease": 1.0,
        "user_id": user_id,
        "callers": 25,
        "do": "tokens",
    }


async def test_four_processes_with_a_hundred_callers_are_one_refresh(
    orders: dict[str, Any], grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    await expire_token(await grant_consent())
    google.trouble(latency=0.15)
    results = await run_together(*[orders] * 4)
    assert all(one is not None and one["errors"] == {} for one in results)
    assert len({token for one in results if one for token in one["tokens"]}) == 1
    assert google.refreshes() == 1


async def test_processes_wait_for_a_google_slower_than_any_lease(
    orders: dict[str, Any], grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    await expire_token(await grant_consent())
    google.trouble(latency=3.5)
    results = await run_together(*[orders] * 2)
    assert len({token for one in results if one for token in one["tokens"]}) == 1
    assert google.refreshes() == 1


@pytest.mark.parametrize(
    ("step", "refreshes"),
    [("refresh.leased", 1), ("refresh.answered", 2), ("refresh.commit", 2), ("refresh.end", 1)],
)
async def test_a_holder_killed_at_any_step_delays_the_others_by_its_lease_at_most(
    orders: dict[str, Any],
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    step: str,
    refreshes: int,
) -> None:
    await expire_token(await grant_consent())
    killed = await run_together({**orders, "kill_at": step, "callers": 1})
    assert killed == [None]
    (result,) = await run_together(orders)
    assert result is not None and result["errors"] == {} and len(result["tokens"]) == 1
    assert google.refreshes() == refreshes


@pytest.mark.parametrize("step", ["keep.begin", "keep.commit", "exchange.answered"])
async def test_killed_between_googles_answer_and_our_commit_the_older_grant_stays(
    orders: dict[str, Any], grant_consent: GrantConsent, google: Google, vault: Vault, step: str
) -> None:
    grant = await grant_consent()
    order = {"do": "keep", "kill_at": step, "code": google.code(again=True), "account": grant.account_sub}
    assert await run_together({**orders, **order}) == [None]
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert kept == grant
    assert (await vault.access_token(grant.user_id, rejected="")).token


async def test_killed_at_the_first_consent_the_person_is_led_once_through_consent(
    orders: dict[str, Any], grant_consent: GrantConsent, google: Google, vault: Vault, user_id: int
) -> None:
    account = google.sandbox.add_account(EMAIL)
    order = {"do": "keep", "kill_at": "keep.commit", "code": google.code(), "account": account.sub}
    assert await run_together({**orders, **order}) == [None]
    assert await vault.grants.of_user(user_id) == []
    assert (await grant_consent(again=True)).state == "active"


@pytest.mark.parametrize("step", ["refresh.leased", "refresh.answered", "refresh.commit", "refresh.end"])
async def test_tokens_that_a_killed_process_was_refreshing_are_refreshed_by_another(
    orders: dict[str, Any], grant_consent: GrantConsent, vault: Vault, vault_engine: AsyncEngine, step: str
) -> None:
    grants = [await grant_consent(email=f"{number}@example.com") for number in range(5)]
    assert await run_together({**orders, "do": "bulk", "kill_at": step}) == [None]
    left = [one.id for one in await vault.grants.of_user(orders["user_id"]) if one.version == 1]
    assert left or step == "refresh.end"
    # As when the time of its leases has passed.
    await end_pauses(vault_engine)
    assert await vault.refresh_all(lambda: (google_tokens.c.version == 1,)) == len(left)
    for grant in grants:
        assert (await vault.access_token(grant.user_id, grant.account_sub, rejected="")).token


@pytest.mark.parametrize("step", ["revoke.begin", "revoke.marked", "revoke.answered", "revoke.end"])
async def test_a_revocation_killed_at_any_step_goes_on(
    orders: dict[str, Any], grant_consent: GrantConsent, vault: Vault, step: str, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        values = insert(users).values(created_at=(await grant_consent()).created_at).returning(users.c.id)
        other_user = (await connection.execute(values)).scalar_one()
    grant = await grant_consent(again=True)
    await grant_consent(again=True, user=other_user)
    order = {"do": "revoke", "kill_at": step, "account": grant.account_sub}
    assert await run_together({**orders, **order}) == [None]
    if step == "revoke.begin":
        await vault.revoke(grant.user_id, grant.account_sub)
    for grant_id in await vault.revocation.unfinished():
        await vault.revocation.finish(grant_id)
    assert await vault.grants.of_user(grant.user_id) == []
    (sibling,) = await vault.grants.of_user(other_user)
    assert (sibling.state, sibling.reason) == ("revoked", "revoked_with_account")
    with pytest.raises(UserMustAct):
        await vault.access_token(other_user)
    async with engine.connect() as connection:
        assert (await connection.execute(select(users.c.id))).all()


@pytest.mark.parametrize("step", ["rotate.added", "rotate.batch", "rotate.resealed", "rotate.retire"])
async def test_a_rotation_killed_at_any_step_loses_nothing_and_goes_on(
    orders: dict[str, Any], grant_consent: GrantConsent, vault: Vault, step: str, keyset_file: Path
) -> None:
    grant = await grant_consent()
    refresh_token = vault.grants.open_refresh_token(grant)
    assert await run_together({**orders, "do": "rotate", "kill_at": step}) == [None]
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert vault.grants.open_refresh_token(kept) == refresh_token
    keys = load_keyset(keyset_file).ids
    assert await run_together({**orders, "do": "rotate"}) != [None]
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert vault.grants.open_refresh_token(kept) == refresh_token
    # It went on with the key that was added, instead of adding another.
    assert load_keyset(keyset_file).ids == keys[-1:]
