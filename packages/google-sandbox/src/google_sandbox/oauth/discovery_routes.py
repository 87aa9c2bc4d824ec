"""Revocation, discovery and keys.

Sources: "OAuth 2.0 for web server apps" (revocation), OpenID Connect guide (discovery); bodies of failures
are observed.
"""

from __future__ import annotations

from starlette.responses import Response

from google_sandbox.app import Endpoint
from google_sandbox.errors import OAuthError
from google_sandbox.request import Call
from google_sandbox.responses import json_response

KEYS_CACHED = {"cache-control": "public, max-age=21600, must-revalidate, no-transform"}


def revoke(call: Call) -> Response:
    """Handle `/revoke`: revoke everything the token's account granted its project."""
    value = call.form.get("token") or call.query.get("token")
    if not value:
        raise OAuthError(400, "invalid_request", "Missing required parameter: token")
    grants = call.state.grants
    refresh = grants.refresh_tokens.get(value)
    if refresh and not grants.is_dead(refresh):
        call.account = call.state.accounts.get(refresh.sub)
        grants.revoke_project(refresh.sub, refresh.project)
    elif access := grants.access(value):
        call.account = call.state.accounts.get(access.sub)
        grants.revoke_project(access.sub, access.project)
    else:
        raise OAuthError(400, "invalid_token", "Token expired or revoked")
    return json_response({})


def discovery(call: Call) -> Response:
    """Handle `/.well-known/openid-configuration`, with the addresses that the client can reach."""
    accounts, oauth2 = call.address("accounts.google.com"), call.address("oauth2.googleapis.com")
    document = {
        "issuer": call.issuer,
        "authorization_endpoint": f"{accounts}/o/oauth2/v2/auth",
        "device_authorization_endpoint": f"{oauth2}/device/code",
        "token_endpoint": f"{oauth2}/token",
        "userinfo_endpoint": call.address("openidconnect.googleapis.com") + "/v1/userinfo",
        "revocation_endpoint": f"{oauth2}/revoke",
        "jwks_uri": call.address("www.googleapis.com") + "/oauth2/v3/certs",
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
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "authorization_response_iss_parameter_supported": True,
    }
    return json_response(document, 200, {"cache-control": "public, max-age=3600"})


def jwks(call: Call) -> Response:
    """Handle `/oauth2/v3/certs`."""
    return Response(call.state.keys.jwks(), 200, KEYS_CACHED, "application/json; charset=UTF-8")


def certificates(call: Call) -> Response:
    """Handle `/oauth2/v1/certs`."""
    pems = call.state.keys.certificates(call.state.now())
    return Response(pems, 200, KEYS_CACHED, "application/json; charset=UTF-8")


ENDPOINTS = (
    Endpoint("oauth.revoke", "POST", "/revoke", revoke),
    Endpoint("oauth.revoke", "POST", "/o/oauth2/revoke", revoke),
    Endpoint("oauth.revoke", "GET", "/o/oauth2/revoke", revoke),
    Endpoint("oauth.discovery", "GET", "/.well-known/openid-configuration", discovery),
    Endpoint("oauth.jwks", "GET", "/oauth2/v3/certs", jwks),
    Endpoint("oauth.certificates", "GET", "/oauth2/v1/certs", certificates),
)
