"""What browsers are told to refuse, on every answer of ours, and how large a request may be."""

import re
import secrets
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catflap.devices.sound import PATH as SOUNDS
from catflap.errors import BadRequest
from catflap.settings import CALLBACK_PATH
from catflap.web.problems import problem

MAX_BODY_BYTES = 64 * 1024
LINKS = "/consents/"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Google's popup must still be able to talk to the page that opened it.
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# The call made for a user carries a body for Google and sets its own limit.
_PROXY = re.compile(r"/v1/users/\d+/google/[^/]+/.")
# Written for pages of other origins to load.
_FOR_OTHERS = frozenset({"/static/gapi.js", "/catflap/gapi.js"})
_STATIC = ("/static/", "/catflap/")


def content_security_policy(nonce: str, google: str = "") -> str:
    """What a page of ours may load: its own things, and scripts and styles that carry the nonce.

    Args:
        google: where Google's script for browsers is, for the one page that uses it.
    """
    theirs, nobody = f" {google}" if google else "", " 'none'"
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'{theirs}; "
        f"style-src 'self' 'nonce-{nonce}'{theirs}; frame-src{theirs or nobody}; "
        f"connect-src 'self'{theirs}; "
        "img-src 'self' data:; media-src 'self' blob:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


class SafeHeaders:
    """ASGI middleware: a nonce for each request, safe headers on each answer, a limit on each body.

    `ours` tells which paths that is about, for use inside somebody else's application.
    """

    def __init__(self, app: ASGIApp, *, https: bool, ours: Callable[[str], bool] = lambda path: True) -> None:
        self._app = app
        self._https = https
        self._ours = ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["csp_nonce"] = nonce
        path = scope["path"]

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name.lower() for name, _ in message["headers"]}
                for name, value in self._headers(nonce, path):
                    if name.lower().encode() not in have:
                        message["headers"].append((name.lower().encode(), value.encode()))
            await send(message)

        inner = _kept_from_access_logs(scope)
        if _PROXY.match(path):
            await self._app(inner, receive, send_safely)
        elif _declared(scope) > MAX_BODY_BYTES:
            await problem(413, "too_large", _TOO_LARGE)(inner, receive, send_safely)
        else:
            await self._app(inner, _limited(receive), send_safely)

    def _headers(self, nonce: str, path: str) -> list[tuple[str, str]]:
        headers = {**HEADERS, "Content-Security-Policy": content_security_policy(nonce)}
        # Scripts and styles are nobody's secret; asked for again, they answer 304.
        headers["Cache-Control"] = "no-cache" if path.startswith(_STATIC) else "no-store"
        if path in _FOR_OTHERS:
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if self._https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return list(headers.items())


def _kept_from_access_logs(scope: Scope) -> Scope:
    """A scope for the application; what is secret in the address is gone from the server's own.

    Servers write their access log from the scope they made, after the answer. Google's code comes in a query,
    a consent link and a sound's address carry their secret in the path.
    """
    path = scope["path"]
    secret = next((prefix for prefix in (LINKS, SOUNDS) if path.startswith(prefix)), None)
    if path != CALLBACK_PATH and secret is None:
        return scope
    inner = dict(scope)
    scope["query_string"] = b""
    if secret is not None:
        scope["path"], scope["raw_path"] = f"{secret}-", f"{secret}-".encode()
    return inner


_TOO_LARGE = f"A request body may have {MAX_BODY_BYTES} bytes at most."


def _declared(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            raise BadRequest("too_large", _TOO_LARGE)
        return message

    return limited
