"""Who is asking, and what browsers are told to refuse.

A browser proves itself with a cookie and, for anything unsafe, a CSRF token; a native app with a bearer
token; a device with its own. No request may mix them, so that no proof is ever taken for another.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catflap.devices.registry import Device
from catflap.errors import BadRequest
from catflap.signin import Session
from catflap.web.services import Services, services

SIGNIN_COOKIE_SECONDS = 600
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
MAX_BODY_BYTES = 64 * 1024

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Google's popup must still be able to talk to the page that opened it.
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def content_security_policy(nonce: str) -> str:
    """What a page of ours may load: its own things, and scripts and styles that carry the nonce."""
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


class SafeHeaders:
    """ASGI middleware: a nonce for each request, safe headers on each answer, a limit on each body."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["csp_nonce"] = nonce

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name.lower() for name, _ in message["headers"]}
                for name, value in self._headers(nonce):
                    if name.lower().encode() not in have:
                        message["headers"].append((name.lower().encode(), value.encode()))
            await send(message)

        await self._app(scope, _limited(receive), send_safely)

    def _headers(self, nonce: str) -> list[tuple[str, str]]:
        headers = [*HEADERS.items(), ("Content-Security-Policy", content_security_policy(nonce))]
        headers.append(("Cache-Control", "no-store"))
        if self._https:
            headers.append(("Strict-Transport-Security", "max-age=31536000"))
        return headers


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            raise BadRequest("too_large", f"A request body may have {MAX_BODY_BYTES} bytes at most.")
        return message

    return limited


@dataclass(frozen=True)
class Cookies:
    """The names of our cookies: `__Host-` where https allows it (RFC 6265bis section 4.1.3.2)."""

    https: bool

    @property
    def session(self) -> str:
        return "__Host-catflap_session" if self.https else "catflap_session"

    @property
    def signin(self) -> str:
        return "__Host-catflap_signin" if self.https else "catflap_signin"

    def set(self, response: Response, name: str, value: str, max_age: int) -> None:
        """Set a cookie that scripts can't read and other sites can't send along with a POST."""
        response.set_cookie(
            name, value, max_age=max_age, path="/", secure=self.https, httponly=True, samesite="lax"
        )

    def clear(self, response: Response, name: str) -> None:
        """Take a cookie back."""
        response.delete_cookie(name, path="/", secure=self.https, httponly=True, samesite="lax")


def cookies(parts: Annotated[Services, Depends(services)]) -> Cookies:
    """The cookie names of this installation."""
    return Cookies(https=parts.settings.origin.startswith("https://"))


def csrf_token(session_token: str) -> str:
    """What a page must send along; only who holds the cookie can compute it."""
    return hmac.new(session_token.encode(), b"catflap csrf", hashlib.sha256).hexdigest()


def bearer(request: Request) -> str | None:
    """The bearer token of the request (RFC 6750 section 2.1), or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def session_or_none(
    request: Request,
    parts: Annotated[Services, Depends(services)],
    names: Annotated[Cookies, Depends(cookies)],
) -> Session | None:
    """Who is signed in, by cookie or by bearer token.

    Raises:
        BadRequest: `ambiguous_credentials`, `csrf`.
    """
    cookie, token = request.cookies.get(names.session), bearer(request)
    if cookie and "Authorization" in request.headers:
        raise BadRequest("ambiguous_credentials", "Send a cookie or an Authorization header, not both.")
    if token is not None:
        return await parts.sessions.find(token, "bearer")
    if not cookie:
        return None
    session = await parts.sessions.find(cookie, "cookie")
    if session is not None and request.method in _UNSAFE:
        await _check_csrf(request, cookie)
    return session


async def session_required(session: Annotated[Session | None, Depends(session_or_none)]) -> Session:
    """Who is signed in.

    Raises:
        BadRequest: `unauthenticated`.
    """
    if session is None:
        raise BadRequest("unauthenticated", "Sign in first.")
    return session


async def device_required(request: Request, parts: Annotated[Services, Depends(services)]) -> Device:
    """Which device is asking; cookies count for nothing here.

    Raises:
        BadRequest: `unauthenticated`.
    """
    token = bearer(request)
    device = await parts.devices.find(token) if token else None
    if device is None:
        raise BadRequest("unauthenticated", "This device is not paired (any more); pair it again.")
    return device


async def _check_csrf(request: Request, cookie: str) -> None:
    sent = request.headers.get("X-CSRF-Token")
    if sent is None and request.headers.get("Content-Type", "").startswith(
        "application/x-www-form-urlencoded"
    ):
        sent = str((await request.form()).get("csrf_token", ""))
    if not hmac.compare_digest((sent or "").encode(), csrf_token(cookie).encode()):
        raise BadRequest("csrf", "This form is out of date; reload the page and try again.")


CurrentSession = Annotated[Session, Depends(session_required)]
CurrentDevice = Annotated[Device, Depends(device_required)]
Parts = Annotated[Services, Depends(services)]
CookieNames = Annotated[Cookies, Depends(cookies)]
