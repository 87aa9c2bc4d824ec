"""ID tokens and profile claims.

Source: OpenID Connect guide, "An ID token's payload". Email and profile claims appear by scope.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from google_sandbox.models import Client, SandboxAccount
from google_sandbox.oauth.scopes import EMAIL, PROFILE
from google_sandbox.request import Call
from google_sandbox.state import SandboxState

LIFETIME = 3600


def id_token(
    call: Call,
    account: SandboxAccount,
    client: Client,
    scopes: frozenset[str],
    *,
    access_token: str | None = None,
    nonce: str | None = None,
    presenter: str | None = None,
    from_button: bool = False,
) -> str:
    """Return a signed ID token; `presenter` is the native client when it is not the audience."""
    state = call.state
    now = int(state.now().timestamp())
    claims: dict[str, Any] = {
        "iss": call.issuer,
        "azp": presenter or client.client_id,
        "aud": client.client_id,
        "sub": account.sub,
    }
    if account.hd:
        claims["hd"] = account.hd
    if EMAIL in scopes:
        claims |= {"email": account.email, "email_verified": True}
    if access_token:
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims["at_hash"] = base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    if nonce:
        claims["nonce"] = nonce
    if PROFILE in scopes:
        claims |= profile(state, account)
    if from_button:
        claims |= {"nbf": now - 300, "jti": state.grants.text(40)}
    return state.keys.sign({**claims, "iat": now, "exp": now + LIFETIME})


def profile(state: SandboxState, account: SandboxAccount) -> dict[str, str]:
    """Return the claims of the profile scope."""
    claims = {
        "name": account.name,
        "picture": f"{state.base_url}/a/{account.sub}",
        "given_name": account.given_name,
    }
    return claims | ({"family_name": account.family_name} if account.family_name else {})
