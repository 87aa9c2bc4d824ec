"""The background work of Catflap in simulated time: ticks, queued jobs, retries and crashes."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any

import asyncpg
from pgqueuer.domain.errors import RetryRequested

from catflap.announcements.rendering import Renderer
from catflap.errors import CatflapError
from catflap.speech import VoiceChoice
from catflap.speech.wav import Sound
from catflap.store.task_types import PLAN
from catflap.work.periodic import PeriodicTasks
from catflap.work.retention import Retention
from catflap.work.worker import with_retries
from tests.support.app_client import RunningApp

# When another worker picks up the jobs of one that has died.
_HEARTBEAT = timedelta(seconds=6)
_MAX_AWAITS = 120
_TAKE = """
    DELETE FROM queue.pgqueuer RETURNING id, entrypoint, coalesce(payload, ''), execute_after - created
"""
_LET_LEASES_PASS = """
    UPDATE vault.google_tokens SET lease_until = lease_until - $1::interval WHERE lease_until IS NOT NULL
"""


@dataclass(order=True)
class _Job:
    due_at: datetime
    number: int
    name: str = field(compare=False)
    payload: bytes = field(compare=False)
    attempts: int = field(compare=False, default=0)


class Work:
    """Runs ticks and jobs as the worker does, but when the simulation says so.

    Args:
        app: The application, which runs no worker of its own.
        database: A connection as its owner.
        chance: Decides about crashes, and which jobs run at the same time.

    Attributes:
        crash_rate: The share of the jobs that are cancelled at one of their awaits, and run again.
        unexpected: Errors that no job may raise.
    """

    def __init__(self, app: RunningApp, database: asyncpg.Connection, chance: Random) -> None:
        base = app.catflap.components.infrastructure
        self._database = database
        self._clock = app.clock
        self._chance = chance
        self._periodic = PeriodicTasks(base.engine, base.clock, most_syncs=1000)
        self._retention = Retention(base.engine, base.clock)
        jobs = app.catflap.components.jobs
        jobs = replace(jobs, renderer=Renderer(base.engine, base.clock, _Silence()))  # type: ignore[arg-type]
        self._functions = {name: self._watched(name, one) for name, one in jobs.by_name().items()}
        self._waiting: list[_Job] = []
        self._numbers = 0
        # The vault measures the pauses after failed refreshes by clocks that do not stand still.
        circuit = app.catflap.components.vault.vault._refresher._circuit
        circuit._monotonic = lambda: app.clock.now().timestamp()
        self._lease_clock = app.clock.now()
        self.crash_rate = 0.0
        self.counts: Counter[str] = Counter()
        self.unexpected: list[BaseException] = []

    def next_retry_at(self) -> datetime | None:
        """Return when the next job that waits is due."""
        return self._waiting[0].due_at if self._waiting else None

    @property
    def is_retrying(self) -> bool:
        """Whether a job waits to be run again."""
        return bool(self._waiting)

    @property
    def is_planning(self) -> bool:
        """Whether a plan that was interrupted waits to be run again, so that schedules may be old."""
        return any(job.name == PLAN.name for job in self._waiting)

    async def next_due_at(self) -> datetime | None:
        """Return when a tick has something to do."""
        (row,) = await self._database.fetch(
            "SELECT least((SELECT min(due_at) FROM app.calendar_syncs),"
            " (SELECT min(plan_due_at) FROM app.users))"
        )
        due: datetime | None = row[0]
        return due

    async def tick(self) -> None:
        """Run what is due by time, and then all jobs."""
        passed, self._lease_clock = self._clock.now() - self._lease_clock, self._clock.now()
        await self._database.execute(_LET_LEASES_PASS, passed)
        await self._periodic.tick()
        await self._retention.tick()
        await self.run_jobs()

    async def run_jobs(self) -> None:
        """Run queued jobs and those whose retry is due, until there are none."""
        while jobs := await self._take():
            self._chance.shuffle(jobs)
            while jobs:
                size = self._chance.choice((1, 1, 3))
                together, jobs = jobs[:size], jobs[size:]
                await asyncio.gather(*map(self._run, together))

    async def _take(self) -> list[_Job]:
        for _, name, payload, after in sorted(await self._database.fetch(_TAKE)):
            self._add(_Job(self._clock.now() + after, 0, name, payload))
        due = []
        while self._waiting and self._waiting[0].due_at <= self._clock.now():
            due.append(heapq.heappop(self._waiting))
        return due

    def _add(self, job: _Job) -> None:
        self._numbers += 1
        heapq.heappush(self._waiting, replace(job, number=self._numbers))

    async def _run(self, job: _Job) -> None:
        self.counts[job.name] += 1
        crash_at = self._chance.randint(1, _MAX_AWAITS) if self._chance.random() < self.crash_rate else 0
        queued = SimpleNamespace(id=self._numbers, payload=job.payload, attempts=job.attempts)
        running = asyncio.create_task(_CrashAt(self._functions[job.name](queued), crash_at).run())
        try:
            await running
        except asyncio.CancelledError:
            self.counts[f"{job.name} crashed"] += 1
            self._add(replace(job, due_at=self._clock.now() + _HEARTBEAT))
        except RetryRequested as request:
            self.counts[f"{job.name} retried"] += 1
            due_at = self._clock.now() + request.delay
            self._add(replace(job, due_at=due_at, attempts=job.attempts + 1))

    def _watched(self, name: str, function: Any) -> Any:
        async def watched(payload: str) -> None:
            try:
                await function(payload)
            except CatflapError:
                raise
            except Exception as error:
                self.unexpected.append(error)
                raise

        return with_retries(name, watched)


class _CrashAt:
    """Awaits a coroutine, and cancels it when it waits for the nth time."""

    def __init__(self, work: Coroutine[Any, Any, None], crash_at: int) -> None:
        self._work = work
        self._crash_at = crash_at

    async def run(self) -> None:
        await self

    def __await__(self) -> Generator[Any, Any, None]:
        work, awaits = self._work.__await__(), 0
        step: Callable[[], Any] = partial(next, work)
        while True:
            try:
                waiting = step()
            except StopIteration:
                return
            awaits += 1
            if awaits == self._crash_at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waiting
            except BaseException as error:
                step = partial(work.throw, error)
            else:
                step = partial(next, work)


class _Silence:
    """Makes no sound, because how an announcement sounds is not what the week is about."""

    async def synthesise(self, _spoken: str, voice: VoiceChoice) -> Sound:
        return Sound(b"RIFF", voice.dialect, 1.0)
