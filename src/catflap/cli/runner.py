"""Run a command's coroutine until it ends or the process gets SIGINT or SIGTERM."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import typer
import uvloop

from catflap.errors import CatflapError, exit_code
from catflap.log import log

if TYPE_CHECKING:
    from catflap.settings import Settings

# Of a process that was told to end, and did not.
_OVERDUE = 1
# What closing takes at most beside the grace of requests and of jobs, also without a database.
_SECONDS_TO_CLOSE = 10.0
# A PostgreSQL of our own writes all that is in its memory first.
_SECONDS_TO_STOP_EMBEDDED = 60.0

# 128 and the number of SIGINT, as shells say it.
_INTERRUPTED = 130


def run(work: Coroutine[Any, Any, None], *, interrupted: str = "") -> None:
    """Run `work`; SIGINT and SIGTERM cancel it, and a CatflapError is printed as one line.

    Args:
        work: The command.
        interrupted: Printed, with the exit code 130, where the work has an end and did not reach it.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            ended = runner.run(_until_stopped(work))
        if interrupted and not ended:
            typer.echo(f"catflap: {interrupted}", err=True)
            raise typer.Exit(_INTERRUPTED)
    except CatflapError as error:
        detail = f" ({error.detail})" if error.detail else ""
        typer.echo(f"catflap: {error.message}{detail}", err=True)
        raise typer.Exit(exit_code(error)) from None


def command() -> typer.Typer:
    """Return a Typer application for one command or one group of commands."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


async def until_terminated() -> None:
    """Wait for SIGTERM. When it comes again, it ends the process at once, as SIGINT does."""
    terminated = asyncio.Event()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, terminated.set)
    try:
        await terminated.wait()
    finally:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)


@contextlib.contextmanager
def ending_within(seconds: float) -> Iterator[None]:
    """End the process `seconds` after the context was left, whatever then still waits.

    A database that is frozen answers neither a statement nor its cancellation, and there are many places that
    wait for one. Nothing depends on an orderly end: what a killed process leaves, others finish.
    """
    try:
        yield
    finally:
        timer = threading.Timer(seconds, _end_now)
        timer.daemon = True
        timer.start()


def seconds_to_end(settings: "Settings", graces: int) -> float:
    """Return how long a process may take to end, with so many times the grace: of requests, of jobs."""
    embedded = 0.0 if settings.database_url else _SECONDS_TO_STOP_EMBEDDED
    return graces * settings.grace_seconds + _SECONDS_TO_CLOSE + embedded


def _end_now() -> None:
    log.error("ended_overdue", hint="Something did not end in time; is the database frozen?")
    os._exit(_OVERDUE)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> bool:
    """Return whether the work reached its end."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
        return True
    return False
