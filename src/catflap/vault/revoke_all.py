"""Revoke every stored token at Google, before an installation is deleted: afterwards nobody could."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from catflap.errors import OperatorMustAct, Tampered, TryAgain
from catflap.google.oauth import OAuth
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.failpoint import failpoint
from catflap.vault.grant import GrantToken
from catflap.vault.grants import Grants

_BATCH = 500
_TRIES = 3
_PAUSE_SECONDS = 1.0
REASON: Final = "uninstalled"


@dataclass(frozen=True)
class Unrevoked:
    """A token that Google still takes.

    Attributes:
        user_id: Whose it is.
        account_sub: At Google.
        code: Why, as the code of an error.
    """

    user_id: int
    account_sub: str
    code: str


class RevokeAll:
    """Revokes all grants.

    Args:
        grants: All of them, whichever OAuth client they are of.
        oauth: To revoke with; Google asks for no client there.
    """

    def __init__(self, grants: Grants, oauth: OAuth) -> None:
        self._grants = grants
        self._oauth = oauth

    async def count(self) -> int:
        """Return how many tokens there are to revoke."""
        async with self._grants.engine.connect() as connection:
            query = select(func.count()).select_from(t).where(t.c.refresh_token.is_not(None))
            return await connection.scalar(query) or 0

    async def run(self, report: Callable[[], None]) -> list[Unrevoked]:
        """Revoke all tokens, and mark the grants here; return what could not be revoked.

        When Google does not answer, the rest is left alone.

        Args:
            report: Called after each token.
        """
        left: list[Unrevoked] = []
        is_away = False
        async for token in self._tokens():
            code = "google_unavailable" if is_away else await self._revoke(token)
            is_away = code == "google_unavailable"
            if code is not None:
                left.append(Unrevoked(token.user_id, token.account_sub, code))
            failpoint("revoke_all.token")
            report()
        return left

    async def _revoke(self, token: GrantToken) -> str | None:
        """Return None when the token works no longer, else why it was not revoked."""
        try:
            refresh_token = self._grants.open_refresh_token(token)
            if refresh_token is not None:
                await self._ask(refresh_token)
        except (Tampered, OperatorMustAct, TryAgain) as error:
            return error.code
        await self._grants.end_token(token, REASON)
        return None

    async def _ask(self, refresh_token: str) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                await self._oauth.revoke(refresh_token)
            except TryAgain:
                if attempt == _TRIES:
                    raise
                await asyncio.sleep(attempt * _PAUSE_SECONDS)
            else:
                return

    async def _tokens(self) -> AsyncIterator[GrantToken]:
        last = 0
        while batch := await self._grants.rows.where(
            t.c.id > last, t.c.refresh_token.is_not(None), limit=_BATCH
        ):
            for one in batch:
                yield one
            last = batch[-1].id
