"""Delete grants that ended long ago and webhook deliveries that are done, in small transactions."""

from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, and_, delete, exists, literal_column, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.store.batches import in_batches, next_batch
from catflap.store.queue import enqueue
from catflap.store.task_types import ERASE, AccountKey
from catflap.store.vault_tables import google_tokens as t
from catflap.store.vault_tables import webhook_deliveries as d
from catflap.vault.lifetimes import CALENDAR_DELIVERIES_KEPT, ENDED_KEPT
from catflap.vault.token_rows import WITHOUT_TOKENS

# A literal, as in the condition of the index.
_ACTIVE: ColumnElement[str] = literal_column("'active'")
_more = t.alias()
_supplemented = exists().where(_more.c.supplements == t.c.id)


async def delete_old(engine: AsyncEngine, now: datetime) -> None:
    """Delete what was over ENDED_KEPT before `now`, and deliveries about calendars sooner."""
    before = now - ENDED_KEPT
    for batch in (_supplements, _main_rows, _tokens_of_main_rows, _deliveries):
        await in_batches(engine, partial(batch, before))
    await in_batches(engine, partial(_calendar_deliveries, now - CALENDAR_DELIVERIES_KEPT))


async def _supplements(before: datetime, connection: AsyncConnection) -> int:
    old = next_batch(t, _over(before), t.c.supplements.is_not(None), oldest=t.c.ended_at)
    return (await connection.execute(delete(t).where(old))).rowcount


async def _main_rows(before: datetime, connection: AsyncConnection) -> int:
    """Delete main rows without others, which are whole grants; what was read with them is erased."""
    old = next_batch(t, _over(before), ~_supplemented, oldest=t.c.ended_at)
    deleted = await connection.execute(delete(t).where(old).returning(t.c.user_id, t.c.account_sub))
    accounts = [AccountKey(*row) for row in deleted]
    await enqueue(connection, ERASE, *accounts)
    return len(accounts)


async def _tokens_of_main_rows(before: datetime, connection: AsyncConnection) -> int:
    """Delete the tokens of main rows; the row of a grant with other tokens stays."""
    old = next_batch(t, _over(before), _supplemented, t.c.refresh_token.is_not(None), oldest=t.c.ended_at)
    return (await connection.execute(update(t).where(old).values(WITHOUT_TOKENS))).rowcount


async def _deliveries(before: datetime, connection: AsyncConnection) -> int:
    old = next_batch(d, d.c.done_at < before, oldest=d.c.done_at)
    return (await connection.execute(delete(d).where(old))).rowcount


async def _calendar_deliveries(before: datetime, connection: AsyncConnection) -> int:
    old = next_batch(d, d.c.done_at < before, d.c.subject.is_not(None), oldest=d.c.done_at)
    return (await connection.execute(delete(d).where(old))).rowcount


def _over(before: datetime) -> ColumnElement[bool]:
    ended = and_(t.c.state != _ACTIVE, t.c.ended_at < before)
    # A refresh token that is to be revoked at Google is kept until Google has confirmed.
    return and_(ended, or_(t.c.state != "revoked", t.c.refresh_token.is_(None)))
