"""What the operator is told of grants and webhooks, and what is counted of refreshes and deliveries."""

from datetime import timedelta

import pytest

from catflap.clock import FixedClock
from catflap.google.oauth import OAuth
from catflap.store.notify import NotificationListener
from catflap.vault import Grants, Vault
from catflap.vault.api_keys import ApiKeys
from catflap.vault.health import VaultHealth, WebhookHealth
from catflap.vault.lease import Leases
from catflap.vault.webhooks import Webhooks
from tests.support.counted import Counted
from tests.support.vault import access_error, end_pauses
from tests.support.webhook_receiver import NAME, Receiver, due
from tests.vault.conftest import ExpireToken, Google, GrantConsent

SECRET_PATH = "/catflap/T0K3N-in-the-path"


@pytest.fixture
def health(grants: Grants, clock: FixedClock) -> VaultHealth:
    return VaultHealth(grants.engine, ApiKeys(grants.engine, clock))


async def test_each_refresh_is_counted_by_how_it_ended(
    grants: Grants,
    oauth: OAuth,
    clock: FixedClock,
    notifications: NotificationListener,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
) -> None:
    counted = Counted()
    leases = Leases(grants.engine, timedelta(seconds=1))
    vault = Vault(grants, oauth, clock, notifications=notifications, leases=leases, count=counted)
    grant = await grant_consent()
    await vault.access_token(grant.user_id)
    assert counted == {}, "a stored token is no refresh"
    for trouble in ({"status": 503}, {"status": 400, "error": "invalid_request"}, None):
        await expire_token(grant)
        await end_pauses(grants.engine)
        google.clear_faults()
        if trouble is not None:
            google.trouble(**trouble)
        assert (await access_error(vault, grant.user_id) is None) == (trouble is None)
    await expire_token(grant)
    google.revoke_access()
    await access_error(vault, grant.user_id)
    await access_error(vault, grant.user_id)
    outcomes = ("unavailable", "refused", "succeeded", "invalid_grant")
    assert counted == {("token_refreshes", outcome): 1 for outcome in outcomes}


async def test_grants_are_counted_by_state(
    vault: Vault, health: VaultHealth, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    assert await health.grants() == {"active": 0, "reconsent": 0, "revoked": 0}
    await grant_consent()
    ended = await grant_consent(email="other@example.com")
    assert await health.grants() == {"active": 2, "reconsent": 0, "revoked": 0}
    await expire_token(ended)
    google.revoke_access("other@example.com")
    with pytest.raises(Exception, match="reconsent"):
        await vault.access_token(ended.user_id, ended.account_sub)
    assert await health.grants() == {"active": 1, "reconsent": 1, "revoked": 0}


async def webhook(health: VaultHealth) -> WebhookHealth:
    (found,) = await health.webhooks()
    return found


async def test_a_webhook_that_takes_messages_delivers(
    webhooks: Webhooks,
    receiver: Receiver,
    health: VaultHealth,
    grant_consent: GrantConsent,
    clock: FixedClock,
) -> None:
    await webhooks.create(f"https://{NAME}:{receiver.port}{SECRET_PATH}", ["grant.active"])
    assert (await webhook(health)).state == "new"
    await grant_consent()
    waiting = await webhook(health)
    assert (waiting.pending, waiting.failing, waiting.oldest_at) == (1, 0, clock.now())
    for delivery in await due(webhooks):
        await webhooks.deliver(delivery)
    found = await webhook(health)
    assert (found.state, found.pending, found.delivered_at) == ("delivers", 0, clock.now())
    assert found.last_failure is None
    assert found.host == NAME
    assert "T0K3N" not in repr(found)


@pytest.mark.parametrize(
    ("status", "state", "failure"), [(503, "retries", "HTTP 503"), (410, "gone", "gone")]
)
async def test_a_webhook_that_takes_none_says_why(
    webhooks: Webhooks,
    receiver: Receiver,
    health: VaultHealth,
    grant_consent: GrantConsent,
    clock: FixedClock,
    status: int,
    state: str,
    failure: str,
) -> None:
    counted = webhooks._count = Counted()
    await webhooks.create(f"https://{NAME}:{receiver.port}{SECRET_PATH}", ["grant.active"])
    receiver.status = status
    await grant_consent()
    for delivery in await due(webhooks):
        await webhooks.deliver(delivery)
    found = await webhook(health)
    assert (found.state, found.last_failure) == (state, failure)
    assert found.pending == found.failing == found.attempts == (status != 410)
    assert found.delivered_at is None
    outcome = "gone" if status == 410 else "http_error"
    assert counted == {("webhook_deliveries", outcome): 1}
    receiver.status = 200
    clock.advance(timedelta(hours=1))
    await grant_consent(email="other@example.com")
    for delivery in await due(webhooks):
        await webhooks.deliver(delivery)
    assert (await webhook(health)).state == "delivers"
    assert counted["webhook_deliveries", "delivered"] == 1 + (status != 410)


async def test_a_webhook_that_was_given_up_says_so(
    webhooks: Webhooks,
    receiver: Receiver,
    health: VaultHealth,
    grant_consent: GrantConsent,
    clock: FixedClock,
) -> None:
    await webhooks.create(f"https://{NAME}:{receiver.port}/", ["grant.active"])
    receiver.status = 500
    await grant_consent()
    while waiting := await due(webhooks):
        await webhooks.deliver(waiting[0])
        clock.advance(timedelta(days=1, seconds=1))
    found = await webhook(health)
    assert (found.state, found.pending, found.last_failure) == ("gave_up", 0, "HTTP 500")
