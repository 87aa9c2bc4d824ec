"""Merge two grants of a user that turned out to be for the same Google account."""

from collections.abc import Sequence

from sqlalchemy import update

from catflap.clock import Clock
from catflap.google.scopes import missing_scopes
from catflap.store.task_types import AccountKey
from catflap.store.vault_tables import google_tokens as t
from catflap.vault.grant import GrantToken
from catflap.vault.grants import Grants
from catflap.vault.outbox import enqueue_webhook_event
from catflap.vault.token_selection import MAX_TOKENS


async def merge(grants: Grants, clock: Clock, user_id: int, account_sub: str, into: str) -> None:
    """Move tokens that add scopes from the grant for `account_sub` to that for `into`; delete the former.

    Values are encrypted for their row and user, so a token keeps its row.
    """
    async with grants.engine.begin() as connection:
        # Always in the same order, to avoid a deadlock between two processes.
        found = {one: await grants.rows.lock(connection, user_id, one) for one in sorted((account_sub, into))}
        theirs, ours = found[account_sub], found[into]
        if not theirs or not ours:
            return
        before = grants.combined(ours)
        alive = [one for one in ours if one.is_alive(grants.client_ids)]
        adding = [one for one in theirs if grants.is_of_use(one) and _adds(one, alive)]
        moved = adding[: max(MAX_TOKENS - len(ours), 0)]
        changes = {"account_sub": into, "supplements": before.id}
        ids = [one.id for one in moved]
        # The version stays, so a running refresh of the token stays valid.
        await connection.execute(update(t).where(t.c.id.in_(ids)).values(changes))
        await grants.rows.delete(connection, [one for one in theirs if one not in moved])
        await grants.rows.update_by_id(connection, before.id, {})
        after = grants.combined(await grants.rows.of_grant(connection, user_id, into))
        if after.scopes != before.scopes:
            await enqueue_webhook_event(connection, "grant.scopes_changed", after, clock.now())
        await grants.enqueue_sync(connection, AccountKey(user_id, into))


def _adds(token: GrantToken, alive: Sequence[GrantToken]) -> bool:
    """Return whether no token of the same OAuth client covers the scopes of this one."""
    same = [one for one in alive if one.client_id == token.client_id]
    return all(missing_scopes(token.scopes, one.scopes) for one in same)
