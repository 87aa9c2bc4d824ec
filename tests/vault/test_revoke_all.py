"""All grants are revoked before an installation is deleted, and those that can't be are named."""

import pytest
from sqlalchemy import update

from catflap.google.oauth import OAuth
from catflap.store.vault_tables import google_tokens as t
from catflap.vault import Grants
from catflap.vault import revoke_all as revoking
from catflap.vault.revoke_all import RevokeAll, Unrevoked
from tests.vault.conftest import Google, GrantConsent

ANNA, BERT, CLEO = "anna@example.com", "bert@example.com", "cleo@example.com"
ENDPOINT = "oauth.revoke"


@pytest.fixture
def revoke_all(grants: Grants, oauth: OAuth) -> RevokeAll:
    # As `catflap uninstall` does, without the OAuth client.
    return RevokeAll(Grants(grants.engine, grants.cipher, grants._clock, "", sync_calendars=False), oauth)


async def test_what_does_not_decrypt_is_named_and_the_rest_is_revoked(
    grant_consent: GrantConsent, revoke_all: RevokeAll, grants: Grants, google: Google
) -> None:
    broken, sound = await grant_consent(email=ANNA), await grant_consent(email=BERT)
    async with grants.engine.begin() as connection:
        of_another_key = update(t).where(t.c.id == broken.id).values(refresh_token=b"\x01" * 40)
        await connection.execute(of_another_key)
    reported: list[None] = []
    left = await revoke_all.run(lambda: reported.append(None))
    assert [(one.account_sub, one.user_id) for one in left] == [(broken.account_sub, broken.user_id)]
    assert left[0].code == "keyset_lacks_key"
    assert len(reported) == 2
    # Anna can still take it back herself, Bert has nothing left to take back.
    assert google.sandbox.revoke_access(ANNA) != [] and google.sandbox.revoke_access(BERT) == []
    found = await grants.exact(sound.user_id, sound.account_sub)
    assert found is not None and (found.state, found.reason) == ("revoked", "uninstalled")


async def test_when_google_is_away_the_rest_is_not_tried_and_the_same_call_goes_on_later(
    grant_consent: GrantConsent, revoke_all: RevokeAll, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    consents = [await grant_consent(email=email) for email in (ANNA, BERT, CLEO)]
    monkeypatch.setattr(revoking, "_PAUSE_SECONDS", 0.0)
    google.sandbox.fault(endpoint=ENDPOINT, account=BERT, status=503)
    left = await revoke_all.run(lambda: None)
    rest = [Unrevoked(one.user_id, one.account_sub, "google_unavailable") for one in consents[1:]]
    assert left == rest
    assert google.sandbox.requests(ENDPOINT, account=CLEO) == []
    assert await revoke_all.count() == 2

    google.clear_faults()
    assert await revoke_all.run(lambda: None) == []
    assert await revoke_all.count() == 0
    assert [google.sandbox.revoke_access(email) for email in (ANNA, BERT, CLEO)] == [[], [], []]
