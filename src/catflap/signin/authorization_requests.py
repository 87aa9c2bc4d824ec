"""Pending authorization requests: state, nonce and PKCE verifier (RFC 6749 4.1.1, RFC 7636).

The database holds no secret: the PKCE verifier and the nonce are derived from a cookie that only the browser
has, and only the hash of the state is stored. The first accepted response consumes a request; after a refused
one it is released, so that a page's next attempt works with the same state. It is bound to its browser and
expires after ten minutes.
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

from sqlalchemy import Row, delete, insert, select, text, update
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
        self._clock = clock
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
        async with self._transaction() as connection:
            if self._is_sweep_due():
                await connection.execute(delete(t).where(t.c.expires_at <= now))
                await connection.execute(_DELETE_OLDEST, {"most": MAX_PENDING_REQUESTS})
            await connection.execute(insert(t).values(values))
        return pending

    async def consume(self, state: str, browser_secrets: Collection[str]) -> PendingAuthorization:
        """Consume the request with this state, for the response that is handled now.

        Args:
            browser_secrets: what the browser sent; one of them must be that of the request.

        Raises:
            StateUsed: `state_invalid`: a response was accepted already, or is being handled.
            Tampered: `state_invalid`: unknown, expired, or another browser's.
        """
        now, known = self._clock.now(), {hash_token(secret): secret for secret in browser_secrets}
        # A request of another browser must not consume the state.
        mine = (t.c.state_hash == hash_token(state)) & t.c.browser_hash.in_(known) & (t.c.expires_at > now)
        async with self._transaction() as connection:
            taken = update(t).where(mine, t.c.used_at.is_(None)).values(used_at=now).returning(t)
            row = (await connection.execute(taken)).first()
            if row is None and await connection.scalar(select(t.c.used_at).where(mine)) is not None:
                raise StateUsed
        if row is None:
            raise Tampered(
                "state_invalid", "This sign-in was started elsewhere or too long ago; sign in again."
            )
        return PendingAuthorization(_request(row), state, known[bytes(row.browser_hash)], row.session_id)

    async def release(self, pending: PendingAuthorization) -> None:
        """Release a consumed request whose response was refused, so that another can follow."""
        mine = t.c.state_hash == hash_token(pending.state)
        async with self._engine.begin() as connection:
            await connection.execute(update(t).where(mine).values(used_at=None))

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(_MAX_WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise TryAgain(
                "rate_limited", "Too many people sign in right now; please try again.", after=_RETRY_AFTER
            ) from None
        try:
            async with self._engine.begin() as connection:
                yield connection
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
