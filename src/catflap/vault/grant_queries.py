"""Queries for grants, and decryption of their tokens."""

from collections.abc import Collection, Sequence

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import OperatorMustAct, Tampered
from catflap.google.id_token import UNNAMED
from catflap.store.prepared_reads import PreparedReads
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.encryption import AssociatedData, TokenCipher
from catflap.vault.grant import Grant, GrantToken, combine_tokens
from catflap.vault.token_rows import TokenRows


class StoredGrants:
    """Read access to the grants of this installation's OAuth clients."""

    def __init__(
        self,
        engine: AsyncEngine,
        cipher: TokenCipher,
        clock: Clock,
        client_id: str,
        reads: PreparedReads | None = None,
        other_clients: Collection[str] = (),
    ) -> None:
        self.engine = engine
        self.rows = TokenRows(engine, cipher, clock, reads)
        self.cipher = cipher
        # The primary client, whose tokens are stored where nothing else is said, and all of ours.
        self.client_id = client_id
        self.client_ids = frozenset((client_id, *other_clients))

    async def of_user(self, user_id: int) -> list[Grant]:
        """Return the user's grants, oldest first."""
        return self._grouped(await self.rows.of_user(user_id))

    async def of_account(self, account_sub: str) -> list[Grant]:
        """Return every user's grant for one Google account, oldest first."""
        return self._grouped(await self.rows.where(t.c.account_sub == account_sub))

    async def find(self, user_id: int, account_sub: str | None) -> Grant | None:
        """Return one grant, or None; without an account, the user's oldest.

        A grant for an unidentified account comes after the others when it has ended, and is still found by
        its placeholder once its account was identified.
        """
        found = await self.of_user(user_id)
        nameless = f"{UNNAMED}{user_id}"
        if account_sub is None:
            return min(
                found,
                key=lambda one: (one.account_sub == nameless and one.state != "active", one.id),
                default=None,
            )
        if (named := _of_account(found, account_sub)) is not None:
            return named
        return found[0] if account_sub == nameless and len(found) == 1 else None

    async def exact(self, user_id: int, account_sub: str) -> Grant | None:
        """Return the grant for exactly this account, or None."""
        return _of_account(await self.of_user(user_id), account_sub)

    async def get(self, grant_id: int) -> Grant | None:
        """Return the grant with this id, or None."""
        found = await self.rows.where(or_(t.c.id == grant_id, t.c.supplements == grant_id))
        return self.combined(found) if any(one.supplements is None for one in found) else None

    async def token(self, token_id: int) -> GrantToken | None:
        """Return the token in the row with this id, or None."""
        found = await self.rows.where(t.c.id == token_id)
        return found[0] if found else None

    def open_access_token(self, of: Grant | GrantToken) -> str | None:
        """Decrypt the stored access token, for immediate use."""
        token = of.default if isinstance(of, Grant) else of
        if token._access_token is None:
            return None
        return self.cipher.decrypt(
            token._access_token, AssociatedData(token.id, token.user_id, "access_token")
        )

    def open_refresh_token(self, of: Grant | GrantToken) -> str | None:
        """Decrypt the refresh token, for immediate use."""
        token = of.default if isinstance(of, Grant) else of
        if token._refresh_token is None:
            return None
        return self.cipher.decrypt(
            token._refresh_token, AssociatedData(token.id, token.user_id, "refresh_token")
        )

    def can_open(self, token: GrantToken) -> bool:
        """Return whether our keyset decrypts the refresh token."""
        try:
            return self.open_refresh_token(token) is not None
        except (Tampered, OperatorMustAct):
            return False

    def is_alive(self, grant: Grant) -> bool:
        """Return whether any refresh token is usable and decrypts."""
        return any(one.is_alive(self.client_ids) and self.can_open(one) for one in grant.tokens)

    def is_of_use(self, token: GrantToken) -> bool:
        """Return whether a token may work again, now or once its OAuth client or key is configured again."""
        if not token.has_refresh_token or token.state == "revoked":
            return False
        return token.client_id not in self.client_ids or not self._is_broken(token)

    def combined(self, rows: Sequence[GrantToken]) -> Grant:
        """Combine token rows into a grant."""
        return combine_tokens(rows, self.client_ids)

    def _grouped(self, rows: Sequence[GrantToken]) -> list[Grant]:
        groups: dict[int, list[GrantToken]] = {}
        for one in sorted(rows, key=lambda one: one.id):
            groups.setdefault(one.grant_id, []).append(one)
        found = [
            self.combined(group) for group in groups.values() if any(not one.supplements for one in group)
        ]
        return sorted(found, key=lambda one: one.id)

    def _is_broken(self, token: GrantToken) -> bool:
        try:
            self.open_refresh_token(token)
        except Tampered:
            return True
        except OperatorMustAct:
            return False
        return False


def _of_account(grants: Sequence[Grant], account_sub: str) -> Grant | None:
    return next((one for one in grants if one.account_sub == account_sub), None)
