"""Revocation, tokeninfo, userinfo, discovery and keys.

Sources: "OAuth 2.0 for web server apps" (revocation), OpenID Connect guide (discovery, userinfo), oauth2.v2
discovery document (the older userinfo); bodies of failures are observed.
"""

from __future__ import annotations

import json
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.responses import Response

from catflap.sandbox.access import bearer
from catflap.sandbox.app import Endpoint
from catflap.sandbox.call import Call, OAuthRefusal, Refusal, as_json
from catflap.sandbox.oauth.grants import AccessToken
from catflap.sandbox.oauth.id_token import profile
from catflap.sandbox.oauth.pages import render
from catflap.sandbox.oauth.scopes import EMAIL, PROFILE, in_order
from catflap.sandbox.people import SandboxAccount

KEYS_CACHED = {"cache-control": "public, max-age=21600, must-revalidate, no-transform"}


def revoke(call: Call) -> Response:
    """Take back everything the token's account allowed the token's project."""
    value = call.form.get("token") or call.query.get("token")
    if not value:
        raise OAuthRefusal(400, "invalid_request", "Missing required parameter: token")
    grants = call.world.grants
    refresh = grants.refresh_tokens.get(value)
    if refresh and not grants.is_dead(refresh):
        call.account = call.world.accounts.get(refresh.sub)
        grants.revoke_project(refresh.sub, refresh.project)
    elif access := grants.access(value):
        call.account = call.world.accounts.get(access.sub)
        grants.revoke_project(access.sub, access.project)
    else:
        raise OAuthRefusal(400, "invalid_token", "Token expired or revoked")
    return as_json({})


def tokeninfo(call: Call) -> Response:
    """Tell what an access token or an ID token says, all values as strings."""
    given = {**call.query, **(call.form if call.method == "POST" else {})}
    if value := given.get("access_token"):
        access = call.world.grants.access(value)
        if access is None:
            raise OAuthRefusal(400, "invalid_token", "Invalid Value")
        return as_json(_access_info(call, access))
    if value := given.get("id_token"):
        return as_json(_id_info(call, value))
    raise OAuthRefusal(400, "invalid_request", "Missing required parameter: id_token or access_token")


def _access_info(call: Call, access: AccessToken) -> dict[str, str]:
    account = call.world.accounts[access.sub]
    left = int((access.expires_at - call.world.now()).total_seconds())
    info = {
        "azp": access.client_id,
        "aud": access.client_id,
        "sub": access.sub,
        "scope": in_order(access.scopes),
        "exp": str(int(access.expires_at.timestamp())),
        "expires_in": str(left),
        "access_type": "offline" if access.refresh_token else "online",
    }
    return info | ({"email": account.email, "email_verified": "true"} if EMAIL in access.scopes else {})


def _id_info(call: Call, value: str) -> dict[str, str]:
    try:
        keys = KeySet.import_key_set(json.loads(call.world.keys.jwks()))
        decoded = jwt.decode(value, keys, algorithms=["RS256"])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise OAuthRefusal(400, "invalid_token", "Invalid Value") from None
    if (
        not isinstance(decoded.claims.get("exp"), int)
        or decoded.claims["exp"] <= call.world.now().timestamp()
    ):
        raise OAuthRefusal(400, "invalid_token", "Invalid Value")
    info = {name: _as_text(claim) for name, claim in decoded.claims.items()}
    header = decoded.header
    return info | {"alg": str(header["alg"]), "kid": str(header.get("kid")), "typ": str(header.get("typ"))}


def _as_text(claim: Any) -> str:
    return str(claim).lower() if isinstance(claim, bool) else str(claim)


def userinfo(call: Call) -> Response:
    """The OpenID Connect form: `sub`, then claims by scope."""
    account, scopes = _identified(call)
    claims: dict[str, Any] = {
        "sub": account.sub,
        **(profile(call.world, account) if PROFILE in scopes else {}),
    }
    if EMAIL in scopes:
        claims |= {"email": account.email, "email_verified": True}
    return as_json(claims | ({"hd": account.hd} if account.hd else {}))


def userinfo_older(call: Call) -> Response:
    """The form before OpenID Connect: `id` and `verified_email`."""
    account, scopes = _identified(call)
    claims: dict[str, Any] = {"id": account.sub}
    if EMAIL in scopes:
        claims |= {"email": account.email, "verified_email": True}
    if PROFILE in scopes:
        claims |= {**profile(call.world, account), "locale": account.locale}
    return as_json(claims | ({"hd": account.hd} if account.hd else {}))


def picture(call: Call) -> Response:
    """The profile picture: a coloured circle with the first letter of the name."""
    account = call.world.accounts.get(call.path["sub"])
    if account is None:
        raise Refusal(404, "notFound", "Not Found")
    return Response(render("face.svg", call, account=account), 200, media_type="image/svg+xml")


def _identified(call: Call) -> tuple[SandboxAccount, frozenset[str]]:
    access = call.world.grants.access(bearer(call) or "")
    account = call.world.accounts.get(access.sub) if access else None
    if access is None or account is None or account.deleted:
        raise OAuthRefusal(401, "invalid_request", "Invalid Credentials")
    call.token, call.account = access, account
    return account, access.scopes


def discovery(call: Call) -> Response:
    """`/.well-known/openid-configuration`, every endpoint under this sandbox's own address."""
    base = call.world.base_url
    document = {
        "issuer": call.world.issuer,
        "authorization_endpoint": f"{base}/o/oauth2/v2/auth",
        "token_endpoint": f"{base}/token",
        "userinfo_endpoint": f"{base}/v1/userinfo",
        "revocation_endpoint": f"{base}/revoke",
        "jwks_uri": f"{base}/oauth2/v3/certs",
        "response_types_supported": [
            "code",
            "token",
            "id_token",
            "code token",
            "code id_token",
            "token id_token",
            "code token id_token",
            "none",
        ],
        "response_modes_supported": ["query"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": [
            "aud",
            "email",
            "email_verified",
            "exp",
            "family_name",
            "given_name",
            "iat",
            "iss",
            "name",
            "picture",
            "sub",
        ],
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "authorization_response_iss_parameter_supported": True,
    }
    return as_json(document, 200, {"cache-control": "public, max-age=3600"})


def jwks(call: Call) -> Response:
    """`/oauth2/v3/certs`"""
    return Response(call.world.keys.jwks(), 200, KEYS_CACHED, "application/json; charset=UTF-8")


def certificates(call: Call) -> Response:
    """`/oauth2/v1/certs`"""
    pems = call.world.keys.certificates(call.world.now())
    return Response(pems, 200, KEYS_CACHED, "application/json; charset=UTF-8")


ENDPOINTS = (
    Endpoint("oauth.revoke", "POST", "/revoke", revoke),
    Endpoint("oauth.revoke", "POST", "/o/oauth2/revoke", revoke),
    Endpoint("oauth.revoke", "GET", "/o/oauth2/revoke", revoke),
    Endpoint("oauth.tokeninfo", "GET", "/tokeninfo", tokeninfo),
    Endpoint("oauth.tokeninfo", "POST", "/tokeninfo", tokeninfo),
    Endpoint("oauth.tokeninfo", "GET", "/oauth2/v3/tokeninfo", tokeninfo),
    Endpoint("oauth.tokeninfo", "POST", "/oauth2/v3/tokeninfo", tokeninfo),
    Endpoint("oauth.userinfo", "GET", "/v1/userinfo", userinfo),
    Endpoint("oauth.userinfo", "POST", "/v1/userinfo", userinfo),
    Endpoint("oauth.userinfo", "GET", "/oauth2/v3/userinfo", userinfo),
    Endpoint("oauth.userinfo", "POST", "/oauth2/v3/userinfo", userinfo),
    Endpoint("oauth.userinfo", "GET", "/oauth2/v2/userinfo", userinfo_older),
    Endpoint("oauth.userinfo", "GET", "/oauth2/v1/userinfo", userinfo_older),
    Endpoint("oauth.userinfo", "GET", "/userinfo/v2/me", userinfo_older),
    Endpoint("oauth.picture", "GET", "/a/{sub}", picture),
    Endpoint("oauth.discovery", "GET", "/.well-known/openid-configuration", discovery),
    Endpoint("oauth.jwks", "GET", "/oauth2/v3/certs", jwks),
    Endpoint("oauth.certificates", "GET", "/oauth2/v1/certs", certificates),
)
