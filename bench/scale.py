"""Cost of a periodic tick and of jobs with 100, 1,000 and 10,000 users in the database.

Milliseconds are medians of wall time for single steps. CPU is that of this process and of PostgreSQL
together, per job, with the queue that runs the jobs.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psutil
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.scale_google import EVENTS, Person, create_people
from bench.vault_stage import CLIENT_ID, Stage
from catflap.announcements.planner import Planner
from catflap.announcements.repository import mark_ready
from catflap.calendars import Calendars, RequestBudget
from catflap.clock import SystemClock
from catflap.devices.devices import Devices
from catflap.google.calendar import CalendarApi
from catflap.store.database import Urls, connect
from catflap.store.migrate import create_database, migrate
from catflap.store.queue import enqueue
from catflap.store.tables import accounts, announcements, users
from catflap.store.task_types import PLAN, SYNC, AccountKey, TaskType
from catflap.vault import AccessToken, TokenCipher, load_keyset
from catflap.work.periodic import PeriodicTasks
from catflap.work.worker import Worker
from tests.support.many_users import Installation, load

Rows = dict[str, Any]
SIZES = (100, 1_000, 10_000)
_PEOPLE, _ROUNDS, _STEPS = 10, 10, 20
_CLOCK = SystemClock()


async def scale(stage: Stage, sizes: Sequence[int] = SIZES) -> Rows:
    """Return each measure at each number of users."""
    people = await create_people(stage, _PEOPLE)
    rows: Rows = {}
    for size in sizes:
        async with _installation(stage, size) as one:
            for what, value in (await _measure(one, people)).items():
                rows[f"{what}: {size:,} users"] = value
    for what in ("tick with nothing due, ms", "finishing one rendered sound, ms"):
        most, fewest = (rows[f"{what}: {size:,} users"] for size in (sizes[-1], sizes[0]))
        rows[f"{what}: most to fewest users"] = round(most / fewest, 2)
    return rows


@dataclass(frozen=True)
class _Installed:
    """A loaded database, and the application's parts that use it."""

    urls: Urls
    engine: AsyncEngine
    calendars: Callable[[dict[str, str]], Calendars]


@asynccontextmanager
async def _installation(stage: Stage, size: int) -> AsyncIterator[_Installed]:
    name = f"scale_{size}"
    urls = Urls(*(url.set(database=name) for url in (stage.urls.owner, stage.urls.app, stage.urls.vault)))
    await create_database(urls)
    await migrate(urls)
    cipher = TokenCipher(load_keyset(stage.keyset))
    await load(urls, size, Installation(_CLOCK.now(), CLIENT_ID, cipher))
    engine = connect(urls.app)

    def calendars(tokens: dict[str, str]) -> Calendars:
        async def access(_user_id: int, account_sub: str, _scope: str) -> AccessToken:
            return AccessToken(tokens[account_sub], _CLOCK.now() + timedelta(hours=1), frozenset())

        async def refused(*_: object) -> AccessToken:
            raise RuntimeError("the sandbox refused an access token")

        budget = RequestBudget(engine, _CLOCK, 10_000_000, 10_000_000)
        return Calendars(engine, _CLOCK, CalendarApi(stage.http, stage.google.url), access, refused, budget)

    try:
        yield _Installed(urls, engine, calendars)
    finally:
        await engine.dispose()


async def _measure(one: _Installed, people: list[Person]) -> Rows:
    found = {
        "tick with nothing due, ms": await _tick(one.engine),
        "finishing one rendered sound, ms": await _finish_sounds(one.engine),
    }
    keys = [AccountKey(await _add_user(one.engine, person), person.sub) for person in people]
    calendars = one.calendars({person.sub: person.access_token for person in people})
    planner = Planner(one.engine, _CLOCK)
    sync = _Jobs(one, SYNC, lambda key: calendars.sync_account(*key))
    plan = _Jobs(one, PLAN, planner.plan_user)
    users_of = [key.user_id for key in keys]
    forget = text(
        "WITH gone AS (DELETE FROM app.events e USING app.calendars c WHERE c.id = calendar_id"
        " AND c.user_id = ANY(:users)) UPDATE app.calendars SET sync_token = NULL WHERE user_id = ANY(:users)"
    ).bindparams(users=users_of)

    async def forget_events() -> None:
        async with one.engine.begin() as connection:
            await connection.execute(forget)

    first = await sync.cpu(keys, before=forget_events)
    return {
        **found,
        "sync without change, CPU ms": await sync.cpu(keys),
        f"first sync of {EVENTS} events, CPU ms": first,
        "plan again, nothing changed, CPU ms": await plan.cpu(users_of),
    }


async def _tick(engine: AsyncEngine) -> float:
    periodic = PeriodicTasks(engine, _CLOCK, 7000)
    return await _median(periodic.tick)


async def _finish_sounds(engine: AsyncEngine) -> float:
    a = announcements
    async with engine.begin() as connection:
        some = (await connection.execute(select(a).where(a.c.state == "ready").limit(_STEPS + 1))).all()
        await connection.execute(
            update(a).where(a.c.id.in_([row.id for row in some])).values(state="planned")
        )
    keys = iter([row.sound_key for row in some])

    async def finish() -> None:
        async with engine.begin() as connection:
            await mark_ready(connection, next(keys), _CLOCK.now())

    return await _median(finish)


async def _median(step: Callable[[], Awaitable[None]]) -> float:
    """Return the median wall time in milliseconds; the first run is not counted."""
    await step()
    took = []
    for _ in range(_STEPS):
        began = time.perf_counter()
        await step()
        took.append(time.perf_counter() - began)
    return round(statistics.median(took) * 1000, 1)


async def _add_user(engine: AsyncEngine, person: Person) -> int:
    now = _CLOCK.now()
    account = {"sub": person.sub, "email": person.email, "email_verified": True, "is_primary": True}
    async with engine.begin() as connection:
        made = insert(users).values(created_at=now).returning(users.c.id)
        user_id = int((await connection.execute(made)).scalar_one())
        times = {"created_at": now, "updated_at": now}
        await connection.execute(insert(accounts).values(user_id=user_id, **account, **times))
    await Devices(engine, _CLOCK).add_browser(user_id, "Browser")
    return user_id


class _Jobs:
    """Runs one kind of job through the queue, as `catflap work` does."""

    def __init__(self, one: _Installed, task: TaskType[Any], function: Callable[[Any], Awaitable[None]]):
        self._one = one
        self._task = task
        self._function = function
        self._left = 0
        self._done = asyncio.Event()

    def by_name(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """Return the function, as `Tasks.by_name`."""
        return {self._task.name: self._run}

    async def cpu(self, keys: Sequence[Any], before: Callable[[], Awaitable[None]] | None = None) -> float:
        """Return the CPU time of one job in milliseconds; the first round is not counted."""
        spent = 0.0
        async with Worker(self._one.urls.app, self):  # type: ignore[arg-type]
            for number in range(_ROUNDS + 1):
                if before is not None:
                    await before()
                at = await _cpu_seconds(self._one.engine)
                await self._round(keys)
                spent += (await _cpu_seconds(self._one.engine) - at) if number else 0
        return round(spent / (_ROUNDS * len(keys)) * 1000, 2)

    async def _round(self, keys: Sequence[Any]) -> None:
        self._left = len(keys)
        self._done.clear()
        async with self._one.engine.begin() as connection:
            await enqueue(connection, self._task, *keys)
        await self._done.wait()

    async def _run(self, key: str) -> None:
        await self._function(self._task.from_text(key))
        self._left -= 1
        if not self._left:
            self._done.set()


async def _cpu_seconds(engine: AsyncEngine) -> float:
    """Return the CPU time so far of this process and of the database's connections."""
    async with engine.connect() as connection:
        query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        pids = (await connection.execute(query)).scalars().all()
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return time.process_time() + sum(one.user + one.system for one in times)
