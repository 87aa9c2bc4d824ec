"""One live access token for a grant, whoever asks and however many ask at once."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from catflap.clock import Clock
from catflap.errors import BadRequest, TryAgain, UserMustAct
from catflap.google.oauth import InvalidGrant, OAuth
from catflap.google.scopes import missing
from catflap.vault.grants import Grant, Grants

MIN_TTL = timedelta(minutes=5)


@dataclass(frozen=True)
class AccessToken:
    """A bearer token for Google's APIs and what it opens."""

    token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]


class Vault:
    """Hands out access tokens; refreshes when they run out, once for all who wait."""

    def __init__(self, grants: Grants, oauth: OAuth, clock: Clock) -> None:
        self.grants = grants
        self._oauth = oauth
        self._clock = clock
        self._refreshing: dict[int, asyncio.Task[AccessToken]] = {}

    async def access_token(
        self,
        user_id: int,
        account_sub: str,
        *,
        scopes: Collection[str] = (),
        min_ttl: timedelta = MIN_TTL,
        refused: str | None = None,
    ) -> AccessToken:
        """A token that lives at least `min_ttl`.

        Args:
            scopes: what the caller is going to do; checked before Google is asked.
            refused: a token that Google did not accept; it is not handed out again.

        Raises:
            BadRequest: `not_found`: no such grant.
            UserMustAct: `reconsent_required` or `scope_missing`.
            TryAgain: `google_unavailable`.
            OperatorMustAct: `google_client_rejected`.
        """
        grant = await self.grants.find(user_id, account_sub)
        if grant is None:
            raise BadRequest("not_found", "This person has not allowed access to Google yet.")
        if grant.state != "active":
            raise _reconsent()
        if lacking := missing(scopes, grant.scopes):
            raise UserMustAct(
                "scope_missing", f"Google access lacks {', '.join(sorted(lacking))}; ask for it."
            )
        stored = self._stored(grant, min_ttl)
        if stored is not None and stored.token != refused:
            return stored
        return await self._refresh_once(grant)

    async def revoke(self, user_id: int, account_sub: str) -> None:
        """Take the grant back at Google and forget it here; also when Google has forgotten it already.

        Raises:
            BadRequest: `not_found`.
            TryAgain: `google_unavailable`; nothing was changed.
        """
        grant = await self.grants.find(user_id, account_sub)
        if grant is None:
            raise BadRequest("not_found", "There is no such grant.")
        refresh_token = self.grants.open_refresh_token(grant)
        if refresh_token is not None:
            await self._oauth.revoke(refresh_token)
        await self.grants.erase(grant)

    def _stored(self, grant: Grant, min_ttl: timedelta) -> AccessToken | None:
        if grant.expires_at is None or grant.expires_at - self._clock.now() < min_ttl:
            return None
        token = self.grants.open_access_token(grant)
        return None if token is None else AccessToken(token, grant.expires_at, grant.scopes)

    async def _refresh_once(self, grant: Grant) -> AccessToken:
        task = self._refreshing.get(grant.id)
        if task is None:
            task = asyncio.create_task(self._refresh(grant))
            self._refreshing[grant.id] = task
            task.add_done_callback(lambda _: self._refreshing.pop(grant.id, None))
        # Shielded: one caller who gives up must not take the token away from the others.
        return await asyncio.shield(task)

    async def _refresh(self, grant: Grant) -> AccessToken:
        refresh_token = self.grants.open_refresh_token(grant)
        if refresh_token is None:
            raise _reconsent()
        try:
            tokens = await self._oauth.refresh(refresh_token)
        except InvalidGrant:
            if await self.grants.died(grant):
                raise _reconsent() from None
            return await self._newer(grant)
        kept = await self.grants.refreshed(grant, tokens)
        if kept is None or kept.expires_at is None:
            return await self._newer(grant)
        return AccessToken(tokens.access_token, kept.expires_at, kept.scopes)

    async def _newer(self, grant: Grant) -> AccessToken:
        """What somebody else stored while we were asking Google."""
        current = await self.grants.find(grant.user_id, grant.account_sub)
        if current is None or current.state != "active":
            raise _reconsent()
        stored = self._stored(current, timedelta(0))
        if stored is None:
            raise TryAgain(
                "google_unavailable", "The token changed while it was refreshed; please try again."
            )
        return stored


def _reconsent() -> UserMustAct:
    return UserMustAct(
        "reconsent_required", "Google no longer accepts this grant; the person must allow access once more."
    )
