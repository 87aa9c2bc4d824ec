"""Enqueue background work in the transaction that changes the data.

A job only says "look again" at something; the domain rows are the truth, so a lost or doubled job does no
harm. This and `catflap.work` are the only places that know PgQueuer.
"""

from datetime import timedelta
from typing import TypeVar

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.domain.settings import DBSettings
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.store.task_types import TaskType

_K = TypeVar("_K")
QUEUE_SETTINGS = DBSettings(db_schema="queue")
_ENQUEUE = QueryQueueBuilder(settings=QUEUE_SETTINGS).build_enqueue_query("raise")


def install_sql() -> str:
    """The DDL of PgQueuer's own tables, for the migrations."""
    return QueryBuilderEnvironment(settings=QUEUE_SETTINGS).build_install_query(create_schema=False)


async def enqueue(connection: AsyncConnection, task: TaskType[_K], *keys: _K) -> None:
    """Enqueue a task once for each key, so that it runs when this transaction has committed.

    No de-duplication on purpose: a key that is being worked on right now must be looked at once more.
    """
    # Through SQLAlchemy's own connection, so that it certainly joins the open transaction.
    n = len(keys)
    if n:
        payloads = [task.to_text(key).encode() for key in keys]
        await connection.exec_driver_sql(
            _ENQUEUE, ([0] * n, [task.name] * n, payloads, [timedelta()] * n, [None] * n, ["{}"] * n)
        )
