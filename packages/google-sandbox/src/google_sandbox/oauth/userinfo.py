"""The userinfo endpoints in their three versions, and the profile picture.

Sources: OpenID Connect guide; oauth2.v2 discovery document for the older form and for the scopes, of which a
token must have one; RFC 6750 for the challenge in WWW-Authenticate. Bodies of failures are observed: OAuth's
shape at the OpenID Connect addresses, the API's envelope at the older ones. There a token without a sign-in
scope is answered 401 "missing required authentication credential" (observed); the same status at the newer
addresses is a choice.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from google_sandbox.access import CHALLENGE, CREDENTIALS_INVALID, CREDENTIALS_MISSING, bearer
from google_sandbox.app import Endpoint
from google_sandbox.errors import ApiError, OAuthError
from google_sandbox.models import SandboxAccount
from google_sandbox.oauth.id_token import profile
from google_sandbox.oauth.pages import render
from google_sandbox.oauth.scopes import EMAIL, PROFILE, SIGN_IN
from google_sandbox.request import Call
from google_sandbox.responses import json_response


class _NotIdentified(Exception):
    """The reason of RFC 6750 why a request's token is invalid; None if there was no token."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def challenge(self) -> dict[str, str]:
        error = f', error="{self.reason}"' if self.reason else ""
        return {"www-authenticate": CHALLENGE + error}


def userinfo(call: Call) -> Response:
    """The OpenID Connect form: `sub`, then claims by scope."""
    try:
        account, scopes = _identified(call)
    except _NotIdentified as failure:
        raise OAuthError(401, "invalid_request", "Invalid Credentials", headers=failure.challenge) from None
    claims: dict[str, Any] = {
        "sub": account.sub,
        **(profile(call.state, account) if PROFILE in scopes else {}),
    }
    if EMAIL in scopes:
        claims |= {"email": account.email, "email_verified": True}
    return json_response(claims | ({"hd": account.hd} if account.hd else {}))


def userinfo_older(call: Call) -> Response:
    """The form before OpenID Connect: `id` and `verified_email`."""
    try:
        account, scopes = _identified(call)
    except _NotIdentified as failure:
        raise _envelope(failure) from None
    claims: dict[str, Any] = {"id": account.sub}
    if EMAIL in scopes:
        claims |= {"email": account.email, "verified_email": True}
    if PROFILE in scopes:
        claims |= {**profile(call.state, account), "locale": account.locale}
    return json_response(claims | ({"hd": account.hd} if account.hd else {}))


def picture(call: Call) -> Response:
    """The profile picture: a coloured circle with the first letter of the name."""
    account = call.state.accounts.get(call.path["sub"])
    if account is None:
        raise ApiError(404, "notFound", "Not Found")
    return Response(render("face.svg", call, account=account), 200, media_type="image/svg+xml")


def _identified(call: Call) -> tuple[SandboxAccount, frozenset[str]]:
    value = bearer(call) or (call.form.get("access_token") if call.method == "POST" else None)
    access = call.state.grants.access(value) if value else None
    account = call.state.accounts.get(access.sub) if access else None
    if access is None or account is None or account.deleted:
        raise _NotIdentified("invalid_token" if value else None)
    call.token, call.account = access, account
    if access.scopes.isdisjoint(SIGN_IN):
        raise _NotIdentified("insufficient_scope")
    return account, access.scopes


def _envelope(failure: _NotIdentified) -> ApiError:
    if failure.reason == "invalid_token":
        reason, message = "authError", "Invalid Credentials"
        outer = CREDENTIALS_INVALID
    else:
        reason, message = "required", "Login Required."
        outer = CREDENTIALS_MISSING
    return ApiError(
        401,
        reason,
        message,
        location=("header", "Authorization"),
        outer=outer,
        extra={"status": "UNAUTHENTICATED"},
        headers=failure.challenge,
    )


ENDPOINTS = (
    Endpoint("oauth.userinfo", "GET", "/v1/userinfo", userinfo),
    Endpoint("oauth.userinfo", "POST", "/v1/userinfo", userinfo),
    Endpoint("oauth.userinfo", "GET", "/oauth2/v3/userinfo", userinfo),
    Endpoint("oauth.userinfo", "POST", "/oauth2/v3/userinfo", userinfo),
    Endpoint("oauth.userinfo", "GET", "/oauth2/v2/userinfo", userinfo_older),
    Endpoint("oauth.userinfo", "GET", "/oauth2/v1/userinfo", userinfo_older),
    Endpoint("oauth.userinfo", "GET", "/userinfo/v2/me", userinfo_older),
    Endpoint("oauth.picture", "GET", "/a/{sub}", picture),
)
