"""The token response that every grant type ends in.

Source: "OAuth 2.0 for web server apps".
"""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from google_sandbox.models import Client
from google_sandbox.oauth.grants import ACCESS_SECONDS, AccessToken, RefreshToken
from google_sandbox.oauth.id_token import id_token
from google_sandbox.oauth.scopes import in_order
from google_sandbox.request import Call
from google_sandbox.responses import json_response

NO_STORE = {"cache-control": "no-cache, no-store, max-age=0, must-revalidate", "pragma": "no-cache"}


def token_response(
    call: Call,
    client: Client,
    access: AccessToken,
    refresh: RefreshToken | None,
    nonce: str | None,
    used: RefreshToken | None = None,
) -> Response:
    """Return the tokens; `used` is the refresh token that a refresh was made with."""
    assert call.account is not None
    body: dict[str, object] = {
        "access_token": access.value,
        "expires_in": ACCESS_SECONDS,
        "scope": in_order(access.scopes),
        "token_type": "Bearer",
    }
    if refresh:
        body["refresh_token"] = refresh.value
    lasting = refresh or used
    if lasting and lasting.expires_at:
        body["refresh_token_expires_in"] = (lasting.expires_at - call.state.now()) // timedelta(seconds=1)
    if "openid" in access.scopes:
        body["id_token"] = id_token(
            call, call.account, client, access.scopes, access_token=access.value, nonce=nonce
        )
    return json_response(body, 200, NO_STORE)
