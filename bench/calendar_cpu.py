"""CPU time of calendar syncs and plans in the worker process: HTTP client, database client and scheduling.

The sandbox and PostgreSQL are other processes, so their work does not count. Every row is milliseconds of
`time.process_time` per operation, the median of several interleaved rounds. `python -m bench.profile sync`
(or `first-sync`, `plan`) prints the profile of an operation.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.vault_stage import CLIENT_ID, Stage
from catflap.app import Application, open_catflap
from catflap.clock import SystemClock
from catflap.google.oauth import TokenResponse
from catflap.google.scopes import normalise
from catflap.store.calendar_tables import calendars, events
from catflap.store.planning_tables import plans
from catflap.store.queue import enqueue
from catflap.store.tables import accounts, devices, users
from catflap.store.task_types import PLAN, SYNC, AccountKey, TaskType
from catflap.work.tasks import TaskFunction, Tasks
from catflap.work.worker import Worker

SCOPES = [
    "openid",
    "https://www.googleapis.com/auth/calendar.events.readonly",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
]
FEW, MANY = 50, 2000
QUEUED = 40
Step = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Person:
    """A user whose account has a primary calendar with events, and a device."""

    key: AccountKey
    email: str
    token: str


class CountedTasks:
    """The syncs and plans of a worker, counted as they end; other jobs stay in the queue."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._left: dict[str, int] = {}
        self._ended = asyncio.Event()

    def by_name(self) -> dict[str, TaskFunction]:
        functions = self._tasks.by_name()
        return {name: self._counted(name, functions[name]) for name in (SYNC.name, PLAN.name)}

    def expect(self, name: str, count: int) -> None:
        self._left = {name: count}
        self._ended.clear()

    async def wait(self) -> None:
        await self._ended.wait()

    def _counted(self, name: str, function: TaskFunction) -> TaskFunction:
        async def run(key: str) -> None:
            await function(key)
            self._left[name] = self._left.get(name, 0) - 1
            if self._left[name] == 0:
                self._ended.set()

        return run


async def calendar_cpu(stage: Stage, *, rounds: int = 5, repeats: int = 60) -> dict[str, Any]:
    """Return the CPU time per operation in milliseconds."""
    async with opened(stage) as application:
        few, many = await person(stage, application, FEW), await person(stage, application, MANY)
        chosen = await steps(stage, application, few, many)
        measured: dict[str, list[float]] = {name: [] for name in chosen}
        for _ in range(rounds):
            for name, (step, prepare, times, parts) in chosen.items():
                count = max(3, repeats // times)
                measured[name].append(await _cpu_ms(step, prepare, count) / parts)
        rows = {name: round(statistics.median(several), 3) for name, several in measured.items()}
        return rows | await _queued(stage, application, rounds)


@asynccontextmanager
async def opened(stage: Stage) -> AsyncIterator[Application]:
    """Open Catflap on the database and the sandbox of the stage, without a worker."""
    async with open_catflap(stage.settings(calendars=True)) as application:
        yield application


async def person(stage: Stage, application: Application, count: int) -> Person:
    """Create a user with a grant, a device, and so many events on coming days at Google."""
    now, engine = SystemClock().now(), stage.app_engine
    async with engine.begin() as connection:
        made = insert(users).values(created_at=now).returning(users.c.id)
        user_id = int((await connection.execute(made)).scalar_one())
    body = {"email": f"user{user_id}@cpu.example.com", "client_id": CLIENT_ID, "scopes": SCOPES}
    account = (await _control(stage, "accounts", body))["accounts"][0]
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(_account_row(user_id, account)))
        await connection.execute(insert(devices).values(_device_row(user_id)))
    tokens = TokenResponse(
        account["access_token"], 3599, normalise(account["scope"]), account["refresh_token"]
    )
    await application.services.grants.store(user_id, account["sub"], tokens)
    for number in range(count):
        await _control(stage, f"calendars/{account['email']}/primary/events", _event(number))
    return Person(AccountKey(user_id, account["sub"]), account["email"], account["access_token"])


async def steps(
    stage: Stage, application: Application, few: Person, many: Person
) -> dict[str, tuple[Step, Step | None, int, int]]:
    """Return each operation, what precedes it unmeasured, its weight and the number of its parts."""
    engine, http = stage.app_engine, application.services.http
    sync, plan = application.components.jobs.sync, application.components.jobs.planner.plan_user
    await sync(few.key)
    await plan(few.key.user_id)
    async with engine.connect() as connection:
        mine = select(calendars.c.sync_token).where(calendars.c.user_id == few.key.user_id)
        sync_token = await connection.scalar(mine)
    url = f"{stage.google.url}/calendar/v3/calendars/primary/events"

    async def get() -> None:
        headers = {"Authorization": f"Bearer {few.token}"}
        response = await http.get(url, params={"syncToken": sync_token}, headers=headers)
        response.raise_for_status()

    async def read() -> None:
        async with engine.connect() as connection:
            await connection.execute(select(users).where(users.c.id == few.key.user_id))

    def forget(one: Person) -> Step:
        return lambda: _forget(engine, one.key.user_id)

    async def forget_plan() -> None:
        async with engine.begin() as connection:
            await connection.execute(delete(plans).where(plans.c.user_id == few.key.user_id))

    return {
        "bare GET of the same address": (get, None, 1, 1),
        "bare SELECT by SQLAlchemy": (read, None, 1, 1),
        "sync without change": (lambda: sync(few.key), None, 1, 1),
        f"first sync, {FEW} events, per event": (lambda: sync(few.key), forget(few), 4, FEW),
        f"first sync, {MANY} events, per event": (lambda: sync(many.key), forget(many), 20, MANY),
        "plan again, nothing changed": (lambda: plan(few.key.user_id), None, 1, 1),
        "plan computed, nothing changed": (lambda: plan(few.key.user_id), forget_plan, 1, 1),
    }


async def _forget(engine: AsyncEngine, user_id: int) -> None:
    """Delete the events and let the next sync be the first."""
    async with engine.begin() as connection:
        mine = select(calendars.c.id).where(calendars.c.user_id == user_id)
        await connection.execute(delete(events).where(events.c.calendar_id.in_(mine)))
        never = {"sync_token": None, "synced_at": None}
        await connection.execute(update(calendars).where(calendars.c.user_id == user_id).values(never))


async def _queued(stage: Stage, application: Application, rounds: int) -> dict[str, Any]:
    """Measure jobs from their transaction to their end, with the worker of this process."""
    people = [await person(stage, application, FEW) for _ in range(QUEUED)]
    keys, user_ids = [one.key for one in people], [one.key.user_id for one in people]
    async with stage.app_engine.begin() as connection:
        await connection.execute(text("DELETE FROM queue.pgqueuer"))
    counted = CountedTasks(application.components.jobs)
    measured: dict[str, list[float]] = {"sync": [], "plan": [], "idle": []}

    async def run(task: TaskType[Any], keys: Sequence[Any]) -> None:
        counted.expect(task.name, len(keys))
        async with stage.app_engine.begin() as connection:
            await enqueue(connection, task, *keys)
        await counted.wait()
        # The engine logs the last jobs a moment later.
        await asyncio.sleep(0.2)

    async with Worker(stage.urls.app, counted):  # type: ignore[arg-type]
        for _ in range(rounds):
            measured["sync"].append(await _cpu_ms(lambda: run(SYNC, keys), None, 2) / QUEUED)
            measured["plan"].append(await _cpu_ms(lambda: run(PLAN, user_ids), None, 2) / QUEUED)
            measured["idle"].append(await _cpu_ms(lambda: asyncio.sleep(1), None, 1))
    titles = {
        "sync": "sync without change, through the queue",
        "plan": "plan again, nothing changed, through the queue",
        "idle": "an idle worker, per second",
    }
    return {title: round(statistics.median(measured[name]), 3) for name, title in titles.items()}


async def _cpu_ms(step: Step, prepare: Step | None, count: int) -> float:
    """Return the CPU time of a step, in milliseconds; the first run of a step is not counted."""
    spent = 0.0
    for number in range(count + 1):
        if prepare is not None:
            await prepare()
        began = time.process_time()
        await step()
        spent += (time.process_time() - began) if number else 0.0
    return spent / count * 1000


async def _control(stage: Stage, path: str, body: dict[str, Any]) -> Any:
    response = await stage.http.post(f"{stage.google.url}/sandbox/{path}", json=body)
    response.raise_for_status()
    return response.json()


def _account_row(user_id: int, account: dict[str, str]) -> dict[str, Any]:
    now = SystemClock().now()
    return {
        "sub": account["sub"],
        "user_id": user_id,
        "email": account["email"],
        "email_verified": True,
        "is_primary": True,
        "created_at": now,
        "updated_at": now,
    }


def _device_row(user_id: int) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "name": "Mia",
        "model": "browser",
        "token_hash": str(user_id).encode(),
        "volume": 60,
        "schedule_version": 0,
        "created_at": SystemClock().now(),
    }


def _event(number: int) -> dict[str, Any]:
    """Return one of ten half-hour events a day, from tomorrow on; each tenth repeats every week."""
    start = SystemClock().now().replace(microsecond=0) + timedelta(
        days=number // 10 % 30, hours=number % 10 + 1
    )
    times = {
        name: {"dateTime": at.isoformat(), "timeZone": "Europe/Berlin"}
        for name, at in (("start", start), ("end", start + timedelta(minutes=30)))
    }
    weekly = {"recurrence": ["RRULE:FREQ=WEEKLY"]} if number % 10 == 0 else {}
    return {"summary": f"Meeting {number}", **times, **weekly}
