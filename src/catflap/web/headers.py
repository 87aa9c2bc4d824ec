"""Security headers of our answers, with a nonce for each request (Content Security Policy Level 3)."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Google's popup must still be able to talk to the page that opened it.
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
_NONCE = "catflap.csp_nonce"


def nonce_of(request: HTTPConnection) -> str:
    """Return the nonce for scripts and styles in the response to this request."""
    nonce: str = request.scope.setdefault(_NONCE, secrets.token_urlsafe(16))
    return nonce


def content_security_policy(nonce: str, google: str = "") -> str:
    """Return the policy for our pages: their own resources, and scripts and styles with the nonce.

    Args:
        google: URL of Google's script for browsers, for the one page that loads it.
    """
    theirs, nobody = f" {google}" if google else "", " 'none'"
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'{theirs}; "
        f"style-src 'self' 'nonce-{nonce}'{theirs}; frame-src{theirs or nobody}; "
        f"connect-src 'self'{theirs}; "
        "img-src 'self' data:; media-src 'self' blob:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def add_headers(scope: Scope, send: Send) -> Send:
    """Wrap `send` to add the security headers that a response does not set itself."""
    if _NONCE in scope:
        # Added already, by `SecurityHeaders` around the whole application.
        return send
    nonce = nonce_of(HTTPConnection(scope))

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", content_security_policy(nonce))
        await send(message)

    return send_with_headers


class SecurityHeaders:
    """ASGI middleware for an application that is all ours: security headers, and HSTS under https."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to its response."""
        if scope["type"] == "http":
            send = add_headers(scope, self._with_hsts(send) if self._https else send)
        await self._app(scope, receive, send)

    def _with_hsts(self, send: Send) -> Send:
        async def send_with_hsts(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        return send_with_hsts
