"""How far behind calendars are, for the operator: counts and times, without names, titles and addresses.

What is due, and the requests to Google, are found by indexes. The counts of accounts, calendars and channels
read their tables as a whole: 30 ms with 10,000 accounts, seconds with a million. So this is for a person who
asks now and then, and not for a monitor that asks each second.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.budget_windows import window_of
from catflap.calendars.project_budget import read_usages
from catflap.store.calendar_tables import request_budgets

REFUSED_WITHIN = timedelta(minutes=10)
EXPIRES_WITHIN = timedelta(days=1)

_CONNECTIONS = text("""
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
    AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    -- A session in which it was just checked that the database is migrated may still be ending.
    AND query NOT LIKE '%pg_attribute a JOIN pg_class c%'
""")
_ACCOUNTS = text("""
SELECT (SELECT count(*) FROM app.calendar_syncs) AS accounts, count(*) AS due, min(due_at) AS oldest
FROM app.calendar_syncs WHERE due_at <= :now
""")
_CALENDARS = text("""
WITH channels AS (
    SELECT calendar_id, max(expires_at) AS until FROM app.push_channels
    WHERE calendar_id IS NOT NULL AND resource_id IS NOT NULL AND expires_at > :now GROUP BY calendar_id
)
SELECT count(*) AS selected, count(c.synced_at) AS synced, count(until) AS push_live,
    count(*) FILTER (WHERE until < :soon) AS push_expiring,
    count(*) FILTER (WHERE until IS NULL AND c.push_refused_until > :now) AS push_refused,
    CAST(percentile_cont(ARRAY[0.5, 0.95, 1.0]) WITHIN GROUP (ORDER BY extract(epoch FROM :now - c.synced_at))
        AS double precision[]) AS ages
FROM app.calendars c LEFT JOIN channels ON channels.calendar_id = c.id WHERE c.is_selected
""")
# The times of the queue are the database's.
_JOBS = text("""
SELECT entrypoint AS kind, count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS waiting,
    count(*) FILTER (WHERE status = 'queued' AND execute_after > now()) AS later,
    count(*) FILTER (WHERE status = 'picked') AS running,
    CAST(extract(epoch FROM now() - min(execute_after) FILTER (WHERE status = 'queued'
        AND execute_after <= now())) AS double precision) AS oldest_seconds
FROM queue.pgqueuer GROUP BY entrypoint ORDER BY entrypoint
""")
_PROBLEMS = text("""
SELECT code, sum(accounts) AS accounts, sum(calendars) AS calendars, max(latest) AS latest FROM (
    SELECT problem AS code, count(*) AS accounts, 0 AS calendars, max(problem_since) AS latest
    FROM app.calendar_syncs WHERE problem IS NOT NULL GROUP BY problem
    UNION ALL
    SELECT problem, 0, count(*), max(problem_since)
    FROM app.calendars WHERE problem IS NOT NULL AND is_selected GROUP BY problem
) p GROUP BY code ORDER BY latest DESC, code
""")


@dataclass(frozen=True)
class Requests:
    """Requests to the Calendar API of all processes; `polled` are those of `used` for periodic polling."""

    limit: int
    used: int
    polled: int
    left: int
    refused: int


@dataclass(frozen=True)
class Push:
    """Selected calendars by their push channel; `expiring` are those of `live` that end within a day."""

    live: int
    expiring: int
    refused: int
    missing: int


@dataclass(frozen=True)
class Ages:
    """Since when selected calendars were last read: the median, what 95 of 100 are below, and the oldest."""

    half: float
    most: float
    oldest: float


@dataclass(frozen=True)
class Jobs:
    """Queued jobs of one kind: that could run now, that run later, and that are running."""

    kind: str
    waiting: int
    later: int
    running: int
    oldest_seconds: float | None


@dataclass(frozen=True)
class Problem:
    """Accounts and calendars that can't be read for the same reason; `latest` is since when the last one."""

    code: str
    accounts: int
    calendars: int
    latest: datetime


@dataclass(frozen=True)
class Status:
    """The state of background work on calendars.

    Attributes:
        connections: those of running processes to the database.
        accounts: whose calendars are read.
        calendars: that are selected.
        calendars_read: those of them that were read at least once.
        due: accounts of which something is due, and no job was enqueued yet.
        oldest_due_seconds: since when the oldest of them is.
        ages: since when calendars were last read, in seconds; None before the first was.
    """

    connections: int
    accounts: int
    calendars: int
    calendars_read: int
    due: int
    oldest_due_seconds: float | None
    ages: Ages | None
    push: Push
    requests: Requests
    jobs: list[Jobs]
    problems: list[Problem]


async def read_status(engine: AsyncEngine, now: datetime, requests_per_minute: int) -> Status:
    """Return the state at `now`, read in one transaction that writes nothing.

    Raises:
        TryAgain: `database_unavailable`.
    """
    async with engine.connect() as pooled:
        connection = await pooled.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        accounts = (await connection.execute(_ACCOUNTS, {"now": now})).one()
        times = {"now": now, "soon": now + EXPIRES_WITHIN}
        calendars = (await connection.execute(_CALENDARS, times)).one()
        live, refused = calendars.push_live, calendars.push_refused
        return Status(
            connections=await connection.scalar(_CONNECTIONS) or 0,
            accounts=accounts.accounts,
            calendars=calendars.selected,
            calendars_read=calendars.synced,
            due=accounts.due,
            oldest_due_seconds=(now - accounts.oldest).total_seconds() if accounts.due else None,
            ages=Ages(*calendars.ages) if calendars.ages else None,
            push=Push(live, calendars.push_expiring, refused, calendars.selected - live - refused),
            requests=await _requests(connection, now, requests_per_minute),
            jobs=[Jobs(**row._mapping) for row in await connection.execute(_JOBS)],
            problems=[
                Problem(row.code, int(row.accounts), int(row.calendars), row.latest)
                for row in await connection.execute(_PROBLEMS)
            ],
        )


async def _requests(connection: AsyncConnection, now: datetime, limit: int) -> Requests:
    usages = await read_usages(connection, window_of(now))
    used, polled = sum(one.used for one in usages), sum(one.polled for one in usages)
    t = request_budgets.c
    refused = select(func.coalesce(func.sum(t.refused), 0)).where(t.window_at > now - REFUSED_WITHIN)
    return Requests(limit, used, polled, max(0, limit - used), await connection.scalar(refused) or 0)
