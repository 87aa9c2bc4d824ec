"""Several tokens of one grant: each is kept, used for its scopes, and ended separately."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest, UserMustAct
from catflap.google.oauth import OAuth, TokenResponse
from catflap.google.scopes import normalise
from catflap.store.vault_tables import google_tokens as t
from catflap.vault import Grant, Grants, Vault
from catflap.vault.audit import Audit
from catflap.vault.calendar_changed import CalendarChangedEvents
from catflap.vault.failpoint import failpoints
from catflap.vault.maintenance import Maintenance
from catflap.vault.rotation import Rotation
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.token_selection import MAX_TOKENS
from catflap.vault.webhooks import Webhooks
from google_sandbox.risc.events import event_token, token_subject
from tests.vault.conftest import CLIENT_ID, ExpireToken, Google, GrantConsent, TokenApi

A = "https://www.googleapis.com/auth/"
CALENDAR = ("openid", f"{A}calendar.events.readonly")
DRIVE = ("openid", f"{A}drive.file")
BOTH = ("openid", f"{A}calendar.events.readonly", f"{A}drive.file")
SIGN_IN = ("openid", "email")

RunAllOut = Callable[[Grant], Awaitable[Grant]]


@pytest.fixture
def run_all_out(vault: Vault, expire_token: ExpireToken) -> RunAllOut:
    """Let every stored access token of a grant run out; the grant as it is then."""

    async def ran_out(grant: Grant) -> Grant:
        for token in grant.tokens:
            await expire_token(token)
        found = await vault.grants.find(grant.user_id, grant.account_sub)
        assert found is not None
        return found

    return ran_out


async def test_a_narrower_consent_takes_nothing_from_a_wider_one(
    vault: Vault, grant_consent: GrantConsent, run_all_out: RunAllOut
) -> None:
    await grant_consent(scopes=BOTH)
    narrow = await run_all_out(await grant_consent(scopes=SIGN_IN, again=True))
    assert len(await vault.grants.of_user(narrow.user_id)) == 1
    assert narrow.scopes >= normalise(BOTH)
    for scopes in ([], ["calendar.events.readonly"], ["drive.file", "calendar.events.readonly"]):
        token = await vault.access_token(narrow.user_id, scopes=scopes)
        assert token.scopes == normalise(BOTH)
    assert (await vault.access_token(narrow.user_id, scopes=["email"])).scopes == normalise(SIGN_IN)


async def test_consents_that_only_overlap_both_work_and_together_want_one_consent(
    vault: Vault, grant_consent: GrantConsent, run_all_out: RunAllOut
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await run_all_out(await grant_consent(scopes=DRIVE, again=True))
    assert grant.scopes == normalise(BOTH) and grant.state == "active"
    for scope in ("calendar.events.readonly", "drive.file"):
        token = await vault.access_token(grant.user_id, scopes=[scope])
        assert scope in token.scopes
    with pytest.raises(UserMustAct) as caught:
        await vault.access_token(grant.user_id, scopes=["calendar.events.readonly", "drive.file"])
    assert caught.value.code == "scope_missing" and "one consent" in caught.value.message
    joined = await grant_consent(scopes=BOTH, again=True)
    assert len(joined.tokens) == 1
    assert (await vault.access_token(grant.user_id, scopes=joined.scopes)).scopes == normalise(BOTH)


async def test_preferred_scopes_choose_the_token_that_lacks_the_fewest(
    vault: Vault, grant_consent: GrantConsent, run_all_out: RunAllOut
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=(*DRIVE, f"{A}drive.appdata"), again=True)
    token = await vault.access_token(grant.user_id, prefer=["calendar.events.readonly"])
    assert "calendar.events.readonly" in token.scopes
    # A preference is no condition: only Google knows what suffices.
    assert await vault.access_token(grant.user_id, prefer=["tasks"])


async def test_each_token_is_refused_and_refreshed_by_itself(
    vault: Vault, grant_consent: GrantConsent, google: Google
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=DRIVE, again=True)
    calendar = await vault.access_token(grant.user_id, scopes=["calendar.events.readonly"])
    drive = await vault.access_token(grant.user_id, scopes=["drive.file"])
    again = await vault.access_token(
        grant.user_id, scopes=["calendar.events.readonly"], rejected=calendar.token
    )
    assert again.token != calendar.token and google.refreshes() == 1
    assert await vault.access_token(grant.user_id, scopes=["drive.file"], rejected=calendar.token) == drive


async def test_the_end_of_one_token_leaves_the_others(
    vault: Vault, grant_consent: GrantConsent, google: Google, run_all_out: RunAllOut
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await run_all_out(await grant_consent(scopes=DRIVE, again=True))
    google.trouble(error="invalid_grant", times=1)
    with pytest.raises(UserMustAct) as caught:
        await vault.access_token(grant.user_id, scopes=["calendar.events.readonly"])
    assert caught.value.code == "reconsent_required"
    (left,) = await vault.grants.of_user(grant.user_id)
    assert (left.state, left.reason, left.id) == ("active", None, grant.id)
    assert left.scopes == normalise(DRIVE)
    assert (await vault.access_token(grant.user_id)).scopes == normalise(DRIVE)
    with pytest.raises(UserMustAct) as caught:
        await vault.access_token(grant.user_id, scopes=["calendar.events.readonly"])
    assert caught.value.code == "scope_missing"
    google.revoke_access()
    await run_all_out(left)
    with pytest.raises(UserMustAct):
        await vault.access_token(grant.user_id)
    (over,) = await vault.grants.of_user(grant.user_id)
    assert (over.state, over.reason) == ("reconsent", "invalid_grant")
    # All that was ever allowed, so that the next consent can ask for it.
    assert over.scopes == normalise(BOTH)
    healed = await grant_consent(scopes=BOTH)
    assert (healed.id, healed.state, len(healed.tokens)) == (grant.id, "active", 1)


async def test_an_invalid_token_is_replaced_by_another_that_allows_the_same(
    vault: Vault, grant_consent: GrantConsent, google: Google, run_all_out: RunAllOut
) -> None:
    await grant_consent(scopes=BOTH)
    grant = await run_all_out(await grant_consent(scopes=CALENDAR, again=True))
    google.trouble(error="invalid_grant", times=1)
    token = await vault.access_token(grant.user_id, scopes=["calendar.events.readonly"])
    assert token.scopes == normalise(CALENDAR)
    assert google.refreshes() == 2


async def test_a_refused_token_is_kept_and_works_again_when_google_says_so(
    vault: Vault,
    grant_consent: GrantConsent,
    google: Google,
    run_all_out: RunAllOut,
    vault_engine: AsyncEngine,
) -> None:
    grant = await run_all_out(await grant_consent())
    google.trouble(error="org_internal")
    for _ in range(3):
        with pytest.raises(UserMustAct) as caught:
            await vault.access_token(grant.user_id)
        assert caught.value.code == "reconsent_required"
    assert google.refreshes() == 1
    (refused,) = await vault.grants.of_user(grant.user_id)
    assert (refused.state, refused.reason) == ("reconsent", "org_internal")
    google.clear_faults()
    async with vault_engine.begin() as connection:
        await connection.execute(t.update().values(lease_until=None))
    assert (await vault.access_token(grant.user_id)).token
    (back,) = await vault.grants.of_user(grant.user_id)
    assert (back.state, back.reason, back.ended_at) == ("active", None, None)


async def test_revoking_takes_back_every_token_at_google(
    vault: Vault, grant_consent: GrantConsent, google: Google, oauth: OAuth
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=DRIVE, again=True)
    tokens = [vault.grants.open_refresh_token(one) or "" for one in grant.tokens]
    assert await vault.revoke(grant.user_id, grant.account_sub)
    assert await vault.grants.of_user(grant.user_id) == []
    assert google.sandbox.state.request_log.counts["oauth.revoke"] == 2
    assert [await oauth.revoke(one) for one in tokens] == [False, False]


async def test_an_interrupted_revocation_is_finished_for_every_token(
    vault: Vault, grant_consent: GrantConsent, google: Google, vault_engine: AsyncEngine
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=DRIVE, again=True)
    google.trouble(endpoint="oauth.revoke", status=503)
    assert not await vault.revoke(grant.user_id, grant.account_sub)
    (marked,) = await vault.grants.of_user(grant.user_id)
    assert {one.state for one in marked.tokens} == {"revoked"}
    google.clear_faults()
    assert await vault.revocation.unfinished() == [grant.id]
    await vault.revocation.finish(grant.id)
    async with vault_engine.connect() as connection:
        assert (await connection.execute(select(t))).all() == []


async def test_a_consent_after_disconnecting_keeps_nothing_of_before(
    vault: Vault, grant_consent: GrantConsent, google: Google
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=DRIVE, again=True)
    google.trouble(endpoint="oauth.revoke", status=503)
    await vault.revoke(grant.user_id, grant.account_sub)
    again = await grant_consent(scopes=SIGN_IN, again=True)
    assert again.scopes == normalise(SIGN_IN) and len(again.tokens) == 1
    google.clear_faults()
    await vault.revocation.finish(again.id)
    assert (await vault.access_token(grant.user_id)).token


async def test_riscs_token_revoked_ends_one_token_and_the_grant_with_the_last(
    api: TokenApi, vault: Vault, grant_consent: GrantConsent, google: Google
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=DRIVE, again=True)
    calendar = next(one for one in grant.tokens if "drive.file" not in one.scopes)
    await _token_revoked(api, google, vault.grants.open_refresh_token(calendar), hashed=True)
    (left,) = await vault.grants.of_user(grant.user_id)
    assert (left.state, left.scopes) == ("active", normalise(DRIVE))
    drive = left.default
    await _token_revoked(api, google, vault.grants.open_refresh_token(drive), hashed=False)
    (over,) = await vault.grants.of_user(grant.user_id)
    assert (over.state, over.reason) == ("revoked", "token_revoked")


async def test_no_more_tokens_are_kept_than_an_app_can_need(grants: Grants, user_id: int) -> None:
    for number in range(MAX_TOKENS + 5):
        scopes = frozenset({"openid", f"scope{number}"})
        kept = await grants.store(user_id, "sub", TokenResponse("a", 3599, scopes, f"r{number}"))
        assert kept is not None and f"scope{number}" in kept.scopes
    assert len(kept.tokens) == MAX_TOKENS


async def test_a_token_that_adds_nothing_gives_way_first(grants: Grants, user_id: int) -> None:
    scopes = [{"a", "b"}, {"b", "c"}, *({"c", f"s{n}"} for n in range(MAX_TOKENS - 2)), {"a", "x"}]
    for number, one in enumerate(scopes):
        kept = await grants.store(user_id, "sub", TokenResponse("a", 3599, frozenset(one), f"r{number}"))
    assert kept is not None and len(kept.tokens) == MAX_TOKENS
    # {b, c} or {a, b} could go, since others have both of its scopes; nothing is lost.
    assert kept.scopes == frozenset().union(*scopes)


async def test_many_consents_at_once_lose_none(grants: Grants, user_id: int) -> None:
    answers = [TokenResponse("a", 3599, frozenset({f"s{n}"}), f"r{n}") for n in range(8)]
    await asyncio.gather(*(grants.store(user_id, "sub", one) for one in answers))
    (grant,) = await grants.of_user(user_id)
    assert {grants.open_refresh_token(one) for one in grant.tokens} == {f"r{n}" for n in range(8)}


async def test_a_consent_during_a_refresh_of_another_token_disturbs_neither(
    vault: Vault, grant_consent: GrantConsent, google: Google, run_all_out: RunAllOut
) -> None:
    grant = await run_all_out(await grant_consent(scopes=CALENDAR))
    google.trouble(latency=0.4, times=1)
    leased = asyncio.Event()
    with failpoints(lambda step: leased.set() if step == "refresh.leased" else None):
        asking = asyncio.create_task(vault.access_token(grant.user_id, scopes=["calendar.events.readonly"]))
        await leased.wait()
    await grant_consent(scopes=DRIVE, again=True)
    assert "calendar.events.readonly" in (await asking).scopes
    (both,) = await vault.grants.of_user(grant.user_id)
    assert both.scopes == normalise(BOTH)


async def test_a_narrower_answer_to_a_refresh_shrinks_its_token_only(
    vault: Vault, grant_consent: GrantConsent, google: Google, run_all_out: RunAllOut
) -> None:
    await grant_consent(scopes=BOTH)
    grant = await run_all_out(await grant_consent(scopes=(*SIGN_IN, f"{A}drive.appdata"), again=True))
    wide = grant.main
    lease = await vault._refresher._leases.acquire(wide)
    kept = await vault.grants.store_refreshed(wide, lease.id, TokenResponse("t", 3599, normalise(CALENDAR)))  # type: ignore[union-attr]
    assert kept is not None
    (after,) = await vault.grants.of_user(grant.user_id)
    assert after.scopes == normalise((*CALENDAR, *SIGN_IN, f"{A}drive.appdata"))


async def test_rotation_seals_every_token_anew(vault: Vault, grant_consent: GrantConsent) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=DRIVE, again=True)
    before = {vault.grants.open_refresh_token(one) for one in grant.tokens}
    await Rotation(vault.grants.engine, vault.grants.cipher, grace=timedelta(milliseconds=10)).rotate()
    (after,) = await vault.grants.of_user(grant.user_id)
    assert {vault.grants.open_refresh_token(one) for one in after.tokens} == before


async def test_maintenance_refreshes_each_token_in_use_and_deletes_ended_ones(
    vault: Vault,
    grant_consent: GrantConsent,
    google: Google,
    clock: FixedClock,
    http: httpx2.AsyncClient,
    engine: AsyncEngine,
    run_all_out: RunAllOut,
) -> None:
    webhooks = Webhooks(vault.grants.engine, vault.grants.cipher, clock, http)
    security_event_handler = SecurityEventHandler(engine, vault.grants, clock, Audit(engine, clock))
    changes = CalendarChangedEvents(engine, vault.grants.engine, clock)
    maintenance = Maintenance(vault, webhooks, security_event_handler, changes, clock)
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=DRIVE, again=True)
    for scope in ("calendar.events.readonly", "drive.file"):
        await vault.access_token(grant.user_id, scopes=[scope])
    await vault.grants.write_uses()
    clock.advance(timedelta(minutes=58))
    await maintenance.tick()
    assert google.refreshes() == 2
    # The main row dies; its grant goes on with the other token, also when the dead one is forgotten.
    await run_all_out(grant)
    google.trouble(error="invalid_grant", times=1)
    with pytest.raises(UserMustAct):
        await vault.access_token(grant.user_id, scopes=["calendar.events.readonly"])
    clock.advance(timedelta(days=31))
    await maintenance.tick()
    assert (await vault.access_token(grant.user_id, scopes=["drive.file"])).token


async def test_a_narrow_key_gets_a_token_that_is_as_narrow(
    api: TokenApi, vault: Vault, grant_consent: GrantConsent
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=(*DRIVE, f"{A}drive.appdata"), again=True)
    path = f"/v1/users/{grant.user_id}/google/token"
    narrow = await api.key("tokens", scopes=["openid", "calendar.events.readonly"])
    answer = await api.http.get(path, headers=narrow)
    assert answer.json()["scopes"] == sorted(normalise(CALENDAR))
    other = await api.key("tokens", scopes=["openid", "tasks"])
    assert (await api.http.get(path, headers=other)).json()["code"] == "key_narrower_than_grant"
    with pytest.raises(BadRequest):
        await vault.access_token(grant.user_id, within=["openid"])


async def test_both_together_are_answered_with_the_consent_to_ask_for(
    api: TokenApi, grant_consent: GrantConsent
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=DRIVE, again=True)
    path = f"/v1/users/{grant.user_id}/google/token"
    query = {"scopes": "calendar.events.readonly drive.file"}
    answer = await api.http.get(path, params=query, headers=await api.key("tokens"))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert set(answer.json()["consent"]["scopes"]) >= normalise(BOTH)


async def test_the_proxy_uses_the_token_that_has_what_the_call_needs(
    api: TokenApi, grant_consent: GrantConsent, google: Google
) -> None:
    await grant_consent(scopes=CALENDAR)
    grant = await grant_consent(scopes=(*DRIVE, f"{A}drive.appdata"), again=True)
    key = await api.key("proxy")
    base = f"/v1/users/{grant.user_id}/google/www.googleapis.com"
    for path in ("/calendar/v3/calendars/primary/events", "/drive/v3/files"):
        answer = await api.http.get(base + path, headers=key)
        assert answer.status_code == 200, answer.text


async def _token_revoked(api: TokenApi, google: Google, refresh_token: str | None, *, hashed: bool) -> None:
    assert refresh_token
    claims = {"subject": token_subject(refresh_token, hashed)}
    said = event_token(google.sandbox.state, CLIENT_ID, "token-revoked", claims)
    headers = {"Content-Type": "application/secevent+jwt"}
    assert (await api.http.post("/google/risc", content=said, headers=headers)).status_code == 202
    for jti in await api.services.security_event_handler.unfinished():
        await api.services.security_event_handler.handle(jti)
