"""The token API: a valid token for an authorised key, and a clear error otherwise."""

import hashlib

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.vault.conftest import ExpireToken, Google, GrantConsent, TokenApi

EVENTS = "calendar.events"


async def test_a_back_end_gets_the_live_token(api: TokenApi, grant_consent: GrantConsent) -> None:
    grant = await grant_consent()
    answer = await api.http.get(
        f"/v1/users/{grant.user_id}/google/token", headers=await api.key("tokens"), params={"scopes": EVENTS}
    )
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "expires_at", "scopes"}
    assert EVENTS in answer.json()["scopes"]
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_refused_token_is_named_by_its_hash_and_replaced(
    api: TokenApi, grant_consent: GrantConsent, google: Google
) -> None:
    grant, headers = await grant_consent(), await api.key("tokens")
    url = f"/v1/users/{grant.user_id}/google/token"
    first = (await api.http.get(url, headers=headers)).json()["access_token"]
    refused = hashlib.sha256(first.encode()).hexdigest()
    second = (await api.http.get(url, headers=headers, params={"rejected": refused})).json()["access_token"]
    third = (await api.http.get(url, headers=headers, params={"rejected": refused})).json()["access_token"]
    assert first != second == third
    assert google.refreshes() == 1


async def test_the_account_can_be_chosen(api: TokenApi, grant_consent: GrantConsent) -> None:
    first, second = await grant_consent(), await grant_consent(email="second@example.com")
    headers, url = await api.key("tokens"), f"/v1/users/{first.user_id}/google/token"
    answers = [
        (await api.http.get(url, headers=headers, params={"account": one.account_sub})).json()
        for one in (first, second)
    ]
    assert answers[0]["access_token"] != answers[1]["access_token"]
    answer = await api.http.get(url, headers=headers, params={"account": "nobody"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_missing_scope_says_how_to_ask_for_it(api: TokenApi, grant_consent: GrantConsent) -> None:
    grant = await grant_consent()
    answer = await api.http.get(
        f"/v1/users/{grant.user_id}/google/token",
        headers=await api.key("tokens"),
        params={"scopes": "drive.appdata"},
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, "scope_missing")
    assert problem["consent"]["create"].endswith(f"/v1/users/{grant.user_id}/consents")
    assert {"drive.appdata", EVENTS} <= set(problem["consent"]["scopes"])


async def test_an_invalid_grant_says_why_since_when_and_which_consent_to_open(
    api: TokenApi, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.revoke_access()
    headers = await api.key("tokens")
    for _ in range(3):
        answer = await api.http.get(f"/v1/users/{grant.user_id}/google/token", headers=headers)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "reconsent_required")
    assert problem["reason"] == "invalid_grant" and problem["since"] == "2026-11-24T12:00:00Z"
    assert problem["consent"]["create"].endswith("/consents")
    assert google.refreshes() == 1


async def test_while_google_is_down_callers_get_a_retry_after(
    api: TokenApi, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant = await grant_consent()
    await expire_token(grant)
    google.trouble(status=503)
    answer = await api.http.get(f"/v1/users/{grant.user_id}/google/token", headers=await api.key("tokens"))
    assert (answer.status_code, answer.json()["code"]) == (503, "google_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_key_narrower_than_the_grant_gets_no_token(
    api: TokenApi, grant_consent: GrantConsent
) -> None:
    grant = await grant_consent()
    headers = await api.key("tokens", scopes=["calendar.readonly"])
    answer = await api.http.get(f"/v1/users/{grant.user_id}/google/token", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "key_narrower_than_grant")


async def test_requests_without_a_valid_key_are_refused(api: TokenApi, grant_consent: GrantConsent) -> None:
    grant = await grant_consent()
    url = f"/v1/users/{grant.user_id}/google/token"
    assert (await api.http.get(url)).status_code == 401
    assert (await api.http.get(url, headers={"Cookie": "catflap_session=x"})).status_code == 401
    for headers in (await api.key("proxy", "users"), await api.key("tokens", user_ids=[grant.user_id + 1])):
        assert (await api.http.get(url, headers=headers)).status_code == 403


async def test_who_got_which_token_when_is_written_down_and_the_token_is_not(
    api: TokenApi, grant_consent: GrantConsent, engine: AsyncEngine
) -> None:
    grant = await grant_consent()
    headers, url = await api.key("tokens"), f"/v1/users/{grant.user_id}/google/token"
    token = (await api.http.get(url, headers=headers)).json()["access_token"]
    await api.http.get(url, headers=headers, params={"scopes": "drive"})
    await api.services.audit.write()
    entries = await api.services.audit.read(user_id=grant.user_id)
    assert [(one.action, one.outcome) for one in entries] == [("token", "scope_missing"), ("token", "ok")]
    assert all(one.key_id is not None for one in entries)
    assert token not in repr(entries)


async def test_nonsense_is_refused_before_it_reaches_the_database(
    api: TokenApi, grant_consent: GrantConsent
) -> None:
    grant, headers = await grant_consent(), await api.key("tokens", "proxy")
    for path in (
        f"{2**64}/google/token",
        "0/google/token",
        "-1/google/token",
        "x/google/token",
        f"{grant.user_id}/google/token?account=%00",
        f"{grant.user_id}/google/token?account=",
        f"{grant.user_id}/google/token?min_ttl=99999",
        f"{grant.user_id}/google/token?rejected=abc",
        f"{grant.user_id}/google/token?scopes={'x' * 5000}",
        f"{2**64}/google/www.googleapis.com/calendar/v3/users/me/calendarList",
        f"{grant.user_id}/google/www.googleapis.com/calendar/v3/x?catflap_account=%00",
    ):
        answer = await api.http.get(f"/v1/users/{path}", headers=headers)
        assert answer.status_code == 400, path
        assert answer.json()["code"] == "invalid_request"
