"""Run queued tasks with PgQueuer, woken by NOTIFY, and retry temporary failures.

PgQueuer stores and logs the traceback of a failed job. A traceback may quote an event title, so PgQueuer only
gets the error's code or type.
"""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Self

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job as QueuedJob
from sqlalchemy.engine import URL
from structlog.contextvars import bound_contextvars

from catflap import tracing
from catflap.errors import CatflapError, TryAgain, may_retry
from catflap.log import log, place
from catflap.store.database import asyncpg_options
from catflap.store.queue import QUEUE_SETTINGS
from catflap.store.unavailable import LOSSES, DatabaseUnavailable
from catflap.work.tasks import TaskFunction, Tasks

_HEARTBEAT = timedelta(seconds=3)
_POLL = timedelta(seconds=1)
_BATCH = 20
# What a worker takes at once, so that its pool of connections is enough for it, and others get the rest.
_AT_ONCE = 100
_CONCURRENCY = {"render": 2, "sample": 2}
_MAX_TRIES = 10
_RECONNECT_SECONDS = 1.0
_GRACE_SECONDS = 6.0
# For the statements that give jobs back.
_GIVE_BACK_SECONDS = 2.0


class RunningJobs:
    """The jobs that run now, and whether they are to be given back to the queue."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.are_given_back = False

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count the current task as a job while the context is open.

        Raises:
            RetryRequested: it was cancelled by `give_back`.
        """
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        except BaseException:
            # A cancellation during a query may arrive as an error of the driver.
            if not (self.are_given_back and task.cancelling()) or task.uncancel():
                raise
            raise RetryRequested(timedelta(0), reason="given_back") from None
        finally:
            self._tasks.discard(task)

    def give_back(self) -> None:
        """Stop all jobs, so that another worker does them at once."""
        self.are_given_back = True
        if self._tasks:
            log.info("jobs_given_back", count=len(self._tasks))
        for task in self._tasks:
            task.cancel()


class Worker:
    """Queue worker that runs while its context is open; any number may share one database.

    Args:
        url: The database.
        tasks: What it does.
        grace_seconds: On leaving, how long jobs may still run; then they are given back to the queue.
    """

    def __init__(self, url: URL, tasks: Tasks, *, grace_seconds: float = _GRACE_SECONDS) -> None:
        self._options: dict[str, Any] = asyncpg_options(url)
        self._functions = tasks.by_name()
        self._grace_seconds = grace_seconds
        self._running = RunningJobs()
        self._manager: QueueManager | None = None
        self._connection: asyncpg.Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        if self._task is None:
            return
        if self._manager is not None:
            self._manager.shutdown.set()
        await asyncio.wait({self._task}, timeout=self._grace_seconds)
        if not self._task.done():
            self._running.give_back()
            await asyncio.wait({self._task}, timeout=_GIVE_BACK_SECONDS)
        if not self._task.done():
            # Another worker picks up a cancelled job when its heartbeat stops.
            self._task.cancel()
            if self._connection is not None:
                # PgQueuer would wait for the server, without end for one that does not answer.
                self._connection.terminate()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def reads_queue(self) -> bool:
        """Whether it is connected and not about to end."""
        return self._manager is not None and not self._stopping

    async def _run(self) -> None:
        while not self._stopping:
            try:
                await self._run_once()
            except Exception as error:
                if _is_connection_loss(error):
                    log.warning("worker_database_lost", error=type(error).__name__)
                else:
                    log.error(
                        "worker_failed_unexpectedly",
                        error=type(error).__name__,
                        at=place(error.__traceback__),
                    )
            if not self._stopping:
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _run_once(self) -> None:
        self._connection = connection = await asyncpg.connect(**self._options)
        try:
            if self._stopping:
                return
            manager = QueueManager(_queries(connection))
            for name, function in self._functions.items():
                manager.entrypoint(name, concurrency_limit=_CONCURRENCY.get(name, 0), accepts_context=False)(
                    with_retries(name, function, self._running)
                )
            self._manager = manager
            await manager.run(
                dequeue_timeout=_POLL,
                batch_size=_BATCH,
                max_concurrent_tasks=_AT_ONCE,
                heartbeat_timeout=_HEARTBEAT,
            )
        finally:
            self._manager = self._connection = None
            connection.terminate()


def _is_connection_loss(error: BaseException) -> bool:
    """Return whether the connection was lost; PgQueuer's tasks then fail together, as an exception group."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_connection_loss, error.exceptions))
    return isinstance(error, LOSSES)


def _queries(connection: asyncpg.Connection) -> Queries:
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(QUEUE_SETTINGS),
        qbq=QueryQueueBuilder(QUEUE_SETTINGS),
        qbs=QuerySchedulerBuilder(QUEUE_SETTINGS),
    )


def with_retries(name: str, function: TaskFunction, jobs: RunningJobs | None = None) -> Any:
    """Return the function that PgQueuer calls: it asks for a retry after a failure that may be temporary."""
    jobs = jobs or RunningJobs()

    async def run(queued: QueuedJob) -> None:
        with (
            bound_contextvars(job=name, job_id=str(queued.id)),
            tracing.job_span(name, queued.attempts) as span,
        ):
            await attempt(queued, span)

    async def attempt(queued: QueuedJob, span: tracing.Span) -> None:
        try:
            with jobs.running():
                await function((queued.payload or b"").decode())
        except RetryRequested:
            raise
        except CatflapError as error:
            span.fail(error.code)
            log.warning("job_failed", job=name, code=error.code, detail=error.detail)
            if isinstance(error, DatabaseUnavailable):
                # Not a failure of the job, so it is retried without a limit.
                raise RetryRequested(_backoff(min(queued.attempts, 5)), reason=error.code) from None
            if not may_retry(error) or queued.attempts >= _MAX_TRIES:
                return
            after = error.after if isinstance(error, TryAgain) else None
            raise RetryRequested(after or _backoff(queued.attempts), reason=error.code) from None
        except Exception as error:
            span.fail(type(error).__name__)
            log.error(
                "job_failed_unexpectedly", job=name, error=type(error).__name__, at=place(error.__traceback__)
            )
            if queued.attempts >= _MAX_TRIES:
                return
            raise RetryRequested(_backoff(queued.attempts), reason=type(error).__name__) from None

    return run


def _backoff(attempts: int) -> timedelta:
    """Truncated exponential with jitter, as Google asks for (Calendar API, "Handle errors")."""
    return timedelta(seconds=min(2.0**attempts, 300.0) * random.uniform(0.5, 1.5))  # noqa: S311
