"""A refresh that fails: what passes changes no grant, and what Google ended is ended with its reason."""

import asyncio
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import OperatorMustAct, TryAgain, UserMustAct
from catflap.google.fetch import FetchedResponse
from catflap.google.oauth import OAuth
from catflap.store.notify import NotificationListener
from catflap.vault import Grants, Vault
from catflap.vault.circuit_breaker import CircuitBreaker
from tests.support.faulty_transport import FaultyTransport
from tests.support.vault import access_error, another_vault, end_pauses
from tests.vault.conftest import EMAIL, ExpireToken, Google, GrantConsent


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
    error = await access_error(vault, grant.user_id)
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
    other = another_vault(grants, oauth, clock, notifications)
    for catflap in (vault, vault, other, other):
        assert isinstance(await access_error(catflap, grant.user_id), TryAgain)
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
        error = await access_error(vault, grant.user_id)
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
    assert await access_error(vault, grant.user_id) is not None
    google.clear_faults()
    await end_pauses(vault_engine)
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
    assert isinstance(await access_error(vault, grant.user_id), TryAgain)


async def test_a_rejected_client_shouts_and_harms_no_grant(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(error="invalid_client")
    for _ in range(3):
        error = await access_error(vault, grant.user_id)
        assert isinstance(error, OperatorMustAct) and error.code == "google_client_rejected"
    assert google.refreshes() == 1
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert kept.state == "active"


@pytest.mark.parametrize("error", ["invalid_client", "deleted_client", "disabled_client"])
async def test_a_rejected_client_is_logged_once_and_so_is_its_return(
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
        rejection = await access_error(vault, second.user_id)
        assert isinstance(rejection, OperatorMustAct) and rejection.logged
        now += 31
    assert google.refreshes() == 3
    google.clear_faults()
    assert (await vault.access_token(second.user_id)).token
    said = capsys.readouterr()
    assert (said.out + said.err).count("code=google_client_rejected") == 1
    assert (said.out + said.err).count("google_client_accepted_again") == 1


REFUSALS = ["org_internal", "unauthorized_client", "access_denied", "invalid_scope", "admin_policy_enforced"]


UNEXPLAINED = ["invalid_request", "unsupported_grant_type", "redirect_uri_mismatch", "something_new"]


@pytest.mark.parametrize("error", [*REFUSALS, *UNEXPLAINED, "invalid_grant"])
async def test_a_refusal_of_one_grant_does_not_stop_the_others(
    vault: Vault, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google, error: str
) -> None:
    refused, other = await grant_consent(), await grant_consent(email="second@example.com")
    google.trouble(error=error, account=EMAIL)
    for _ in range(6):
        await expire_token(refused)
        assert await access_error(vault, refused.user_id) is not None
        await expire_token(other)
        assert (await vault.access_token(other.user_id, other.account_sub)).token
    assert google.refreshes() == 7


@pytest.mark.parametrize("error", UNEXPLAINED)
async def test_an_unknown_refusal_ends_no_grant(
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
    said = await access_error(vault, grant.user_id)
    assert isinstance(said, TryAgain) and said.after is not None and said.after >= timedelta(seconds=4)
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert kept.state == "active"
    google.clear_faults()
    await end_pauses(vault_engine)
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
    assert isinstance(await access_error(vault, grant.user_id), UserMustAct)
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
