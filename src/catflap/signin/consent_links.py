"""One-time consent links, by which another back end asks its user for a consent.

A link can be forwarded to somebody else. So its result is stored only when the back end confirms it with the
code that `return_to` received in the session of its own user. Until then Google's response is kept encrypted
with that code, of which no copy is stored.
"""

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest, TryAgain
from catflap.signin.authorization_requests import PendingAuthorization
from catflap.signin.consent_request import ConsentRequest
from catflap.signin.flow import SignIn
from catflap.signin.linking import SignInResult
from catflap.store.row_mapping import from_row
from catflap.store.tables import consents as t
from catflap.store.token_hash import hash_token

LINK_LIFETIME = timedelta(minutes=10)
_SEALED = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True)
class IssuedLink:
    """A new link; its secret is returned once."""

    id: int
    expires_at: datetime
    secret: str = field(repr=False)


class ConsentLinks:
    """Repository of consent links and of the responses that wait for confirmation."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        signin: SignIn,
        *,
        redirect_uri: str,
        return_urls: Collection[str],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._signin = signin
        self._redirect_uri = redirect_uri
        self._return_urls = frozenset(return_urls)

    async def create(self, request: ConsentRequest, return_to: str) -> IssuedLink:
        """Create a link for the user of `request`.

        Raises:
            BadRequest: `return_to_unknown`.
        """
        if return_to not in self._return_urls:
            raise BadRequest(
                "return_to_unknown", "Register return_to with CATFLAP_RETURN_URLS first, letter by letter."
            )
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        values = {
            "user_id": request.user_id,
            "ticket_hash": hash_token(secret),
            "purpose": request.purpose,
            "scopes": sorted(request.scopes),
            "account_sub": request.account_sub,
            "select_account": request.select_account,
            "return_to": return_to,
            "state": "open",
            "created_at": now,
            "expires_at": now + LINK_LIFETIME,
        }
        async with self._engine.begin() as connection:
            await connection.execute(delete(t).where(t.c.expires_at <= now))
            consent_id = await connection.scalar(insert(t).values(values).returning(t.c.id))
        assert consent_id is not None
        return IssuedLink(consent_id, now + LINK_LIFETIME, secret)

    async def open(self, secret: str) -> ConsentRequest:
        """Return what the link with this secret asks for.

        Raises:
            BadRequest: `expired`: used, too old, or unknown.
        """
        async with self._engine.connect() as connection:
            query = select(t).where(t.c.ticket_hash == hash_token(secret), t.c.state == "open")
            row = (await connection.execute(query)).first()
        if row is None or self._clock.now() >= row.expires_at:
            raise _expired()
        return _request(row)

    async def store_response(self, pending: PendingAuthorization, code: str) -> str:
        """Store Google's response, encrypted, until the back end confirms it; return the URL to redirect to.

        Raises:
            BadRequest: `expired`: the link was used already.
        """
        confirmation = secrets.token_urlsafe(32)
        answer = {"code": code, "verifier": pending.verifier, "nonce": pending.nonce}
        sealed = jwe.encrypt_compact(_SEALED, json.dumps(answer).encode(), _key(confirmation))
        changes = {
            "state": "answered",
            "sealed_answer": sealed,
            "expires_at": self._clock.now() + LINK_LIFETIME,
        }
        row = await self._consume(pending, changes)
        return _with(row.return_to, consent=row.id, code=confirmation)

    async def store_failure(self, pending: PendingAuthorization, error: str) -> str:
        """Mark the link as failed; return the URL to redirect to.

        Raises:
            BadRequest: `expired`.
        """
        row = await self._consume(pending, {"state": "failed"})
        return _with(row.return_to, consent=row.id, error=error)

    async def finish(self, pending: PendingAuthorization) -> str:
        """Mark the link as done, when its user opened it in their own session here; return the URL.

        Raises:
            BadRequest: `expired`.
        """
        row = await self._consume(pending, {"state": "done"})
        return _with(row.return_to, consent=row.id)

    async def confirm(self, user_id: int, consent_id: int, confirmation: str) -> SignInResult:
        """Exchange the stored response, which the back end confirms for its user `user_id`.

        Raises:
            BadRequest: `not_found`: no such consent of this user, or the wrong code; also
                `account_mismatch`.
            InvalidGrant, UserMustAct, OperatorMustAct, TryAgain: as `SignIn.finish`.
        """
        row = await self._claim(user_id, consent_id)
        try:
            answer = json.loads(jwe.decrypt_compact(row.sealed_answer, _key(confirmation)).plaintext or b"")
        except (JoseError, ValueError):
            await self._restore(row)
            raise _not_found() from None
        try:
            return await self._signin.exchange_code(
                _request(row),
                answer["code"],
                redirect_uri=self._redirect_uri,
                verifier=answer["verifier"],
                nonce=answer["nonce"],
            )
        except TryAgain:
            await self._restore(row)
            raise

    async def _consume(self, pending: PendingAuthorization, changes: dict[str, Any]) -> Row[Any]:
        async with self._engine.begin() as connection:
            first = update(t).where(t.c.id == pending.request.consent_id, t.c.state == "open")
            row: Row[Any] | None = (await connection.execute(first.values(changes).returning(t))).first()
        if row is None:
            raise _expired()
        return row

    async def _claim(self, user_id: int, consent_id: int) -> Row[Any]:
        waits = (t.c.id == consent_id) & (t.c.user_id == user_id) & (t.c.state == "answered")
        async with self._engine.begin() as connection:
            query = select(t).where(waits, t.c.expires_at > self._clock.now()).with_for_update()
            row: Row[Any] | None = (await connection.execute(query)).first()
            if row is None:
                raise _not_found()
            await connection.execute(
                update(t).where(t.c.id == consent_id).values(state="done", sealed_answer=None)
            )
        return row

    async def _restore(self, row: Row[Any]) -> None:
        async with self._engine.begin() as connection:
            waits = {"state": "answered", "sealed_answer": row.sealed_answer}
            await connection.execute(update(t).where(t.c.id == row.id).values(waits))


def _request(row: Row[Any]) -> ConsentRequest:
    # The consent screen is forced, because Google sends no refresh token to a user who has consented before.
    return from_row(ConsentRequest, row, scopes=frozenset(row.scopes), consent_id=row.id, forced=True)


def _key(confirmation: str) -> OctKey:
    return OctKey.import_key(hash_token(confirmation))


def _with(url: str, **parameters: object) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def _expired() -> BadRequest:
    return BadRequest("expired", "This link was used already or is too old; ask for a new one.")


def _not_found() -> BadRequest:
    return BadRequest("not_found", "No consent of this user waits for this code.")
