"""Authentication of requests: session cookies with CSRF tokens, bearer tokens, device tokens.

A request carries one of them. Several in one request are refused, so that no credential is used in place of
another.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Response, Security
from starlette.requests import HTTPConnection

from catflap.devices.devices import Device
from catflap.errors import BadRequest
from catflap.signin import Session
from catflap.signin.sessions import ABSOLUTE
from catflap.store.token_hash import hash_token
from catflap.web.schemas.security import DEVICE_TOKEN, SESSION_BEARER, SESSION_COOKIE, bearer_token
from catflap.web.services import Services, services

SIGNIN_COOKIE_SECONDS = 600
# A page that is opened again, with the error in its address, is still told what it was told before.
PROBE_COOKIE_SECONDS = 86_400
_CSRF_HEADER = "With a session cookie: `csrf_token` of `GET /v1/me`; needed for anything but GET."
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Cookies:
    """The names of our cookies: `__Host-` where https allows it (RFC 6265bis section 4.1.3.2)."""

    https: bool

    @property
    def session(self) -> str:
        """Name of the session cookie."""
        return "__Host-catflap_session" if self.https else "catflap_session"

    @property
    def signin(self) -> str:
        """Name of the cookie that binds an authorization request to the browser."""
        return "__Host-catflap_signin" if self.https else "catflap_signin"

    @property
    def probe(self) -> str:
        """Name of the cookie that tells a browser that keeps no cookies from one that lost its sign-in."""
        return "__Host-catflap_probe" if self.https else "catflap_probe"

    def set(self, response: Response, name: str, value: str, max_age: int) -> None:
        """Set a cookie that scripts can't read and other sites can't send along with a POST."""
        response.set_cookie(
            name, value, max_age=max_age, path="/", secure=self.https, httponly=True, samesite="lax"
        )

    def clear(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(name, path="/", secure=self.https, httponly=True, samesite="lax")

    def set_session(self, response: Response, token: str) -> None:
        """Set the session cookie. The sign-in cookie stays, because another tab may still be at Google."""
        self.set(response, self.session, token, int(ABSOLUTE.total_seconds()))

    def set_signin(self, request: Request, response: Response, state: str, secret: str) -> None:
        """Set the cookie with the secret that binds an authorization request to this browser.

        Two tabs that begin at the same moment, before any answer, get different secrets, of which the browser
        keeps the last. So a new secret is also set in a cookie of its own, named after its state.
        """
        self.set(response, self.signin, secret, SIGNIN_COOKIE_SECONDS)
        if request.cookies.get(self.signin) != secret:
            self.set(response, self._signin_of(state), secret, SIGNIN_COOKIE_SECONDS)

    def set_probe(self, response: Response) -> None:
        """Set a cookie that the page looks for at its next request; see `keeps_none`."""
        self.set(response, self.probe, "did-this-come-back", PROBE_COOKIE_SECONDS)

    def keeps_none(self, request: Request) -> bool:
        """Return whether a browser sends no cookie of ours; one that just got the probe blocks them."""
        return not {self.probe, self.signin, self.session} & request.cookies.keys()

    def signin_secrets(self, request: Request, state: str) -> list[str]:
        """Return the secrets that this browser sent for the authorization request with `state`."""
        names = (self.signin, self._signin_of(state))
        return [request.cookies[name] for name in names if name in request.cookies]

    def _signin_of(self, state: str) -> str:
        return f"{self.signin}_{hash_token(state).hex()[:16]}"


_OUR_COOKIES = tuple(
    name for one in (Cookies(https=True), Cookies(https=False)) for name in (one.session, one.signin)
)


def cookies_of(services: Services) -> Cookies:
    """Return the cookie names of this installation."""
    return Cookies(https=services.settings.origin.startswith("https://"))


async def cookies(services: Annotated[Services, Depends(services)]) -> Cookies:
    """Dependency: the cookie names of this installation."""
    return cookies_of(services)


def csrf_token(session_token: str) -> str:
    """Return the CSRF token of a session: an HMAC under its token, which only the cookie's holder knows."""
    return hmac.new(session_token.encode(), b"catflap csrf", hashlib.sha256).hexdigest()


async def single_parameters(request: Request) -> None:
    """Dependency: refuse a query parameter (RFC 6749 section 3.1), or If-Match, that is sent twice.

    Raises:
        BadRequest: `invalid_request`.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    if len(names) != len(set(names)) or len(request.headers.getlist("If-Match")) > 1:
        raise BadRequest("invalid_request", "Send each parameter once.")


def check_page(request: Request, services: Services) -> str:
    """Check that a page of an allowed origin sent this request, and return that origin.

    Raises:
        BadRequest: `forbidden`, `origin_not_allowed`.
    """
    if not request.headers.get("X-Requested-With"):
        raise BadRequest("forbidden", "Send the header X-Requested-With: XMLHttpRequest.")
    if not _is_allowed_origin(request, services):
        raise BadRequest("origin_not_allowed", "Pages of this origin may not send codes here.")
    return request.headers["Origin"]


def _is_allowed_origin(request: HTTPConnection, services: Services) -> bool:
    return request.headers.get("Origin") in {services.settings.origin, *services.settings.allowed_origins}


def check_native(request: Request) -> None:
    """Check that no browser sent this request, so that a page can't pass for a native app.

    Of cookies only ours count: apps keep and send those of proxies, such as Cloudflare's `__cf_bm` or a load
    balancer's `AWSALB`.

    Raises:
        BadRequest: `forbidden`.
    """
    from_page = any(name == "origin" or name.startswith("sec-fetch-") for name in request.headers)
    if from_page or any(name.startswith(_OUR_COOKIES) for name in request.cookies):
        raise BadRequest(
            "forbidden",
            'This came from a browser (it has Origin, Sec-Fetch-* or a cookie of ours): send client "popup".',
        )


def one_credential(request: HTTPConnection, names: Cookies) -> str | None:
    """Return the session cookie, or None; an Authorization header beside it is refused.

    Raises:
        BadRequest: `ambiguous_credentials`.
    """
    cookie = request.cookies.get(names.session)
    if cookie and "Authorization" in request.headers:
        raise BadRequest("ambiguous_credentials", "Send a cookie or an Authorization header, not both.")
    return cookie or None


async def find_session(request: HTTPConnection, services: Services, names: Cookies) -> Session | None:
    """Return the session of a request, by cookie or by bearer token, without a check of its origin.

    Raises:
        BadRequest: `ambiguous_credentials`; `unauthenticated` for a token of another issuer that is invalid.
    """
    cookie = one_credential(request, names)
    token = bearer_token(request)
    if token is not None:
        return await services.sessions.find(token, "bearer") or await _app_session(token, services)
    return await services.sessions.find(cookie, "cookie") if cookie else None


async def find_handshake_session(
    websocket: HTTPConnection, services: Services, names: Cookies
) -> Session | None:
    """Return the session of a WebSocket handshake; with a cookie, its page must be of an allowed origin.

    Browsers let pages of every origin open WebSockets, cookies included (RFC 6455 section 10.2).

    Raises:
        BadRequest: as `find_session`, and `origin_not_allowed`.
    """
    session = await find_session(websocket, services, names)
    if session is not None and session.kind == "cookie" and not _is_allowed_origin(websocket, services):
        raise BadRequest("origin_not_allowed", "Pages of this origin may not open this WebSocket.")
    return session


async def find_checked_session(request: Request, services: Services, names: Cookies) -> Session | None:
    """Return the session of a request; with a cookie, unsafe methods need the CSRF token.

    A CSRF token is checked with GET too, if sent: it fails when the browser has another session by now.

    Raises:
        BadRequest: as `find_session`, and `csrf`.
    """
    session = await find_session(request, services, names)
    checked = request.method in _UNSAFE or "X-CSRF-Token" in request.headers
    if session is not None and session.kind == "cookie" and checked:
        await _check_csrf(request, request.cookies[names.session])
    return session


async def session_unchecked(
    request: Request,
    services: Annotated[Services, Depends(services)],
    names: Annotated[Cookies, Depends(cookies)],
    _cookie: Annotated[None, Security(SESSION_COOKIE)],
    _token: Annotated[str | None, Security(SESSION_BEARER)],
) -> Session | None:
    """Return the session of this request, for routes that check its origin themselves; see `check_page`."""
    return await find_session(request, services, names)


async def session_or_none(
    request: Request,
    services: Annotated[Services, Depends(services)],
    names: Annotated[Cookies, Depends(cookies)],
    _cookie: Annotated[None, Security(SESSION_COOKIE)],
    _token: Annotated[str | None, Security(SESSION_BEARER)],
    _csrf: Annotated[str | None, Header(alias="X-CSRF-Token", description=_CSRF_HEADER)] = None,
) -> Session | None:
    """Return the session of this request, by cookie or by bearer token; None when nobody is signed in."""
    return await find_checked_session(request, services, names)


async def session_required(session: Annotated[Session | None, Depends(session_or_none)]) -> Session:
    """Dependency: the session of this request.

    Raises:
        BadRequest: `unauthenticated`.
    """
    if session is None:
        raise BadRequest("unauthenticated", "Sign in first.")
    return session


async def operator_required(
    session: Annotated[Session, Depends(session_required)], services: Annotated[Services, Depends(services)]
) -> Session:
    """Dependency: the session of an operator.

    Raises:
        BadRequest: `unauthenticated`, `operators_only`.
    """
    await services.operators.check(session)
    return session


async def device_required(
    services: Annotated[Services, Depends(services)], token: Annotated[str | None, Security(DEVICE_TOKEN)]
) -> Device:
    """Dependency: the device of the bearer token; cookies are ignored.

    Raises:
        BadRequest: `unauthenticated`.
    """
    device = await services.devices.find(token) if token else None
    if device is None:
        raise BadRequest("unauthenticated", "This device is not paired (any more); pair it again.")
    return device


async def limit_begins(request: Request, services: Annotated[Services, Depends(services)]) -> None:
    """Dependency: count a sign-in or consent that begins, before the database is asked.

    Raises:
        TryAgain: `rate_limited`.
    """
    services.limits.begins.check(services.limits.address(request))


async def limit_returns(request: Request, services: Annotated[Services, Depends(services)]) -> None:
    """Dependency: count a browser that returns from Google.

    Raises:
        TryAgain: `rate_limited`.
    """
    services.limits.returns.check(services.limits.address(request))


async def limit_codes(request: Request, services: Annotated[Services, Depends(services)]) -> None:
    """Dependency: count an authorization code or ID token that a client sends.

    Raises:
        TryAgain: `rate_limited`.
    """
    services.limits.codes.check(services.limits.address(request))


async def limit_pairings(request: Request, services: Annotated[Services, Depends(services)]) -> None:
    """Dependency: count a request about a pairing, before the database is asked.

    Raises:
        TryAgain: `rate_limited`.
    """
    services.limits.pairings.check(services.limits.address(request))


async def _app_session(token: str, services: Services) -> Session | None:
    """Return the session for a JWT of another issuer, where the settings accept one."""
    if services.external_jwt is None or token.count(".") != 2:
        return None
    subject = await services.external_jwt.subject(token)
    user_id = await services.users.by_external_id(subject)
    if user_id is None:
        user_id, _ = await services.users.get_or_create(subject)
    now = services.clock.now()
    return Session(None, user_id, "app", created_at=now, last_used_at=now, expires_at=now)


async def _check_csrf(request: Request, cookie: str) -> None:
    sent = request.headers.get("X-CSRF-Token")
    if sent is None and request.headers.get("Content-Type", "").startswith(
        "application/x-www-form-urlencoded"
    ):
        # Kept by the request, so that a route of the host can read it again.
        await request.body()
        sent = str((await request.form()).get("csrf_token", ""))
    if not hmac.compare_digest((sent or "").encode(), csrf_token(cookie).encode()):
        raise BadRequest("csrf", "This form is out of date; reload the page and try again.")


CurrentSession = Annotated[Session, Depends(session_required)]
MaybeSession = Annotated[Session | None, Depends(session_or_none)]
# For routes that check the origin themselves.
UncheckedSession = Annotated[Session | None, Depends(session_unchecked)]
OperatorSession = Annotated[Session, Depends(operator_required)]
CurrentDevice = Annotated[Device, Depends(device_required)]
ServicesDep = Annotated[Services, Depends(services)]
CookieNames = Annotated[Cookies, Depends(cookies)]
