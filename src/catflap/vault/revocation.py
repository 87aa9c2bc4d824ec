"""Revoke grants: mark them here, revoke the refresh token at Google, then delete them.

Google revokes everything that the account allowed to the whole project, so the grants of other users for the
same account end with it. A revocation that was interrupted is finished by the `revoke` job.
"""

from sqlalchemy import func, literal_column, select

from catflap.errors import BadRequest, OperatorMustAct, Tampered, TryAgain
from catflap.google.oauth import OAuth
from catflap.log import log
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.failpoint import failpoint
from catflap.vault.grant import Grant, GrantToken
from catflap.vault.grants import Grants


class Revocation:
    """Revokes grants."""

    def __init__(self, grants: Grants, oauth: OAuth) -> None:
        self._grants = grants
        self._oauth = oauth

    async def also_ended(self, user_id: int, account_sub: str) -> list[Grant]:
        """Return the grants of other users that end with this one, to warn about them."""
        return [
            grant
            for grant in await self._grants.of_account(account_sub)
            if grant.user_id != user_id and grant.state == "active"
        ]

    async def revoke(self, user_id: int, account_sub: str, *, reason: str = "user") -> bool:
        """Revoke a grant here, then at Google; return False when a job must retry the latter.

        Raises:
            BadRequest: `not_found`.
        """
        grant = await self._grants.exact(user_id, account_sub)
        if grant is None:
            raise BadRequest("not_found", "There is no such grant.")
        failpoint("revoke.begin")
        await self._grants.end(grant, reason, keep_refresh_token=True)
        failpoint("revoke.marked")
        try:
            await self.finish(grant.id)
        except (TryAgain, OperatorMustAct) as error:
            log.warning("revocation_deferred", grant=grant.id, code=error.code, detail=error.detail)
            return False
        return True

    async def finish(self, grant_id: int) -> None:
        """Revoke at Google a grant that is marked as revoked, and delete it; idempotent.

        Raises:
            TryAgain: `google_unavailable`; nothing was changed.
            OperatorMustAct: `keyset_lacks_key`; nothing was changed.
        """
        grant = await self._grants.get(grant_id)
        if grant is None or grant.state != "revoked":
            # Deleted already, or replaced by a new consent, which revoking the old token would end too.
            return
        for token in grant.tokens:
            await self._revoke_token(grant, token)
        await self._grants.erase(grant)
        failpoint("revoke.end")

    async def _revoke_token(self, grant: Grant, token: GrantToken) -> None:
        try:
            refresh_token = self._grants.open_refresh_token(token)
        except Tampered as error:
            log.error("token_revocation_failed", grant=grant.id, code=error.code, detail=error.detail)
            return
        if refresh_token is None:
            return
        await self._oauth.revoke(refresh_token)
        failpoint("revoke.answered")
        for other in await self.also_ended(grant.user_id, grant.account_sub):
            await self._grants.end(other, "revoked_with_account")

    async def unfinished(self) -> list[int]:
        """Return grants that are marked but not yet revoked at Google, in case a job was lost."""
        grant_id = func.coalesce(t.c.supplements, t.c.id)
        # A literal, as in the condition of the index.
        revoked = t.c.state == literal_column("'revoked'")
        query = select(grant_id).where(revoked, t.c.refresh_token.is_not(None)).distinct()
        async with self._grants.engine.connect() as connection:
            return list((await connection.execute(query)).scalars())
