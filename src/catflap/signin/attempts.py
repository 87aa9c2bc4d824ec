"""Journeys to Google that have not come back yet.

Nothing secret waits in the database meanwhile: the PKCE verifier and the nonce are derived from a cookie
that only the browser has, and of the state only its hash is stored, deleted at first use.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Row, delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import Tampered
from catflap.signin.request import ConsentRequest, Purpose
from catflap.signin.sessions import hash_token
from catflap.store.tables import signin_attempts as t

ATTEMPT_LIVES = timedelta(minutes=10)
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Attempt:
    """One journey: what it is for, and what only its own browser can derive."""

    request: ConsentRequest
    state: str = field(repr=False)
    browser_secret: str = field(repr=False)

    @property
    def verifier(self) -> str:
        """The PKCE code verifier, 64 characters (RFC 7636 section 4.1)."""
        return self._derive("verifier")

    @property
    def nonce(self) -> str:
        """What the ID token must repeat."""
        return self._derive("nonce")

    def _derive(self, purpose: str) -> str:
        text = f"{purpose} {self.state}".encode()
        return hmac.new(self.browser_secret.encode(), text, hashlib.sha256).hexdigest()


class Attempts:
    """Begin a journey, and recognise it when it comes back: once, in the same browser."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def begin(self, request: ConsentRequest, browser_secret: str | None = None) -> Attempt:
        """Start a journey; a browser that is on one already keeps its secret, so that two tabs both work."""
        if browser_secret is None or not _SECRET.fullmatch(browser_secret):
            browser_secret = secrets.token_urlsafe(32)
        attempt = Attempt(request, secrets.token_urlsafe(32), browser_secret)
        now = self._clock.now()
        values = {
            "state_hash": hash_token(attempt.state),
            "browser_hash": hash_token(browser_secret),
            "scopes": sorted(request.scopes),
            "next": request.next,
            "purpose": request.purpose,
            "user_id": request.user_id,
            "account_sub": request.account_sub,
            "consent_id": request.consent_id,
            "forced": request.forced,
            "expires_at": now + ATTEMPT_LIVES,
        }
        async with self._engine.begin() as connection:
            await connection.execute(delete(t).where(t.c.expires_at <= now))
            await connection.execute(insert(t).values(values))
        return attempt

    async def use_up(self, state: str, browser_secret: str) -> Attempt:
        """The journey of `state`, which is over with this: a state works once.

        Raises:
            Tampered: `state_invalid`: never given out, used before, too old, or another browser's.
        """
        async with self._engine.begin() as connection:
            # Another browser's try must not use up the state of the one it belongs to.
            gone = delete(t).where(
                t.c.state_hash == hash_token(state), t.c.browser_hash == hash_token(browser_secret)
            )
            row = (await connection.execute(gone.returning(t))).first()
        if row is None or self._clock.now() >= row.expires_at:
            raise Tampered(
                "state_invalid", "This sign-in was started elsewhere or too long ago; sign in again."
            )
        return Attempt(_request(row), state, browser_secret)


def _request(row: Row[Any]) -> ConsentRequest:
    return ConsentRequest(
        purpose=cast(Purpose, row.purpose),
        scopes=frozenset(row.scopes),
        user_id=row.user_id,
        account_sub=row.account_sub,
        next=row.next,
        consent_id=row.consent_id,
        forced=row.forced,
    )
