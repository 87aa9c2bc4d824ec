"""Responses of Google's token endpoint, and who must act on errors."""

from urllib.parse import parse_qs

import httpx2
import pytest

from catflap.errors import CatflapError, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.discovery import Discovery
from catflap.google.oauth import ClientRejected, GrantRefused, InvalidGrant, RefreshRefused, code_challenge
from tests.support.canned_oauth import CODE, DOCUMENT, HERE, TOKENS, oauth


def refusal(status: int, error: str, **more: str) -> httpx2.Response:
    return httpx2.Response(status, json={"error": error, "error_description": "canary text", **more})


@pytest.mark.parametrize("redirect_uri", ["", "postmessage", f"{HERE}/callback"])
async def test_the_redirect_uri_is_always_sent_even_when_empty(redirect_uri: str) -> None:
    client, seen = oauth(httpx2.Response(200, json=TOKENS))
    await client.exchange(CODE, redirect_uri=redirect_uri)
    body = parse_qs(seen[0].content.decode(), keep_blank_values=True)
    assert body["redirect_uri"] == [redirect_uri]
    assert body["code"] == [CODE] and body["grant_type"] == ["authorization_code"]
    assert "code_verifier" not in body


async def test_the_verifier_goes_along_when_there_is_one() -> None:
    client, seen = oauth(httpx2.Response(200, json=TOKENS))
    await client.exchange(CODE, redirect_uri="", code_verifier="v" * 43)
    assert parse_qs(seen[0].content.decode())["code_verifier"] == ["v" * 43]


def test_the_challenge_is_that_of_the_rfc() -> None:
    # RFC 7636 appendix B.
    assert (
        code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(400, "invalid_grant"), InvalidGrant, "code_rejected"),
        (refusal(400, "invalid_grant", error_subtype="invalid_rapt"), InvalidGrant, "code_rejected"),
        (refusal(401, "invalid_client"), ClientRejected, "google_client_rejected"),
        (refusal(400, "redirect_uri_mismatch"), OperatorMustAct, "google_client_rejected"),
        (refusal(401, "deleted_client"), ClientRejected, "google_client_rejected"),
        (refusal(401, "unauthorized_client"), OperatorMustAct, "google_client_rejected"),
        (refusal(401, "disabled_client"), ClientRejected, "google_client_rejected"),
        (refusal(400, "admin_policy_enforced"), UserMustAct, "admin_policy"),
        (refusal(403, "org_internal"), UserMustAct, "org_internal"),
        (refusal(403, "access_denied"), UserMustAct, "access_denied"),
        (refusal(500, "server_error"), TryAgain, "google_unavailable"),
        (refusal(503, "invalid_grant"), TryAgain, "google_unavailable"),
        (refusal(429, "rate_limit_exceeded"), TryAgain, "google_unavailable"),
        (refusal(400, "something_new"), TryAgain, "google_unavailable"),
        (httpx2.Response(502, text="<html>"), TryAgain, "google_unavailable"),
        (httpx2.Response(400, json=["invalid_grant"]), TryAgain, "google_unavailable"),
        (httpx2.Response(302, headers={"Location": "https://evil.example"}), TryAgain, "google_unavailable"),
        (httpx2.Response(200, text="<html>"), TryAgain, "google_unavailable"),
        (httpx2.Response(200, json={}), TryAgain, "google_unavailable"),
        (httpx2.Response(200, json=[]), TryAgain, "google_unavailable"),
        (httpx2.Response(200, json={**TOKENS, "access_token": ""}), TryAgain, "google_unavailable"),
        (httpx2.Response(200, json={**TOKENS, "expires_in": "soon"}), TryAgain, "google_unavailable"),
        (httpx2.ConnectError("canary text"), TryAgain, "google_unavailable"),
        (httpx2.ReadTimeout("canary text"), TryAgain, "google_unavailable"),
    ],
)
async def test_each_error_says_who_must_act_and_quotes_nothing(
    answer: httpx2.Response | Exception, kind: type[CatflapError], code: str
) -> None:
    client, _ = oauth(answer)
    with pytest.raises(kind) as caught:
        await client.exchange(CODE, redirect_uri="")
    assert caught.value.code == code
    said = f"{caught.value} {caught.value.detail}"
    assert "canary" not in said


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(400, "invalid_grant"), InvalidGrant, "code_rejected"),
        (refusal(401, "invalid_client"), ClientRejected, "google_client_rejected"),
        (refusal(401, "deleted_client"), ClientRejected, "google_client_rejected"),
        (refusal(401, "disabled_client"), ClientRejected, "google_client_rejected"),
        (refusal(401, "unauthorized_client"), GrantRefused, "grant_refused"),
        (refusal(403, "org_internal"), GrantRefused, "grant_refused"),
        (refusal(403, "access_denied"), GrantRefused, "grant_refused"),
        (refusal(400, "invalid_scope"), GrantRefused, "grant_refused"),
        (refusal(400, "admin_policy_enforced"), GrantRefused, "grant_refused"),
        (refusal(400, "invalid_request"), RefreshRefused, "google_unavailable"),
        (refusal(400, "unsupported_grant_type"), RefreshRefused, "google_unavailable"),
        (refusal(400, "something_new"), RefreshRefused, "google_unavailable"),
        (refusal(400, "A canary, with spaces"), RefreshRefused, "google_unavailable"),
        (refusal(503, "org_internal"), TryAgain, "google_unavailable"),
        (refusal(429, "rate_limit_exceeded"), TryAgain, "google_unavailable"),
        (httpx2.Response(403, text="<html>"), TryAgain, "google_unavailable"),
    ],
)
async def test_each_error_of_a_refresh_is_attributed_to_client_grant_or_google(
    answer: httpx2.Response, kind: type[CatflapError], code: str
) -> None:
    client, _ = oauth(answer)
    with pytest.raises(kind) as caught:
        await client.refresh("1//canary")
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert "canary" not in f"{caught.value} {caught.value.detail}"


async def test_a_refresh_token_that_google_omits_is_none() -> None:
    client, _ = oauth(httpx2.Response(200, json={**TOKENS, "refresh_token": ""}))
    tokens = await client.exchange(CODE, redirect_uri="")
    assert (tokens.refresh_token, tokens.id_token) == (None, None)
    assert "ya29" not in repr(tokens)


async def test_revoking_what_google_has_forgotten_is_no_error() -> None:
    client, _ = oauth(httpx2.Response(200), refusal(400, "invalid_token"), refusal(503, "x"))
    assert await client.revoke("1//a") is True
    assert await client.revoke("1//a") is False
    with pytest.raises(TryAgain):
        await client.revoke("1//a")


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({**DOCUMENT, "token_endpoint": "http://evil.example/token"}, OperatorMustAct),
        ({**DOCUMENT, "revocation_endpoint": "ftp://127.0.0.1/"}, OperatorMustAct),
        ({}, TryAgain),
        ([], TryAgain),
        ("text", TryAgain),
        ({**DOCUMENT, "issuer": 5}, TryAgain),
        ({**DOCUMENT, "jwks_uri": ["https://a.example"]}, TryAgain),
        ({**DOCUMENT, "token_endpoint": "https://a.example/\0"}, TryAgain),
        ({**DOCUMENT, "token_endpoint": "https://a.example:port/"}, TryAgain),
        ({**DOCUMENT, "authorization_endpoint": "https:///auth"}, TryAgain),
        ({**DOCUMENT, "authorization_endpoint": "https://a.example/" + "a" * 5000}, TryAgain),
        (DOCUMENT, None),
    ],
)
async def test_a_discovery_document_is_believed_only_with_safe_endpoints(
    document: object, kind: type[CatflapError] | None
) -> None:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json=document)))
    discovery = Discovery(http, f"{HERE}/.well-known")
    if kind is None:
        assert (await discovery.endpoints()).issuer == HERE
        return
    with pytest.raises(kind):
        await discovery.endpoints()
