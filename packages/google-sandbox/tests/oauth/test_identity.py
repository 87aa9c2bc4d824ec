"""Discovery, keys, ID tokens, tokeninfo and userinfo."""

from __future__ import annotations

import base64
import hashlib

import httpx2
import pytest
from cryptography import x509
from joserfc import jwt
from joserfc.jwk import KeySet

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.person import CLIENT, EVENTS, SIGN_IN, Person


async def claims_of(http: httpx2.AsyncClient, id_token: str) -> tuple[dict[str, str], dict[str, object]]:
    keys = KeySet.import_key_set((await http.get("/oauth2/v3/certs")).json())
    decoded = jwt.decode(id_token, keys, algorithms=["RS256"])
    return decoded.header, decoded.claims


async def test_discovery_names_endpoints_that_exist_under_the_same_address(
    http: httpx2.AsyncClient, base: str
) -> None:
    document = (await http.get("/.well-known/openid-configuration")).json()
    for name, value in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(base + "/")
            assert (await http.post(value)).status_code in (400, 401, 405), name
    assert document["issuer"] == base
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["code_challenge_methods_supported"] == ["plain", "S256"]
    assert len(document["response_types_supported"]) == 8


async def test_the_id_token_says_what_the_scopes_allow(mia: Person, base: str, clock: Clock) -> None:
    tokens = (await mia.exchange((await mia.allow(SIGN_IN, nonce="n-1"))["code"])).json()
    header, claims = await claims_of(mia.http, tokens["id_token"])
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    now = int(clock().timestamp())
    assert header["alg"] == "RS256" and header["kid"]
    assert claims == {
        "iss": base,
        "azp": CLIENT,
        "aud": CLIENT,
        "sub": claims["sub"],
        "email": "mia@example.com",
        "email_verified": True,
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        "nonce": "n-1",
        "name": "Mia Neko",
        "given_name": "Mia",
        "family_name": "Neko",
        "picture": claims["picture"],
        "iat": now,
        "exp": now + 3600,
    }
    assert str(claims["sub"]).isdecimal() and len(str(claims["sub"])) == 21
    _, bare = await claims_of(mia.http, (await mia.tokens("openid"))["id_token"])
    assert not {"email", "name", "nonce"} & set(bare)


async def test_the_picture_can_be_fetched(mia: Person) -> None:
    header = await mia.bearer(SIGN_IN)
    picture = (await mia.http.get("/v1/userinfo", headers=header)).json()["picture"]
    assert (await mia.http.get(picture)).headers["content-type"].startswith("image/svg+xml")


async def test_a_hosted_domain_is_in_token_redirect_and_userinfo(mia: Person, sandbox: Sandbox) -> None:
    sandbox.add_account("leo@cats.test")
    mia.email = "leo@cats.test"
    answer = await mia.allow(SIGN_IN)
    tokens = (await mia.exchange(answer["code"])).json()
    _, claims = await claims_of(mia.http, tokens["id_token"])
    header = {"authorization": f"Bearer {tokens['access_token']}"}
    userinfo = (await mia.http.get("/v1/userinfo", headers=header)).json()
    assert (answer["hd"], claims["hd"], userinfo["hd"]) == ("cats.test", "cats.test", "cats.test")


async def test_rotation_keeps_the_previous_key_published_unless_withdrawn(
    mia: Person, sandbox: Sandbox
) -> None:
    old = (await mia.tokens("openid"))["id_token"]
    sandbox.rotate_keys()
    await claims_of(mia.http, old)
    new = (await mia.tokens("openid"))["id_token"]
    assert (await claims_of(mia.http, new))[0]["kid"] != (await claims_of(mia.http, old))[0]["kid"]
    kid = sandbox.rotate_keys(withdraw=True)
    assert [key["kid"] for key in (await mia.http.get("/oauth2/v3/certs")).json()["keys"]] == [kid]


async def test_keys_are_cacheable_and_the_older_form_holds_the_same_ones(http: httpx2.AsyncClient) -> None:
    jwks, pems = await http.get("/oauth2/v3/certs"), await http.get("/oauth2/v1/certs")
    assert jwks.headers["cache-control"] == "public, max-age=21600, must-revalidate, no-transform"
    assert [set(key) for key in jwks.json()["keys"]] == [{"kid", "kty", "alg", "use", "n", "e"}] * 2
    assert set(pems.json()) == {key["kid"] for key in jwks.json()["keys"]}
    for pem in pems.json().values():
        assert x509.load_pem_x509_certificate(pem.encode()).public_key()


async def test_tokeninfo_describes_both_kinds_of_token(mia: Person, clock: Clock) -> None:
    tokens = await mia.tokens(f"{SIGN_IN} {EVENTS}")
    info = (await mia.http.get("/tokeninfo", params={"access_token": tokens["access_token"]})).json()
    assert (info["aud"], info["azp"], info["expires_in"], info["access_type"]) == (
        CLIENT,
        CLIENT,
        "3599",
        "offline",
    )
    assert (info["email"], info["email_verified"]) == ("mia@example.com", "true")
    info = (await mia.http.get("/tokeninfo", params={"id_token": tokens["id_token"]})).json()
    assert (info["aud"], info["email_verified"], info["alg"]) == (CLIENT, "true", "RS256")
    clock.advance(hours=2)
    for name in ("access_token", "id_token"):
        refused = await mia.http.get("/tokeninfo", params={name: tokens[name]})
        assert (refused.status_code, refused.json()) == (
            400,
            {"error": "invalid_token", "error_description": "Invalid Value"},
        )


async def test_userinfo_has_a_form_for_each_version(mia: Person) -> None:
    header = await mia.bearer(SIGN_IN)
    for path in ("/v1/userinfo", "/oauth2/v3/userinfo"):
        newer = (await mia.http.get(path, headers=header)).json()
        assert (newer["email"], newer["email_verified"], newer["given_name"]) == (
            "mia@example.com",
            True,
            "Mia",
        )
    older = (await mia.http.get("/oauth2/v2/userinfo", headers=header)).json()
    assert (older["id"], older["verified_email"]) == (newer["sub"], True)
    bare = (await mia.http.get("/v1/userinfo", headers=await mia.bearer("openid"))).json()
    assert set(bare) == {"sub"}


@pytest.mark.parametrize("path", ["/tokeninfo", "/oauth2/v3/tokeninfo"])
async def test_tokeninfo_takes_a_token_wherever_a_client_puts_it(mia: Person, path: str) -> None:
    tokens = await mia.tokens(f"{SIGN_IN} {EVENTS}")
    access, headers = tokens["access_token"], {"authorization": f"Bearer {tokens['access_token']}"}
    form = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8", **headers}
    answers = [
        await mia.http.post(path, headers=form),  # google-auth-library for Node
        await mia.http.get(path, headers=headers),
        await mia.http.get(path, params={"access_token": access}),
        await mia.http.post(path, params={"access_token": access}),
        await mia.http.post(path, data={"access_token": access}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.text for answer in answers}) == 1
    assert EVENTS in answers[0].json()["scope"].split()
    for bad in ({"authorization": "Bearer ya29.nonsense"}, {"authorization": "Basic eDp5"}):
        refused = await mia.http.post(path, headers=bad)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_token")
    nothing = await mia.http.post(path)
    assert (nothing.status_code, nothing.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/oauth2/v1/tokeninfo", "/oauth2/v2/tokeninfo"])
async def test_tokeninfo_has_its_older_form_in_versions_1_and_2(mia: Person, path: str) -> None:
    tokens = await mia.tokens(f"{SIGN_IN} {EVENTS}")
    access = tokens["access_token"]
    sub = (await mia.http.get("/tokeninfo", params={"access_token": access})).json()["sub"]
    expected = {
        "issued_to": CLIENT,
        "audience": CLIENT,
        "user_id": sub,
        "scope": tokens["scope"],
        "expires_in": 3599,
        "access_type": "offline",
        "email": "mia@example.com",
        "verified_email": True,
    }
    assert (await mia.http.post(path, params={"access_token": access})).json() == expected
    assert (await mia.http.get(path, headers={"authorization": f"Bearer {access}"})).json() == expected
    seen = (await mia.http.post(path, params={"id_token": tokens["id_token"]})).json()
    assert (seen["audience"], seen["user_id"], seen["expires_in"]) == (CLIENT, sub, 3600)
    refused = await mia.http.post(path, params={"access_token": "ya29.nonsense"})
    assert (refused.status_code, refused.json()) == (
        400,
        {"error": "invalid_token", "error_description": "Invalid Value"},
    )


REALM = 'Bearer realm="https://accounts.google.com/"'


@pytest.mark.parametrize("path", ["/v1/userinfo", "/oauth2/v3/userinfo"])
async def test_userinfo_refuses_with_a_challenge_and_oauths_body(mia: Person, path: str) -> None:
    body = {"error": "invalid_request", "error_description": "Invalid Credentials"}
    for headers, reason in (
        ({}, ""),
        ({"authorization": "Bearer ya29.nonsense"}, ', error="invalid_token"'),
        (await mia.bearer(EVENTS), ', error="insufficient_scope"'),
    ):
        refused = await mia.http.get(path, headers=headers)
        assert (refused.status_code, refused.json()) == (401, body)
        assert refused.headers["www-authenticate"] == REALM + reason


@pytest.mark.parametrize("path", ["/oauth2/v1/userinfo", "/oauth2/v2/userinfo", "/userinfo/v2/me"])
async def test_older_userinfo_refuses_with_a_challenge_and_the_apis_envelope(mia: Person, path: str) -> None:
    missing, invalid = "Request is missing required auth", "Request had invalid auth"
    for headers, message, challenge in (
        ({}, missing, ""),
        ({"authorization": "Bearer ya29.nonsense"}, invalid, ', error="invalid_token"'),
        (await mia.bearer(EVENTS), missing, ', error="insufficient_scope"'),
    ):
        refused = await mia.http.get(path, headers=headers)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["status"]) == (401, 401, "UNAUTHENTICATED")
        assert error["message"].startswith(message)
        assert error["errors"][0]["location"] == "Authorization"
        assert refused.headers["www-authenticate"] == REALM + challenge


async def test_userinfo_takes_a_token_from_a_form_too(mia: Person, sandbox: Sandbox) -> None:
    token = sandbox.grant("mia@example.com", CLIENT, ["openid", "email"])["access_token"]
    answer = await mia.http.post("/v1/userinfo", data={"access_token": token})
    assert answer.json()["email"] == "mia@example.com"
