"""One live token: shared by all who ask, refreshed once, and never confused with a dead one."""

import asyncio
import hashlib
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.fetch import FetchedResponse
from catflap.google.oauth import OAuth, TokenResponse
from catflap.store.notify import NotificationListener
from catflap.store.tables import google_tokens as t
from catflap.vault import Grants, Vault
from catflap.vault.circuit_breaker import CircuitBreaker
from catflap.vault.lease import Lease, Leases
from tests.support.faulty_transport import FaultyTransport
from tests.vault.conftest import EMAIL, ExpireToken, Google, GrantConsent


def _another(grants: Grants, oauth: OAuth, clock: FixedClock, notifications: NotificationListener) -> Vault:
    """A vault as another process has one: nothing shared but the database."""
    return Vault(
        grants, oauth, clock, notifications=notifications, leases=Leases(grants.engine, timedelta(seconds=1))
    )


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


async def test_two_houses_on_one_database_are_one_refresh(
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
    houses = [
        vault,
        _another(grants, oauth, clock, notifications),
        _another(grants, oauth, clock, notifications),
    ]
    tokens = await asyncio.gather(
        *(catflap.access_token(grant.user_id, grant.account_sub) for catflap in houses for _ in range(5))
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
    houses = [vault, _another(grants, oauth, clock, notifications)]
    await asyncio.gather(*(catflap.access_token(grant.user_id, grant.account_sub) for catflap in houses))
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


async def test_a_caller_who_gives_up_takes_the_token_from_nobody(
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


async def test_missing_scopes_are_told_without_asking_google(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    with pytest.raises(UserMustAct) as caught:
        await vault.access_token(grant.user_id, grant.account_sub, scopes=["drive.appdata"])
    assert caught.value.code == "scope_missing"
    assert google.refreshes() == 0


async def test_nobody_gets_a_token_of_nobody(vault: Vault, user_id: int) -> None:
    with pytest.raises(BadRequest) as caught:
        await vault.access_token(user_id)
    assert caught.value.code == "not_found"


async def test_without_an_account_the_first_one_counts(vault: Vault, grant_consent: GrantConsent) -> None:
    first = await grant_consent()
    await grant_consent(email="second@example.com")
    token = await vault.access_token(first.user_id)
    assert token == await vault.access_token(first.user_id, first.account_sub)


async def test_a_dead_grant_costs_google_one_call_however_many_ask(
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
    outcomes += [await _error(vault, grant.user_id) for _ in range(20)]
    assert {one.code for one in outcomes if isinstance(one, UserMustAct)} == {"reconsent_required"}
    assert len([one for one in outcomes if isinstance(one, UserMustAct)]) == 40
    assert google.refreshes() == 1
    async with vault_engine.connect() as connection:
        row = (await connection.execute(select(t))).one()
    assert (row.state, row.reason) == ("reconsent", "invalid_grant")
    assert row.ended_at is not None and row.access_token is None and row.refresh_token is None


async def test_a_new_consent_brings_a_dead_grant_back(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.revoke_access()
    assert await _error(vault, grant.user_id) is not None
    again = await grant_consent()
    assert (again.id, again.state, again.reason, again.ended_at) == (grant.id, "active", None, None)
    assert (await vault.access_token(grant.user_id)).token


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 503},
        {"status": 429, "error": "rate_limit_exceeded"},
        {"drop": "before"},
        {"drop": "after"},
        {"garbage": True},
    ],
)
async def test_trouble_that_passes_changes_no_state(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    trouble: dict[str, object],
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(**trouble)
    error = await _error(vault, grant.user_id)
    assert isinstance(error, TryAgain) and error.code == "google_unavailable"
    assert error.after is not None and error.after > timedelta(0)
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert (kept.state, kept.version) == ("active", grant.version)


async def test_after_a_failure_google_is_left_alone_until_the_pause_is_over(
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
    google.trouble(status=503)
    other = _another(grants, oauth, clock, notifications)
    for catflap in (vault, vault, other, other):
        assert isinstance(await _error(catflap, grant.user_id), TryAgain)
    assert google.refreshes() == 1


async def test_google_is_given_the_time_it_asks_for(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = await grant_consent()
    await expire_token(grant)

    async def busy(url: str, body: str) -> FetchedResponse:
        return FetchedResponse(429, httpx2.Headers({"Retry-After": "120"}), b"")

    monkeypatch.setattr(vault._refresher._oauth, "_send", busy)
    for _ in range(2):
        error = await _error(vault, grant.user_id)
        assert isinstance(error, TryAgain) and error.after is not None
        assert timedelta(seconds=110) < error.after <= timedelta(seconds=120)


async def test_when_google_is_back_so_are_the_tokens(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    vault_engine: AsyncEngine,
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(status=503)
    assert await _error(vault, grant.user_id) is not None
    google.clear_faults()
    await _end_pauses(vault_engine)
    assert (await vault.access_token(grant.user_id)).token
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert kept.failures == 0


async def test_a_short_token_is_better_than_none_while_google_is_down(
    vault: Vault, grant_consent: GrantConsent, google: Google, clock: FixedClock
) -> None:
    grant = await grant_consent()
    token = await vault.access_token(grant.user_id)
    google.trouble(status=503)
    clock.advance(timedelta(minutes=57))
    assert await vault.access_token(grant.user_id) == token
    clock.advance(timedelta(minutes=3))
    assert isinstance(await _error(vault, grant.user_id), TryAgain)


async def test_a_rejected_client_shouts_and_harms_no_grant(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(error="invalid_client")
    for _ in range(3):
        error = await _error(vault, grant.user_id)
        assert isinstance(error, OperatorMustAct) and error.code == "google_client_rejected"
    assert google.refreshes() == 1
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert kept.state == "active"


@pytest.mark.parametrize("error", ["invalid_client", "deleted_client", "disabled_client"])
async def test_a_rejected_client_is_told_once_and_so_is_its_return(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: str,
) -> None:
    now = 100.0
    vault._refresher._circuit = CircuitBreaker(monotonic=lambda: now)
    await expire_token(await grant_consent())
    second = await grant_consent(email="second@example.com")
    await expire_token(second)
    google.trouble(error=error)
    for _ in range(3):
        rejection = await _error(vault, second.user_id)
        assert isinstance(rejection, OperatorMustAct) and rejection.logged
        now += 31
    assert google.refreshes() == 3
    google.clear_faults()
    assert (await vault.access_token(second.user_id)).token
    said = capsys.readouterr()
    assert (said.out + said.err).count("google_client_rejected") == 1
    assert (said.out + said.err).count("google_client_accepted_again") == 1


REFUSALS = ["org_internal", "unauthorized_client", "access_denied", "invalid_scope", "admin_policy_enforced"]
UNEXPLAINED = ["invalid_request", "unsupported_grant_type", "redirect_uri_mismatch", "something_new"]


@pytest.mark.parametrize("error", [*REFUSALS, *UNEXPLAINED, "invalid_grant"])
async def test_a_refusal_of_one_grant_stops_nobody_else(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google, error: str
) -> None:
    refused, other = await grant_consent(), await grant_consent(email="second@example.com")
    google.trouble(error=error, account=EMAIL)
    for _ in range(6):
        await expire_token(refused)
        assert await _error(vault, refused.user_id) is not None
        await expire_token(other)
        assert (await vault.access_token(other.user_id, other.account_sub)).token
    assert google.refreshes() == 7


@pytest.mark.parametrize("error", UNEXPLAINED)
async def test_a_refusal_that_nobody_understands_ends_no_grant(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    vault_engine: AsyncEngine,
    error: str,
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(error=error)
    said = await _error(vault, grant.user_id)
    assert isinstance(said, TryAgain) and said.after is not None and said.after >= timedelta(seconds=4)
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert kept.state == "active"
    google.clear_faults()
    await _end_pauses(vault_engine)
    assert (await vault.access_token(grant.user_id)).token


@pytest.mark.parametrize(
    ("error", "reason"), [("invalid_rapt", "invalid_rapt"), ("admin_policy_enforced", "admin_policy")]
)
async def test_the_reason_of_a_death_is_kept(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    error: str,
    reason: str,
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(error=error)
    assert isinstance(await _error(vault, grant.user_id), UserMustAct)
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert (kept.state, kept.reason) == ("reconsent", reason)


async def test_invalid_grant_is_not_believed_when_someone_consented_meanwhile(
    vault: Vault,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    transport: FaultyTransport,
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(error="invalid_grant", times=1)
    answer = transport.hold_next()
    call = asyncio.create_task(vault.access_token(grant.user_id))
    await answer.arrived.wait()
    again = await grant_consent(again=True)
    answer.release.set()
    assert (await call).token == vault.grants.open_access_token(again)
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert kept.state == "active"


async def test_a_narrower_refresh_is_told_and_kept(
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


async def _error(vault: Vault, user_id: int) -> Exception | None:
    try:
        await vault.access_token(user_id)
    except (UserMustAct, OperatorMustAct, TryAgain, BadRequest) as error:
        return error
    return None


async def _end_pauses(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE vault.google_tokens SET lease_until = NULL"))


def test_the_circuit_opens_after_failures_in_a_row_and_probes_with_one_caller() -> None:
    now = 100.0
    circuit = CircuitBreaker(monotonic=lambda: now, jitter=lambda low, high: high)
    for grant_id in range(5):
        circuit.acquire()
        circuit.record_failure(grant_id)
    with pytest.raises(TryAgain) as caught:
        circuit.acquire()
    assert caught.value.after == timedelta(seconds=1)
    now += 1.0
    circuit.acquire()
    with pytest.raises(TryAgain):
        circuit.acquire()
    circuit.record_success()
    circuit.acquire()
    circuit.acquire()


def test_failures_of_one_grant_never_open_the_circuit_for_others() -> None:
    circuit = CircuitBreaker(monotonic=lambda: 100.0, jitter=lambda low, high: high)
    for _ in range(40):
        circuit.acquire()
        circuit.record_failure(7)
    circuit.acquire()


def test_the_circuit_never_waits_longer_than_eight_seconds() -> None:
    now = 100.0
    circuit = CircuitBreaker(monotonic=lambda: now, jitter=lambda low, high: high)
    for grant_id in range(40):
        circuit.record_failure(grant_id)
    with pytest.raises(TryAgain) as caught:
        circuit.check()
    assert caught.value.after == timedelta(seconds=8)
