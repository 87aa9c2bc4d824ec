"""Authentication and authorization of API requests: bearer tokens, scopes, and Google's error responses.

Sources: Calendar error guide for 401; observed bodies for missing scopes
(`ACCESS_TOKEN_SCOPE_INSUFFICIENT`) and for requests without a token.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from google_sandbox.errors import ApiError
from google_sandbox.models import SandboxAccount
from google_sandbox.request import Call

CHALLENGE = 'Bearer realm="https://accounts.google.com/"'
EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
CREDENTIALS_MISSING = f"Request is missing required authentication credential. {EXPECTED}"
CREDENTIALS_INVALID = f"Request had invalid authentication credentials. {EXPECTED}"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def bearer(call: Call) -> str | None:
    """Return the access token of a request, in the header or as `access_token` (or `oauth_token`)."""
    header = call.header("authorization")
    if header is None:
        return call.query.get("access_token") or call.query.get("oauth_token")
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def identify(call: Call) -> SandboxAccount:
    """Return the account that a request's access token belongs to.

    Raises:
        ApiError: 401, if there is no token, or it was not issued here, has expired or was revoked.
    """
    value = bearer(call)
    if value is None:
        raise ApiError(
            401,
            "required",
            "Login Required.",
            location=("header", "Authorization"),
            extra={"status": "UNAUTHENTICATED", "details": [_detail("CREDENTIALS_MISSING", call)]},
            headers={"www-authenticate": CHALLENGE},
        )
    call.token = call.state.grants.access(value)
    account = call.state.accounts.get(call.token.sub) if call.token else None
    if account is None or account.deleted:
        raise ApiError(
            401,
            "authError",
            "Invalid Credentials",
            location=("header", "Authorization"),
            extra={"status": "UNAUTHENTICATED"},
            headers={"www-authenticate": f'{CHALLENGE}, error="invalid_token"'},
        )
    call.account = account
    return account


def needs(scopes: frozenset[str], handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
    """Wrap a handler so that it runs only for tokens that hold one of these scopes."""

    def guarded(call: Call) -> Response:
        identify(call)
        assert call.token is not None
        if call.token.scopes.isdisjoint(scopes):
            raise ApiError(
                403,
                "insufficientPermissions",
                "Insufficient Permission",
                outer="Request had insufficient authentication scopes.",
                extra={
                    "status": "PERMISSION_DENIED",
                    "details": [_detail("ACCESS_TOKEN_SCOPE_INSUFFICIENT", call)],
                },
                headers={"www-authenticate": f'{CHALLENGE}, error="insufficient_scope"'},
            )
        return handler(call)

    return guarded


def _detail(reason: str, call: Call) -> dict[str, object]:
    api, _, method = call.endpoint.partition(".")
    service = {"calendar": "calendar-json.googleapis.com", "drive": "drive.googleapis.com"}.get(api, api)
    written = ".".join(part[:1].upper() + part[1:] for part in method.split("."))
    return {
        "@type": ERROR_INFO,
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": service, "method": f"{api}.v3.{written}"},
    }
