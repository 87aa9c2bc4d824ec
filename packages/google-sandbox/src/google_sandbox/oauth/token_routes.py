"""The token endpoint: a code or a refresh token for an access token.

Sources: "OAuth 2.0 for web server apps", OpenID Connect guide; texts of errors and the order of checks are
observed: grant type, redirect URI and client credentials present, code present and valid, verifier, client,
redirect URI match, secret. Choice: a code presented with a wrong redirect URI or secret is not used up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from starlette.responses import Response

from google_sandbox.app import Endpoint
from google_sandbox.errors import OAuthError
from google_sandbox.models import Client
from google_sandbox.oauth.client_auth import check_secret, credentials, known_client
from google_sandbox.oauth.device_codes import GRANT_TYPES
from google_sandbox.oauth.device_routes import tokens_of_device
from google_sandbox.oauth.grants import Code, RefreshToken
from google_sandbox.oauth.scopes import invalid, respell
from google_sandbox.oauth.token_response import token_response
from google_sandbox.request import Call


def token(call: Call) -> Response:
    """Answer a token request."""
    grant_type = call.form.get("grant_type")
    if not grant_type:
        raise OAuthError(400, "invalid_request", "Missing required parameter: grant_type")
    if grant_type == "authorization_code":
        return _from_code(call)
    if grant_type == "refresh_token":
        return _from_refresh_token(call)
    if grant_type in GRANT_TYPES:
        return tokens_of_device(call)
    raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {grant_type[:200]}")


def _from_code(call: Call) -> Response:
    value = call.form.get("code")
    known = call.state.grants.codes.get(value or "")
    if "redirect_uri" not in call.form and not (known and known.kind == "native"):
        raise OAuthError(400, "invalid_request", "Missing parameter: redirect_uri")
    client_id, secret = credentials(call)
    code = _live_code(call, value, known)
    _check_verifier(code, call.form.get("code_verifier"))
    client = known_client(call, client_id)
    if code.client_id != client.client_id:
        raise OAuthError(400, "invalid_grant", "Bad Request")
    if call.form.get("redirect_uri", "") not in _redirects(code):
        raise OAuthError(400, "redirect_uri_mismatch", "Bad Request")
    check_secret(client, secret)
    project = call.state.project_of(client)
    access, refresh = call.state.grants.redeem(
        code, client, project, call.account is not None and call.account.magic == "testing"
    )
    return token_response(call, client, access, refresh, code.nonce)


def _live_code(call: Call, value: str | None, known: Code | None) -> Code:
    if not value:
        raise OAuthError(400, "invalid_request", "Missing required parameter: code")
    if not value.startswith("4/"):
        raise OAuthError(400, "invalid_grant", "Malformed auth code.")
    if known is None or known.used or known.expires_at <= call.state.now():
        raise OAuthError(400, "invalid_grant", "Bad Request")
    account = call.state.accounts.get(known.sub)
    if account is None or account.deleted:
        raise OAuthError(400, "invalid_grant", "Account has been deleted")
    call.account = account
    return known


def _redirects(code: Code) -> tuple[str, ...]:
    if code.kind == "popup":
        return (code.redirect_uri, "postmessage")
    return ("",) if code.kind == "native" else (code.redirect_uri,)


def _check_verifier(code: Code, verifier: str | None) -> None:
    if code.challenge is None:
        return
    if not verifier:
        raise OAuthError(400, "invalid_grant", "Missing code verifier.")
    shown = verifier
    if code.challenge_method == "S256":
        digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
        shown = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    fits = 43 <= len(verifier) <= 128 and hmac.compare_digest(shown.encode(), code.challenge.encode())
    if not fits:
        raise OAuthError(400, "invalid_grant", "Invalid code verifier.")


def _from_refresh_token(call: Call) -> Response:
    client_id, secret = credentials(call)
    value = call.form.get("refresh_token")
    if not value:
        raise OAuthError(400, "invalid_request", "Missing required parameter: refresh_token")
    refresh = call.state.grants.refresh_tokens.get(value)
    if refresh:
        refresh.uses += 1
        call.account = call.state.accounts.get(refresh.sub)
    client = known_client(call, client_id)
    check_secret(client, secret)
    refresh = _live_refresh(call, refresh, client)
    granted = _narrowed(call, refresh)
    refresh.used_at = call.state.now()
    access = call.state.grants.issue_access(refresh.sub, client, granted, refresh)
    return token_response(call, client, access, None, None, refresh)


def _live_refresh(call: Call, refresh: RefreshToken | None, client: Client) -> RefreshToken:
    if refresh is None:
        raise OAuthError(400, "invalid_grant", "Bad Request")
    if refresh.client_id != client.client_id:
        raise OAuthError(401, "unauthorized_client", "Unauthorized")
    if call.account is None or call.account.deleted:
        raise OAuthError(400, "invalid_grant", "Account has been deleted")
    if call.state.grants.is_dead(refresh):
        raise OAuthError(400, "invalid_grant", "Token has been expired or revoked.")
    return refresh


def _narrowed(call: Call, refresh: RefreshToken) -> frozenset[str]:
    asked = call.form.get("scope", "").split()
    if not asked:
        return refresh.scopes
    unknown = [name for name in asked if invalid([name]) or not respell([name]) <= refresh.scopes]
    if unknown:
        valid = [name for name in asked if name not in unknown]
        lists = f"{{valid=[{', '.join(valid)}], invalid=[{', '.join(unknown)}]}}"
        text = f"Some requested scopes were invalid. {lists}"
        raise OAuthError(400, "invalid_scope", text[:1000])
    return respell(asked)


ENDPOINTS = (
    Endpoint("oauth.token", "POST", "/token", token),
    Endpoint("oauth.token", "POST", "/oauth2/v4/token", token),
    Endpoint("oauth.token", "POST", "/o/oauth2/token", token),
)
