"""The tokeninfo endpoints, for debugging.

Sources: OpenID Connect guide; google-auth-library for Node (`getTokenInfo` sends an empty POST with the token
in the Authorization header); oauth2.v2 discovery document for the form before OpenID Connect (`issued_to`,
`audience`, `user_id`, a number in `expires_in`), which versions 1 and 2 share. `access_type` there, and every
failure, is observed: 400 in OAuth's shape in all versions.
"""

from __future__ import annotations

import json
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.responses import Response

from google_sandbox.access import bearer
from google_sandbox.app import Endpoint
from google_sandbox.errors import OAuthError
from google_sandbox.oauth.grants import AccessToken
from google_sandbox.oauth.scopes import EMAIL, in_order
from google_sandbox.request import Call
from google_sandbox.responses import json_response


def tokeninfo(call: Call) -> Response:
    """Handle `/tokeninfo` and `/oauth2/v3/tokeninfo`: all values as strings."""
    id_token, access = _token(call)
    if id_token is not None:
        return json_response({name: _as_text(value) for name, value in id_token.items()})
    assert access is not None
    account = call.state.accounts[access.sub]
    info = {
        "azp": access.client_id,
        "aud": access.client_id,
        "sub": access.sub,
        "scope": in_order(access.scopes),
        "exp": str(int(access.expires_at.timestamp())),
        "expires_in": str(_seconds_left(call, access)),
        "access_type": _access_type(access),
    }
    return json_response(
        info | ({"email": account.email, "email_verified": "true"} if EMAIL in access.scopes else {})
    )


def tokeninfo_older(call: Call) -> Response:
    """Handle `/oauth2/v1/tokeninfo` and `/oauth2/v2/tokeninfo`."""
    id_token, access = _token(call)
    if id_token is not None:
        info = {
            "issued_to": str(id_token["azp"]),
            "audience": str(id_token["aud"]),
            "user_id": str(id_token["sub"]),
            "expires_in": int(id_token["exp"]) - int(call.state.now().timestamp()),
        }
        email = id_token.get("email")
        return json_response(info | ({"email": email, "verified_email": True} if email else {}))
    assert access is not None
    account = call.state.accounts[access.sub]
    info = {
        "issued_to": access.client_id,
        "audience": access.client_id,
        "user_id": access.sub,
        "scope": in_order(access.scopes),
        "expires_in": _seconds_left(call, access),
        "access_type": _access_type(access),
    }
    return json_response(
        info | ({"email": account.email, "verified_email": True} if EMAIL in access.scopes else {})
    )


def _token(call: Call) -> tuple[dict[str, Any] | None, AccessToken | None]:
    """Return the claims of an ID token, or the access token; a parameter goes before the header."""
    given = {**call.query, **(call.form if call.method == "POST" else {})}
    if value := given.get("id_token"):
        return _claims(call, value), None
    value = given.get("access_token") or bearer(call)
    if value is None:
        raise OAuthError(400, "invalid_request", "Missing required parameter: id_token or access_token")
    access = call.state.grants.access(value)
    if access is None:
        raise OAuthError(400, "invalid_token", "Invalid Value")
    call.account = call.state.accounts.get(access.sub)
    return None, access


def _claims(call: Call, value: str) -> dict[str, Any]:
    try:
        keys = KeySet.import_key_set(json.loads(call.state.keys.jwks()))
        decoded = jwt.decode(value, keys, algorithms=["RS256"])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise OAuthError(400, "invalid_token", "Invalid Value") from None
    claims = decoded.claims
    # Security events are signed with the same keys, but are no ID tokens: they have no `azp`.
    if not isinstance(claims.get("exp"), int) or "azp" not in claims:
        raise OAuthError(400, "invalid_token", "Invalid Value")
    if claims["exp"] <= call.state.now().timestamp():
        raise OAuthError(400, "invalid_token", "Invalid Value")
    header = decoded.header
    shown = {"alg": header["alg"], "kid": header.get("kid"), "typ": header.get("typ")}
    return dict(claims) | shown


def _seconds_left(call: Call, access: AccessToken) -> int:
    return int((access.expires_at - call.state.now()).total_seconds())


def _access_type(access: AccessToken) -> str:
    return "offline" if access.refresh_token else "online"


def _as_text(claim: Any) -> str:
    return str(claim).lower() if isinstance(claim, bool) else str(claim)


ENDPOINTS = tuple(
    Endpoint("oauth.tokeninfo", method, path, handler)
    for path, handler in (
        ("/tokeninfo", tokeninfo),
        ("/oauth2/v3/tokeninfo", tokeninfo),
        ("/oauth2/v2/tokeninfo", tokeninfo_older),
        ("/oauth2/v1/tokeninfo", tokeninfo_older),
    )
    for method in ("GET", "POST")
)
