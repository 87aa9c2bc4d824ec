"""Enqueue background work in the transaction that changes the data.

A job names the key of rows to process, and the rows hold the state, so a lost or duplicate job does no harm.
Only this module and `catflap.work` use PgQueuer.
"""

from datetime import timedelta
from typing import TypeVar

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.domain.settings import DBSettings
from sqlalchemy import ColumnElement, column, func, literal_column, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.store.single_statements import execute_within
from catflap.store.task_types import TaskType

_K = TypeVar("_K")
QUEUE_SETTINGS = DBSettings(db_schema="queue")
_queue = table("pgqueuer", column("entrypoint"), column("status"), column("execute_after"), schema="queue")
_ENQUEUE = QueryQueueBuilder(settings=QUEUE_SETTINGS).build_enqueue_query("raise")


def install_sql() -> str:
    """Return the DDL of PgQueuer's tables, for the migrations."""
    return QueryBuilderEnvironment(settings=QUEUE_SETTINGS).build_install_query(create_schema=False)


async def enqueue(
    connection: AsyncConnection,
    task: TaskType[_K],
    *keys: _K,
    after: timedelta = timedelta(),
    is_urgent: bool = False,
) -> None:
    """Enqueue a task once for each key, so that it runs when this transaction has committed.

    Not de-duplicated on purpose: a key that is being processed must be processed again.

    Args:
        connection: In the transaction that changes the data.
        task: The kind of task.
        keys: Its keys.
        after: How much later it is to run.
        is_urgent: Whether it runs before those that wait already.
    """
    n = len(keys)
    if n:
        payloads = [task.to_text(key).encode() for key in keys]
        await execute_within(
            connection,
            _ENQUEUE,
            *([int(is_urgent)] * n, [task.name] * n, payloads, [after] * n, [None] * n, ["{}"] * n),
        )


def waiting(task: TaskType[_K], most: int) -> ColumnElement[int]:
    """Return how many tasks of a kind could run now and wait, as a subquery that counts up to `most`."""
    t = _queue.c
    # The times of the queue are the database's.
    ready = t.entrypoint == task.name, t.status == literal_column("'queued'"), t.execute_after <= func.now()
    jobs = select(literal_column("1")).select_from(_queue).where(*ready).limit(most).subquery()
    return select(func.count()).select_from(jobs).scalar_subquery()
