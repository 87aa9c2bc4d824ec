"""Ways to authenticate, as FastAPI security schemes: each finds a credential and describes itself.

A scheme only finds the credential; `catflap.web.authentication` and the API keys' module check it. Names
begin with `catflap`, because a host application would lose a scheme with the same name from its document.
"""

from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection


def bearer_token(connection: HTTPConnection) -> str | None:
    """Return the bearer token of a request or WebSocket handshake (RFC 6750 section 2.1), or None."""
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class Bearer(SecurityBase):
    """Security scheme: a bearer token in the Authorization header."""

    def __init__(self, name: str, description: str) -> None:
        self.model = HTTPBearer(description=description)
        self.scheme_name = name

    async def __call__(self, connection: HTTPConnection) -> str | None:
        """Return the bearer token; None when there is none."""
        return bearer_token(connection)


class SessionCookie(SecurityBase):
    """Security scheme: the session cookie. Only described, because its name depends on the settings."""

    def __init__(self) -> None:
        self.model = APIKey.model_validate(
            {
                "in": APIKeyIn.cookie,
                "name": "__Host-catflap_session",
                "description": "Set by the sign-in routes; named `catflap_session` where the origin is http. "
                "Anything but GET needs the header X-CSRF-Token too, with `csrf_token` of `GET /v1/me`.",
            }
        )
        self.scheme_name = "catflapSessionCookie"

    async def __call__(self, connection: HTTPConnection) -> None:
        """Return None; `catflap.web.authentication` reads the cookie."""


SESSION_COOKIE = SessionCookie()
SESSION_BEARER = Bearer(
    "catflapSessionToken",
    "A signed-in user: the `token` that a native app got when it signed in or that its back end got from "
    "`POST /v1/users/{user_id}/sessions`, or a JWT of the app's own issuer where those are accepted.",
)
API_KEY = Bearer(
    "catflapApiKey", "Another back end: a key made with `catflap apikeys create` or `POST /v1/keys`."
)
DEVICE_TOKEN = Bearer(
    "catflapDeviceToken", "A paired device: the token whose SHA-256 it sent when it was paired."
)
