"""Periodic maintenance: proactive refresh, retention and warnings, each once."""

import asyncio
import ipaddress
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from catflap.clock import FixedClock
from catflap.google.oauth import OAuth, TokenResponse
from catflap.store.tables import risc_events
from catflap.store.vault_tables import google_tokens, webhook_deliveries
from catflap.vault import Vault
from catflap.vault.audit import Audit
from catflap.vault.calendar_changed import CalendarChangedEvents
from catflap.vault.lifetimes import SECURITY_EVENTS_KEPT, UNUSED
from catflap.vault.maintenance import Maintenance, _run_each
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.webhooks import Address, Webhooks
from tests.support.webhook_receiver import due
from tests.vault.conftest import Google, GrantConsent


@pytest.fixture
def maintenance(
    vault: Vault, clock: FixedClock, http: httpx2.AsyncClient, engine: AsyncEngine
) -> Maintenance:
    grants = vault.grants
    webhooks = Webhooks(grants.engine, grants.cipher, clock, http)
    return Maintenance(
        vault,
        webhooks,
        SecurityEventHandler(engine, grants, clock, Audit(engine, clock)),
        CalendarChangedEvents(engine, grants.engine, clock),
        clock,
    )


async def test_tokens_in_use_are_refreshed_before_they_run_out_and_once(
    vault: Vault, grant_consent: GrantConsent, maintenance: Maintenance, google: Google, clock: FixedClock
) -> None:
    used, unused = await grant_consent(), await grant_consent(email="second@example.com")
    await vault.access_token(used.user_id, used.account_sub)
    await vault.grants.write_uses()
    await maintenance.tick()
    assert google.refreshes() == 0
    clock.advance(timedelta(minutes=54, seconds=30))
    await asyncio.gather(maintenance.tick(), maintenance.tick())
    assert google.refreshes() == 1
    (fresh, _) = await vault.grants.of_user(used.user_id)
    assert fresh.expires_at is not None and fresh.expires_at - clock.now() > timedelta(minutes=59)
    assert unused.account_sub != used.account_sub


async def test_a_token_that_google_gives_for_a_minute_is_not_refreshed_every_tick(
    vault: Vault,
    grant_consent: GrantConsent,
    maintenance: Maintenance,
    oauth: OAuth,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grant = await grant_consent()
    await vault.access_token(grant.user_id)
    await vault.grants.write_uses()
    clock.advance(timedelta(minutes=55))
    given = iter([60, 60, 60])

    async def refresh(_token: str) -> TokenResponse:
        return TokenResponse("brief", next(given, 3599), frozenset())

    monkeypatch.setattr(oauth, "refresh", refresh)
    assert await maintenance.refresh_due() == 1
    assert await maintenance.refresh_due() == 0


async def test_what_was_begun_is_finished_and_what_is_over_is_forgotten(
    vault: Vault, grant_consent: GrantConsent, maintenance: Maintenance, google: Google, clock: FixedClock
) -> None:
    grant, kept = await grant_consent(), await grant_consent(email="second@example.com")
    google.trouble(endpoint="oauth.revoke", status=503)
    await vault.revoke(grant.user_id, grant.account_sub)
    await vault.grants.end(kept, "tokens_revoked")
    google.clear_faults()
    await maintenance.tick()
    assert [one.id for one in await vault.grants.of_user(grant.user_id)] == [kept.id]
    clock.advance(timedelta(days=31))
    await maintenance.tick()
    assert await vault.grants.of_user(grant.user_id) == []


async def test_a_handled_security_event_is_deleted_when_it_is_old(
    maintenance: Maintenance, engine: AsyncEngine, clock: FixedClock
) -> None:
    event = insert(risc_events).values(jti="old", events=[], received_at=clock.now(), done_at=clock.now())
    async with engine.begin() as connection:
        await connection.execute(event)
    clock.advance(SECURITY_EVENTS_KEPT + timedelta(seconds=1))
    await maintenance.tick()
    async with engine.connect() as connection:
        assert (await connection.scalars(select(risc_events.c.jti))).all() == []


async def test_while_google_is_down_maintenance_harms_nothing(
    vault: Vault, grant_consent: GrantConsent, maintenance: Maintenance, google: Google, clock: FixedClock
) -> None:
    grant = await grant_consent()
    await vault.access_token(grant.user_id)
    await vault.grants.write_uses()
    clock.advance(timedelta(minutes=55))
    google.trouble(status=503)
    await maintenance.tick()
    (kept,) = await vault.grants.of_user(grant.user_id)
    assert (kept.state, google.refreshes()) == ("active", 1)


@pytest.mark.parametrize("refreshed", [True, False])
async def test_an_unused_grant_is_warned_about_even_if_it_was_never_refreshed(
    vault: Vault, grant_consent: GrantConsent, maintenance: Maintenance, clock: FixedClock, refreshed: bool
) -> None:
    """A grant that was imported has perhaps never been refreshed here."""
    grant = await grant_consent()
    async with vault.grants.engine.begin() as connection:
        values = {"refreshed_at": clock.now() if refreshed else None}
        await connection.execute(update(google_tokens).where(google_tokens.c.id == grant.id).values(values))
    clock.advance(UNUSED - timedelta(days=1))
    with capture_logs() as logs:
        await maintenance.tick()
    assert "grants_expiring_soon" not in [entry["event"] for entry in logs]
    clock.advance(timedelta(days=2))
    with capture_logs() as logs:
        await maintenance.tick()
    (warning,) = [entry for entry in logs if entry["event"] == "grants_expiring_soon"]
    assert (warning["grants"], warning["of_testing_mode"]) == (1, 0)


async def test_a_slow_webhook_delays_no_other(
    vault: Vault, clock: FixedClock, http: httpx2.AsyncClient, engine: AsyncEngine
) -> None:
    both = asyncio.Barrier(2)

    async def known(_host: str, _port: int) -> list[Address]:
        return [ipaddress.ip_address("8.8.8.8")]

    async def waits_for_the_other(_host: str, _port: int) -> list[Address]:
        await both.wait()
        raise OSError

    grants = vault.grants
    repository = Webhooks(grants.engine, grants.cipher, clock, http, resolve=known)
    hooks = [(await repository.create(f"https://{name}.example"))[0] for name in ("a", "b")]
    deliveries = [
        {
            "id": f"to {hook.id}",
            "webhook_id": hook.id,
            "event": "grant.active",
            "payload": {},
            "attempts": 0,
            "created_at": clock.now(),
            "due_at": clock.now(),
        }
        for hook in hooks
    ]
    async with grants.engine.begin() as connection:
        await connection.execute(insert(webhook_deliveries), deliveries)
    webhooks = Webhooks(grants.engine, grants.cipher, clock, http, resolve=waits_for_the_other)
    handler = SecurityEventHandler(engine, grants, clock, Audit(engine, clock))
    changes = CalendarChangedEvents(engine, grants.engine, clock)
    async with asyncio.timeout(60):
        await Maintenance(vault, webhooks, handler, changes, clock).tick()
    assert await due(webhooks) == []


async def test_a_task_that_fails_unexpectedly_ends_no_other() -> None:
    done = []

    async def run(key: int) -> None:
        if key == 0:
            raise ValueError
        await asyncio.sleep(0)
        done.append(key)

    with capture_logs() as logs:
        await _run_each(run, list(range(8)))
    assert (sorted(done), [entry["event"] for entry in logs]) == (
        list(range(1, 8)),
        ["maintenance_task_crashed"],
    )
