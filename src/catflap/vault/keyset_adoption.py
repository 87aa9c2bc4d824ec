"""Adopt a keyset after the former one was lost: give up the values that it can't decrypt.

Grants whose refresh token is lost need a new consent, with the reason `keyset_lost`; Google still knows the
tokens, so users can consent again without revoking access first. Webhooks get new secrets.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.errors import OperatorMustAct, Tampered
from catflap.store.vault_tables import google_tokens as t
from catflap.store.vault_tables import webhooks as w
from catflap.vault.encryption import AssociatedData, TokenCipher
from catflap.vault.grant import GrantToken
from catflap.vault.grants import Grants
from catflap.vault.token_rows import WITHOUT_ACCESS
from catflap.vault.webhooks import new_secret, secret_associated_data

_BATCH = 500
REASON = "keyset_lost"


@dataclass(frozen=True)
class AdoptionResult:
    """How many refresh tokens were given up, and the id, URL and new secret of each affected webhook."""

    refresh_tokens: int
    webhooks: tuple[tuple[int, str, str], ...] = field(repr=False)


class KeysetAdoption:
    """Gives up the values that a keyset can't decrypt."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants
        self._engine: AsyncEngine = grants.engine
        self._cipher: TokenCipher = grants.cipher

    async def count_lost(self) -> tuple[int, int]:
        """Return how many refresh tokens and webhook secrets can't be decrypted."""
        tokens = 0
        async for one in self._tokens():
            tokens += one.has_refresh_token and not self._grants.can_open(one)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(w.c.id, w.c.secret))).all()
        return tokens, sum(not self._opens(row.secret, secret_associated_data(row.id)) for row in rows)

    async def adopt(self) -> AdoptionResult:
        """Give up what can't be decrypted; idempotent."""
        given_up = 0
        async for one in self._tokens():
            if one.has_refresh_token and not self._grants.can_open(one):
                await self._grants.mark_lost(one, REASON)
                given_up += 1
            elif not self._opens(one._access_token, AssociatedData(one.id, one.user_id, "access_token")):
                async with self._engine.begin() as connection:
                    await self._grants.rows.update_by_id(connection, one.id, WITHOUT_ACCESS)
        return AdoptionResult(given_up, tuple(await self._new_secrets()))

    async def _tokens(self) -> AsyncIterator[GrantToken]:
        last = 0
        while batch := await self._grants.rows.where(t.c.id > last, limit=_BATCH):
            for one in batch:
                yield one
            last = batch[-1].id

    async def _new_secrets(self) -> list[tuple[int, str, str]]:
        async with self._engine.begin() as connection:
            made = []
            for row in (await connection.execute(select(w).order_by(w.c.id).with_for_update())).all():
                if self._opens(row.secret, secret_associated_data(row.id)):
                    continue
                secret = new_secret()
                sealed = self._cipher.encrypt(secret, secret_associated_data(row.id))
                await connection.execute(update(w).where(w.c.id == row.id).values(secret=sealed))
                made.append((row.id, row.url, secret))
        return made

    def _opens(self, sealed: bytes | None, associated_data: AssociatedData) -> bool:
        try:
            return sealed is None or bool(self._cipher.decrypt(sealed, associated_data))
        except (Tampered, OperatorMustAct):
            return False
