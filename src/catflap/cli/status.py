"""`catflap status`: how far behind calendars are, and what is left of Google's quota."""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from catflap.cli.runner import command, run
from catflap.clock import SystemClock, rfc3339
from catflap.devices.channels.home_assistant_api import HomeAssistantApi, home_assistant_client
from catflap.errors import CatflapError
from catflap.log import configure
from catflap.settings import Settings
from catflap.store.connect import open_existing_database
from catflap.store.database import connect
from catflap.work.status import Jobs, Problem, Push, Status, read_status

cli = command()


@cli.command(epilog="Examples:  catflap status    catflap status --json | jq .requests.left")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """How far behind calendars are, what waits, and what is left of Google's quota.

    Reads the database of this installation, also while `catflap serve` runs, and changes nothing.
    """

    async def work() -> None:
        settings = Settings.read()
        configure(settings.log_format, settings.log_level)
        async with AsyncExitStack() as stack:
            engine = connect((await open_existing_database(settings, stack)).app)
            stack.push_async_callback(engine.dispose)
            limit = settings.calendar_requests_per_minute
            found = await read_status(engine, SystemClock().now(), limit)
        has_push = settings.calendar_push_address() is not None
        problem = await _home_assistant_problem(settings)
        if as_json:
            more = {"push_is_configured": has_push, "home_assistant_problem": problem and problem.code}
            typer.echo(json.dumps(asdict(found) | more, default=_as_json))
            return
        typer.echo("\n".join(_lines(found, has_push=has_push)))
        if settings.home_assistant_url:
            typer.echo(f"Speakers   {problem.message if problem else 'Home Assistant answers'}")

    run(work())


async def _home_assistant_problem(settings: Settings) -> CatflapError | None:
    """Ask Home Assistant, where there is one, and return what is wrong with it."""
    if not settings.home_assistant_url:
        return None
    try:
        async with home_assistant_client(settings) as http:
            api = HomeAssistantApi(http, settings.home_assistant_url, settings.home_assistant_token)
            await api.check_running()
    except CatflapError as error:
        return error
    return None


def _lines(found: Status, *, has_push: bool) -> Iterator[str]:
    if found.connections:
        yield f"Catflap is running, with {_count(found.connections, 'connection')} to the database."
    else:
        yield "Nothing is running: no process of Catflap is connected to the database. Start `catflap serve`."
    read = f"{found.calendars_read:,} of {_count(found.calendars, 'selected calendar')} read"
    yield f"Calendars  {_count(found.accounts, 'account')}, {read}"
    oldest = f", the oldest for {_seconds(found.oldest_due_seconds)}" if found.due else ""
    yield f"Due now    {_count(found.due, 'account')}{oldest}"
    yield f"Push       {_push(found.push) if has_push or found.push.live else _NO_PUSH}"
    requests = found.requests
    yield (
        f"Google     {requests.used:,} of {requests.limit:,} requests in the last minute "
        f"({requests.polled:,} to poll), {requests.left:,} left; "
        f"{requests.refused:,} were refused in the last 10 minutes"
    )
    yield from _table("Jobs", [_jobs(one) for one in found.jobs])
    yield from _table("Problems", [_problem(one) for one in found.problems])


_NO_PUSH = (
    "off, so calendars are polled; it needs CATFLAP_PUBLIC_URL with https, or CATFLAP_CALENDAR_PUSH_URL"
)


def _push(push: Push) -> str:
    return (
        f"{_count(push.live, 'calendar')} with a channel ({push.expiring:,} end within a day), "
        f"{push.missing:,} without, {push.refused:,} for which Google has none"
    )


def _jobs(jobs: Jobs) -> str:
    oldest = f", the oldest for {_seconds(jobs.oldest_seconds)}" if jobs.waiting else ""
    return f"{jobs.kind}: {jobs.waiting:,} waiting{oldest}; {jobs.running:,} running, {jobs.later:,} later"


def _problem(problem: Problem) -> str:
    parts = {"account": problem.accounts, "calendar": problem.calendars}
    counts = ", ".join(_count(n, noun) for noun, n in parts.items() if n)
    return f"{problem.code}: {counts}, the latest since {rfc3339(problem.latest, 'seconds')}"


def _table(title: str, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines or ["none"]):
        yield f"{'' if number else title:<11}{line}"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _seconds(seconds: float | None) -> str:
    return f"{int(seconds or 0):,} s"


def _as_json(value: object) -> str:
    assert isinstance(value, datetime)
    return rfc3339(value)
