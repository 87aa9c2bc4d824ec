"""How soon a change at Google is in the schedule, and what it costs to keep calendars fresh.

`catflap serve` and `catflap work` as processes of their own, on the users of `tests.support.many_users`, with
`bench.bare_google` in the place of Google.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from bench.bare_google import PAGE
from bench.large_installation import Running, installation, put_off, started
from bench.vault_stage import Stage, free_port, until_up
from catflap.clock import SystemClock
from catflap.store.database import asyncpg_options
from catflap.store.notify import CHANNEL
from catflap.store.task_types import PLAN, SYNC_DUE, schedule_topic
from tests.support.many_users import account_sub, push_channel_id, push_channel_token

Rows = dict[str, Any]
POLL_SECONDS = 300
_SPREAD = (
    """UPDATE app.calendars SET synced_at = now(),
        sync_due_at = now() + (id / 2 % {seconds}) * interval '1 second' WHERE is_selected""",
    """UPDATE app.calendar_syncs SET list_sync_token = 'v1', listed_at = now(),
        list_due_at = now() + (user_id % (3 * {seconds})) * interval '1 second'""",
    """UPDATE app.calendar_syncs s SET due_at = least(list_due_at, (
        SELECT min(c.sync_due_at) FROM app.calendars c WHERE c.user_id = s.user_id AND c.is_selected))""",
)
_PLANNED = "SELECT planned_at FROM app.plans WHERE user_id = $1"
_RENDERED = "SELECT count(*) FROM app.sounds WHERE used_at >= $1"
_SIZE = "SELECT pg_database_size(current_database())"
_OLDEST = "SELECT extract(epoch FROM now() - min(synced_at)) FROM app.calendars WHERE is_selected"


async def polling(stage: Stage, *, users: int = 10_000, seconds: float = 660.0) -> Rows:
    """Poll all users' calendars every five minutes with one worker; the first minute is not counted."""
    async with installation(stage, users) as (connection, environment):
        await connection.execute("DELETE FROM app.push_channels")
        for statement in _SPREAD:
            # A sync sets the next one to at most .95 of the interval.
            await connection.execute(statement.format(seconds=int(0.95 * POLL_SECONDS)))
        with started(environment, "work") as work:
            await asyncio.sleep(60)
            began, cpu = time.monotonic(), work.cpu_seconds()
            database = stage.cpu_seconds()["PostgreSQL"]
            ages, memory = [], []
            while (left := seconds - 60 - (time.monotonic() - began)) > 0:
                await asyncio.sleep(min(15.0, left))
                ages.append(float(await connection.fetchval(_OLDEST)))
                memory.append(work.megabytes())
            took = time.monotonic() - began
            return {
                "accounts": users,
                "cores, worker": round((work.cpu_seconds() - cpu) / took, 3),
                "cores, PostgreSQL": round((stage.cpu_seconds()["PostgreSQL"] - database) / took, 3),
                "oldest copy, s": round(max(ages), 1),
                "CPU a sync, ms": round((work.cpu_seconds() - cpu) / took * POLL_SECONDS / users * 1000, 2),
                "database, KB an account": round(await connection.fetchval(_SIZE) / users / 1024),
                "memory of the worker at the first reading, MB": round(memory[0]),
                "memory of the worker at the last reading, MB": round(memory[-1]),
            }


async def pushed(stage: Stage, *, users: int = 1_000, per_second: int = 100, seconds: float = 30.0) -> Rows:
    """Send notifications about the users' calendars in turn; wait for each new schedule.

    Each user has a plan from before. Sounds are rendered meanwhile; they are not waited for.
    """
    async with installation(stage, users, is_changing=True) as (connection, environment):
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        environment |= {"CATFLAP_CALENDAR_PUSH_URL": "off"}
        await put_off(connection)
        with started(environment, "serve", "--port", str(port), "--no-worker", "--no-check") as serve:
            await until_up(stage.http, f"{origin}/readyz", serve.process)
            with started(environment, "work") as work:
                await plan_all(connection, users)
                reader = await asyncpg.connect(**asyncpg_options(stage.urls.owner))
                changes = _Changes(port, connection, reader)
                everybody = random.Random(11).sample(range(1, users + 1), users)
                order = everybody * (1 + int(per_second * seconds) // users)
                before, began = _used(stage, serve, work), SystemClock().now()
                took = await changes.send(order[: int(per_second * seconds)], per_second)
                late = [one * 1000 for one in changes.latencies]
                after = _used(stage, serve, work)
                sounds = await connection.fetchval(_RENDERED, began)
                await reader.close()
        parts = statistics.quantiles(late, n=100)
        return {
            "changes a second": round(len(late) / took, 1),
            "not in the schedule": len(changes.waiting),
            "p50, ms": round(parts[49]),
            "p99, ms": round(parts[98]),
            "longest, ms": round(max(late)),
            "sounds rendered meanwhile": sounds,
            **{f"cores, {name}": round((used - before[name]) / took, 2) for name, used in after.items()},
        }


def _used(stage: Stage, serve: Running, work: Running) -> dict[str, float]:
    """Return the CPU time so far of each part."""
    return {
        "serve": serve.cpu_seconds(),
        "work": work.cpu_seconds(),
        "speech engines": work.cpu_seconds_of_engines(),
        "PostgreSQL": stage.cpu_seconds()["PostgreSQL"],
    }


async def long_calendar(stage: Stage, *, events: int = 20_000) -> Rows:
    """Read a long calendar for the first time, once at a stretch and once with a worker killed in between."""
    async with installation(stage, 10, events) as (connection, environment):
        google = environment["CATFLAP_GOOGLE_API_URL"]
        await put_off(connection)
        with started(environment, "work") as work:
            await _begin_first_sync(connection, 1)
            await _until(lambda: _is_synced(connection, 1, events))
            before, began = work.megabytes(), time.monotonic()
            await _begin_first_sync(connection, 2)
            most = await _peak(work, lambda: _is_synced(connection, 2, events))
            took = time.monotonic() - began
        pages = await _pages(stage, google)
        with started(environment, "work") as work:
            await _begin_first_sync(connection, 3)
            await _until(lambda: connection.fetchval("SELECT page_token FROM app.calendars WHERE id = 5"))
            work.process.kill()
        with started(environment, "work"):
            await _until(lambda: _is_synced(connection, 3, events))
        return {
            "events": events,
            "first sync, s": round(took, 1),
            "memory it takes, MB": round(most - before, 1),
            "pages": events // PAGE,
            "pages read again after kill -9": await _pages(stage, google) - pages - events // PAGE,
        }


async def _peak(work: Running, is_over: Callable[[], Awaitable[Any]]) -> float:
    """Return the largest memory of a process until something is over."""
    most = 0.0
    for _ in range(6_000):
        most = max(most, work.megabytes())
        if await is_over():
            return most
        await asyncio.sleep(0.01)
    raise RuntimeError("it took longer than a minute")


async def _until(condition: Callable[[], Awaitable[Any]], every: float = 0.01) -> None:
    for _ in range(6_000):
        if await condition():
            return
        await asyncio.sleep(every)
    raise RuntimeError("it took longer than a minute")


class _Changes:
    """Sends notifications and measures until the user's announcements are planned anew.

    Over bare connections, because the two cores are to be left to Catflap.

    Args:
        port: Catflap's.
        listener: A connection that listens to notifications of schedules.
        reader: Another one.
    """

    def __init__(self, port: int, listener: asyncpg.Connection, reader: asyncpg.Connection) -> None:
        self._port = port
        self._listener = listener
        self._reader = reader
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._schedules: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
        self.waiting: dict[str, datetime] = {}
        self.latencies: list[float] = []

    async def send(self, users: Sequence[int], per_second: int) -> float:
        """Change an event of each user, evenly in time; return how long it took until the last schedule."""
        await self._listener.add_listener(CHANNEL, self._changed)
        began = time.monotonic()
        counting = asyncio.create_task(self._count(len(users)))
        async with asyncio.TaskGroup() as group:
            for number, user in enumerate(users):
                await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
                group.create_task(self._change(user))
        await asyncio.wait([counting], timeout=30)
        counting.cancel()
        await self._listener.remove_listener(CHANNEL, self._changed)
        return time.monotonic() - began

    async def _change(self, user: int) -> None:
        while self._free and self._free[-1][0].at_eof():
            # The server closes connections that wait.
            self._free.pop()
        reader, writer = (
            self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        )
        # One that is still waited for counts from the earlier change.
        self.waiting.setdefault(schedule_topic(user), SystemClock().now())
        writer.write(
            f"POST /google/calendar/push HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Length: 0\r\n"
            f"X-Goog-Channel-ID: {push_channel_id(user, 1)}\r\nX-Goog-Resource-State: exists\r\n"
            f"X-Goog-Channel-Token: {push_channel_token(user, 1)}\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 204"):
            raise RuntimeError(answer.decode())
        self._free.append((reader, writer))

    def _changed(self, _connection: object, _pid: object, _channel: object, topic: object) -> None:
        self._schedules.put_nowait((str(topic), SystemClock().now().timestamp()))

    async def _count(self, most: int) -> None:
        """Count the new schedules; those in which only a sound has become ready are none."""
        while len(self.latencies) < most:
            topic, at = await self._schedules.get()
            if (began := self.waiting.get(topic)) is None:
                continue
            user = int(topic.partition(":")[2])
            if await self._reader.fetchval(_PLANNED, user) >= began:
                del self.waiting[topic]
                self.latencies.append(at - began.timestamp())


async def plan_all(connection: asyncpg.Connection, users: int, *, every: float = 0.01) -> None:
    """Plan every user's announcements, and let nobody render those sounds."""
    planned_before = await connection.fetchval("SELECT now()")
    await connection.execute(
        """INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload)
        SELECT 0, 'queued', $1, convert_to(i::text, 'UTF8') FROM generate_series(1, $2::int) i""",
        PLAN.name,
        users,
    )
    query = "SELECT count(*) FROM app.plans WHERE planned_at > $1"
    drop = "DELETE FROM queue.pgqueuer WHERE entrypoint = 'render' AND status = 'queued'"

    async def are_planned() -> bool:
        await connection.execute(drop)
        return bool(await connection.fetchval(query, planned_before) == users)

    await _until(are_planned, every)


async def _begin_first_sync(connection: asyncpg.Connection, user: int) -> None:
    await connection.execute(
        "UPDATE app.calendars SET sync_token = NULL, synced_at = NULL, sync_due_at = now() WHERE id = $1",
        2 * user - 1,
    )
    await connection.execute(
        "INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload) VALUES (0, 'queued', $1, $2)",
        SYNC_DUE.name,
        f"{user} {account_sub(user)}".encode(),
    )


async def _is_synced(connection: asyncpg.Connection, user: int, events: int) -> bool:
    query = """SELECT count(*) FROM app.events e JOIN app.calendars c ON c.id = calendar_id
        AND c.generation = e.generation WHERE c.id = $1 AND c.sync_token IS NOT NULL"""
    return bool(await connection.fetchval(query, 2 * user - 1) == events)


async def _pages(stage: Stage, google: str) -> int:
    return int((await stage.http.get(f"{google}/requests")).json().get("GET events", 0))
