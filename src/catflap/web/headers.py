"""Security headers of our answers, with a nonce for each request (Content Security Policy Level 3)."""

import secrets

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_Headers = tuple[tuple[bytes, bytes], ...]
_HEADERS: _Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # Google's popup must still be able to talk to the page that opened it.
    (b"cross-origin-opener-policy", b"same-origin-allow-popups"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_POLICY = b"content-security-policy"
# Of what is not a page, should a browser show it as one all the same.
_NO_PAGE = b"default-src 'none'; frame-ancestors 'none'"
_NONCE = "catflap.csp_nonce"
_ALL_OURS = "catflap.all_ours"


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
        "img-src 'self' data:; media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; "
        "form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def is_all_ours(scope: Scope) -> bool:
    """Return whether a request came through `SecurityHeaders`, so to an application that is all ours."""
    return _ALL_OURS in scope


def add_headers(scope: Scope, send: Send) -> Send:
    """Wrap `send` to add the security headers that a response does not set itself.

    In an application that is all ours, `SecurityHeaders` does so for every response.
    """
    return send if is_all_ours(scope) else _adding(_HEADERS, scope, send)


class SecurityHeaders:
    """ASGI middleware for an application that is all ours: security headers, and HSTS under https."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = (*_HEADERS, _HSTS) if https else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to its response."""
        if scope["type"] == "http":
            scope[_ALL_OURS] = True
            send = _adding(self._headers, scope, send)
        await self._app(scope, receive, send)


def _adding(defaults: _Headers, scope: Scope, send: Send) -> Send:
    """Wrap `send` to add `defaults` and the content security policy, except those that are set."""
    nonce = nonce_of(HTTPConnection(scope))

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ())]
            names = {name.lower(): value for name, value in headers}
            headers += [one for one in defaults if one[0] not in names]
            if _POLICY not in names:
                is_page = names.get(b"content-type", b"").startswith(b"text/html")
                policy = content_security_policy(nonce).encode() if is_page else _NO_PAGE
                headers.append((_POLICY, policy))
            message["headers"] = headers
        await send(message)

    return send_with_headers
