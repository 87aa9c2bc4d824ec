"""Grants of two OAuth clients: each is refreshed with the client that it was issued to."""

from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from pydantic import SecretStr

from catflap.clock import FixedClock
from catflap.errors import OperatorMustAct
from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.google_client_settings import GoogleClient
from catflap.store.notify import NotificationListener
from catflap.store.vault_tables import google_tokens as t
from catflap.vault import Grant, Grants, Vault
from catflap.vault.client_change import ClientChange
from catflap.vault.lease import Leases
from tests.vault.conftest import CLIENT_ID, EMAIL, REFRESH, SCOPES, ExpireToken, Google, GrantConsent

DESKTOP_ID, DESKTOP_SECRET = "1234567890-desktop.apps.googleusercontent.com", "GOCSPX-desktop"
DESKTOP = GoogleClient(client_id=DESKTOP_ID, client_secret=SecretStr(DESKTOP_SECRET), redirect_uri="")


@pytest.fixture
def grants(grants: Grants) -> Grants:
    """Those of both clients."""
    return Grants(grants.engine, grants.cipher, grants._clock, CLIENT_ID, other_clients=[DESKTOP_ID])


@pytest.fixture
def desktop(google: Google, http: httpx2.AsyncClient) -> OAuth:
    google.sandbox.add_client(DESKTOP_ID, DESKTOP_SECRET, client_type="desktop")
    return OAuth(http, Discovery(http, google.discovery_url), DESKTOP)


@pytest.fixture
def vault(
    grants: Grants, oauth: OAuth, desktop: OAuth, clock: FixedClock, notifications: NotificationListener
) -> Vault:
    leases = Leases(grants.engine, timedelta(seconds=1))
    return Vault(grants, oauth, clock, notifications=notifications, leases=leases, other_clients=[desktop])


async def by_command(
    google: Google, desktop: OAuth, grants: Grants, user_id: int, scopes: tuple[str, ...] = SCOPES
) -> Grant:
    account = google.sandbox.add_account(EMAIL)
    code = google.sandbox.mint_code(EMAIL, DESKTOP_ID, scopes, force_refresh_token=True)
    tokens = await desktop.exchange(code, redirect_uri="")
    kept = await grants.store(user_id, account.sub, tokens, DESKTOP_ID)
    assert kept is not None
    return kept


def clients_that_refreshed(google: Google) -> list[str]:
    return [one["client"] for one in google.sandbox.requests(endpoint=REFRESH, status=200)]


async def test_each_token_is_refreshed_with_its_own_client(
    google: Google,
    desktop: OAuth,
    grants: Grants,
    vault: Vault,
    user_id: int,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
) -> None:
    grant = await by_command(google, desktop, grants, user_id)
    await expire_token(grant)
    await vault.access_token(user_id)
    assert clients_that_refreshed(google) == [DESKTOP_ID]
    # The same person on the page: a second token of the same grant, and the first one stays.
    both = await grant_consent()
    assert (both.id, {one.client_id for one in both.tokens}) == (grant.id, {CLIENT_ID, DESKTOP_ID})
    for one in both.tokens:
        await expire_token(one)
    assert await vault.refresh_all(lambda: (t.c.expires_at <= grants._clock.now(),)) == 2
    assert sorted(clients_that_refreshed(google)[1:]) == sorted([CLIENT_ID, DESKTOP_ID])


async def test_a_client_that_google_rejects_leaves_the_other_one_alone(
    google: Google,
    desktop: OAuth,
    grants: Grants,
    vault: Vault,
    user_id: int,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
) -> None:
    """Google deletes clients that nobody used for six months."""
    only_desktop = await by_command(google, desktop, grants, user_id)
    await expire_token(only_desktop)
    google.sandbox.delete_client(DESKTOP_ID)
    with pytest.raises(OperatorMustAct, match="deleted_client"):
        await vault.access_token(user_id)
    both = await grant_consent()
    for one in both.tokens:
        await expire_token(one)
    assert (await vault.access_token(user_id)).token
    assert clients_that_refreshed(google) == [CLIENT_ID]


async def test_one_revocation_ends_both_tokens_at_google(
    google: Google, desktop: OAuth, grants: Grants, vault: Vault, user_id: int, grant_consent: GrantConsent
) -> None:
    """Google revokes what the account allowed to the project, whichever client asked."""
    await by_command(google, desktop, grants, user_id)
    both = await grant_consent()
    tokens = [grants.open_refresh_token(one) or "" for one in both.tokens]
    assert await vault.revoke(user_id, both.account_sub)
    assert await grants.of_user(user_id) == []
    for oauth, token in zip((desktop, desktop), tokens, strict=True):
        assert await oauth.revoke(token) is False


async def test_without_a_refresh_token_another_clients_counts_if_it_allows_as_much(
    google: Google, desktop: OAuth, oauth: OAuth, grants: Grants, user_id: int
) -> None:
    kept = await by_command(google, desktop, grants, user_id)
    tokens = replace(await oauth.exchange(google.code(), redirect_uri=""), refresh_token=None)
    again = await grants.store(user_id, kept.account_sub, tokens)
    assert again is not None
    assert [one.client_id for one in again.tokens] == [DESKTOP_ID]
    wider = replace(tokens, scopes=tokens.scopes | {"drive.file"})
    assert await grants.store(user_id, kept.account_sub, wider) is None


async def test_a_client_taken_out_of_the_settings_marks_its_grants_only(
    google: Google, desktop: OAuth, grants: Grants, user_id: int
) -> None:
    await by_command(google, desktop, grants, user_id)
    web_only = Grants(grants.engine, grants.cipher, grants._clock, CLIENT_ID)
    await ClientChange(web_only).apply()
    (grant,) = await web_only.of_user(user_id)
    assert (grant.state, grant.reason) == ("reconsent", "client_changed")
    await ClientChange(grants).apply()
    (grant,) = await grants.of_user(user_id)
    assert grant.state == "active"
    # Between the present ones in the order of the index, and not one of them.
    others = Grants(grants.engine, grants.cipher, grants._clock, "0-a", other_clients=["9-z"])
    await ClientChange(others).apply()
    (grant,) = await others.of_user(user_id)
    assert (grant.state, grant.reason) == ("reconsent", "client_changed")
