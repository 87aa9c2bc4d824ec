"""Pending authorization requests: state, nonce and PKCE verifier (RFC 6749 4.1.1, RFC 7636).

The database holds no secret: the PKCE verifier and the nonce are derived from a cookie that only the browser
has, and only the hash of the state is stored. The transaction that stores an accepted response uses the state
up; after a refused one the next attempt works with the same state. It is bound to its browser and expires
after ten minutes.
"""

import asyncio
import contextlib
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.clock import Clock
from catflap.errors import Tampered, TryAgain
from catflap.signin.consent_request import ConsentRequest
from catflap.store.row_mapping import from_row
from catflap.store.tables import signin_attempts as t
from catflap.store.token_hash import hash_token

REQUEST_LIFETIME = timedelta(minutes=10)
# The most rows that a flood of requests can leave; the oldest are deleted first.
MAX_PENDING_REQUESTS = 50_000
_MAX_CONCURRENT = 3
_MAX_WAIT_SECONDS = 5.0
_RETRY_AFTER = timedelta(seconds=5)
_DELETE_OLDEST = text(
    "DELETE FROM app.signin_attempts WHERE expires_at <= ("
    "SELECT expires_at FROM app.signin_attempts ORDER BY expires_at DESC OFFSET :most LIMIT 1)"
)
_UNUSED = (t.c.state_hash == bindparam("state")) & t.c.used_at.is_(None)
_USE = update(t).where(_UNUSED).values(used_at=bindparam("now"))
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class PendingAuthorization:
    """An authorization request whose response is awaited.

    `session_id` is the session that the browser had when it was created, None for none.
    """

    request: ConsentRequest
    state: str = field(repr=False)
    browser_secret: str = field(repr=False)
    session_id: int | None = None

    @property
    def verifier(self) -> str:
        """The PKCE code verifier, 64 characters (RFC 7636 section 4.1)."""
        return self._derive("verifier")

    @property
    def nonce(self) -> str:
        """The nonce that the ID token must carry."""
        return self._derive("nonce")

    def _derive(self, purpose: str) -> str:
        text = f"{purpose} {self.state}".encode()
        return hmac.new(self.browser_secret.encode(), text, hashlib.sha256).hexdigest()


class StateUsed(Tampered):
    """The state was consumed by this browser already, mostly by a second click."""

    def __init__(self) -> None:
        super().__init__("state_invalid", "This sign-in was completed already; sign in again.")


class AuthorizationRequests:
    """Repository of pending authorization requests."""

    def __init__(
        self, engine: AsyncEngine, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        # Reading needs no transaction, and without one it is one round trip instead of three.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock
        # The states whose responses this process handles now.
        self._handled: set[tuple[str, ...]] = set()
        self._monotonic = monotonic
        # Unauthenticated clients create requests; the limit leaves most of the pool to others.
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT)
        self._swept_at: float | None = None

    async def create(
        self, request: ConsentRequest, browser_secret: str | None = None, session_id: int | None = None
    ) -> PendingAuthorization:
        """Create a request; a browser with a pending one keeps its secret, so that two tabs both work."""
        if browser_secret is None or not _SECRET.fullmatch(browser_secret):
            browser_secret = secrets.token_urlsafe(32)
        pending = PendingAuthorization(request, secrets.token_urlsafe(32), browser_secret, session_id)
        now = self._clock.now()
        values = {
            "state_hash": hash_token(pending.state),
            "browser_hash": hash_token(browser_secret),
            "scopes": sorted(request.scopes),
            "next": request.next,
            "purpose": request.purpose,
            "user_id": request.user_id,
            "account_sub": request.account_sub,
            "consent_id": request.consent_id,
            "forced": request.forced,
            "session_id": session_id,
            "expires_at": now + REQUEST_LIFETIME,
        }
        async with self._slot(), self._engine.begin() as connection:
            if self._is_sweep_due():
                await connection.execute(delete(t).where(t.c.expires_at <= now))
                await connection.execute(_DELETE_OLDEST, {"most": MAX_PENDING_REQUESTS})
            await connection.execute(insert(t).values(values))
        return pending

    @contextlib.asynccontextmanager
    async def resume(
        self, state: str, browser_secrets: Collection[str]
    ) -> AsyncIterator[PendingAuthorization]:
        """Yield the request with this state, while its response is handled; `use` then uses the state up.

        Meanwhile this process refuses this browser's other responses with the same state, so that a double
        click does not send Google a code twice.

        Args:
            browser_secrets: what the browser sent; one of them must be that of the request.

        Raises:
            StateUsed: `state_invalid`: a response was accepted already, or is being handled.
            Tampered: `state_invalid`: unknown, expired, or another browser's.
        """
        # With the secrets, so that another browser can't block this one.
        handled = (state, *browser_secrets)
        if handled in self._handled:
            raise StateUsed
        self._handled.add(handled)
        try:
            yield await self._find(state, browser_secrets)
        finally:
            self._handled.discard(handled)

    async def use(self, connection: AsyncConnection, pending: PendingAuthorization) -> None:
        """Use the state up in the transaction that stores the accepted response.

        Raises:
            StateUsed: another response was accepted meanwhile.
        """
        used = await connection.execute(_USE, {"state": hash_token(pending.state), "now": self._clock.now()})
        if used.rowcount == 0:
            raise StateUsed

    async def use_alone(self, pending: PendingAuthorization) -> None:
        """Use the state up in a transaction of its own; raises as `use`."""
        async with self._engine.begin() as connection:
            await self.use(connection, pending)

    async def release(self, pending: PendingAuthorization) -> None:
        """Make the state of a response valid again that could not be stored after all."""
        mine = t.c.state_hash == hash_token(pending.state)
        async with self._engine.begin() as connection:
            await connection.execute(update(t).where(mine).values(used_at=None))

    async def _find(self, state: str, browser_secrets: Collection[str]) -> PendingAuthorization:
        now, known = self._clock.now(), {hash_token(secret): secret for secret in browser_secrets}
        # A request of another browser must not be told from an unknown one.
        mine = (t.c.state_hash == hash_token(state)) & t.c.browser_hash.in_(known) & (t.c.expires_at > now)
        async with self._slot(), self._reading.connect() as connection:
            row = (await connection.execute(select(t).where(mine))).first()
        if row is None:
            raise Tampered(
                "state_invalid", "This sign-in was started elsewhere or too long ago; sign in again."
            )
        if row.used_at is not None:
            raise StateUsed
        return PendingAuthorization(_request(row), state, known[bytes(row.browser_hash)], row.session_id)

    @contextlib.asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_MAX_WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise TryAgain(
                "rate_limited", "Too many people sign in right now; please try again.", after=_RETRY_AFTER
            ) from None
        try:
            yield
        finally:
            self._slots.release()

    def _is_sweep_due(self) -> bool:
        """Return whether to delete expired requests: once a second at most."""
        now = self._monotonic()
        if self._swept_at is not None and now - self._swept_at < 1:
            return False
        self._swept_at = now
        return True


def _request(row: Row[Any]) -> ConsentRequest:
    return from_row(ConsentRequest, row, scopes=frozenset(row.scopes))
