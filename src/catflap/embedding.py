"""Catflap inside somebody else's FastAPI application: its routes, its parts, and who is asking.

The application stays theirs: headers, errors and cross-origin rules of their own routes are left alone.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from catflap.app import open_catflap
from catflap.clock import Clock
from catflap.errors import CatflapError
from catflap.google.scopes import asked
from catflap.settings import Settings
from catflap.signin import Account
from catflap.web import problems
from catflap.web.headers import SafeHeaders
from catflap.web.pages import STATIC
from catflap.web.passages import PASSAGES
from catflap.web.security import CurrentSession, Parts
from catflap.web.services import Services

SCRIPTS = "/catflap"
_OURS = (
    "/signin/",
    "/signout",
    "/storeauthcode",
    "/app/google-calendar/",
    "/consents/",
    "/v1/me",
    "/v1/grants",
    "/v1/accounts/",
    "/v1/session",
    "/v1/users",
    f"{SCRIPTS}/",
)


@dataclass(frozen=True)
class User:
    """Who is asking, for `Depends(current_user)`."""

    id: int
    accounts: tuple[Account, ...]
    _parts: Services = field(repr=False)

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

    async def access_token(self, scopes: str = "", *, account: str | None = None) -> str:
        """A live token for Google's APIs.

        Args:
            scopes: what you are going to do, as in `?scopes=`; checked before Google is asked.
            account: the `sub` of one of their accounts; the primary one, if not given.

        Raises:
            UserMustAct: `scope_missing`, `reconsent_required`: send them to `/signin/google?scopes=…`.
            BadRequest: `not_found`: they allowed nothing yet.
            TryAgain: `google_unavailable`.
        """
        chosen = account or (self.account.sub if self.account else None)
        token = await self._parts.vault.access_token(self.id, chosen, scopes=asked(scopes))
        return token.token


async def current_user(session: CurrentSession, parts: Parts) -> User:
    """Who is asking, by cookie or by bearer token; anything unsafe needs the CSRF token of `/v1/me`.

    Raises:
        BadRequest: `unauthenticated`, `csrf`, `ambiguous_credentials`.
    """
    return User(session.user_id, tuple(await parts.users.accounts(session.user_id)), parts)


def include(
    app: FastAPI,
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    sync_every: timedelta | None = timedelta(minutes=15),
) -> None:
    """Give `app` Catflap's sign-in: routes now, parts and background work when the application starts.

    Args:
        settings: read from the environment at the start of the application, if not given.
        sync_every: how often calendars are read again.

    Raises (at the start of the application):
        OperatorMustAct: settings, data directory, database or OAuth client need somebody's hand.
    """
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(host: FastAPI) -> AsyncIterator[Any]:
        async with AsyncExitStack() as stack:
            house = await stack.enter_async_context(open_catflap(settings or Settings.read(), clock))
            host.state.services = house.services
            await stack.enter_async_context(house.work(sync_every=sync_every))
            yield await stack.enter_async_context(inner(host))

    app.router.lifespan_context = lifespan
    for router in PASSAGES:
        app.include_router(router)
    app.mount(SCRIPTS, StaticFiles(directory=STATIC))
    app.add_exception_handler(CatflapError, problems.ours)
    # Whether to promise https for the whole site is the application's to say.
    app.add_middleware(SafeHeaders, https=False, ours=lambda path: path.startswith(_OURS))
