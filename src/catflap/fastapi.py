"""Catflap inside your own FastAPI application: routers one by one, and the signed-in user for your routes.

    catflap = Catflap()
    app = FastAPI(lifespan=catflap.lifespan)
    app.include_router(catflap.auth_router(), prefix="/auth")
    app.include_router(catflap.me_router(), prefix="/api")

    @app.get("/hello")
    async def hello(user: CurrentUser) -> str: ...

The application stays yours. Nothing is added to it but the routers that you include: no middleware, no
exception handler and one name on `app.state`, `catflap`. The prefixes are found when the application starts,
and redirects, links and page scripts follow them.
"""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Security, WebSocket
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection

from catflap.app import open_catflap
from catflap.calendars import EventWriter
from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError, OperatorMustAct, http_status
from catflap.google.scopes import expand_requested
from catflap.settings import Settings
from catflap.signin import Account
from catflap.web import routers
from catflap.web.authentication import cookies_of, find_checked_session, find_handshake_session
from catflap.web.paths import Paths
from catflap.web.problems import retry_after
from catflap.web.routes import me, pages, signin, tokens
from catflap.web.schemas.security import SESSION_BEARER, SESSION_COOKIE
from catflap.web.services import STATE_KEY, Services, services

__all__ = ["Catflap", "CurrentUser", "OptionalUser", "User", "current_user", "optional_user"]

# One route of each router, by which its prefix is found.
_KNOWN_BY: dict[Any, str] = {
    signin.callback: "auth",
    tokens.token: "token",
    me.me: "me",
    pages.page: "mia",
}
_NEEDS = {
    "token": {"auth": "which opens the consent links that token_router() makes"},
    "mia": {
        "auth": "where the page of mia_router() signs people in",
        "me": "which the page of mia_router() asks",
    },
}


class Catflap:
    """Catflap for one host application.

    Args:
        settings: read from the environment when the application starts, if not given.
        home: path on your site where browsers go after sign-in and sign-out when nothing else was asked for,
            and with `?error=` when sign-in failed. Left out, it is the page of `mia_router()` where that is
            included, else the root of your application.
        worker: whether this process also runs background jobs; `catflap work` runs them elsewhere.
        clock: for tests.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        home: str | None = None,
        worker: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._home = home
        self._worker = worker
        self._clock = clock

    def auth_router(self) -> APIRouter:
        """Sign-in with Google: `/signin/google…`, `/signout`, `/consents/…`, and scripts for your pages."""
        return routers.auth_router(self._check_started)

    def token_router(self) -> APIRouter:
        """For other back ends, by API key: `/v1/users/…` and `/v1/keys`. Needs `auth_router()`."""
        return routers.token_router(self._check_started)

    def me_router(self) -> APIRouter:
        """The signed-in user's accounts, grants and sessions: `/v1/me`, `/v1/grants`, `/v1/sessions`."""
        return routers.me_router(self._check_started)

    def mia_router(self) -> APIRouter:
        """Calendars, announcements, devices, and the page with Mia. Needs `auth_router()` and `me_router()`.

        Calendars are read, and titles of events stored, only where this router is included.
        """
        return routers.mia_router(self._check_started)

    @property
    def events(self) -> EventWriter:
        """Insert, change and delete events in users' Google calendars, in routes and in background work.

        Raises:
            OperatorMustAct: `not_started`.
        """
        if self._services is None:
            raise OperatorMustAct(
                "not_started", "Catflap is not started: FastAPI(lifespan=catflap.lifespan) starts it."
            )
        return self._services.events

    @asynccontextmanager
    async def lifespan(self, app: FastAPI, *, root_path: str = "") -> AsyncIterator[None]:
        """Run Catflap for as long as `app` runs: `FastAPI(lifespan=…)`, or within a lifespan of your own.

        Args:
            app: the application that includes the routers.
            root_path: where browsers find that application, when it is mounted below another, or when a
                reverse proxy has it below a path (uvicorn's `--root-path`).

        Raises:
            OperatorMustAct: `router_missing`, `router_included_twice`, `prefix_not_fixed`, `second_catflap`,
                `calendars_off`; settings, data directory, database or OAuth client need somebody's hand.
            TryAgain: the database does not answer.
        """
        if self._services is not None:
            raise OperatorMustAct("second_catflap", "This Catflap runs in another application already.")
        if hasattr(app.state, STATE_KEY):
            raise OperatorMustAct(
                "second_catflap", "This application has a Catflap already; an application can have one."
            )
        prefixes = _prefixes(app)
        settings = self._settings or Settings.read()
        shows_calendars = "mia" in prefixes
        if shows_calendars and settings.calendars is False:
            raise OperatorMustAct(
                "calendars_off",
                "mia_router() shows calendars, but CATFLAP_CALENDARS=false switches them off; leave one out.",
            )
        settings = settings.model_copy(update={"calendars": shows_calendars})
        paths = _paths(root_path or app.root_path, prefixes, self._home)
        settings = settings.for_requests(with_jobs=self._worker)
        async with open_catflap(settings, self._clock, paths) as opened:
            setattr(app.state, STATE_KEY, opened.services)
            self._services = opened.services
            try:
                if self._worker:
                    async with opened.work():
                        yield
                else:
                    yield
            finally:
                delattr(app.state, STATE_KEY)
                self._services = None

    _services: Services | None = None

    @asynccontextmanager
    async def _check_started(self, app: FastAPI) -> AsyncIterator[None]:
        """Lifespan of each router: fail at the start when the application does not start this Catflap."""
        found = getattr(app.state, STATE_KEY, None)
        if found is None:
            raise OperatorMustAct(
                "not_started",
                "A router of Catflap is included, but Catflap is not started: "
                "FastAPI(lifespan=catflap.lifespan), or `async with catflap.lifespan(app)` in a lifespan "
                "of your own.",
            )
        if found is not self._services:
            raise OperatorMustAct(
                "second_catflap",
                "A router of another Catflap than the started one is included; an application can have one.",
            )
        yield


@dataclass(frozen=True)
class User:
    """The signed-in user, for `Depends(current_user)`.

    Attributes:
        id: stable for as long as the user is not erased.
        accounts: their Google accounts, the primary one first.
    """

    id: int
    accounts: tuple[Account, ...]
    _services: Services = field(repr=False)

    @property
    def account(self) -> Account | None:
        """The primary Google account; None for a user who has linked none yet."""
        return next(iter(self.accounts), None)

    @property
    def email(self) -> str | None:
        """The primary account's address; to be shown, never to know people by."""
        return self.account.email if self.account else None

    @property
    def name(self) -> str | None:
        """What to call them."""
        return (self.account.name or self.account.email) if self.account else None

    async def access_token(self, scopes: str | Collection[str] = "", *, account: str | None = None) -> str:
        """Return a live access token for Google's APIs, refreshed if it must be.

        Args:
            scopes: what you are going to do: words as in `?scopes=`, one string or a collection; checked
                before Google is asked.
            account: the `sub` of one of their accounts; the primary one, if not given.

        Raises:
            UserMustAct: `scope_missing`, `reconsent_required`: send them to `/signin/google?scopes=…`.
            BadRequest: `not_found`: they allowed nothing yet.
            TryAgain: `google_unavailable`.
        """
        chosen = account or (self.account.sub if self.account else None)
        wanted = expand_requested(scopes if isinstance(scopes, str) else list(scopes))
        token = await self._services.vault.access_token(self.id, chosen, scopes=wanted)
        return token.token


async def optional_user(connection: HTTPConnection) -> AsyncIterator[User | None]:
    """Dependency: the signed-in user by cookie or bearer token, or None.

    An unsafe request with a cookie needs `X-CSRF-Token`, as `/v1/me` gives it; a WebSocket with a cookie
    needs an `Origin` that is yours or one of `CATFLAP_ALLOWED_ORIGINS`. A `CatflapError` that your route does
    not catch becomes an `HTTPException` whose `detail` is `{"code": …, "message": …}`.
    """
    with _http_errors():
        yield await _find_user(connection)


async def current_user(
    connection: HTTPConnection,
    _cookie: Annotated[None, Security(SESSION_COOKIE)],
    _token: Annotated[str | None, Security(SESSION_BEARER)],
) -> AsyncIterator[User]:
    """Dependency: as `optional_user`, but 401 when nobody is signed in; named in your OpenAPI document."""
    with _http_errors():
        user = await _find_user(connection)
        if user is None:
            raise BadRequest("unauthenticated", "Sign in first.")
        yield user


CurrentUser = Annotated[User, Depends(current_user)]
OptionalUser = Annotated[User | None, Depends(optional_user)]


async def _find_user(connection: HTTPConnection) -> User | None:
    ours = await services(connection)
    if isinstance(connection, WebSocket):
        session = await find_handshake_session(connection, ours, cookies_of(ours))
    else:
        assert isinstance(connection, Request)
        session = await find_checked_session(connection, ours, cookies_of(ours))
    if session is None:
        return None
    return User(session.user_id, tuple(await ours.users.accounts(session.user_id)), ours)


@contextmanager
def _http_errors() -> Iterator[None]:
    """Let the host application answer our errors as it answers its own."""
    try:
        yield
    except CatflapError as error:
        raise _http_error(error) from error


def _http_error(error: CatflapError) -> HTTPException:
    status, after = http_status(error), retry_after(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if after is not None:
        headers["Retry-After"] = str(after)
    return HTTPException(status, {"code": error.code, "message": error.message}, headers or None)


def _prefixes(app: FastAPI) -> dict[str, str]:
    """The prefix of each included router, by the routers' names.

    Raises:
        OperatorMustAct: `router_missing`, `router_included_twice`, `prefix_not_fixed`.
    """
    prefixes: dict[str, str] = {}
    for context in iter_route_contexts(app.routes):
        name = _KNOWN_BY.get(context.endpoint)
        if name is None:
            continue
        if name in prefixes:
            raise OperatorMustAct(
                "router_included_twice", f"{name}_router() is included twice; include each router once."
            )
        own: str = context.original_route.path  # type: ignore[attr-defined]
        prefixes[name] = (context.path or "").removesuffix(own)
        if "{" in prefixes[name]:
            raise OperatorMustAct(
                "prefix_not_fixed",
                f"{name}_router() is included below {prefixes[name]}; a prefix must be without parameters, "
                "because Google knows one redirect URI.",
            )
    for name, needs in _NEEDS.items():
        for needed, why in needs.items():
            if name in prefixes and needed not in prefixes:
                raise OperatorMustAct(
                    "router_missing",
                    f"Include {needed}_router() too, {why}: app.include_router(catflap.{needed}_router())",
                )
    return prefixes


def _paths(root_path: str, prefixes: dict[str, str], home: str | None) -> Paths:
    root = root_path.rstrip("/")
    found = {name: root + prefix for name, prefix in prefixes.items()}
    return Paths(**found, home=home or f"{found.get('mia', root)}/")
