"""Detect at startup that the configured OAuth client has changed, and mark the affected grants.

A refresh token works only with the client that it was issued to. Tokens of another client are kept as long
as any grant that needs a new consent, and become active again when their client is configured again.
"""

from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.log import log
from catflap.store.task_types import AccountKey
from catflap.store.vault_tables import google_tokens as t
from catflap.store.vault_tables import webhooks
from catflap.vault.grant import CLIENT_CHANGED, GrantToken
from catflap.vault.grants import Grants
from catflap.vault.outbox import Event, enqueue_webhook_event
from catflap.vault.token_rows import ALIVE, WITHOUT_LEASE


class ClientChange:
    """Marks grants of other OAuth clients as `client_changed`, and unmarks those of the present ones."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def apply(self) -> None:
        """Update the marks, and log how many grants are affected."""
        ids = self._grants.client_ids
        ours, others = t.c.client_id.in_(ids), _none_of(sorted(ids))
        marked = (t.c.state == "reconsent") & (t.c.reason == CLIENT_CHANGED)
        ended = {**WITHOUT_LEASE, **self._grants.rows.ended_columns("reconsent", CLIENT_CHANGED)}
        async with self._grants.engine.begin() as connection:
            await self._change(connection, ended, t.c.state == "active", others)
            back = await self._change(connection, ALIVE, marked, ours)
            keys = {(one.user_id, one.account_sub) for one in back}
            await self._grants.enqueue_sync(connection, *(AccountKey(*key) for key in sorted(keys)))
            other = t.alias()
            same = (other.c.user_id == t.c.user_id) & (other.c.account_sub == t.c.account_sub)
            goes_on = exists().where(same, other.c.state == "active")
            grants = func.count(func.distinct(func.coalesce(t.c.supplements, t.c.id)))
            waiting = await connection.scalar(select(grants).where(marked, ~goes_on))
        if keys:
            log.info("grants_client_restored", grants=len(keys))
        if waiting:
            log.warning(
                "grants_client_changed",
                grants=waiting,
                hint="These grants were issued to an OAuth client that is not configured now "
                "(GOOGLE_CLIENT_ID, or the desktop client of `catflap signin`). Restore the former one, or "
                "have these users consent again; until then they get no token.",
            )

    async def _change(
        self, connection: AsyncConnection, changes: dict[str, object], *where: ColumnElement[bool]
    ) -> Sequence[GrantToken]:
        changed = await self._grants.rows.update(connection, changes, *where)
        if changed and await connection.scalar(select(func.count()).select_from(webhooks)):
            for user_id, account in sorted({(one.user_id, one.account_sub) for one in changed}):
                await self._enqueue_event(connection, user_id, account)
        return changed

    async def _enqueue_event(self, connection: AsyncConnection, user_id: int, account_sub: str) -> None:
        grant = self._grants.combined(await self._grants.rows.of_grant(connection, user_id, account_sub))
        event: Event = "grant.active" if grant.state == "active" else "grant.reconsent"
        await enqueue_webhook_event(connection, event, grant, grant.updated_at)


def _none_of(client_ids: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition as ranges of the index; `NOT IN` would read every row."""
    between = [and_(t.c.client_id > low, t.c.client_id < high) for low, high in pairwise(client_ids)]
    return or_(t.c.client_id < client_ids[0], *between, t.c.client_id > client_ids[-1])
